package cookiestore_test

import (
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/cookiestore"
)

// Irrevocable: idle time and deadline are sealed in.

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
