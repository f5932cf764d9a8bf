package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/rueidis"
	"github.com/sojourn-go/sojourn"
)

var _ sojourn.Watcher = (*Store)(nil)

const (
	watchBuffer   = 4096            // IDs that wait for a slow notify
	watchPatience = 5 * time.Second // without any connection
	watchLook     = time.Second     // between two looks at which servers there are
)

// Watch implements [sojourn.Watcher] by client tracking in broadcasting mode (CLIENT TRACKING ON BCAST): the server
// itself tells of every key of the store that changes or goes, whoever does it: a script, an expiry, a flush, an operator
// with redis-cli. It costs no command of the writers, one connection to each server, and needs RESP3; without that it is
// [errors.ErrUnsupported].
//
// It listens to all servers that the client knows, replicas too: when one becomes the primary nothing is missed. A
// connection that is lost is made again, and the zero ID follows; so it does where a server has come, where a server
// says that all may have changed, and where notify is so slow that more than 4096 IDs wait. Watch returns when no
// connection could be had for 5 seconds.
func (st *Store) Watch(ctx context.Context, notify func(sojourn.ID)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w := &watch{
		st: st, told: make(chan sojourn.ID, watchBuffer), missed: make(chan struct{}, 1),
		made: make(chan connection), lost: make(chan *listener), done: make(chan struct{}),
		all: make(map[string]*listener), making: make(map[string]bool),
	}
	defer w.close()
	return w.run(ctx, notify)
}

// watch is one Watch at work. Servers tell in goroutines of the client's, connections are made in goroutines of their
// own, and everything else is done in Watch's.
type watch struct {
	st     *Store
	told   chan sojourn.ID
	missed chan struct{} // holds one if something may have been missed
	made   chan connection
	lost   chan *listener
	done   chan struct{} // closed when Watch returns
	all    map[string]*listener
	making map[string]bool
}

// listener is the connection to one server.
type listener struct {
	addr   string
	client rueidis.DedicatedClient
}

// connection is what became of the attempt to make one.
type connection struct {
	addr string
	l    *listener
	err  error
}

func (w *watch) run(ctx context.Context, notify func(sojourn.ID)) error {
	look := time.NewTicker(watchLook)
	defer look.Stop()
	w.listen(ctx)
	failure := fmt.Errorf("redisstore: watch: no connection: %w", context.DeadlineExceeded)
	waiting, listens := len(w.making), false
	for heard := time.Now(); ; { // when there was a connection last
		if len(w.all) > 0 {
			heard = time.Now()
		}
		var id sojourn.ID
		select {
		case <-ctx.Done():
			return ctx.Err()
		case c := <-w.made:
			delete(w.making, c.addr)
			waiting--
			if c.err == nil {
				w.all[c.addr] = c.l
			} else if failure = fmt.Errorf("redisstore: watch: %s: %w", c.addr, c.err); errors.Is(c.err, errors.ErrUnsupported) {
				return failure
			}
			// At first when all were tried, then for each that comes.
			if len(w.all) == 0 || waiting > 0 || listens && c.err != nil {
				continue
			}
			listens = true
		case l := <-w.lost:
			if w.all[l.addr] == l {
				delete(w.all, l.addr)
			}
			l.close()
			w.listen(ctx)
			continue
		case <-look.C:
			w.forget()
			w.listen(ctx)
			if len(w.all) == 0 && time.Since(heard) > watchPatience {
				return failure
			}
			continue
		case id = <-w.told:
		case <-w.missed: // taken before notify: what is missed from now on counts again
		}
		if listens && ctx.Err() == nil {
			notify(id)
		}
	}
}

// listen begins to connect to the servers that the client knows and that are not listened to. One that cannot be
// reached is tried again at the next look.
func (w *watch) listen(ctx context.Context) {
	for addr, node := range w.st.client.Nodes() {
		if w.all[addr] != nil || w.making[addr] {
			continue
		}
		w.making[addr] = true
		go func() {
			l, err := w.connect(ctx, addr, node)
			select {
			case w.made <- connection{addr, l, err}:
			case <-w.done:
				if l != nil {
					l.close()
				}
			}
		}()
	}
}

// forget leaves the servers that the client does not know any more.
func (w *watch) forget() {
	nodes := w.st.client.Nodes()
	for addr, l := range w.all {
		if _, ok := nodes[addr]; !ok {
			delete(w.all, addr)
			l.close()
		}
	}
}

// connect has a server tell of changes on a connection of its own.
func (w *watch) connect(ctx context.Context, addr string, node rueidis.Client) (*listener, error) {
	l := &listener{addr: addr}
	_, err := w.st.askNode(ctx, node, func(ctx context.Context, node rueidis.Client) ([]rueidis.RedisResult, error) {
		client, _ := node.Dedicate()
		var ended <-chan error
		ended = client.SetOnInvalidations(func(keys []rueidis.RedisMessage) {
			select {
			case <-ended: // the client says at the end of a connection that all may have changed
			default:
				w.tell(keys)
			}
		})
		hello := client.B().Hello().Build()
		off := client.B().ClientTracking().Off().Build() // a client that caches has turned it on, in another mode
		on := client.B().ClientTracking().On().Prefix().Prefix(w.st.names.sessions()).Bcast().Build()
		results := client.DoMulti(ctx, hello, off, on)
		err := failed(results...)
		if err == nil && !pushes(results[0]) {
			err = errors.ErrUnsupported
		}
		if err != nil {
			go client.Close()
			return nil, err
		}
		l.client = client
		go func() {
			<-ended
			select {
			case w.lost <- l:
			case <-w.done:
				l.close()
			}
		}()
		return results, nil
	}, nil)
	var answer *rueidis.RedisError
	if errors.As(err, &answer) && !strings.HasPrefix(answer.Error(), "NOPERM") {
		err = fmt.Errorf("%w: %w", errors.ErrUnsupported, err) // no such command, or no RESP3
	}
	if err != nil {
		return nil, err
	}
	return l, nil
}

// pushes reports whether a connection speaks RESP3, by its answer to HELLO: RESP2 has no words for what is not an answer.
func pushes(hello rueidis.RedisResult) bool {
	fields, err := hello.AsMap()
	if err != nil {
		return false
	}
	version := fields["proto"]
	n, err := version.AsInt64()
	return err == nil && n >= 3
}

// tell takes what a server says: the keys that have changed, or that any may have. It does not block.
func (w *watch) tell(keys []rueidis.RedisMessage) {
	missed := keys == nil
	for _, message := range keys {
		key, err := message.ToString()
		if err != nil {
			missed = true
			continue
		}
		id, ok := w.st.names.id(key)
		if !ok {
			continue
		}
		select {
		case w.told <- id:
		default:
			missed = true
		}
	}
	if missed {
		select {
		case w.missed <- struct{}{}:
		default:
		}
	}
}

func (w *watch) close() {
	close(w.done)
	for _, l := range w.all {
		l.close()
	}
}

// close ends the connection, in a goroutine: a server that hangs would be waited for.
func (l *listener) close() { go l.client.Close() }
