package demo

import (
	"context"
	"crypto/rand"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/sojourn-go/sojourn"
)

// count is the value that the races change.
const count = sojourn.Field[int]("lab count")

func (a *App) labCount(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
	count.Update(s, func(n int) int { return n + 1 })
	w.WriteHeader(http.StatusNoContent)
}

func (a *App) labRead(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
	n, ok := count.Get(s)
	if !ok {
		http.Error(w, "no session", http.StatusNotFound)
		return
	}
	io.WriteString(w, strconv.Itoa(n))
}

// labHold is the slow request: it has its session, waits until its gate opens, and then changes the session. Only gates of
// a race that is running exist, so that nobody else can keep a request waiting.
func (a *App) labHold(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
	open, ok := a.races.arrive(r.PathValue("gate"))
	if !ok {
		http.NotFound(w, r)
		return
	}
	select {
	case <-open:
	case <-time.After(raceTimeout):
	case <-r.Context().Done():
	}
	a.labCount(w, r, s)
}

// races are the two races that a visitor may start. They are run by an HTTP client against this very server, as anybody's
// client would, through the same manager, store, routes and sign-out as the rest of the site.
type races struct {
	running chan struct{} // one at a time

	mu    sync.Mutex
	gates map[string]*gate
}

// gate holds a request inside its handler: after it loaded its session and before it changes it.
type gate struct{ arrived, open chan struct{} }

func newRaces() *races {
	return &races{running: make(chan struct{}, 1), gates: make(map[string]*gate)}
}

// newGate returns a closed gate and a name that nobody can guess.
func (rs *races) newGate() (name string, g *gate) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	name, g = rand.Text(), &gate{arrived: make(chan struct{}), open: make(chan struct{})}
	rs.gates[name] = g
	return name, g
}

// arrive lets one request through to the gate.
func (rs *races) arrive(name string) (open <-chan struct{}, ok bool) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	g, ok := rs.gates[name]
	if !ok {
		return nil, false
	}
	delete(rs.gates, name)
	close(g.arrived)
	return g.open, true
}

// remove forgets a gate at which nobody arrived.
func (rs *races) remove(name string) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	delete(rs.gates, name)
}

// racer is a client that shows the cookies it is told to and keeps none.
type racer struct {
	http.Client
	base string
}

type answer struct {
	status int
	cookie string // "name=value" if the response set one
	body   string
}

// newRacer returns a client of the server that r came to: by the address of the connection, which unlike the Host header
// is not the client's to say.
func newRacer(r *http.Request) *racer {
	c := &racer{}
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		c.base = "http://" + local.String()
	}
	c.Transport = &http.Transport{MaxIdleConnsPerHost: raceIncrements}
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c
}

func (c *racer) do(ctx context.Context, method, path, cookie string) (got answer, err error) {
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, nil)
	if err != nil {
		return got, err
	}
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	resp, err := c.Do(r)
	if err != nil {
		return got, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	got = answer{status: resp.StatusCode, body: string(body)}
	if set := resp.Header.Get("Set-Cookie"); set != "" {
		got.cookie, _, _ = strings.Cut(set, ";")
	}
	return got, err
}
