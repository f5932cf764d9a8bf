package bench

import (
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/sojourn-go/sojourn/bench/subject"
)

// Serial is what requests took that came one after the other.
type Serial struct {
	Subjects []subject.Subject
	// Times has, for each subject and workload, the nanoseconds of processor time of a request in each round, the server's
	// included; none if the subject lacks the workload.
	Times [][][]float64
	// Objects and Bytes are the allocations of a request.
	Objects, Bytes [][]float64
}

// MeasureSerial measures every subject at every workload.
func MeasureSerial(subjects []subject.Subject, scale Scale) (_ *Serial, err error) {
	defer holdBallast()()
	var kept chains
	defer func() { err = errors.Join(err, kept.close()) }()
	s := &Serial{Subjects: subjects}
	for range subjects {
		s.Times = append(s.Times, make([][]float64, len(Workloads)))
		s.Objects, s.Bytes = append(s.Objects, unmeasured()), append(s.Bytes, unmeasured())
	}
	requests := make([][]int, len(subjects)) // of a cell
	for i := range requests {
		requests[i] = make([]int, len(Workloads))
	}
	for round := range scale.Rounds {
		for w := range Workloads {
			for i := range subjects {
				at := (i + round) % len(subjects)
				if Workloads[w].lacks(&subjects[at]) {
					continue
				}
				if err := s.cell(&kept, at, w, &requests[at][w], scale); err != nil {
					return nil, fmt.Errorf("%s, %s: %w", subjects[at].Name(), Workloads[w].Name, err)
				}
			}
		}
	}
	return s, nil
}

func unmeasured() []float64 {
	values := make([]float64, len(Workloads))
	for i := range values {
		values[i] = unknown
	}
	return values
}

// cell measures one subject at one workload once, by n requests; 0 means that it is not known yet how many fill a cell.
func (s *Serial) cell(kept *chains, at, w int, n *int, scale Scale) (err error) {
	work := &Workloads[w]
	chain, clients, done, err := kept.open(&s.Subjects[at], work, 1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	serve, client := chain.Serve(work.Work), clients[0]
	before := subject.Wrong()
	run := func(n int) func() {
		return func() {
			for range n {
				serve(client)
			}
		}
	}
	if work.Work == subject.Create && s.Subjects[at].InMemory() {
		run(scale.Stored)() // or the growth of an empty store would be what is measured
	}
	if *n == 0 {
		s.Objects[at][w], s.Bytes[at][w] = allocations(scale.Counted, run(1))
		*n = fill(scale.Cell, run)
	}
	run(*n/20 + 2)()
	runtime.GC()
	var servers map[int]time.Duration
	if s.Subjects[at].OnServer {
		servers = serverTimes()
	}
	took := measure(run(*n))
	if servers != nil {
		took.cpu += since(servers)
	}
	if wrong := subject.Wrong() - before; wrong != 0 {
		return fmt.Errorf("%d requests failed, or read something else than what is stored", wrong)
	}
	s.Times[at][w] = append(s.Times[at][w], float64(took.cpu)/float64(*n))
	return nil
}

// fill returns how many requests take limit.
func fill(limit time.Duration, run func(n int) func()) int {
	for n := 8; ; n *= 2 {
		if took := measure(run(n)); took.cpu > limit/4 || took.wall > limit {
			return max(1, int(float64(n)*float64(limit)/float64(max(took.cpu, took.wall/4))))
		}
	}
}
