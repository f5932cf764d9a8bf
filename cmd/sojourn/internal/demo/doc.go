// Package demo is a small but real web application on Sojourn: accounts with passwords, a cart that survives the
// sign-in, a page of the account's devices, and pages that learn at once that they were signed out.
//
// It is meant to be copied. What it does for safety, and where:
//
//   - server.go: every change is a POST behind [net/http.CrossOriginProtection]; a strict Content-Security-Policy; timeouts
//   - listen.go: loopback only, and only requests that name this machine
//   - password.go, throttle.go: argon2id with bounded parallelism; guesses limited per account and per address
//   - signin.go: an unknown name costs the same hash as a wrong password; only the cart crosses a sign-in
//   - newpassword.go: asks for the old password soon after a sign-in, ends the other sessions, renews this one
//   - devices.go: a session is ended by its owner only, which [sojourn.Manager.Revoke] checks
//   - events.go: an open page hears that its session ended
//   - next.go: after a sign-in the browser goes to a path of this site, never elsewhere
//
// breakit.go runs two races against the server it is part of.
package demo
