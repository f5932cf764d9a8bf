package sojourn

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// A call's context is one of context.WithTimeout to whoever gets it, attached to its parent's end or not.
func TestCallContext_isOneWithATimeout(t *testing.T) {
	type key struct{}
	for _, attached := range []bool{true, false} {
		for _, asked := range []bool{true, false} { // for Done, which makes a timer
			synctest.Test(t, func(t *testing.T) {
				begun := time.Now()
				parent, cancel := context.WithDeadline(context.WithValue(t.Context(), key{}, "value"), begun.Add(time.Minute))
				defer cancel()
				parent = (&Visit{m: new(Manager)}).Context(parent)
				c := new(callContext).begin(parent, 2*time.Minute, attached)
				defer c.end()
				want := 2 * time.Minute
				if attached {
					want = time.Minute // the parent's is the earlier one
				}
				if got, ok := c.Deadline(); !ok || got.Sub(begun) != want {
					t.Errorf("attached %t: got a deadline %v ahead, want %v", attached, got.Sub(begun), want)
				}
				if asked {
					context.AfterFunc(c, func() {})
				}
				if c.Value(key{}) != "value" || c.Value(visitKey{}) != nil || c.Value("none") != nil {
					t.Errorf("got %v and the visit %v, want the parent's value and no visit", c.Value(key{}), c.Value(visitKey{}))
				}
				if err := c.Err(); err != nil {
					t.Errorf("got %v at once", err)
				}
				time.Sleep(want - time.Second)
				synctest.Wait()
				if err := c.Err(); err != nil {
					t.Errorf("attached %t: got %v before the deadline", attached, err)
				}
				time.Sleep(2 * time.Second)
				synctest.Wait()
				if err := c.Err(); err != context.DeadlineExceeded {
					t.Errorf("attached %t, asked %t: got %v after the deadline", attached, asked, err)
				}
			})
		}
	}
}

func TestCallContext_endsWithItsParentIfAttached(t *testing.T) {
	for _, attached := range []bool{true, false} {
		parent, cancel := context.WithCancel(t.Context())
		plain := new(callContext).begin(parent, time.Minute, attached)
		asked := new(callContext).begin(parent, time.Minute, attached)
		done := asked.Done()
		cancel()
		var want error
		if attached {
			want = context.Canceled
			<-done
		}
		if at, ok := plain.Deadline(); !ok || time.Until(at) > time.Minute || time.Until(at) < 0 {
			t.Errorf("attached %t: got a deadline at %v beside a parent that has none", attached, at)
		}
		if plain.Err() != want || asked.Err() != want {
			t.Errorf("attached %t: got %v and %v, want %v", attached, plain.Err(), asked.Err(), want)
		}
		plain.end()
		asked.end()
		<-asked.Done()
		<-plain.Done() // asked for after the end
		if plain.Err() != context.Canceled || asked.Err() != context.Canceled {
			t.Errorf("attached %t: got %v and %v after the end, want Canceled", attached, plain.Err(), asked.Err())
		}
	}
}
