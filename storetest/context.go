package storetest

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/sojourn-go/sojourn"
)

// call is a method with arguments that would change something, for one session or its subject.
type call struct {
	name string
	need string
	do   func(ctx context.Context, e *env, key sojourn.Key, state sojourn.State) error
}

func allCalls() []call {
	return []call{
		{"load", "", func(ctx context.Context, e *env, key sojourn.Key, _ sojourn.State) error {
			_, err := e.st.Load(ctx, key)
			return err
		}},
		{"save", "", func(ctx context.Context, e *env, _ sojourn.Key, state sojourn.State) error {
			_, err := e.st.Save(ctx, state, long)
			return err
		}},
		{"update", "", func(ctx context.Context, e *env, key sojourn.Key, state sojourn.State) error {
			state.Values = values("changed", `true`)
			_, err := e.st.Update(ctx, key, state, longer)
			return err
		}},
		{"touch", "", func(ctx context.Context, e *env, key sojourn.Key, _ sojourn.State) error {
			return e.st.UpdateTTL(ctx, key, longer)
		}},
		{"delete", "", func(ctx context.Context, e *env, key sojourn.Key, _ sojourn.State) error {
			return e.st.Delete(ctx, key)
		}},
		{"patch", needPatcher, func(ctx context.Context, e *env, key sojourn.Key, _ sojourn.State) error {
			return e.patcher().Patch(ctx, key, sojourn.Patch{Generation: 1, Set: values("changed", `true`)}, longer)
		}},
		{"list", needSubjectIndex, func(ctx context.Context, e *env, _ sojourn.Key, _ sojourn.State) error {
			_, err := e.subjects().ListSubject(ctx, e.realm, e.subject)
			return err
		}},
		{"revoke", needSubjectIndex, func(ctx context.Context, e *env, _ sojourn.Key, _ sojourn.State) error {
			_, err := e.subjects().DeleteSubject(ctx, e.realm, e.subject, sojourn.ID{})
			return err
		}},
		{"trim", needSubjectIndex, func(ctx context.Context, e *env, _ sojourn.Key, _ sojourn.State) error {
			_, err := e.subjects().TrimSubject(ctx, e.realm, e.subject, 0, sojourn.ID{})
			return err
		}},
		{"all", needLister, func(ctx context.Context, e *env, _ sojourn.Key, _ sojourn.State) error {
			_, _, err := e.lister().List(ctx, "", 10)
			return err
		}},
		{"sweep", needSweeper, func(ctx context.Context, e *env, _ sojourn.Key, _ sojourn.State) error {
			_, err := e.sweeper().Sweep(ctx, 10)
			return err
		}},
	}
}

func contextCases() []Case {
	var cases []Case
	for _, c := range allCalls() {
		var needs []string
		if c.need != "" {
			needs = []string{c.need}
		}
		cases = append(cases, Case{
			Name: "cancelled_" + c.name, Needs: needs,
			Rule: "A cancelled context returns its error, without an effect.",
			Why:  "Work that nobody waits for any more still costs the engine, and what it changed nobody was told.",
			run:  func(e *env) { checkCancelled(e, c) },
		})
	}
	return append(cases,
		Case{
			Name: "a_deadline_that_has_passed",
			Rule: "A context whose deadline has passed returns context.DeadlineExceeded.",
			Why:  "The manager tells a time-out from an outage by it.",
			run: func(e *env) {
				ctx, cancel := context.WithDeadline(e.ctx, time.Now().Add(-time.Second))
				defer cancel()
				state := e.login(e.subject, 0, "a", `1`)
				key := e.save(state, long)
				for _, c := range allCalls() {
					if c.need != "" && !e.has(c.need) {
						continue
					}
					if err := c.do(ctx, e, key, e.load(key)); !errors.Is(err, errors.ErrUnsupported) {
						e.is(c.name, err, context.DeadlineExceeded)
					}
					e.holds(key, state)
				}
			},
		},
		Case{
			Name: "cancelled_after_the_answer",
			Rule: "What was acknowledged stays when the context ends afterwards.",
			Why:  "A transaction that lives as long as the request's context is rolled back with it.",
			run: func(e *env) {
				ctx, cancel := context.WithCancel(e.ctx)
				state := e.state("a", `1`)
				key, err := e.st.Save(ctx, state, long)
				cancel()
				if err != nil {
					e.Fatalf("Save: %v", err)
				}
				next := e.holds(key, state)
				next.Values = values("a", `2`)
				ctx, cancel = context.WithCancel(e.ctx)
				key, err = e.st.Update(ctx, key, next, long)
				cancel()
				if err != nil {
					e.Fatalf("Update: %v", err)
				}
				e.holds(key, next)
			},
		},
		Case{
			Name: "cancelled_calls_leave_the_store_usable",
			Rule: "A store serves on after any number of cancelled calls.",
			Why:  "A connection that is not given back is one less, until there is none.",
			run: func(e *env) {
				state := e.state("a", `1`)
				key := e.save(state, long)
				for i := range 100 {
					ctx, cancel := context.WithCancel(e.ctx)
					done := make(chan struct{})
					go func() {
						defer close(done)
						e.st.Load(ctx, key)
					}()
					for range i % 5 {
						e.st.Load(e.ctx, key)
					}
					cancel()
					<-done
				}
				e.holds(key, state)
			},
		},
		Case{
			Name: "cancelled_on_the_way",
			Rule: "An Update whose context ends on the way happened whole or not at all; without an error it happened.",
			Why:  "Half a change is a session that its manager cannot tell from a forged one.",
			run:  checkCancelledUpdate,
		},
	)
}

func checkCancelled(e *env, c call) {
	ctx, cancel := context.WithCancel(e.ctx)
	cancel()
	began := time.Now()
	state := e.login(e.subject, 0, "a", `1`)
	key := e.save(state, long)
	err := c.do(ctx, e, key, e.load(key))
	if errors.Is(err, errors.ErrUnsupported) {
		e.Skip("the store does not support it")
	}
	e.is(c.name, err, context.Canceled)
	e.holds(key, state)
	e.lives(key, long, began, e.advanced)
	if e.has(needSubjectIndex) {
		if n := len(e.list(e.subject)); n != 1 {
			e.Errorf("got %d sessions of the subject, want 1", n)
		}
		login := e.login(e.subject, -time.Second)
		if _, err := e.st.Save(e.ctx, login, long); err != nil {
			e.Errorf("a cancelled call left something behind: Save: %v", err)
		}
	}
}

func checkCancelledUpdate(e *env) {
	key := e.save(e.state("n", `0`), long)
	// An engine may carry out what its client has given up, a moment later: what was tried without an answer may be there,
	// until something else was acknowledged.
	var may []sojourn.State
	for i := range 50 {
		before := e.load(key)
		may = append(may, before)
		next := renewed(before)
		next.Values = values("n", quoted(10+i))
		ctx, cancel := context.WithCancel(e.ctx)
		done := make(chan error)
		go func() {
			got, err := e.st.Update(ctx, key, next, long)
			if err == nil {
				key = got
			}
			done <- err
		}()
		if i > 0 {
			time.Sleep(time.Duration(i) * time.Microsecond)
		}
		cancel()
		if err := <-done; err == nil {
			may = nil
		}
		may = append(may, next)
		after := e.load(key)
		if !slices.ContainsFunc(may, func(state sojourn.State) bool { return differences(after, state) == "" }) {
			if len(may) == 1 {
				e.Fatalf("Update was acknowledged and is not what is stored: %s", differences(after, next))
			}
			e.Fatalf("an Update that was cancelled happened by half; from the whole it differs by: %s", differences(after, next))
		}
	}
}
