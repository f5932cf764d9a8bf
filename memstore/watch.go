package memstore

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/sojourn-go/sojourn"
)

// watchBuffer is how many IDs wait for a slow notify.
const watchBuffer = 1024

// watchers are the callers of Watch. Writers read the list without a lock.
type watchers struct {
	mu  sync.Mutex
	all atomic.Pointer[[]*watcher]
}

type watcher struct {
	ids    chan sojourn.ID
	missed chan struct{} // holds one if an ID found no room
}

// Watch implements [sojourn.Watcher]: notify gets the ID of every session that was updated, patched or removed, by
// whatever way, sweeps and evictions included, after it took effect. Touches and new sessions are not told. No writer
// waits for notify: where it is so slow that 1024 IDs wait, later ones are dropped and it gets the zero ID in their stead.
// Watch returns ctx.Err().
func (s *Store) Watch(ctx context.Context, notify func(sojourn.ID)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w := &watcher{ids: make(chan sojourn.ID, watchBuffer), missed: make(chan struct{}, 1)}
	s.watchers.add(w)
	defer s.watchers.remove(w)
	notify(sojourn.ID{})
	for {
		var id sojourn.ID
		select {
		case <-ctx.Done():
			return ctx.Err()
		case id = <-w.ids:
		case <-w.missed: // taken before notify: what is missed from now on counts again
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		notify(id)
	}
}

// tell never blocks.
func (ws *watchers) tell(id sojourn.ID) {
	all := ws.all.Load()
	if all == nil {
		return
	}
	for _, w := range *all {
		select {
		case w.ids <- id:
			continue
		default:
		}
		select {
		case w.missed <- struct{}{}:
		default:
		}
	}
}

func (ws *watchers) add(w *watcher) {
	ws.change(func(all []*watcher) []*watcher { return append(all, w) })
}

func (ws *watchers) remove(w *watcher) {
	ws.change(func(all []*watcher) []*watcher {
		kept := make([]*watcher, 0, len(all))
		for _, other := range all {
			if other != w {
				kept = append(kept, other)
			}
		}
		return kept
	})
}

// change replaces the list. Nobody changes one that was published.
func (ws *watchers) change(edit func([]*watcher) []*watcher) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	var all []*watcher
	if old := ws.all.Load(); old != nil {
		all = append(all, *old...)
	}
	all = edit(all)
	ws.all.Store(&all)
}
