package storetest

import (
	"errors"
	"math"
	"time"

	"github.com/sojourn-go/sojourn"
)

// The cases about TTLs to the resolution, and about the instant from which they count.

func ttlInstantCases() []Case {
	return []Case{
		{
			Name: "rounded_up_to_the_resolution",
			Rule: "Every method rounds a TTL up to the resolution, and no further: a Load right after it tells the whole TTL.",
			Why:  "In minutes, rounded down, each session ends up to a minute before its time.",
			run:  checkRounding,
		}, {
			Name: "counts_from_its_own_call", waits: true,
			Rule: "The TTL of Update, UpdateTTL and Patch counts from their own call, not from Save.",
			Why:  "A session that is in use all day would end in the middle of it.",
			run: func(e *env) {
				all := e.extensions()
				keys := make([]sojourn.Key, len(all))
				for i := range all {
					keys[i] = e.save(e.state(), long)
				}
				e.advance(e.short())
				for i, x := range all {
					began, before := time.Now(), e.advanced
					key := e.extend(x, keys[i], long)
					e.remains(" after "+x.call, e.load(key).TTL, long, began, before)
				}
			},
		}, {
			Name: "less_than_what_remains_leaves_it", waits: true,
			Rule: "UpdateTTL and Patch with less than what remains leave what remains, and do not set what was given once.",
			Why:  "A session that is used again and again would never come to its end.",
			run: func(e *env) {
				all := e.extensions()[1:] // Update replaces
				keys := make([]sojourn.Key, len(all))
				began, before := time.Now(), e.advanced
				for i := range all {
					keys[i] = e.save(e.state(), longer)
				}
				e.advance(e.short())
				for i, x := range all {
					key := e.extend(x, keys[i], long)
					e.remains(" after "+x.call, e.load(key).TTL, longer, began, before)
				}
			},
		}, {
			Name: "reading_leaves_it", waits: true,
			Rule: "Load, ListSubject and List leave the TTL alone.",
			Why:  "Whoever only looks, a monitor or a console, would keep sessions alive for ever.",
			run: func(e *env) {
				key := e.saveShort(e.login(e.subject, 0))
				passed := e.nearEnd()
				e.load(key)
				if e.has(needSubjectIndex) {
					e.list(e.subject)
				}
				if e.has(needLister) {
					e.all(1000, nil)
				}
				e.advance(e.lifetime(e.short()) - passed)
				e.gone(key)
			},
		}, {
			Name: "the_longest_does_not_wrap",
			Rule: "A TTL too large for the engine is cut or refused, by every method, and never turns into the past.",
			Why:  "An overflow makes a session that is dead at once, or one from before 1970.",
			run: func(e *env) {
				const longest = time.Duration(math.MaxInt64)
				if key, err := e.st.Save(e.ctx, e.state(), longest); err == nil {
					e.lasts("Save", key)
				}
				for _, x := range e.extensions() {
					began, before := time.Now(), e.advanced
					key := e.save(e.state(), long)
					if next, err := x.do(key, longest); err == nil {
						e.lasts(x.call, next)
						continue
					}
					e.remains(" after a refused "+x.call, e.load(key).TTL, long, began, before)
				}
			},
		},
	}
}

// extension is a method that gives a new TTL to a session that is there.
type extension struct {
	call string
	do   func(key sojourn.Key, ttl time.Duration) (sojourn.Key, error)
}

// extensions are those that the store has, Update first.
func (e *env) extensions() []extension {
	update := func(key sojourn.Key, ttl time.Duration) (sojourn.Key, error) {
		return e.st.Update(e.ctx, key, e.load(key), ttl)
	}
	all := []extension{{"Update", update}, {"UpdateTTL", func(key sojourn.Key, ttl time.Duration) (sojourn.Key, error) {
		err := e.st.UpdateTTL(e.ctx, key, ttl)
		if errors.Is(err, errors.ErrUnsupported) { // the key holds it
			return update(key, max(ttl, e.load(key).TTL))
		}
		return key, err
	}}}
	if e.has(needPatcher) {
		all = append(all, extension{"Patch", func(key sojourn.Key, ttl time.Duration) (sojourn.Key, error) {
			return key, e.patcher().Patch(e.ctx, key, sojourn.Patch{Generation: 1, Set: values("a", `1`)}, ttl)
		}})
	}
	return all
}

func (e *env) extend(x extension, key sojourn.Key, ttl time.Duration) sojourn.Key {
	e.Helper()
	next, err := x.do(key, ttl)
	if err != nil {
		e.Fatalf("%s with a TTL of %v: %v", x.call, ttl, err)
	}
	return next
}

// lasts checks that call has given the longest TTL, as far as the engine goes.
func (e *env) lasts(call string, key sojourn.Key) {
	e.Helper()
	state, err := e.st.Load(e.ctx, key)
	if err != nil || state.TTL < 365*24*time.Hour {
		e.Errorf("after %s with a TTL of %v: got TTL %v, error %v, want a year at least", call, time.Duration(math.MaxInt64), state.TTL, err)
	}
}

// checkRounding gives TTLs that are no multiple of a unit that an engine may count in. Where no Clock stands still they are
// long enough for a slow machine.
func checkRounding(e *env) {
	ttls := []time.Duration{90*time.Second + 500*time.Millisecond, 3*time.Hour - time.Second - 500*time.Millisecond}
	if e.opts.Clock != nil {
		ttls = append(ttls, 1500*time.Millisecond, 1500*time.Millisecond+1, long+time.Millisecond)
	}
	for _, ttl := range ttls {
		began := time.Now()
		key := e.save(e.state(), ttl)
		e.remains(" after Save with "+ttl.String(), e.load(key).TTL, ttl, began, e.advanced)
		for _, x := range e.extensions() {
			key := e.save(e.state(), ttl/2)
			began := time.Now()
			key = e.extend(x, key, ttl)
			e.remains(" after "+x.call+" with "+ttl.String(), e.load(key).TTL, ttl, began, e.advanced)
		}
	}
}
