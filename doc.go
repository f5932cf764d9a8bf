// Package sojourn manages HTTP sessions: a middleware, a [Session] that handlers use, and a [Store] of five methods that
// anyone can implement.
//
//	const visits = sojourn.Field[int]("visits")
//
//	func main() {
//		m, err := sojourn.New(memstore.New(memstore.Config{}), sojourn.Config{})
//		if err != nil {
//			log.Fatal(err)
//		}
//		http.Handle("/", m.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
//			n := visits.Update(s, func(n int) int { return n + 1 })
//			fmt.Fprintf(w, "Visit number %d\n", n)
//		}))
//		log.Fatal(http.ListenAndServe("localhost:8080", nil))
//	}
//
// # What it promises, on every server-side store
//
// A dead session stays dead: logout, revocation and expiry beat every request already under way. Nothing acknowledged is
// lost: two requests that change different values both win, and 200 parallel increments count 200. A late response harms
// nobody: it carries the session's cookie only if its own request created, renewed or ended a session. A request costs what
// it must: untouched no store call, read one, changed one more. A stolen database or log opens no session: stores never see
// a secret, only its digest.
//
// # Ideas
//
// The client holds a token: a key, under which the store finds the session, and a secret, which only the manager checks.
// [ID] names a session for its whole life and is public; the secret changes with every [Session.Login] and
// [Session.Renew]. What the manager knows of a session is in [Facts], what the application puts there in [Values]; a [Patch]
// changes values and can name no fact, so no late request gives back a right that was taken away.
//
// Changes are collected and committed before the response's first byte; if that fails, [Config].OnError answers and nothing
// of the handler's response leaves. A store that fails is an error and never looks like an anonymous visitor.
//
// # Where to go on
//
// [Manager.HandlerFunc] and [Session] for handlers, [Manager.Sessions] and [Manager.RevokeOthers] for lists of devices,
// [Session.Context] for streams, [Manager.Begin] for other protocols than net/http. Stores: package memstore, package
// sqlstore, module stores/sqlite; package storetest proves your own. Package sojourntest helps to test handlers. The guide,
// the security model and how to write a store are in the folder docs.
//
// Login, logout and every other change of state belong behind [http.CrossOriginProtection].
package sojourn
