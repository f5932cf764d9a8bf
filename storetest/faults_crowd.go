package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

// faultCrowd is many clients of several users and two realms, over one store that fails at random.
type faultCrowd struct {
	*faultSite
	faultTally
	opts   FaultOptions
	realms [2]*faultCrowdRealm
	moment atomic.Int64 // orders what clients know
	jumps  atomic.Int64 // of the clock, each of faultJump

	graveMu sync.Mutex
	graves  []faultGrave
}

type faultCrowdRealm struct {
	n     int // in faultCrowd.realms
	cfg   sojourn.Config
	nodes [2]*sojourn.Manager
	users []*faultUser
	limit int
}

// faultGrave is a token that opens nothing any more.
type faultGrave struct {
	token string
	of    *faultCrowdRealm
}

const (
	faultUsers  = 3
	faultLimit  = 4
	faultGraves = 512
	// faultPatience is how long a store that says nothing is waited for. A call of a busy engine must not take that long:
	// it would be given up by its client, and have its effect when the truth about it is known already.
	faultPatience = 2 * time.Second
	// faultJumps is after how many bursts, on average, the clock jumps by faultJump and every session is due for renewal.
	faultJumps = 200
	faultJump  = siteRenew + time.Second
)

// checkFaultCrowd has clients make requests until the store has been called often enough.
func checkFaultCrowd(t *testing.T, st sojourn.Store, opts FaultOptions) {
	began := time.Now()
	c := newFaultCrowd(t, st, opts)
	c.fail.set(c.faults())
	clients := make([]*faultClient, opts.Clients)
	var done sync.WaitGroup
	for i := range clients {
		clients[i] = newFaultClient(c, i)
		done.Go(func() {
			for c.faulty.Count() < opts.Operations && !t.Failed() {
				clients[i].step()
			}
		})
	}
	done.Wait()
	operations := c.faulty.Count()
	c.fail.off()
	for _, client := range clients {
		client.settle()
	}
	c.checkEnd(clients)
	for _, text := range c.told {
		c.violation("an event tells what the driver said: %q", text)
	}
	t.Logf("seed %d: %d operations, %d faults, %d requests, %d changes acknowledged, %d sessions ended, %d violations, in %v",
		opts.Seed, operations, c.injected, c.requests, c.acknowledged, c.ended, c.violations, time.Since(began).Round(time.Millisecond))
}

func newFaultCrowd(t *testing.T, st sojourn.Store, opts FaultOptions) *faultCrowd {
	c := &faultCrowd{opts: opts, faultTally: faultTally{tb: t, seed: opts.Seed}}
	c.faultSite = newFaultSite(t, st, faultTime, func(cfg *sojourn.Config) {
		cfg.Lifetime.Absolute = 365 * 24 * time.Hour
		cfg.Timeout, cfg.LoadTimeout = faultPatience, faultPatience
	})
	c.gate.ask(t.Context())
	for i := range c.realms {
		realm := &faultCrowdRealm{n: i, cfg: c.cfg}
		realm.cfg.Realm = fmt.Sprint("realm-", i)
		if c.gate.index != nil && i == 1 {
			realm.limit, realm.cfg.MaxSessions = faultLimit, faultLimit
		}
		realm.nodes = c.realmNodes(realm, c.latest)
		for n := range faultUsers {
			realm.users = append(realm.users, &faultUser{realm: realm, name: fmt.Sprintf("user-%d-%s", n, c.subject)})
		}
		c.realms[i] = realm
	}
	return c
}

// faults returns what happens to store calls.
func (c *faultCrowd) faults() func(string, sojourn.Key) error {
	late := context.DeadlineExceeded
	errs := []error{Timeout(), AfterCall(Timeout())} // one in a few hundred: each takes its time
	for range 50 {
		errs = append(errs, errDriver, errDriver, AfterCall(errDriver), AfterCall(errDriver), late, AfterCall(late),
			Cancelled(), Slow(100*time.Microsecond), sojourn.ErrConflict, sojourn.ErrNewer)
	}
	sometimes := Sometimes(c.opts.Rate, c.opts.Seed, errs...)
	return func(op string, key sojourn.Key) error {
		err := sometimes(op, key)
		if errors.Is(err, sojourn.ErrConflict) && op != OpUpdate && op != OpPatch || errors.Is(err, sojourn.ErrNewer) && op != OpLoad {
			return nil
		}
		if err != nil {
			c.add(&c.injected, 1)
		}
		return err
	}
}

func (c *faultCrowd) tick() int64 { return c.moment.Add(1) }

// realmNodes returns two nodes of a realm by the clock now.
func (c *faultCrowd) realmNodes(realm *faultCrowdRealm, now func() time.Time) (nodes [2]*sojourn.Manager) {
	cfg := realm.cfg
	cfg.Now = now
	for i := range nodes {
		nodes[i] = c.manager(cfg)
	}
	return nodes
}

// latest is the time of whoever has seen all jumps.
func (c *faultCrowd) latest() time.Time {
	return time.Now().Add(time.Duration(c.jumps.Load()) * faultJump)
}

// bury keeps a token that must not open anything from now on.
func (c *faultCrowd) bury(g faultGrave) {
	c.add(&c.ended, 1)
	c.graveMu.Lock()
	defer c.graveMu.Unlock()
	if len(c.graves) < faultGraves {
		c.graves = append(c.graves, g)
		return
	}
	c.graves[c.moment.Load()%faultGraves] = g
}

func (c *faultCrowd) grave(random *rand.Rand) (faultGrave, bool) {
	c.graveMu.Lock()
	defer c.graveMu.Unlock()
	if len(c.graves) == 0 {
		return faultGrave{}, false
	}
	return c.graves[random.IntN(len(c.graves))], true
}

// checkEnd holds, with a store that is well again, that what is dead stays dead, that limits hold again, and that all
// sessions of a user can be ended.
func (c *faultCrowd) checkEnd(clients []*faultClient) {
	for _, g := range c.graves {
		for _, m := range g.of.nodes {
			if v := c.do(m, g.token, faultNothing); v.ran && v.begun.live {
				c.violation("at the end a dead token opens a session of %q", v.begun.subject)
			}
		}
	}
	if c.gate.index == nil {
		return
	}
	ctx := context.Background()
	for _, realm := range c.realms {
		m := realm.nodes[0]
		for _, user := range realm.users {
			v := c.do(m, "", func(_ context.Context, ses *sojourn.Session) error {
				ses.Login(user.name)
				return nil
			})
			entries, err := m.Sessions(ctx, user.name)
			if !v.ok() || err != nil || realm.limit > 0 && len(entries) > realm.limit {
				c.violation("at the end a login got status %d, and the user has %d sessions (%v), limit %d", v.status, len(entries), err, realm.limit)
			}
			if _, err := m.RevokeAll(ctx, user.name); err != nil {
				c.violation("at the end: %v", err)
			}
			if entries, err := m.Sessions(ctx, user.name); err != nil || len(entries) > 0 {
				c.violation("after the end of all sessions there are %d (%v)", len(entries), err)
			}
		}
	}
	for _, client := range clients {
		if s := client.session; s != nil && s.subject != "" {
			if v := c.do(client.realm.nodes[1], client.token, faultNothing); v.begun.live {
				c.violation("a session outlived the end of all its user's")
			}
		}
	}
}

func faultNothing(context.Context, *sojourn.Session) error { return nil }

// faultClient is one browser with several tabs.
type faultClient struct {
	*faultCrowd
	n       int
	made    int // sessions so far
	random  *rand.Rand
	realm   *faultCrowdRealm
	token   string
	session *faultSession // nil: none

	// nodes are those that the client talks to, by realm. Their clock jumps between bursts only, so that no request under
	// way becomes a late one.
	nodes [2][2]*sojourn.Manager
	seen  atomic.Int64 // jumps

	lately faultDiary
}

func newFaultClient(c *faultCrowd, n int) *faultClient {
	client := &faultClient{
		faultCrowd: c, n: n, random: rand.New(rand.NewPCG(c.opts.Seed, uint64(n)+1)), realm: c.realms[n%len(c.realms)],
	}
	for i, realm := range c.realms {
		client.nodes[i] = c.realmNodes(realm, client.clock)
	}
	return client
}

func (c *faultClient) clock() time.Time {
	return time.Now().Add(time.Duration(c.seen.Load()) * faultJump)
}

func (c *faultClient) node() *sojourn.Manager { return c.nodeOf(c.realm) }

func (c *faultClient) nodeOf(realm *faultCrowdRealm) *sojourn.Manager {
	nodes := c.nodes[realm.n]
	return nodes[c.random.IntN(len(nodes))]
}

func (c *faultClient) user() *faultUser { return c.realm.users[c.random.IntN(len(c.realm.users))] }

// step does something, in one or several requests.
func (c *faultClient) step() {
	if c.random.IntN(faultJumps) == 0 {
		c.jumps.Add(1)
	}
	c.seen.Store(c.jumps.Load())
	c.lately.note("-- jump %d, session %v, token %.12s", c.seen.Load(), c.session, c.token)
	n := c.random.IntN(100)
	switch s := c.session; {
	case n < 6:
		c.probe()
	case s == nil:
		c.enter(n < 40)
	case n < 55:
		c.burst(leadNothing)
	case n < 64:
		c.burst(leadRenew)
	case n < 74:
		c.burst(leadLogin)
	case n < 80:
		c.burst(leadLogout)
	case n < 85:
		c.switchUser()
	case n < 95 || s.subject == "" || c.gate.index == nil:
		c.read()
	case n < 97:
		c.list()
	default:
		c.revoke(n == 98)
	}
}

// probe presents what opens nothing: a dead token, or one of the other realm.
func (c *faultClient) probe() {
	token, realm := c.token, c.realms[0]
	if realm == c.realm {
		realm = c.realms[1]
	}
	if g, ok := c.grave(c.random); ok && c.random.IntN(3) > 0 {
		token, realm = g.token, g.of
	}
	v := c.request(c.nodeOf(realm), token, faultNothing)
	if v.ran && v.begun.live || v.cookie != "" {
		c.violation("a token that is dead, or of another realm, opens a session of %q (cookie %q)", v.begun.subject, v.cookie)
	}
}

// request makes a request and checks what holds for each.
func (c *faultClient) request(m *sojourn.Manager, token string, f func(context.Context, *sojourn.Session) error) *faultVisit {
	v := c.do(m, token, f)
	c.lately.note("token %.12s: %v", token, v)
	c.add(&c.requests, 1)
	switch {
	case !v.ok() && v.status != 409 && v.status != 503:
		c.violation("status %d", v.status)
	case !v.ok() && v.cookie == "set" && v.gave == nil: // else it is that of a renewal in time
		c.violation("an error sets a cookie: %v", v.ops())
	case len(v.ops()) > 12:
		c.violation("%d store calls: %v", len(v.ops()), v.ops())
	}
	return v
}

// receive takes a response's cookie.
func (c *faultClient) receive(v *faultVisit, may ...string) {
	if v.cookie != "" && !slices.Contains(may, v.cookie) {
		c.violation("a response that may not has cookie %q", v.cookie)
	}
	if v.cookie != "" {
		c.token = v.token
	}
}
