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
// runs one, and a failure prints what was seen, the rule, and what its breach does to users. Capabilities are found with
// [sojourn.As]: a store is held to what it declares and to nothing else. What answers [errors.ErrUnsupported] counts as
// absent. A rule that the engine cannot be asked about is skipped, and says why.
//
// The rules of order are not left to luck. For each pair of operations the kit runs both orders one after the other; then it
// releases the two at once, again and again; then it holds one of them up at each question that the store asks its context
// or its clock, and runs the other one in the middle. Each time the answers and what is stored must be those of one of the
// two orders.
//
// [RunManager] and [RunFaults] put the store under a manager and prove what it promises to its users: with requests in each
// other's way, and with a store that fails.
//
// # Engines of all kinds
//
// An engine may be in memory or across a network, shared by all tests or one for each, with a clock that tests move
// ([Clock], [Options.Advance]) or one that goes by itself. Where nobody moves it, cases that wait do so at the same time,
// for some hundred milliseconds. How much is run at once, and how long an operation gets to overtake another one, follows
// from how fast the engine answers; a machine that is busy makes the kit slow, and no case fail.
//
// The default is for every day. For more, with fresh seeds each time, set
//
//	SOJOURN_TEST_ROUNDS      2 by default: how often races are run, by Run ten times as often
//	SOJOURN_TEST_OPERATIONS  10,000 by default: store calls under random faults; 1,000,000 is the long form
//	SOJOURN_TEST_SEED        that of RunFaults, printed by a run that failed
//
// # Parts
//
// [NewFaulty] makes any store fail when told to, [NewProxy] does the same to the connection of a real server, [Bench]
// measures, and [Clock] stands in for an engine's clock. [Cases] lists the rules, for a test that checks one of them on a
// store in an unusual state.
package storetest
