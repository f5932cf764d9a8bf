package storetest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sojourn-go/sojourn"
)

// operation is one side of a race. do runs it as number slot (0 or 1) and returns what to print of its answer once both
// sides have ended.
type operation struct {
	name string
	need string
	do   func(ctx context.Context, s *scene, slot int) func() string
}

func operations() []operation {
	answer := func(name string, err error) func() string {
		return func() string { return name + ": " + outcome(err) }
	}
	patch := func(ctx context.Context, s *scene, slot int, p sojourn.Patch) error {
		return capability[sojourn.Patcher](s.nodes[slot]).Patch(ctx, s.x, p, longer)
	}
	index := func(s *scene, slot int) sojourn.SubjectIndex { return capability[sojourn.SubjectIndex](s.nodes[slot]) }
	return []operation{
		{"load", "", func(ctx context.Context, s *scene, slot int) func() string {
			state, err := s.nodes[slot].Load(ctx, s.x)
			return func() string { return "load: " + s.describe("x", state, err) }
		}},
		{"update", "", func(ctx context.Context, s *scene, slot int) func() string {
			next := s.loaded
			next.Values = values(fmt.Sprint("updated by ", slot), `true`)
			_, err := s.nodes[slot].Update(ctx, s.x, next, longer)
			return answer("update", err)
		}},
		{"patch", needPatcher, func(ctx context.Context, s *scene, slot int) func() string {
			return answer("patch", patch(ctx, s, slot, sojourn.Patch{
				Generation: 1, Set: values(fmt.Sprint("patched by ", slot), `true`),
			}))
		}},
		{"count", needPatcher, func(ctx context.Context, s *scene, slot int) func() string {
			return answer("count", patch(ctx, s, slot, sojourn.Patch{
				Generation: 1, Expect: values("n", `1`), Set: values("n", fmt.Sprint(slot+2)),
			}))
		}},
		{"clear", needPatcher, func(ctx context.Context, s *scene, slot int) func() string {
			return answer("clear", patch(ctx, s, slot, sojourn.Patch{Generation: 1, Clear: true, Keep: []string{"kept"}}))
		}},
		{"touch", "", func(ctx context.Context, s *scene, slot int) func() string {
			return answer("touch", s.nodes[slot].UpdateTTL(ctx, s.x, longer))
		}},
		{"renew", "", func(ctx context.Context, s *scene, slot int) func() string {
			next := renewed(s.loaded)
			next.Facts.Label = fmt.Sprint("renewed by ", slot)
			_, err := s.nodes[slot].Update(ctx, s.x, next, longer)
			return answer("renew", err)
		}},
		{"relogin", "", func(ctx context.Context, s *scene, slot int) func() string {
			next := renewed(s.loaded)
			next.Facts.Label = fmt.Sprint("authenticated by ", slot)
			next.Facts.Authenticated = next.Facts.Authenticated.Add(time.Minute)
			_, err := s.nodes[slot].Update(ctx, s.x, next, longer)
			if errors.Is(err, sojourn.ErrNotFound) {
				err = sojourn.ErrEnded // where the record is gone and the mark is set, either is true
			}
			return answer("relogin", err)
		}},
		{"login", "", func(ctx context.Context, s *scene, slot int) func() string {
			next := s.loaded
			next.Facts.Label = fmt.Sprint("saved by ", slot)
			next.Facts.Authenticated = next.Facts.Authenticated.Add(2 * time.Minute)
			key, err := s.nodes[slot].Save(ctx, next, longer)
			s.added[slot] = key
			return answer("login", err)
		}},
		{"delete", "", func(ctx context.Context, s *scene, slot int) func() string {
			err := s.nodes[slot].Delete(ctx, s.x)
			_, after := s.nodes[slot].Load(ctx, s.x)
			return func() string { return "delete: " + outcome(err) + ", then " + outcome(after) }
		}},
		{"revoke", needSubjectIndex, func(ctx context.Context, s *scene, slot int) func() string {
			n, err := index(s, slot).DeleteSubject(ctx, s.realm, s.subject, sojourn.ID{})
			return answer(fmt.Sprintf("revoke of %d", n), err)
		}},
		{"revoke_others", needSubjectIndex, func(ctx context.Context, s *scene, slot int) func() string {
			n, err := index(s, slot).DeleteSubject(ctx, s.realm, s.subject, s.x.ID())
			return answer(fmt.Sprintf("revoke of %d others", n), err)
		}},
		{"trim", needSubjectIndex, func(ctx context.Context, s *scene, slot int) func() string {
			gone, err := index(s, slot).TrimSubject(ctx, s.realm, s.subject, 1, s.y.ID())
			return func() string { return "trim of " + s.names(gone) + ": " + outcome(err) }
		}},
		{"list", needSubjectIndex, func(ctx context.Context, s *scene, slot int) func() string {
			entries, err := index(s, slot).ListSubject(ctx, s.realm, s.subject)
			return func() string { return "list of " + s.names(ids(entries)) + ": " + outcome(err) }
		}},
		{"sweep", needSweeper, func(ctx context.Context, s *scene, slot int) func() string {
			_, err := capability[sojourn.Sweeper](s.nodes[slot]).Sweep(ctx, 100)
			return answer("sweep", err)
		}},
		{"expire", "", func(ctx context.Context, s *scene, slot int) func() string {
			s.expire()
			if s.snapshots {
				return answer("expire", nil)
			}
			state, err := s.nodes[slot].Load(ctx, s.x)
			return func() string { return "expire, then " + s.describe("x", state, err) }
		}},
	}
}
