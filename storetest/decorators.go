package storetest

import (
	"errors"

	"github.com/sojourn-go/sojourn"
)

func decoratorsCases() []Case {
	return []Case{
		{
			Name: "unwrap_changes_nothing",
			Rule: "A store with Unwrap lets everything pass as it is: what looks at it or changes it has no Unwrap.",
			Why:  "A capability found below an encrypting store writes values in clear, and one below a cache goes round it.",
			run: func(e *env) {
				wrapper, ok := e.st.(interface{ Unwrap() sojourn.Store })
				if !ok {
					e.Skip("the store has no Unwrap")
				}
				inner := wrapper.Unwrap()
				if inner == nil {
					e.Fatalf("Unwrap returned nil")
				}
				state := e.login(e.subject, 0, "a", `1`)
				key := e.save(state, long)
				below, err := inner.Load(e.ctx, key)
				if err != nil {
					e.Fatalf("Load below Unwrap of what was saved above: %v", err)
				}
				if d := differences(below, state); d != "" {
					e.Errorf("the state differs below Unwrap: %s", d)
				}
				below.Values = values("a", `2`)
				if key, err = inner.Update(e.ctx, key, below, long); err != nil {
					e.Fatalf("Update below Unwrap: %v", err)
				}
				e.holds(key, below)
			},
		}, {
			Name: "capabilities_see_the_same_sessions",
			Rule: "A capability works on the sessions that the five methods work on.",
			Why:  "A decorator that forwards one and not the other splits the store in two.",
			run: func(e *env) {
				state := e.login(e.subject, 0, "a", `1`)
				key := e.save(state, long)
				if e.has(needPatcher) {
					e.patch(key, sojourn.Patch{Generation: 1, Expect: values("a", `1`), Set: values("b", `"2"`)}, long)
					state.Values = values("a", `1`, "b", `"2"`)
					loaded := e.holds(key, state)
					loaded.Values = values("c", `3`)
					key = e.update(key, loaded, long)
					e.patch(key, sojourn.Patch{Generation: 1, Expect: values("c", `3`), Remove: []string{"c"}}, long)
					state.Values = sojourn.Values{}
				}
				if e.has(needSubjectIndex) {
					e.entryOf(key, state, e.list(e.subject))
				}
				if e.has(needLister) {
					if entry, ok := e.all(100, nil)[key.ID()]; ok {
						e.entryOf(key, state, []sojourn.Entry{entry})
					} else {
						e.Errorf("List has no entry of a session that was saved")
					}
				}
				e.delete(key)
				e.gone(key)
			},
		}, {
			Name: "unsupported_is_one_answer",
			Rule: "A capability is there as a whole: errors.ErrUnsupported is the answer of all its methods or of none.",
			Why:  "The manager relies on \"end all\" where it found a list.",
			run: func(e *env) {
				index := e.subjects()
				if index == nil {
					e.Skip("the store has no SubjectIndex")
				}
				_, list := index.ListSubject(e.ctx, e.realm, e.subject)
				_, revoke := index.DeleteSubject(e.ctx, e.realm, e.subject, sojourn.ID{})
				_, trim := index.TrimSubject(e.ctx, e.realm, e.subject, 1, sojourn.ID{})
				n := 0
				for _, err := range []error{list, revoke, trim} {
					if errors.Is(err, errors.ErrUnsupported) {
						n++
					} else if err != nil {
						e.Errorf("got error %v for a subject without sessions", err)
					}
				}
				if n != 0 && n != 3 {
					e.Errorf("%d of 3 methods answer %v", n, errors.ErrUnsupported)
				}
			},
		}, {
			Name: "a_capability_is_found_each_time",
			Rule: "What As finds does not depend on what was done before.",
			Why:  "The manager looks once, when it starts.",
			run: func(e *env) {
				before := e.capabilities()
				key := e.save(e.login(e.subject, 0, "a", `1`), long)
				e.update(key, e.load(key), long)
				e.delete(key)
				if after := e.capabilities(); after != before {
					e.Errorf("got capabilities %+v after some use, before it %+v", after, before)
				}
			},
		},
	}
}

// entryOf checks that the only entry is the one of key.
func (e *env) entryOf(key sojourn.Key, state sojourn.State, entries []sojourn.Entry) {
	e.Helper()
	if len(entries) != 1 || entries[0].ID != key.ID() {
		e.Errorf("got entries %v, want the one of %v", ids(entries), key.ID())
		return
	}
	if d := differences(sojourn.State{Facts: entries[0].Facts}, sojourn.State{Facts: state.Facts}); d != "" {
		e.Errorf("the entry has other facts: %s", d)
	}
}

// found says which capabilities a store has.
type found struct{ patcher, subjects, lister, sweeper, watcher, sealed bool }

func (e *env) capabilities() found {
	_, sealed := sojourn.As[sojourn.KeyParser](e.st)
	return found{
		e.asks(needPatcher), e.asks(needSubjectIndex), e.asks(needLister), e.asks(needSweeper), e.asks(needWatcher), sealed,
	}
}
