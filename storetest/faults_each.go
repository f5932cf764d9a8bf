package storetest

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

// faultMargin is how many store calls more than without a fault a request may make: one to look again after a conflict or
// a lost acknowledgement, and one to try again or to clear up. A renewal in time that lost a race goes on without, so over
// a store without a Patcher its change may lose once more.
const faultMargin = 3

// faultCase is one request with one fault.
type faultCase struct {
	*faultSite
	st   sojourn.Store // without faults
	work *faultWork
	kind faultKind
	at   int // the call that fails, from 1; 0: none

	node  *sojourn.Manager // that answers
	token string           // that the request presents
	id    sojourn.ID
	old   string // what it opens before
	peers []faultPeer
	eve   string // a stranger's token
	twin  string // the subject's in the other realm
	hit   atomic.Bool
	took  time.Duration // the request
}

type faultPeer struct {
	token string
	id    sojourn.ID
}

// checkEachFault has each store call of each kind of request fail in each way.
func checkEachFault(t *testing.T, st sojourn.Store, _ FaultOptions) {
	index := newGateStore(st).ask(t.Context()).index
	var faults atomic.Int64
	var tests []subtest
	for _, work := range faultWorks() {
		tests = append(tests, subtest{work.name, func(t *testing.T) {
			if work.byIndex() && index == nil {
				t.Skip("the store has no SubjectIndex")
			}
			well := newFaultCase(t, st, &work, faultKind{name: "no fault"}, 0, faultTime)
			ops, _ := well.run(nil)
			haste := max(faultTime, 4*well.took)
			for at := range ops {
				for _, kind := range faultKinds() {
					if !kind.fits(ops[at]) || kind.stale && work.of == "none" {
						continue
					}
					if hitInTime(t, st, &work, kind, at+1, haste, ops) {
						faults.Add(1)
					}
				}
			}
			t.Logf("%d store calls: %s", len(ops), strings.Join(ops, " "))
		}})
	}
	concurrently(t, gainfulWidth(t, st), tests)
	t.Logf("%d requests with a fault each: each time an error or the truth", faults.Load())
}

// hitInTime runs a case, and again with more time if the calls before the one that was to fail took all there was.
func hitInTime(t *testing.T, st sojourn.Store, work *faultWork, kind faultKind, at int, haste time.Duration, well []string) bool {
	for range 4 {
		if _, hit := newFaultCase(t, st, work, kind, at, haste).run(well); hit {
			return true
		}
		haste *= 4
	}
	t.Logf("%s at call %d: the machine was too slow to get there", kind.name, at)
	return false
}

// newFaultCase opens a site, and the sessions that the request is about or must leave alone.
func newFaultCase(t *testing.T, st sojourn.Store, work *faultWork, kind faultKind, at int, haste time.Duration) *faultCase {
	c := &faultCase{st: st, work: work, kind: kind, at: at}
	c.faultSite = newFaultSite(t, st, haste, func(cfg *sojourn.Config) { cfg.MaxSessions = work.limit })
	for range work.peers {
		token, id := c.open(c.nodes[0], c.subject, faultFill)
		c.peers = append(c.peers, faultPeer{token, id})
	}
	maker := c.nodes[0]
	if work.brief {
		maker = c.brief
	}
	switch work.of {
	case "none":
	case "own":
		c.token, c.id = c.open(maker, c.subject, c.fill)
	case "other":
		c.token, c.id = c.open(maker, "bob-"+c.subject, c.fill)
	default:
		c.token, c.id = c.open(maker, "", c.fill)
	}
	c.eve, _ = c.open(c.nodes[0], "eve-"+c.subject, nil)
	c.twin, _ = c.open(c.abroad, c.subject, nil)
	if kind.stale {
		// The Faulty must have seen two states that differ in values.
		c.look(c.token)
		c.do(c.brief, c.token, func(_ context.Context, ses *sojourn.Session) error {
			faultFill(ses)
			return nil
		})
	}
	if work.due {
		c.advance(siteRenew + time.Second)
	}
	c.old = c.picture(c.look(c.token))
	c.node = c.nodes[0]
	return c
}

func faultFill(ses *sojourn.Session) {
	siteCounter.Set(ses, 5)
	faultNotice.Set(ses, "hi")
}

func (c *faultCase) fill(ses *sojourn.Session) {
	faultFill(ses)
	if c.kind.stale {
		siteCounter.Set(ses, 3) // what a stale Load tells
		faultNotice.Set(ses, "long ago")
	}
}

func (c *faultCase) errorf(format string, args ...any) {
	c.tb.Helper()
	c.tb.Errorf("%s, %s at call %d: "+format, append([]any{c.work.name, c.kind.name, c.at}, args...)...)
}

// run makes the request with its fault, checks what the client may believe, and returns the request's store calls, and
// whether the fault was met. well are those it makes without a fault.
func (c *faultCase) run(well []string) (ops []string, hit bool) {
	deadline := c.deadline()
	c.arm(well)
	began := time.Now()
	v := c.do(c.node, c.token, c.work.do(c))
	c.took = time.Since(began)
	c.fail.off()
	if c.at > 0 && !c.hit.Load() {
		if c.kind.hasty {
			return v.ops(), false // a call before it was given up, and may have its effect later
		}
		c.errorf("the request came without its fault: calls %q", v.x.calls())
	}
	c.checkCalls(v, well)
	client := browser{c.token}
	client.receive(v.answer)
	c.checkHandler(v)
	if c.kind.evict {
		c.checkEvicted(v, client.token)
	} else {
		c.checkAnswer(v, client.token)
		if c.work.then != nil {
			c.work.then(c, v.ok())
		}
		if later := c.deadline(); !strings.Contains(c.work.name, "login") && later.After(deadline) {
			c.errorf("the deadline moved from %v to %v without a login", deadline, later)
		}
	}
	c.checkOthers()
	c.checkRecovery(&client)
	for _, text := range c.told {
		c.errorf("an event tells what the driver said: %q", text)
	}
	return v.ops(), true
}

// arm has call number at fail, and chooses the node that has little time for it.
func (c *faultCase) arm(well []string) {
	if c.at == 0 {
		return
	}
	if c.kind.hasty {
		c.node = c.hurried
		if c.at == 1 && well[0] == OpLoad {
			c.node = c.hasty
		}
	}
	var calls atomic.Int64
	c.fail.set(func(string, sojourn.Key) error {
		if calls.Add(1) != int64(c.at) {
			return nil
		}
		c.hit.Store(true)
		if c.kind.evict && !c.id.IsZero() {
			if err := c.st.Delete(context.Background(), c.id.Key()); err != nil {
				c.errorf("evict: %v", err)
			}
		}
		return c.kind.err
	})
}

// checkCalls holds the bound of what a request costs (I7), and that no write is made again after an answer that tells
// nothing.
func (c *faultCase) checkCalls(v *faultVisit, well []string) {
	ops := v.ops()
	if c.at > 0 && len(ops) > len(well)+faultMargin {
		c.errorf("%d store calls (%v), without the fault %d", len(ops), ops, len(well))
	}
	if !c.kind.ambiguous || len(ops) < c.at {
		return
	}
	failed, rest := ops[c.at-1], ops[c.at:]
	switch {
	case failed == OpLoad || strings.HasPrefix(c.work.name, "Commit"):
	case failed == OpUpdate && len(rest) > 0 && rest[0] == OpLoad && v.ok(): // it was settled, and others may follow
	case slices.Contains(rest, failed):
		c.errorf("%s was made again after an error that tells nothing: %v", failed, ops)
	}
}

// checkHandler holds that the handler had the client's session, or none at all: an outage is not a visitor.
func (c *faultCase) checkHandler(v *faultVisit) {
	got := c.picture(v.begun)
	switch {
	case !v.ran, got == c.old:
	case c.kind.evict && got == "none":
	case c.kind.stale && got == strings.NewReplacer("counter=5", "counter=3", `"hi"`, `"long ago"`).Replace(c.old):
	default:
		c.errorf("the handler got %q, the client's session is %q", got, c.old)
	}
}

// checkAnswer compares what the client was told with what is so.
func (c *faultCase) checkAnswer(v *faultVisit, token string) {
	got := c.picture(c.look(token))
	if v.ok() {
		if got != c.work.want && (!c.kind.stale || got != c.work.lagging) {
			c.errorf("success, but the client's token opens %q, want %q", got, c.work.want)
		}
		if want := c.work.cookie; v.cookie != want && (want != "may" || v.cookie == "removed") {
			c.errorf("success with cookie %q, want %q", v.cookie, want)
		}
		if opens := c.picture(c.look(c.token)); v.cookie != "" && !c.work.late && opens != "none" {
			c.errorf("success, but the token before still opens %q", opens)
		}
		return
	}
	if c.kind.harmless || c.at == 0 {
		c.errorf("status %d", v.status)
	}
	if got != c.old && got != c.work.want && !slices.Contains(c.work.orElse, got) && (v.cookie != "removed" || got != "none") {
		c.errorf("error %d, and the client's token opens %q: before %q, wanted %q", v.status, got, c.old, c.work.want)
	}
	logout := v.ran && strings.HasPrefix(c.work.name, "logout")
	switch v.cookie {
	case "":
		if logout {
			c.errorf("a logout that failed leaves the client its cookie")
		}
	case "removed":
		if !logout {
			c.errorf("an error removes the cookie")
		}
	default:
		if !c.work.partly {
			c.errorf("an error sets a cookie")
		}
	}
}

// checkEvicted holds that a record that the engine lost stays lost, with all that was in it.
func (c *faultCase) checkEvicted(v *faultVisit, token string) {
	if got := c.picture(c.look(c.token)); got != "none" && c.work.of != "none" {
		c.errorf("a lost record came back: %q", got)
	}
	if c.work.of == "none" {
		return
	}
	got := c.picture(c.look(token))
	named := strings.Contains(c.work.name, "login") && v.ok() && c.work.want == got // it was lost after it had been read
	for _, text := range []string{"cart=", "counter=5", "counter=6", "notice="} {
		if strings.Contains(got, text) && !named {
			c.errorf("values of a lost record came back: %q", got)
		}
	}
	if v.cookie == "set" && v.ok() && got == "none" && c.at < len(v.ops()) {
		c.errorf("success sets a cookie that opens nothing")
	}
	if v.ok() && v.cookie == "" && strings.Contains(c.work.name, "value") && c.at < len(v.ops()) {
		c.errorf("a change of a lost record was acknowledged")
	}
}

// checkOthers holds that sessions which the request was not about are as they were (I3).
func (c *faultCase) checkOthers() {
	if v := c.look(c.eve); v.subject != "eve-"+c.subject || v.values.Len() != 1 {
		c.errorf("a stranger's session is now %+v", v)
	}
	if v := c.abroadLook(c.twin); v.subject != c.subject || v.values.Len() != 1 {
		c.errorf("the subject's session in the other realm is now %+v", v)
	}
	if v := c.look(c.twin); v.live {
		c.errorf("a token of the other realm opens %q", c.picture(v))
	}
	if c.token == "" {
		return
	}
	if v := c.abroadLook(c.token); v.live {
		c.errorf("the client's token opens %q in the other realm", c.picture(v))
	}
}

// checkRecovery holds that everything works again once the store does.
func (c *faultCase) checkRecovery(client *browser) {
	count := func(_ context.Context, ses *sojourn.Session) error {
		siteCounter.Update(ses, func(n int) int { return n + 1 })
		return nil
	}
	before := siteCounterOf(c.look(client.token))
	c.advance(time.Second) // a login in the very millisecond of a revocation counts as one before it
	steps := []struct {
		name string
		do   func(context.Context, *sojourn.Session) error
		ok   func(v sight) bool
	}{
		{"a change", count, func(v sight) bool { return v.live && siteCounterOf(v) == before+1 }},
		{"a login", func(_ context.Context, ses *sojourn.Session) error {
			ses.Login(c.subject)
			return nil
		}, func(v sight) bool { return v.subject == c.subject }},
		{"a logout", func(_ context.Context, ses *sojourn.Session) error {
			ses.Logout()
			return nil
		}, func(v sight) bool { return !v.live }},
	}
	for _, step := range steps {
		token := client.token
		a := c.do(c.nodes[1], token, step.do)
		client.receive(a.answer)
		if got := c.look(client.token); !a.ok() || !step.ok(got) {
			c.errorf("the store is well again, but %s gets status %d and %q", step.name, a.status, c.picture(got))
		}
		if step.name == "a logout" && c.look(token).live {
			c.errorf("the store is well again, but a logout leaves its token")
		}
	}
}

// deadline returns that of the session that the request is about, zero if it is gone.
func (c *faultCase) deadline() time.Time {
	if c.id.IsZero() {
		return time.Time{}
	}
	state, err := c.st.Load(context.Background(), c.id.Key())
	if err != nil {
		return time.Time{}
	}
	return state.Facts.Deadline
}

// siteCounterOf returns the counter, 0 if there is none.
func siteCounterOf(v sight) int {
	n, _ := strconv.Atoi(v.values.Get(string(siteCounter)))
	return n
}
