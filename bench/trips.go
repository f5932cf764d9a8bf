package bench

import (
	"errors"
	"fmt"

	"github.com/sojourn-go/sojourn/bench/subject"
)

// Trips is how many round trips to the server that keeps the sessions a request takes, of each subject at each of the
// TripWorkloads. They are counted by a proxy, and exact.
type Trips struct {
	Subjects []subject.Subject
	Counts   [][]float64
}

// TripWorkloads are all workloads, then a login and a logout, which happen too seldom to be timed.
var TripWorkloads = append(Workloads[:len(Workloads):len(Workloads)],
	Workload{Name: "login", Seed: subject.Create, Work: subject.Login},
	Workload{Name: "login, limited", Seed: subject.Create, Work: subject.Login, Options: subject.Options{Limited: true}},
	Workload{Name: "login over the limit", Seed: subject.Create, Work: subject.Login, Options: subject.Options{Limited: true, Crowded: true}},
	Workload{Name: "logout", Seed: subject.Create, Work: subject.Logout},
)

// The workloads of TripWorkloads that are not in Workloads, by their place.
const (
	LoginSession = ReadExtend + 1 + iota
	LoginLimited
	LoginOver
	LogoutSession
)

// MeasureTrips counts round trips with trips, which says how many there have been between the subjects' clients and their
// server.
func MeasureTrips(subjects []subject.Subject, trips func() int) (_ *Trips, err error) {
	var kept chains
	defer func() { err = errors.Join(err, kept.close()) }()
	t := &Trips{Subjects: subjects}
	for i := range subjects {
		var counts []float64
		for w := range TripWorkloads {
			work := &TripWorkloads[w]
			if work.lacks(&subjects[i]) || work.Options.Limited && !subjects[i].Owners {
				counts = append(counts, unknown)
				continue
			}
			count, err := countTrips(&kept, &subjects[i], work, trips)
			if err != nil {
				return nil, fmt.Errorf("%s, %s, round trips: %w", subjects[i].Name(), work.Name, err)
			}
			counts = append(counts, count)
		}
		t.Counts = append(t.Counts, counts)
	}
	return t, nil
}

// countTrips returns the median of some requests of as many clients, after some that make the connections and what else is
// made only once. Now and then a client library asks by itself whether the server is still there.
func countTrips(kept *chains, s *subject.Subject, w *Workload, trips func() int) (_ float64, err error) {
	const uncounted, counted = 3, 9
	chain, clients, done, err := kept.open(s, w, uncounted+counted)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, done()) }()
	serve := chain.Serve(w.Work)
	before := subject.Wrong()
	for _, client := range clients[:uncounted] {
		serve(client)
	}
	var counts []float64
	for _, client := range clients[uncounted:] {
		first := trips()
		serve(client)
		counts = append(counts, float64(trips()-first))
	}
	if wrong := subject.Wrong() - before; wrong != 0 {
		return 0, fmt.Errorf("%d requests failed, or read something else than what is stored", wrong)
	}
	return median(counts), nil
}
