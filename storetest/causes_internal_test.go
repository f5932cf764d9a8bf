package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/storetest/internal/recorder"
	"github.com/sojourn-go/sojourn/storetest/internal/reference"
)

// down is a store whose driver has something to say.
type down struct {
	*reference.Store
	save, load error
}

func (s down) Save(ctx context.Context, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	if s.save != nil {
		return sojourn.Key{}, s.save
	}
	return s.Store.Save(ctx, state, ttl)
}

func (s down) Load(ctx context.Context, key sojourn.Key) (sojourn.State, error) {
	if s.load != nil {
		return sojourn.State{}, s.load
	}
	return s.Store.Load(ctx, key)
}

// A manager keeps what the driver said from clients. The author of the store reads it in the log of his test.
func TestRunManager_tellsWhatTheDriverSaid(t *testing.T) {
	refused := errors.New("dial tcp 192.0.2.1:5432: connection refused")
	for name, st := range map[string]down{
		"save": {reference.New(time.Now), refused, nil},
		"load": {reference.New(time.Now), nil, refused},
	} {
		t.Run(name, func(t *testing.T) {
			r := recorder.Run(t, func(tb testing.TB) {
				gate := newGateStore(st)
				defer gate.explain(tb)
				s := newSite(tb, gate, nil)
				token, _ := s.open(s.nodes[0], "", nil)
				s.look(token)
				s.look(token)
			})
			want := name + ": " + refused.Error()
			if name == "load" {
				want += " (2 times)"
			}
			if !r.Failed() || !strings.Contains(r.Text(), want) {
				t.Errorf("got failed %t and the text %q, want %q in it", r.Failed(), r.Text(), want)
			}
			if name == "save" && !strings.Contains(r.Text(), "begin a session: sojourn: store call save: store unavailable; the store's own error: "+refused.Error()) {
				t.Errorf("got the text %q, want the cause where a session could not begin", r.Text())
			}
		})
	}
}

func TestCauses_areThoseThatNeedAnExplanation(t *testing.T) {
	var c causes
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	c.note(cancelled, "load", errors.New("given up"))
	for _, answer := range []error{nil, sojourn.ErrNotFound, fmt.Errorf("row: %w", sojourn.ErrConflict), sojourn.ErrEnded} {
		c.note(t.Context(), "update", answer)
	}
	passed := recorder.Run(t, func(tb testing.TB) { c.explain(tb) })
	failed := recorder.Run(t, func(tb testing.TB) { tb.Fail(); c.explain(tb) })
	if passed.Text() != "" || failed.Text() != "" {
		t.Errorf("got %q and %q without a cause, want nothing", passed.Text(), failed.Text())
	}
	for i := range mostCauses + 2 {
		c.note(t.Context(), "load", fmt.Errorf("connection %d was reset", i))
	}
	passed = recorder.Run(t, func(tb testing.TB) { c.explain(tb) })
	failed = recorder.Run(t, func(tb testing.TB) { tb.Fail(); c.explain(tb) })
	if n := strings.Count(failed.Text(), "was reset"); n != mostCauses || !strings.Contains(failed.Text(), "and 2 others") {
		t.Errorf("got %d causes in %q, want %d and 2 others", n, failed.Text(), mostCauses)
	}
	if passed.Text() != "" {
		t.Errorf("got %q for a test that passed, want nothing", passed.Text())
	}
}
