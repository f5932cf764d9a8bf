package redisstore

import (
	"context"
	"errors"

	"github.com/redis/rueidis"
)

// Open connects to the servers that an address names, and returns a store over a client of its own. [Store.Close] closes
// it. The forms of the address are those of [ParseURL]. Open waits for the connection, for as long as ctx lets it; that
// the servers are fit for sessions is another question: see [Store.Check].
func Open(ctx context.Context, url string, cfg Config) (*Store, error) {
	cfg, err := cfg.complete()
	option, urlErr := ParseURL(url)
	if err := errors.Join(err, urlErr); err != nil {
		return nil, err
	}
	type opened struct {
		client rueidis.Client
		err    error
	}
	done := make(chan opened, 1)
	go func() { // rueidis takes no context, and has limits of its own
		client, err := rueidis.NewClient(option)
		done <- opened{client, err}
	}()
	select {
	case o := <-done:
		if o.err != nil {
			return nil, failure("open", o.err)
		}
		st, err := New(o.client, cfg)
		if err != nil {
			o.client.Close()
			return nil, err
		}
		st.owns = true
		return st, nil
	case <-ctx.Done():
		go func() {
			if o := <-done; o.client != nil {
				o.client.Close()
			}
		}()
		return nil, failure("open", ctx.Err())
	}
}

// Close closes the client that [Open] made. Calls under way end with an error. The client of a store that [New] made is
// the caller's to close, and stays open.
func (st *Store) Close() error {
	if st.owns {
		st.client.Close()
	}
	return nil
}
