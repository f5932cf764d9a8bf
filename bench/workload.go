package bench

import "github.com/sojourn-go/sojourn/bench/subject"

// Workload is a kind of request that is measured: what its client has done before, and what its handler does.
type Workload struct {
	Name    string
	Seed    subject.Work // what the client's first request does; Untouched: it has no cookie
	Work    subject.Work
	Visitor bool // the client never keeps a cookie
	Options subject.Options
}

// The workloads, by their place in Workloads.
const (
	NoCookie = iota
	CookieUntouched
	ReadSmall
	ReadChange
	CreateSession
	RenewChange
	ReadLarge
	ReadSliding
	ReadExtend
)

// Workloads are the requests that every subject is measured at.
var Workloads = []Workload{
	NoCookie:        {Name: "no cookie", Work: subject.Untouched, Visitor: true},
	CookieUntouched: {Name: "cookie, untouched", Seed: subject.Create, Work: subject.Untouched},
	ReadSmall:       {Name: "read one of 5", Seed: subject.Create, Work: subject.Read},
	ReadChange:      {Name: "read and change", Seed: subject.Create, Work: subject.Change},
	CreateSession:   {Name: "create", Work: subject.Create, Visitor: true},
	RenewChange:     {Name: "renew and change", Seed: subject.Create, Work: subject.Renew},
	ReadLarge:       {Name: "read one of 40", Seed: subject.CreateBig, Work: subject.ReadBig},
	ReadSliding:     {Name: "read, sliding", Seed: subject.Create, Work: subject.Keep, Options: subject.Options{Sliding: true}},
	ReadExtend:      {Name: "read, extend", Seed: subject.Create, Work: subject.Keep, Options: subject.Options{Sliding: true, Eager: true}},
}

// lacks reports whether s cannot do w.
func (w *Workload) lacks(s *subject.Subject) bool {
	return s.Lacks[w.Work] != "" || s.Lacks[w.Seed] != ""
}

// open makes a chain of s for w, with clients that have made their first request.
func (w *Workload) open(s *subject.Subject, clients int) (*subject.Chain, []*subject.Client, error) {
	chain, err := s.Open(w.Options)
	if err != nil {
		return nil, nil, err
	}
	return chain, w.clients(chain, clients), nil
}

// clients returns clients that have made their first request.
func (w *Workload) clients(chain *subject.Chain, n int) []*subject.Client {
	seed := chain.Serve(w.Seed)
	all := make([]*subject.Client, n)
	for i := range all {
		all[i] = subject.NewClient()
		all[i].Visitor = w.Visitor
		if w.Seed != subject.Untouched {
			seed(all[i])
		}
	}
	return all
}
