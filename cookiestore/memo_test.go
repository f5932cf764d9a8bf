package cookiestore_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/cookiestore"
	"github.com/sojourn-go/sojourn/memstore"
)

// What a store remembers of cookies that it has opened changes no answer.

// A cookie that is remembered is still judged by its lease and by the clock, each time.
func TestMemo_remembersNoLifetime(t *testing.T) {
	clock := newClock()
	for name, end := range map[string]func(st *cookiestore.Store, key sojourn.Key){
		"deleted": func(st *cookiestore.Store, key sojourn.Key) { _ = st.Delete(t.Context(), key) },
		"expired": func(*cookiestore.Store, sojourn.Key) { clock.advance(time.Hour) },
	} {
		st := newStore(t, cookiestore.Config{Leases: memstore.New(memstore.Config{Now: clock.Now})})
		key := save(t, st, time.Hour)
		for range 5 {
			if _, ok := lives(t, st, key); !ok {
				t.Fatal("a session does not open")
			}
		}
		end(st, key)
		if _, ok := lives(t, st, key); ok {
			t.Errorf("%s: a remembered cookie opens", name)
		}
	}
	whole := newStore(t, cookiestore.Config{Irrevocable: true, Now: clock.Now})
	key := save(t, whole, time.Hour)
	for left := time.Hour; left > 0; left -= 10 * time.Minute {
		if ttl, _ := lives(t, whole, key); ttl != left {
			t.Errorf("got %v left of a remembered cookie, want %v", ttl, left)
		}
		clock.advance(10 * time.Minute)
	}
	if _, ok := lives(t, whole, key); ok {
		t.Error("a remembered cookie outlived its TTL")
	}
}

// A damaged copy of a remembered cookie is no more than that: every flip of one that opened many times.
func TestMemo_damageIsRefusedAllTheSame(t *testing.T) {
	st := newStore(t, cookiestore.Config{Irrevocable: true})
	text := sealed(t, st, 3)
	for range 5 {
		if !opens(t, st, text) {
			t.Fatal("a sealed state does not open")
		}
	}
	flips(text, func(damaged string, at int) {
		if opens(t, st, damaged) {
			t.Errorf("a remembered cookie opens damaged at %d", at)
		}
	})
}

// Many more cookies than are remembered, of many sessions at once: each opens its own values and no others'.
func TestMemo_ofManySessionsAtOnce(t *testing.T) {
	const sessions, workers = 1500, 4
	st := newStore(t, cookiestore.Config{Irrevocable: true})
	keys := make([]sojourn.Key, sessions)
	for i := range keys {
		key, err := st.Save(t.Context(), sojourn.State{Values: valuesOf("v", fmt.Sprint(i))}, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		keys[i] = key
	}
	var all sync.WaitGroup
	for worker := range workers {
		all.Go(func() {
			for n := range 3 * sessions {
				i := (n/3*7 + worker) % sessions // each three times in a row, and by others in between
				state, err := st.Load(t.Context(), keys[i])
				if want := valuesOf("v", fmt.Sprint(i)); err != nil || state.Values != want {
					t.Errorf("session %d: got %v, %v", i, state.Values, err)
				}
			}
		})
	}
	all.Wait()
}
