package memstore_test

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
)

// sized returns values of 5 names, with the given number of bytes of names and texts.
func sized(bytes int) sojourn.Values {
	const names = 5
	var pairs []string
	for i := range names {
		name := "value" + strconv.Itoa(i)
		pairs = append(pairs, name, `"`+strings.Repeat("x", bytes/names-len(name)-2)+`"`)
	}
	return values(pairs...)
}

// full returns states as the manager saves them.
func full(subject string, bytes int) sojourn.State {
	now := time.Now()
	state := sojourn.State{Values: sized(bytes)}
	state.Facts = sojourn.Facts{Realm: "session", Subject: subject, Created: now, Deadline: now.Add(hour), Renewed: now}
	if subject != "" {
		state.Facts.Authenticated, state.Facts.Generation = now, 1
	}
	state.Facts.Digest[0] = 1
	return state
}

// oneText changes one of the values of sized.
func oneText(bytes int) sojourn.Values {
	return values("value2", `"`+strings.Repeat("y", bytes/5-8)+`"`)
}

func Benchmark(b *testing.B) {
	ctx := context.Background()
	for _, bytes := range []int{300, 4096} {
		state := full("", bytes)
		member := full("ann", bytes)
		patch := sojourn.Patch{Set: oneText(bytes)}
		run := func(op string, call func(s *memstore.Store, key sojourn.Key) error) {
			b.Run(fmt.Sprintf("%s/%d", op, bytes), func(b *testing.B) {
				s := memstore.New(memstore.Config{MaxSessions: 50_000})
				for range 10_000 {
					save(b, s, state, hour)
				}
				key := save(b, s, state, 2*hour)
				b.ReportAllocs()
				for b.Loop() {
					if err := call(s, key); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		run("Load", func(s *memstore.Store, key sojourn.Key) error { _, err := s.Load(ctx, key); return err })
		run("UpdateTTL", func(s *memstore.Store, key sojourn.Key) error { return s.UpdateTTL(ctx, key, 3*hour) })
		run("Patch", func(s *memstore.Store, key sojourn.Key) error { return s.Patch(ctx, key, patch, hour) })
		run("Save", func(s *memstore.Store, _ sojourn.Key) error { _, err := s.Save(ctx, state, hour); return err })
		run("SaveDelete", func(s *memstore.Store, _ sojourn.Key) error {
			key, err := s.Save(ctx, state, hour)
			if err != nil {
				return err
			}
			return s.Delete(ctx, key)
		})
		run("LoginLogout", func(s *memstore.Store, _ sojourn.Key) error {
			key, err := s.Save(ctx, member, hour)
			if err != nil {
				return err
			}
			return s.Delete(ctx, key)
		})
	}
}

// BenchmarkMillion fills a store with a million sessions of 300 bytes of names and texts and reports what they cost.
// Run it with -benchtime=1x.
func BenchmarkMillion(b *testing.B) {
	for _, kind := range []string{"visitor", "login"} {
		b.Run(kind, func(b *testing.B) {
			for b.Loop() {
				million(b, kind == "login")
			}
		})
	}
}

func million(b *testing.B, logins bool) {
	const sessions, payload = 1_000_000, 300
	ctx := context.Background()
	c := newClock()
	s := newStore(c)
	heap := func() float64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc)
	}
	each := func(what string, start time.Time) {
		b.ReportMetric(float64(time.Since(start).Nanoseconds())/sessions, what+"-ns/session")
	}
	state := full("", payload)
	before := heap()
	start := time.Now()
	for i := range sessions {
		if logins {
			state = full("user"+strconv.Itoa(sessions+i), payload)
		}
		save(b, s, state, hour+time.Duration(i%1000)*time.Second)
	}
	each("fill", start)
	size := (heap() - before) / sessions
	b.ReportMetric(size, "B/session")
	b.ReportMetric(size/payload, "×payload")
	start = time.Now()
	runtime.GC()
	b.ReportMetric(float64(time.Since(start).Microseconds())/1000, "gc-ms")

	start = time.Now()
	if n, err := s.Sweep(ctx, sessions); n != 0 || err != nil {
		b.Fatal(n, err)
	}
	b.ReportMetric(float64(time.Since(start).Microseconds()), "idle-sweep-µs")
	c.advance(2 * hour)
	start = time.Now()
	for n := 1; n > 0; {
		var err error
		if n, err = s.Sweep(ctx, 1000); err != nil {
			b.Fatal(err)
		}
	}
	each("sweep", start)
	if s.Len() != 0 {
		b.Fatal(s.Len())
	}
}
