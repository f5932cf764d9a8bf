package bench

import (
	"errors"

	"github.com/sojourn-go/sojourn/bench/subject"
)

// chains are those that stay open between measurements: to make tables and connections takes many times as long as to
// measure. A chain that keeps its sessions in this process does not stay, or the sessions of one would weigh on the garbage
// collections of the next.
type chains struct {
	kept map[chainKey]*subject.Chain
}

type chainKey struct {
	subject string
	options subject.Options
}

// open returns a chain of s for w, with clients that have made their first request, and what closes it if it is not kept.
func (c *chains) open(s *subject.Subject, w *Workload, clients int) (chain *subject.Chain, all []*subject.Client, done func() error, err error) {
	if !s.Outside() {
		chain, all, err = w.open(s, clients)
		if err != nil {
			return nil, nil, nil, err
		}
		return chain, all, chain.Close, nil
	}
	key := chainKey{s.Name(), w.Options}
	chain = c.kept[key]
	if chain == nil {
		if chain, err = s.Open(w.Options); err != nil {
			return nil, nil, nil, err
		}
		if c.kept == nil {
			c.kept = make(map[chainKey]*subject.Chain)
		}
		c.kept[key] = chain
	}
	return chain, w.clients(chain, clients), func() error { return nil }, nil
}

// close closes all that were kept.
func (c *chains) close() error {
	var errs []error
	for _, chain := range c.kept {
		errs = append(errs, chain.Close())
	}
	c.kept = nil
	return errors.Join(errs...)
}
