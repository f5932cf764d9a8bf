// Package sealstore encrypts the values of sessions at rest, over every server-side store.
//
//	st, err := sealstore.New(inner, sealstore.Config{
//		Secrets: [][]byte{secret}, // 32 random bytes
//	})
//	m, err := sojourn.New(st, sojourn.Config{})
//
// Each value is sealed on its own with AES-256-GCM. So a change of one value neither reads nor writes another, parallel
// changes meet as they would without sealing, and no request asks the store below more often. A copy of the database
// shows no value.
//
// # What stays in clear
//
// The names of values and their sizes; the facts: realm, subject, label of the device, times, and digests of secrets, which
// open nothing; IDs and TTLs. The store below works with them. A name is not the place for anything private.
//
// # What a seal binds
//
// A value opens under its own name, in its own realm and session, and nowhere else; ADR 17 of the repository has the
// details. Anything else in its place is [sojourn.ErrCorrupt]: the client is a visitor, and the record stays as it is.
// Whoever can write to the database can still remove values and sessions, bring back an earlier text of the same value or
// an earlier record, and change facts, which are not sealed: so he can plant a session, or a secret of his own in a
// session, unless the manager's Cookie.Secrets are set.
//
// # Rotating secrets
//
// The first secret seals, all open. Add the new one last and deploy; move it to the front and deploy; remove the old one
// when nothing is sealed with it any more. A value is sealed anew when it is changed, and all of a session are with each
// login and renewal; so that is after the longest Lifetime.Absolute in use, 30 days by default with Remember, or once
// every session has been loaded and updated (see the example). Nodes may run before and after each step side by side.
//
// A value under a secret that a node does not have is [sojourn.ErrNewer], an outage, because it may be one that the node has
// not been given yet: nobody is logged out, nothing is overwritten, and with the secret all is as before. A secret that
// became known goes to Config.Revoked, and what it sealed is ErrCorrupt. One that was lost leaves sessions that only
// [sojourn.Manager.End], their TTL or another Cookie.Name ends.
//
// # Patch and its limits
//
// Config.MaxSize and MaxNames count plain texts, to the byte, and Patch.Expect compares them. A Patch is one call of the
// store below while this process remembers how the session is stored, which the Load of the same request tells it: for the
// 1,024 sessions last seen, up to 16 KiB each and as ciphertext. It costs a Load more when that is forgotten, when another
// request has changed the same name meanwhile, and when the sealed values are larger than MaxSize.
//
// A value of n bytes takes 50 + 4n/3 bytes in the store, as a JSON string of ASCII. What an engine can hold, its ErrTooLarge,
// counts those.
//
// Capabilities are those of the store below; a missing one is [errors.ErrUnsupported]. There is no Unwrap, or
// [sojourn.As] would go round the seal. Client-side stores are refused: they have nothing at rest.
//
// All of it runs in Go's FIPS 140-3 only mode.
package sealstore
