// Package storetest proves that a store keeps the contract of [sojourn.Store]. A store's author runs it in five lines:
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(tb testing.TB) sojourn.Store {
//			return mystore.New(open(tb))
//		}, storetest.Options{})
//	}
//
// Each rule is one subtest, named group/rule, so that
//
//	go test -run 'TestStore/ttl/touch_never_shortens'
//
// runs one, and a failure prints the rule and what its breach does to users. Capabilities are found with [sojourn.As]: a
// store is held to what it declares and to nothing else. What answers [errors.ErrUnsupported] counts as absent.
//
// The rules of order are not left to luck. For each pair of operations the kit runs both orders one after the other; then it
// releases the two at once, again and again; then it holds one of them up at each question that the store asks its context
// or its clock, and runs the other one in the middle. Each time the answers and what is stored must be those of one of the
// two orders.
//
// [RunManager] and [RunFaults] put the store under a manager and prove what it promises to its users: with requests in each
// other's way, and with a store that fails.
//
// [NewFaulty] makes any store fail when told to, [NewProxy] does the same to the connection of a real server, [Bench]
// measures, and [Clock] stands in for an engine's clock.
package storetest
