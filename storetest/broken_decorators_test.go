package storetest_test

import (
	"context"
	"encoding/base32"
	"encoding/base64"
	"errors"
	"sync"
	"time"

	"github.com/sojourn-go/sojourn"
)

// sealing is a decorator that hides values: enough of one for a test.
type sealing struct {
	base
	seal, open func(text string) string
}

func (s sealing) hide(v sojourn.Values) sojourn.Values { return each(v, s.seal) }

func each(v sojourn.Values, f func(text string) string) sojourn.Values {
	return sojourn.CollectValues(func(yield func(name, text string) bool) {
		for name, text := range v.All() {
			if !yield(name, f(text)) {
				return
			}
		}
	})
}

func xor(text string) string {
	hidden := []byte(text)
	for i := range hidden {
		hidden[i] ^= 0x55
	}
	return string(hidden)
}

func (s sealing) Load(ctx context.Context, key sojourn.Key) (sojourn.State, error) {
	state, err := s.base.Load(ctx, key)
	state.Values = each(state.Values, s.open)
	return state, err
}

func (s sealing) Save(ctx context.Context, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	state.Values = s.hide(state.Values)
	return s.base.Save(ctx, state, ttl)
}

func (s sealing) Update(ctx context.Context, key sojourn.Key, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	state.Values = s.hide(state.Values)
	return s.base.Update(ctx, key, state, ttl)
}

// unwrapping has the five methods of a sealing store, and Unwrap for the rest.
type unwrapping struct{ sojourn.Store }

func (s unwrapping) Unwrap() sojourn.Store { return s.Store.(sealing).base }

// halfIndex supports one method of three.
type halfIndex struct{ base }

func (s halfIndex) TrimSubject(context.Context, string, string, int, sojourn.ID) ([]sojourn.ID, error) {
	return nil, errors.ErrUnsupported
}

// watching changes what Watch does.
type watching struct {
	base
	watch func(ctx context.Context, s base, notify func(sojourn.ID)) error
}

func (s watching) Watch(ctx context.Context, notify func(sojourn.ID)) error {
	return s.watch(ctx, s.base, notify)
}

// tellsFirst tells of one death for each call, however many there are. Its handles share what they keep silent about.
type tellsFirst struct {
	watching
	silent *sync.Map
}

func (s tellsFirst) DeleteSubject(ctx context.Context, realm, subject string, keep sojourn.ID) (int, error) {
	s.hush(ctx, realm, subject, 0)
	return s.base.DeleteSubject(ctx, realm, subject, keep)
}

func (s tellsFirst) TrimSubject(ctx context.Context, realm, subject string, n int, spare sojourn.ID) ([]sojourn.ID, error) {
	s.hush(ctx, realm, subject, n)
	return s.base.TrimSubject(ctx, realm, subject, n, spare)
}

// hush keeps silent about all of the subject's sessions but the first from place n on.
func (s tellsFirst) hush(ctx context.Context, realm, subject string, n int) {
	entries, _ := s.ListSubject(ctx, realm, subject)
	for i, entry := range entries {
		if i > n {
			s.silent.Store(entry.ID, true)
		}
	}
}

func addBrokenDecorators(add adder) {
	watch := func(f func(ctx context.Context, s base, notify func(sojourn.ID)) error) func(s base) sojourn.Store {
		return func(s base) sojourn.Store { return watching{s, f} }
	}
	add("no encryption", func(s base) sojourn.Store { return s }, dumpCase)
	for name, encoding := range map[string]interface {
		EncodeToString([]byte) string
		DecodeString(string) ([]byte, error)
	}{"base64": base64.StdEncoding, "base64 for URLs": base64.RawURLEncoding, "base32": base32.StdEncoding} {
		add(name+" taken for encryption", func(s base) sojourn.Store {
			return five{sealing{s, func(text string) string { return encoding.EncodeToString([]byte(text)) }, func(text string) string {
				b, _ := encoding.DecodeString(text)
				return string(b)
			}}}
		}, dumpCase)
	}
	add("decorator leaks past its encryption", func(s base) sojourn.Store { return sealing{s, xor, xor} },
		dumpCase, "decorators/capabilities_see_the_same_sessions")
	add("decorator unwraps what it changes", func(s base) sojourn.Store { return unwrapping{sealing{s, xor, xor}} },
		dumpCase, "decorators/unwrap_changes_nothing")
	add("capability by half", func(s base) sojourn.Store { return halfIndex{s} }, "decorators/unsupported_is_one_answer")
	add("watch claimed and not honoured", watch(func(ctx context.Context, s base, notify func(sojourn.ID)) error {
		notify(sojourn.ID{})
		<-ctx.Done()
		return ctx.Err()
	}), "watcher/tells_of_deaths", "watcher/tells_of_changes")
	add("watch does not say that it listens", watch(func(ctx context.Context, s base, notify func(sojourn.ID)) error {
		return s.Watch(ctx, func(id sojourn.ID) {
			if !id.IsZero() {
				notify(id)
			}
		})
	}), "watcher/tells_that_it_listens")
	silent := new(sync.Map)
	add("watch tells the first of many deaths", func(s base) sojourn.Store {
		return tellsFirst{watching{s, func(ctx context.Context, s base, notify func(sojourn.ID)) error {
			return s.Watch(ctx, func(id sojourn.ID) {
				if _, ok := silent.Load(id); !ok {
					notify(id)
				}
			})
		}}, silent}
	}, "watcher/tells_of_deaths")
	add("watch goes on after it has returned", watch(func(ctx context.Context, s base, notify func(sojourn.ID)) error {
		longer, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		go func() {
			defer cancel()
			s.Watch(longer, notify)
		}()
		<-ctx.Done()
		return ctx.Err()
	}), "watcher/ends_with_its_context")
	add("watch ends without an error", watch(func(ctx context.Context, s base, notify func(sojourn.ID)) error {
		s.Watch(ctx, notify)
		return nil
	}), "watcher/ends_with_its_context")
	add("watch calls from many goroutines", watch(func(ctx context.Context, s base, notify func(sojourn.ID)) error {
		var calls sync.WaitGroup
		defer calls.Wait()
		return s.Watch(ctx, func(id sojourn.ID) {
			if id.IsZero() {
				notify(id)
				return
			}
			calls.Go(func() { notify(id) })
		})
	}), "watcher/calls_from_one_goroutine")
}
