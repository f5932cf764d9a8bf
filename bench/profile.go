package bench

import (
	"bytes"
	"errors"
	"fmt"
	"runtime/pprof"
	"strings"

	"github.com/google/pprof/profile"

	"github.com/sojourn-go/sojourn/bench/subject"
)

// Part is a part of a request's way, and its share of the request's processor time.
type Part struct {
	Name  string
	Share float64
}

// Profile is where the processor time of a read of one value goes.
type Profile struct {
	Request float64 // nanoseconds of processor time of a whole one
	Samples int64
	Parts   []Part // of the way of a request, in its order
}

// A part is recognised by functions. A sample belongs to the first rule of which any function is on its stack: what a
// function calls is its own, unless that has a rule further up.
var profileRules = []struct {
	part      int
	functions []string
}{
	{collector, []string{"runtime.gcBgMarkWorker", "runtime.bgsweep", "runtime.bgscavenge", "runtime.gcAssistAlloc", "runtime.gcStart", "runtime.sweepone"}},
	{clock, []string{"time.Now", "time.runtimeNow", "time.Since", "time.Until", "sojourn.(*Manager).now", "memstore.(*Store).now"}},
	{token, []string{"crypto/sha256.", "encoding/base64.", "sojourn.parseToken"}},
	{store, []string{"sojourn/memstore."}},
	{value, []string{"sojourn.Field[", "sojourn.decodeText"}},
	{cookie, []string{"sojourn.cookieValues", "sojourn.(*Visit).presents"}},
	{request, []string{"net/http.(*Request).WithContext", "context.WithValue", "context.WithCancel"}},
	{response, []string{"sojourn.(*response)", "sojourn.(*Visit).headers"}},
	{object, []string{"runtime.mallocgc", "runtime.newobject"}},
	{manager, []string{"sojourn-go/sojourn.", "(*Manager).HandlerFunc", "(*Manager).Handler"}},
	{client, []string{"bench/subject."}},
	{other, []string{""}},
}

const (
	client = iota
	object
	request
	cookie
	token
	clock
	store
	manager
	value
	response
	collector
	other
)

var profileParts = [...]string{
	client:    "the benchmark: its client and its handler",
	object:    "memory for the request's session",
	request:   "the copy of the request that carries it",
	cookie:    "finding the cookie",
	token:     "the token: base64, and SHA-256 of the secret",
	clock:     "asking for the time",
	store:     "the store: finding the record",
	manager:   "the manager: checks, states, locks",
	value:     "finding and decoding the value",
	response:  "the response: its writer and headers",
	collector: "the garbage collector",
	other:     "the rest of Go's runtime",
}

// MeasureProfile has s read one of 5 values, and looks where the processor is a hundred times a second.
func MeasureProfile(s *subject.Subject, scale Scale) (*Profile, error) {
	defer holdBallast()()
	chain, clients, err := Workloads[ReadSmall].open(s, 1)
	if err != nil {
		return nil, err
	}
	defer chain.Close()
	serve := chain.Serve(subject.Read)
	var out bytes.Buffer
	if err := pprof.StartCPUProfile(&out); err != nil {
		return nil, fmt.Errorf("profile: %w", err)
	}
	requests := 0
	took := measure(func() {
		for began := processorTime(); processorTime()-began < scale.Profile; requests += 1000 {
			for range 1000 {
				serve(clients[0])
			}
		}
	})
	pprof.StopCPUProfile()
	p, err := profile.Parse(&out)
	if err != nil {
		return nil, fmt.Errorf("profile: %w", err)
	}
	r := split(p)
	if r.Samples == 0 {
		return nil, errors.New("profile: no samples")
	}
	r.Request = float64(took.cpu) / float64(requests)
	return r, nil
}

// split gives each sample to a part.
func split(p *profile.Profile) *Profile {
	var counts [len(profileParts)]int64
	r := &Profile{}
	for _, s := range p.Sample {
		counts[partOf(s)] += s.Value[0]
		r.Samples += s.Value[0]
	}
	for part, name := range profileParts {
		r.Parts = append(r.Parts, Part{name, float64(counts[part]) / float64(max(r.Samples, 1))})
	}
	return r
}

func partOf(s *profile.Sample) int {
	for _, rule := range profileRules {
		for _, location := range s.Location {
			for _, line := range location.Line {
				for _, f := range rule.functions {
					if strings.Contains(line.Function.Name, f) {
						return rule.part
					}
				}
			}
		}
	}
	return other
}
