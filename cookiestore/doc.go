// Package cookiestore keeps sessions at the client: the values travel sealed in the cookie, and a small lease stays on the
// server.
//
//	st, err := cookiestore.New(cookiestore.Config{
//		Secrets: [][]byte{secret}, // 32 random bytes
//		Leases:  leases,           // any server-side store
//	})
//	m, err := sojourn.New(st, sojourn.Config{})
//
// A lease is what a server-side store keeps for a session without values: facts, TTL and version. Logout, revocation,
// lists, limits and the idle timeout are its work, exactly as on that store; a request that reads costs one Load of it, one
// that changes a value one Update more. While it fails nobody gets in. Without it, [Config.Irrevocable] keeps the facts in
// the cookie too.
//
// # What it does not promise
//
// Each change of a value sets the cookie, and the client holds every state it ever had. A state is bound to the secret it was
// sealed under: from Login, Renew, a periodic renewal, Logout, revocation or the end of its time on, it opens nothing. Until
// then:
//
//   - Of two parallel requests that change values the response that arrives last counts, and the other's change is lost,
//     also if the names differ. [sojourn.Field.Update] counts right in sequence only.
//   - A response of a change that arrives late replaces a newer cookie: earlier values are back, or, if the newer one came
//     from a Login or Renew, the client is logged out.
//   - Whoever kept an earlier cookie can go back to its values. What may be spent once, a voucher, a number of attempts, a
//     step that was completed, a right, belongs into a database; or let Session.Renew follow the change, which ends all
//     earlier states. Lifetime.Renew bounds how old a state may be.
//   - A late request, whose secret a periodic renewal has replaced, reads but changes nothing: sojourn.ErrRenewed. A change
//     after the headers are out is sojourn.ErrSent.
//   - Values are as large as a cookie: name and value together are at most 4096 bytes (RFC 6265bis §5.6), which leaves about
//     2,950 for names, texts and two or three bytes each, 2,830 under Irrevocable, and every request carries them. Beyond
//     it the commit is sojourn.ErrTooLarge, nothing is stored, and the client keeps what it had.
//   - The owner of a session does not see its values, and neither does a script; but the length of the cookie shows theirs.
//
// With Irrevocable moreover: nothing ends a session before its time, neither Logout nor a login of the same client; every
// copy of the cookie is a session until its idle timeout, extended by whoever uses it, or its deadline. There are no lists
// and limits. Node clocks that differ shorten a session: a state is sealed by its node's own and judged by the fastest one
// met, and one sealed more than a minute ahead opens nothing.
//
// # The seal
//
// AES-256-GCM under a key derived for each message by HKDF-SHA-256 from the secret and a random salt; associated are the
// version, the kind (lease or whole), the realm, the cookie's name, the secret's ID and the session's ID. All of it runs in
// Go's FIPS 140-3 only mode. A cookie that is damaged, made up or sealed with a secret that is not known costs no call of
// the lease store, gets the response of no cookie, and stays as it is. docs/cookiestore.md has the rotation of secrets step
// by step, and docs/adr/0010-sealed-cookie.md the format.
package cookiestore
