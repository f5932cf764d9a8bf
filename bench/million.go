package bench

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"

	"github.com/sojourn-go/sojourn/bench/subject"
)

// Stored is what many sessions cost that are stored at once, of one subject.
type Stored struct {
	Name    string
	Ours    bool
	Heap    float64   // bytes of a session
	Objects float64   // on the heap, of a session
	Wall    []float64 // nanoseconds of a garbage collection, each time
	CPU     []float64 // nanoseconds of processor time of one
	Read    float64   // nanoseconds of processor time of a read of a session at random
}

// MeasureStored fills each subject's store with sessions through requests, as clients do, and looks at the heap and at what
// a garbage collection and a read of some session cost then. The payload of a session is subject.SmallBytes.
func MeasureStored(subjects []subject.Subject, scale Scale) (all []Stored, err error) {
	for i := range subjects {
		s := &subjects[i]
		users := []bool{false}
		if s.Owners {
			users = append(users, true)
		}
		for _, users := range users {
			stored, err := measureStored(s, users, scale)
			if err != nil {
				return nil, fmt.Errorf("%s, many sessions: %w", s.Name(), err)
			}
			all = append(all, *stored)
		}
	}
	return all, nil
}

// sample is how many of the sessions are read afterwards.
const sample = 10_000

func measureStored(s *subject.Subject, users bool, scale Scale) (*Stored, error) {
	before := heap()
	chain, err := s.Open(subject.Options{Users: users})
	if err != nil {
		return nil, err
	}
	defer chain.Close()
	wrong := subject.Wrong()
	cookies := fillStore(chain, scale.Sessions)
	if wrong = subject.Wrong() - wrong; wrong != 0 {
		return nil, fmt.Errorf("%d of the requests that create sessions failed", wrong)
	}
	after := heap()
	r := &Stored{Name: s.Name(), Ours: s.Ours()}
	if users {
		r.Name += ", logged in"
	}
	r.Heap = float64(after.HeapAlloc-before.HeapAlloc) / float64(scale.Sessions)
	r.Objects = float64(after.HeapObjects-before.HeapObjects) / float64(scale.Sessions)
	for range scale.Rounds {
		cpu := collectorTime()
		r.Wall = append(r.Wall, float64(measure(runtime.GC).wall))
		r.CPU = append(r.CPU, collectorTime()-cpu)
	}
	r.Read = readSample(chain, cookies, scale)
	runtime.KeepAlive(chain)
	return r, nil
}

// fillStore creates sessions, on all processors, and returns the cookies of some.
func fillStore(chain *subject.Chain, sessions int) []string {
	workers := runtime.GOMAXPROCS(0)
	// The garbage of the requests would have the collector mark the growing store again and again.
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	var mu sync.Mutex
	var cookies []string
	var running sync.WaitGroup
	every := max(sessions/sample, 1)
	for worker := range workers {
		running.Go(func() {
			create := chain.Serve(subject.Create)
			client := subject.NewClient()
			var own []string
			for i := worker; i < sessions; i += workers {
				client.SetCookie("")
				create(client)
				if i%every == 0 {
					own = append(own, client.Cookie())
				}
			}
			mu.Lock()
			cookies = append(cookies, own...)
			mu.Unlock()
		})
	}
	running.Wait()
	rand.Shuffle(len(cookies), func(i, j int) { cookies[i], cookies[j] = cookies[j], cookies[i] })
	return cookies
}

// readSample returns the median over rounds of what a read of one of the sessions takes.
func readSample(chain *subject.Chain, cookies []string, scale Scale) float64 {
	read := chain.Serve(subject.Read)
	var clients []*subject.Client
	for _, cookie := range cookies[:min(len(cookies), 2000)] {
		client := subject.NewClient()
		client.SetCookie(cookie)
		clients = append(clients, client)
	}
	var times []float64
	for range scale.Rounds {
		took := measure(func() {
			for _, client := range clients {
				read(client)
			}
		})
		times = append(times, float64(took.cpu)/float64(len(clients)))
	}
	return median(times)
}

func heap() (m runtime.MemStats) {
	runtime.GC()
	runtime.GC() // what pools hold goes with the second
	runtime.ReadMemStats(&m)
	return m
}

// collectorTime is the processor time that garbage collections have had, in nanoseconds.
func collectorTime() float64 {
	all := []metrics.Sample{{Name: "/cpu/classes/gc/mark/assist:cpu-seconds"}, {Name: "/cpu/classes/gc/mark/dedicated:cpu-seconds"},
		{Name: "/cpu/classes/gc/pause:cpu-seconds"}}
	metrics.Read(all)
	sum := 0.0
	for _, s := range all {
		sum += s.Value.Float64()
	}
	return sum * float64(time.Second)
}
