package bench

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sojourn-go/sojourn/bench/subject"
)

// LoadWorkloads are those that are measured under many clients: the ones that every store is asked something by.
var LoadWorkloads = []int{ReadSmall, ReadChange, CreateSession, RenewChange, ReadLarge, ReadExtend}

// Load is how many requests per second many clients at once were served, each with a session of its own.
type Load struct {
	Subjects []subject.Subject
	Rates    [][][]float64 // for each subject and workload of LoadWorkloads, in each round
}

// MeasureLoad measures every subject at every workload of LoadWorkloads under many clients.
func MeasureLoad(subjects []subject.Subject, scale Scale) (_ *Load, err error) {
	var kept chains
	defer func() { err = errors.Join(err, kept.close()) }()
	l := &Load{Subjects: subjects}
	for range subjects {
		l.Rates = append(l.Rates, make([][]float64, len(LoadWorkloads)))
	}
	for round := range (scale.Rounds + 1) / 2 {
		for column, w := range LoadWorkloads {
			for i := range subjects {
				at := (i + round) % len(subjects)
				if Workloads[w].lacks(&subjects[at]) {
					continue
				}
				rate, err := load(&kept, &subjects[at], &Workloads[w], scale)
				if err != nil {
					return nil, fmt.Errorf("%s, %s, %d clients: %w", subjects[at].Name(), Workloads[w].Name, scale.Clients, err)
				}
				l.Rates[at][column] = append(l.Rates[at][column], rate)
			}
		}
	}
	return l, nil
}

func load(kept *chains, s *subject.Subject, w *Workload, scale Scale) (_ float64, err error) {
	chain, clients, done, err := kept.open(s, w, scale.Clients)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, done()) }()
	serve := chain.Serve(w.Work)
	before := subject.Wrong()
	crowd(serve, clients, scale.Window/2) // connections are made, tables get warm
	runtime.GC()
	rate := crowd(serve, clients, scale.Window)
	if wrong := subject.Wrong() - before; wrong != 0 {
		return 0, fmt.Errorf("%d requests failed, or read something else than what is stored", wrong)
	}
	return rate, nil
}

// crowd lets all clients make requests for so long, and returns how many there were in a second.
func crowd(serve func(*subject.Client), clients []*subject.Client, window time.Duration) float64 {
	var over atomic.Bool
	var served atomic.Int64
	var running sync.WaitGroup
	began := time.Now()
	for _, client := range clients {
		running.Go(func() {
			n := int64(0)
			for !over.Load() {
				serve(client)
				n++
			}
			served.Add(n)
		})
	}
	time.Sleep(window)
	over.Store(true)
	running.Wait()
	return float64(served.Load()) / time.Since(began).Seconds()
}
