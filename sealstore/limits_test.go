package sealstore_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
	"github.com/sojourn-go/sojourn/sealstore"
)

// The corners of the limits that chance seldom finds: what another node does between the look at the session and the
// patch, where plain and sealed sizes do not move the same way.
func TestPatch_limitsHoldWhereSizesMoveApart(t *testing.T) {
	text := func(n int) string { return strings.Repeat("7", n) }
	for _, tt := range []struct {
		name     string
		before   sojourn.Values
		meddling sojourn.Patch // of another node, before the patch is made below
		p        sojourn.Patch
		want     error
	}{
		{
			"a name that came meanwhile leaves no room",
			values("a", text(80)),
			sojourn.Patch{Set: values("b", text(10))},
			sojourn.Patch{Set: values("a", text(98)), MaxSize: 100}, sojourn.ErrTooLarge,
		}, {
			"a name that came meanwhile leaves room",
			values("a", text(80)),
			sojourn.Patch{Set: values("b", text(10))},
			sojourn.Patch{Set: values("a", text(88)), MaxSize: 100}, nil,
		}, {
			"many small names go for a large one, and another comes meanwhile",
			values("a", text(1), "b", text(1), "c", text(1), "d", text(1), "e", text(30)),
			sojourn.Patch{Set: values("f", text(90))},
			sojourn.Patch{Remove: []string{"a", "b", "c", "d"}, Set: values("e", text(60)), MaxSize: 100}, sojourn.ErrTooLarge,
		}, {
			"many small names go for a large one",
			values("a", text(1), "b", text(1), "c", text(1), "d", text(1), "e", text(30)),
			sojourn.Patch{},
			sojourn.Patch{Remove: []string{"a", "b", "c", "d"}, Set: values("e", text(60)), MaxSize: 100}, nil,
		}, {
			"what is kept grew meanwhile",
			values("a", text(10), "b", text(1), "c", text(1), "d", text(1), "e", text(1), "f", text(1)),
			sojourn.Patch{Set: values("a", text(200))},
			sojourn.Patch{Clear: true, Keep: []string{"a"}, Set: values("g", text(60)), MaxSize: 250}, sojourn.ErrTooLarge,
		}, {
			"what is kept came meanwhile",
			values("b", text(200)),
			sojourn.Patch{Set: values("a", text(95))},
			sojourn.Patch{Clear: true, Keep: []string{"a"}, Set: values("c", text(60)), MaxSize: 250}, nil,
		}, {
			"a clearing over the limit that shrinks",
			values("a", text(300), "b", text(50)),
			sojourn.Patch{},
			sojourn.Patch{Clear: true, Keep: []string{"a"}, Set: values("c", text(20)), MaxSize: 100}, nil,
		}, {
			"a clearing over the limit that shrinks, and the plain ones do not",
			values("a", text(300), "b", text(1), "c", text(1), "d", text(1)),
			sojourn.Patch{},
			sojourn.Patch{Clear: true, Keep: []string{"a"}, Set: values("e", text(20)), MaxSize: 100}, sojourn.ErrTooLarge,
		}, {
			"a removal of what was removed meanwhile",
			values("a", text(1), "b", text(60)),
			sojourn.Patch{Remove: []string{"a"}, Set: values("c", text(39))},
			sojourn.Patch{Remove: []string{"a"}, Set: values("b", text(61)), MaxSize: 100}, sojourn.ErrTooLarge,
		}, {
			"small names go meanwhile, and a larger one comes",
			values("a", text(60), "b", text(1), "c", text(1)),
			sojourn.Patch{Remove: []string{"b", "c"}, Set: values("d", text(12))},
			sojourn.Patch{Set: values("a", text(90)), MaxSize: 100}, sojourn.ErrTooLarge,
		}, {
			"within the limit in clear, over it sealed",
			values("a", text(49)),
			sojourn.Patch{},
			sojourn.Patch{Set: values("b", text(49)), MaxSize: 100}, nil,
		},
	} {
		for _, remembers := range []bool{true, false} {
			t.Run(tt.name, func(t *testing.T) {
				engine := memstore.New(memstore.Config{})
				between := &meddled{Store: engine, peek: newStore(t, engine, sealstore.Config{}), before: func() {}}
				own, other := newStore(t, meddler{between, t}, sealstore.Config{}), newStore(t, engine, sealstore.Config{})
				start := state()
				start.Values = tt.before
				between.key = save(t, own, start)
				if remembers {
					load(t, own, between.key)
				} else {
					own = newStore(t, meddler{between, t}, sealstore.Config{})
				}
				// In the way of the first patch, or of the first load and then the second time, when all is known.
				asked, meddle := 0, 1
				if !remembers {
					meddle = 2
				}
				between.before = func() {
					if asked++; asked == meddle {
						tt.meddling.Generation = 1
						patch(t, other, between.key, tt.meddling)
					}
				}
				p := tt.p
				p.Generation = 1
				err := own.Patch(context.Background(), between.key, p, hour)
				want, wantErr := between.last.With(p)
				if !errors.Is(wantErr, tt.want) || tt.want == nil && wantErr != nil {
					t.Fatalf("the case is wrong: %v", wantErr)
				}
				if !errors.Is(err, tt.want) || tt.want == nil && err != nil {
					t.Errorf("got %v, want %v, remembering: %v\n%s", err, tt.want, remembers, describe(between.last, p))
				}
				if got := load(t, between.peek, between.key); got.Values != want.Values {
					t.Errorf("got %s, want %s", sizes(got.Values), sizes(want.Values))
				}
			})
		}
	}
}

// A store below that has less room than Config.MaxSize says so once, and is not asked for ever.
func TestPatch_engineWithLessRoomIsTooLarge(t *testing.T) {
	engine := &cramped{Store: memstore.New(memstore.Config{}), room: 400}
	st := newStore(t, engine, sealstore.Config{})
	key := save(t, st, state("a", `1`))
	for _, remembers := range []bool{true, false} {
		if !remembers {
			st = newStore(t, engine, sealstore.Config{})
		}
		engine.asked = 0
		err := st.Patch(context.Background(), key, sojourn.Patch{Generation: 1, Set: values("b", strings.Repeat("7", 500)), MaxSize: 64 << 10}, hour)
		if !errors.Is(err, sojourn.ErrTooLarge) || engine.asked > 2 {
			t.Errorf("got %v after %d patches, want %v after at most 2", err, engine.asked, sojourn.ErrTooLarge)
		}
	}
	patch(t, st, key, sojourn.Patch{Generation: 1, Set: values("b", `2`), MaxSize: 64 << 10})
}

// cramped is an engine that holds so many bytes per session.
type cramped struct {
	*memstore.Store
	room, asked int
}

func (s *cramped) Patch(ctx context.Context, key sojourn.Key, p sojourn.Patch, ttl time.Duration) error {
	s.asked++
	if p.Set.Size() > s.room {
		return sojourn.ErrTooLarge
	}
	return s.Store.Patch(ctx, key, p, ttl)
}
