package cookiestore_test

import (
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/cookiestore"
)

// Irrevocable: idle time and deadline are sealed in, and nobody's clock makes them longer.

func TestIrrevocable_endsByItself(t *testing.T) {
	clock := newClock()
	lifetime := sojourn.Lifetime{Idle: time.Hour, Absolute: 90 * time.Minute}
	a := newApp(t, newStore(t, cookiestore.Config{Irrevocable: true, Now: clock.Now}), sojourn.Config{Lifetime: lifetime, Now: clock.Now})
	idle, busy := &client{}, &client{}
	for _, c := range []*client{idle, busy} {
		c.do(a, login)
		c.do(a, set("x", "kept"))
	}
	clock.advance(59 * time.Minute)
	busy.wantSees(t, a, "x", "42", "kept") // a use seals the idle time anew
	clock.advance(time.Minute)
	idle.wantSees(t, a, "x", "", "")
	clock.advance(29 * time.Minute)
	busy.wantSees(t, a, "x", "42", "kept")
	clock.advance(time.Minute)
	busy.wantSees(t, a, "x", "", "") // whatever the use
}

func TestIrrevocable_nodesWhoseClocksDiffer(t *testing.T) {
	slow, fast, wild := newClock(), newClock(), newClock()
	fast.advance(50 * time.Second)
	wild.advance(2 * time.Minute)
	node := func(clock *fakeClock) *app {
		return newApp(t, newStore(t, cookiestore.Config{Irrevocable: true, Now: clock.Now}),
			sojourn.Config{Lifetime: sojourn.Lifetime{Idle: time.Hour}, Now: clock.Now})
	}
	a, b, c := node(slow), node(fast), node(wild)

	early, late := &client{}, &client{}
	early.do(a, set("x", "early"))
	slow.advance(time.Hour - 30*time.Second)
	fast.advance(time.Hour - 30*time.Second)
	late.do(b, set("x", "late"))
	late.wantSees(t, a, "x", "", "late") // now the slow node knows that it is at least this late
	early.wantSees(t, a, "x", "", "")

	far := &client{}
	far.do(c, set("x", "far"))
	slow.advance(-time.Hour)
	far.wantSees(t, a, "x", "", "") // sealed more than a minute ahead
}
