package storetest

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

// Bench measures the operations of a store, those of absent capabilities left out: load/300B, load/4KB, save, update, patch,
// touch, delete, listsubject, and load, patch and save in parallel. Sizes are those of names and texts.
func Bench(b *testing.B, newStore func(tb testing.TB) sojourn.Store) {
	b.Run("load/300B", func(b *testing.B) { benchLoad(newBench(b, newStore), 300) })
	b.Run("load/4KB", func(b *testing.B) { benchLoad(newBench(b, newStore), 4<<10) })
	b.Run("save", func(b *testing.B) {
		e := newBench(b, newStore)
		state := e.sized(300)
		for b.Loop() {
			e.must(e.st.Save(b.Context(), state, long))
		}
	})
	b.Run("update", func(b *testing.B) {
		e := newBench(b, newStore)
		key := e.save(e.sized(300), long)
		for b.Loop() {
			// The version of a change is not known without a Load: the pair is what a renewal costs.
			state, err := e.st.Load(b.Context(), key)
			e.must(key, err)
			key = e.must(e.st.Update(b.Context(), key, state, long))
		}
	})
	b.Run("patch", func(b *testing.B) {
		e := newBench(b, newStore)
		e.need(needPatcher)
		key, patcher := e.save(e.sized(300), long), e.patcher()
		for i := 0; b.Loop(); i++ {
			e.must(key, patcher.Patch(b.Context(), key, counted(i), long))
		}
	})
	b.Run("touch", func(b *testing.B) {
		e := newBench(b, newStore)
		key := e.save(e.sized(300), long)
		for i := 0; b.Loop(); i++ {
			// Each extends: an engine may skip one that does not.
			key = e.touch(key, long+time.Duration(i)*time.Second)
		}
	})
	b.Run("delete", func(b *testing.B) {
		e := newBench(b, newStore)
		state := e.sized(300)
		keys := make([]sojourn.Key, 256)
		for i := 0; b.Loop(); i++ {
			if i%len(keys) == 0 {
				b.StopTimer()
				for j := range keys {
					keys[j] = e.save(state, long)
				}
				b.StartTimer()
			}
			e.must(keys[i%len(keys)], e.st.Delete(b.Context(), keys[i%len(keys)]))
		}
	})
	b.Run("listsubject", func(b *testing.B) {
		e := newBench(b, newStore)
		e.need(needSubjectIndex)
		for i := range 10 {
			e.save(e.login(e.subject, -time.Duration(i)*time.Minute), long)
		}
		index := e.subjects()
		for b.Loop() {
			if entries, err := index.ListSubject(b.Context(), e.realm, e.subject); err != nil || len(entries) != 10 {
				b.Fatalf("ListSubject: %d entries, error %v", len(entries), err)
			}
		}
	})
	b.Run("parallel", func(b *testing.B) { benchParallel(b, newStore) })
}

func benchLoad(e *benchEnv, size int) {
	key := e.save(e.sized(size), long)
	for e.b.Loop() {
		_, err := e.st.Load(e.b.Context(), key)
		e.must(key, err)
	}
}

func benchParallel(b *testing.B, newStore func(tb testing.TB) sojourn.Store) {
	run := func(name string, need string, do func(ctx context.Context, e *benchEnv, keys []sojourn.Key, i int) error) {
		b.Run(name, func(b *testing.B) {
			e := newBench(b, newStore)
			e.need(need)
			keys := make([]sojourn.Key, 1024)
			for i := range keys {
				keys[i] = e.save(e.sized(300), long)
			}
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for i := 0; pb.Next(); i++ {
					if err := do(e.ctx, e, keys, i); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
	run("load", "", func(ctx context.Context, e *benchEnv, keys []sojourn.Key, i int) error {
		_, err := e.st.Load(ctx, keys[i%len(keys)])
		return err
	})
	run("patch", needPatcher, func(ctx context.Context, e *benchEnv, keys []sojourn.Key, i int) error {
		return e.patcher().Patch(ctx, keys[i%len(keys)], counted(i), long)
	})
	run("save", "", func(ctx context.Context, e *benchEnv, _ []sojourn.Key, i int) error {
		_, err := e.st.Save(ctx, e.state("a", `1`), long)
		return err
	})
}

// benchEnv is the env of a benchmark, without the time limit of a case.
type benchEnv struct {
	*env
	b *testing.B
}

func newBench(b *testing.B, newStore func(tb testing.TB) sojourn.Store) *benchEnv {
	b.Helper()
	b.ReportAllocs()
	e := newEnv(b, newStore, Options{})
	e.ctx = b.Context()
	return &benchEnv{e, b}
}

func (e *benchEnv) need(capability string) {
	if capability != "" && !e.has(capability) {
		e.Skipf("the store has no %s", capability)
	}
}

func (e *benchEnv) must(key sojourn.Key, err error) sojourn.Key {
	if err != nil {
		e.Helper()
		e.Fatal(err)
	}
	return key
}

// sized returns a state with so many bytes of names and texts.
func (e *benchEnv) sized(size int) sojourn.State {
	n := max(5, size/100)
	var pairs []string
	for i := range n {
		name := fmt.Sprintf("name%02d", i)
		pairs = append(pairs, name, quoted(size/n-len(name)))
	}
	return e.login(e.subject+strconv.Itoa(size), 0, pairs...)
}

// counted is a Patch that changes something each time.
func counted(i int) sojourn.Patch {
	return sojourn.Patch{Generation: 1, Set: values("name00", strconv.Itoa(i))}
}
