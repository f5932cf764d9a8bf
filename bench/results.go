package bench

import (
	"fmt"
	"runtime"
	"time"

	"github.com/sojourn-go/sojourn/bench/subject"
)

// Server is a database server to measure on.
type Server struct {
	Addr    string // host and port
	Proxy   string // the same server, through a proxy
	Trips   func() int
	Version string
}

// Setting is what Run needs besides this process.
type Setting struct {
	Dir             string // for files
	Redis, Postgres Server
	// Say is told what is measured next.
	Say func(format string, args ...any)
}

// Results are all that Run measured.
type Results struct {
	Scale   Scale
	Began   time.Time
	Took    time.Duration
	Setting Setting
	Serial  []*Serial // of each kind of store
	Load    []*Load   // likewise
	Trips   []*Trips  // of each server
	Stored  []Stored
	Sweeps  []Sweep
	Served  []Served
	Profile *Profile
}

// Run measures everything, after it has checked that every subject does its work.
func Run(scale Scale, setting Setting) (*Results, error) {
	r := &Results{Scale: scale, Began: time.Now(), Setting: setting}
	memory := subject.Memory()
	stores := [][]subject.Subject{
		memory, subject.Cookie(), subject.SQLite(setting.Dir), subject.Redis(setting.Redis.Addr), subject.Postgres(setting.Postgres.Addr),
	}
	for _, subjects := range stores {
		for i := range subjects {
			for _, o := range []subject.Options{{}, {Sliding: true, Eager: true}} {
				if err := subject.Check(&subjects[i], o); err != nil {
					return nil, fmt.Errorf("bench: a check before the measurement: %w", err)
				}
			}
		}
	}
	for _, step := range []struct {
		name string
		run  func() error
	}{
		{"round trips", func() error { return r.trips() }},
		{"requests one after the other", func() error { return r.serial(stores) }},
		{"the read path", func() (err error) {
			r.Profile, err = MeasureProfile(ours(memory), scale)
			return err
		}},
		{"a real server", func() (err error) {
			r.Served, err = MeasureServed(overHTTP(memory), scale)
			return err
		}},
		{"many clients", func() error { return r.load(stores) }},
		{"reads during an expiry", func() (err error) {
			r.Sweeps, err = MeasureSweep(scale)
			return err
		}},
		{"many sessions", func() (err error) {
			r.Stored, err = MeasureStored(storing(memory), scale)
			return err
		}},
	} {
		r.say(step.name)
		if err := step.run(); err != nil {
			return nil, fmt.Errorf("bench: %w", err)
		}
		runtime.GC()
	}
	r.Took = time.Since(r.Began)
	r.say("done")
	return r, nil
}

func (r *Results) say(what string) {
	r.Setting.Say("%4.0f s: %s", time.Since(r.Began).Seconds(), what)
}

func (r *Results) trips() error {
	for _, server := range []struct {
		subjects []subject.Subject
		trips    func() int
	}{
		{subject.Redis(r.Setting.Redis.Proxy), r.Setting.Redis.Trips},
		{subject.Postgres(r.Setting.Postgres.Proxy), r.Setting.Postgres.Trips},
	} {
		t, err := MeasureTrips(server.subjects, server.trips)
		if err != nil {
			return err
		}
		r.Trips = append(r.Trips, t)
	}
	return nil
}

func (r *Results) serial(stores [][]subject.Subject) error {
	for _, subjects := range stores {
		r.say("    " + ours(subjects).Store)
		s, err := MeasureSerial(subjects, r.Scale)
		if err != nil {
			return err
		}
		r.Serial = append(r.Serial, s)
	}
	return nil
}

func (r *Results) load(stores [][]subject.Subject) error {
	for _, subjects := range stores {
		r.say("    " + ours(subjects).Store)
		l, err := MeasureLoad(storing(subjects), r.Scale)
		if err != nil {
			return err
		}
		r.Load = append(r.Load, l)
	}
	return nil
}

// ours is the first of the subjects that is Sojourn.
func ours(subjects []subject.Subject) *subject.Subject {
	return &subjects[indexOfOurs(subjects)]
}

func indexOfOurs(subjects []subject.Subject) int {
	for i := range subjects {
		if subjects[i].Ours() {
			return i
		}
	}
	panic("bench: no subject of ours")
}

// storing are the subjects that store something.
func storing(subjects []subject.Subject) (some []subject.Subject) {
	for _, s := range subjects {
		if s.Lacks[subject.Create] == "" {
			some = append(some, s)
		}
	}
	return some
}

// overHTTP are the subjects that net/http's server can serve.
func overHTTP(subjects []subject.Subject) (some []subject.Subject) {
	for _, s := range subjects {
		if !s.Fast {
			some = append(some, s)
		}
	}
	return some
}
