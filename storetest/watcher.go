package storetest

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sojourn-go/sojourn"
)

func watcherCases() []Case {
	cases := []Case{
		{
			Name: "tells_that_it_listens",
			Rule: "Watch calls notify with the zero ID once it listens.",
			Why:  "A cache that was filled before would never hear of what it missed.",
			run:  func(e *env) { e.watch(e.st) },
		}, {
			Name: "ends_with_its_context",
			Rule: "Watch returns when its context ends, with the context's error, and calls notify no more.",
			Why:  "A goroutine and a connection for each restart of the listener.",
			run: func(e *env) {
				w := e.watch(e.st)
				w.cancel()
				select {
				case err := <-w.done:
					e.is("Watch", err, context.Canceled)
				case <-time.After(e.opts.Notice):
					e.Fatalf("Watch runs on %v after its context ended", e.opts.Notice)
				}
				next := e.watch(e.st)
				first := e.save(e.state(), long)
				e.delete(first)
				for range 20 { // so that a goroutine that was left behind has the time to show
					next.forget()
				}
				if w.knows(first.ID()) {
					e.Errorf("notify was called after Watch had returned")
				}
			},
		}, {
			Name: "tells_of_deaths",
			Rule: "Watch tells of each session that died, by whichever method.",
			Why:  "A stream goes on for a session that was ended.",
			run: func(e *env) {
				w := e.watch(e.node(1))
				deleted := e.save(e.login(e.subject, 0), long)
				w.forget()
				e.delete(deleted)
				w.tells(deleted.ID())
				if !e.has(needSubjectIndex) {
					return
				}
				var all []sojourn.ID
				for i := range time.Duration(6) {
					all = append(all, e.save(e.login(e.subject, (i-6)*time.Hour), long).ID())
				}
				trimmed, revoked := all[:3], all[3:]
				w.forget()
				e.trims(e.subject, 3, sojourn.ID{}, slices.Clone(trimmed)...)
				for _, id := range trimmed {
					w.tells(id)
				}
				w.forget()
				e.revoke(e.subject, sojourn.ID{}, 3)
				for _, id := range revoked {
					w.tells(id)
				}
			},
		}, {
			Name: "tells_of_changes",
			Rule: "Watch tells of each session that changed.",
			Why:  "A cache on another node serves what is no longer true, such as a secret that was replaced.",
			run: func(e *env) {
				w := e.watch(e.node(1))
				key := e.save(e.state("a", `1`), long)
				state := e.load(key)
				w.forget()
				key = e.update(key, renewed(state), long)
				w.tells(key.ID())
				if e.has(needPatcher) {
					w.forget()
					e.patch(key, sojourn.Patch{Generation: 2, Set: values("a", `2`)}, long)
					w.tells(key.ID())
				}
			},
		}, {
			Name: "tells_every_listener",
			Rule: "Every listener is told, however many there are.",
			Why:  "One node would go on with a session that another has ended.",
			run: func(e *env) {
				first, second, third := e.watch(e.st), e.watch(e.st), e.watch(e.node(1))
				third.cancel()
				<-third.done
				key := e.save(e.state(), long)
				e.delete(key)
				first.tells(key.ID())
				second.tells(key.ID())
			},
		}, {
			Name: "calls_from_one_goroutine",
			Rule: "Watch calls notify from one goroutine, one call after the other.",
			Why:  "A notify that keeps a map needs no lock.",
			run: func(e *env) {
				w := e.watch(e.st)
				e.together(8, func(i int) error {
					for range 10 {
						key, err := e.node(i%2).Save(e.ctx, e.state(), long)
						if err == nil {
							err = e.st.Delete(e.ctx, key)
						}
						if err != nil {
							return err
						}
					}
					return nil
				})
				key := e.save(e.state(), long)
				e.delete(key)
				w.tells(key.ID())
				if w.overlapped.Load() {
					e.Errorf("notify was called while it was running")
				}
			},
		},
	}
	for i := range cases[1:] {
		cases[1+i].after = cases[0].Name
	}
	return needing(needWatcher, cases)
}

// watch is a running Watch and what it was told.
type watch struct {
	e          *env
	cancel     context.CancelFunc
	done       chan error
	running    atomic.Int32
	overlapped atomic.Bool

	mu    sync.Mutex
	told  map[sojourn.ID]bool
	added chan struct{} // has a token whenever told has grown
}

// watch starts a Watch and returns once it listens.
func (e *env) watch(st sojourn.Store) *watch {
	e.Helper()
	ctx, cancel := context.WithCancel(e.ctx)
	w := &watch{e: e, cancel: cancel, done: make(chan error, 1), told: make(map[sojourn.ID]bool), added: make(chan struct{}, 1)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.done <- capability[sojourn.Watcher](st).Watch(ctx, w.notify)
	}()
	e.Cleanup(func() {
		cancel()
		select {
		case <-ended:
		case <-time.After(e.opts.Notice): // the case about it has failed
		}
	})
	if e.opts.findings.mute.Load() {
		e.Fatalf("Watch does not tell of %s, as was found before", called(sojourn.ID{}))
	}
	w.tells(sojourn.ID{})
	return w
}

// called is what a failure calls an ID.
func called(id sojourn.ID) string {
	if id.IsZero() {
		return "the zero ID, which says that it listens"
	}
	return id.String()
}

func (w *watch) notify(id sojourn.ID) {
	if w.running.Add(1) > 1 {
		w.overlapped.Store(true)
	}
	defer w.running.Add(-1)
	for range 10 {
		runtime.Gosched() // so that a second call has the time to come
	}
	w.mu.Lock()
	w.told[id] = true
	w.mu.Unlock()
	select {
	case w.added <- struct{}{}:
	default:
	}
}

// forget waits for notices under way, as far as one can, and forgets what was told.
func (w *watch) forget() {
	w.e.Helper()
	marker := w.e.save(w.e.state(), long)
	w.e.delete(marker)
	w.tells(marker.ID())
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.told)
}

// knows reports whether w was told of id.
func (w *watch) knows(id sojourn.ID) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.told[id]
}

// tells waits until w is told of id.
func (w *watch) tells(id sojourn.ID) {
	w.e.Helper()
	timeout := time.After(w.e.opts.Notice)
	for !w.knows(id) {
		select {
		case <-w.added:
		case err := <-w.done:
			w.e.Fatalf("Watch ended with the error %v before it told of %s", err, called(id))
		case <-timeout:
			if id.IsZero() {
				w.e.opts.findings.mute.Store(true)
			}
			w.e.Fatalf("Watch did not tell within %v of %s", w.e.opts.Notice, called(id))
		}
	}
}
