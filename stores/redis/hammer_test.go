package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/sojourn-go/sojourn"
	redisstore "github.com/sojourn-go/sojourn/stores/redis"
)

var errCrash = errors.New("the process has crashed here, or so the test says")

// crashing is a client under which calls end before, after or long before their command is done: what a process leaves
// that crashes between two steps, or whose packets are late.
type crashing struct {
	rueidis.Client
	rate float64
	late atomic.Int64 // commands that run after their callers have given up
	ends atomic.Int64 // how often
}

func (c *crashing) Do(ctx context.Context, cmd rueidis.Completed) rueidis.RedisResult {
	cmd = cmd.Pin() // it may be run twice
	return c.crash(1, func() []rueidis.RedisResult {
		return []rueidis.RedisResult{c.Client.Do(context.WithoutCancel(ctx), cmd)}
	})[0]
}

func (c *crashing) DoMulti(ctx context.Context, multi ...rueidis.Completed) []rueidis.RedisResult {
	for i := range multi {
		multi[i] = multi[i].Pin()
	}
	return c.crash(len(multi), func() []rueidis.RedisResult { return c.Client.DoMulti(context.WithoutCancel(ctx), multi...) })
}

func (c *crashing) crash(n int, do func() []rueidis.RedisResult) []rueidis.RedisResult {
	if rand.Float64() >= c.rate {
		return do()
	}
	c.ends.Add(1)
	switch rand.IntN(3) {
	case 0: // before
	case 1: // after
		do()
	default: // late
		c.late.Add(1)
		go func() {
			defer c.late.Add(-1)
			time.Sleep(time.Duration(rand.IntN(20_000)) * time.Microsecond)
			do()
		}()
	}
	results := make([]rueidis.RedisResult, n)
	for i := range results {
		results[i] = rueidis.NewResult(rueidis.RedisMessage{}, errCrash)
	}
	return results
}

// rounds is how often a hammer strikes.
func rounds(tb testing.TB, usual int) int {
	if text := os.Getenv("SOJOURN_TEST_ROUNDS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			tb.Fatalf("SOJOURN_TEST_ROUNDS: %v", err)
		}
		return n * usual
	}
	if testing.Short() {
		return max(1, usual/4)
	}
	return usual
}

// TestHammer_noSurvivorAndNoOrphan has crowds log in, log out, list, trim and revoke one subject, while their processes
// crash between any two commands and their commands come late. Then, whatever happened:
//
//   - what the index lists is what there is, of all sessions in the database: no session that lives is missing, and none
//     that is gone is there;
//   - no session lives that was authenticated before an acknowledged revocation began;
//   - a limit that is applied without crashes holds exactly;
//   - nothing is left after a revocation without crashes, also of what comes later still.
func TestHammer_noSurvivorAndNoOrphan(t *testing.T) {
	for _, d := range []*deployment{
		deployments[0], deployments[1],
		{name: "sharded", addrs: deployments[0].addrs, cfg: redisstore.Config{Sharded: true}},
	} {
		t.Run(d.name, func(t *testing.T) {
			var h hammer
			for range rounds(t, 6) {
				h.round(t, d, 0.25)
				h.round(t, d, 0)
				if t.Failed() {
					break
				}
			}
			t.Logf("%d rounds, %d calls, %d commands lost, late or without an answer, %d acknowledged, %d refused, %d revocations: %d survivors, %d orphans",
				h.rounds, h.calls.Load(), h.crashes, h.acknowledged.Load(), h.refused.Load(), h.revocations.Load(), h.survivors, h.orphans)
		})
	}
}

type hammer struct {
	still                                     func() (release func()) // if not nil, keeps slots where they are
	rounds, survivors, orphans                int
	crashes                                   int64
	calls, acknowledged, refused, revocations atomic.Int64
}

func (h *hammer) round(t *testing.T, d *deployment, rate float64) {
	t.Helper()
	h.rounds++
	realm := sojourn.NewID().String()
	const subject = "ada"
	cfg := d.cfg
	cfg.Prefix = "hammer-" + d.name + ":"
	clean := d.openWith(t, cfg)
	var stores []*redisstore.Store
	var clients []*crashing
	for range 2 {
		c := &crashing{Client: d.client(t), rate: rate}
		st, err := redisstore.New(c, cfg)
		if err != nil {
			t.Fatal(err)
		}
		clients, stores = append(clients, c), append(stores, st)
	}
	login := func(ago time.Duration) sojourn.State {
		s := member(subject, time.Now().UTC().Add(-ago).Truncate(time.Millisecond), "n", "1")
		s.Facts.Realm = realm
		return s
	}
	var mu sync.Mutex
	var mark time.Time // the beginning of the last acknowledged revocation of all
	var crowd sync.WaitGroup
	for i := range 10 {
		crowd.Go(func() {
			st := stores[i%2]
			var mine sojourn.Key
			for range 12 {
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				h.calls.Add(1)
				switch n := rand.IntN(100); {
				case n < 30:
					key, err := st.Save(ctx, login(time.Duration(rand.IntN(20))*time.Millisecond), time.Hour)
					if err == nil {
						mine = key
					}
					h.count(t, err)
				case n < 60:
					visit := login(0)
					visit.Facts.Subject, visit.Facts.Authenticated = "", time.Time{}
					key, err := clean.Save(ctx, visit, time.Hour)
					if err != nil {
						t.Error(err)
						break
					}
					state := login(time.Duration(rand.IntN(20)) * time.Millisecond)
					state.Version = load(t, clean, key).Version
					if _, err = st.Update(ctx, key, state, time.Hour); err == nil {
						mine = key
					}
					h.count(t, err)
				case n < 70 && !mine.IsZero():
					h.count(t, st.Delete(ctx, mine))
				case n < 75:
					_, err := st.ListSubject(ctx, realm, subject)
					h.count(t, err)
				case n < 88:
					_, err := st.TrimSubject(ctx, realm, subject, 1+rand.IntN(4), mine.ID())
					h.count(t, err)
				default:
					began := time.Now()
					_, err := st.DeleteSubject(ctx, realm, subject, sojourn.ID{})
					if err == nil {
						h.revocations.Add(1)
						mu.Lock()
						if began.After(mark) {
							mark = began
						}
						mu.Unlock()
					}
					h.count(t, err)
				}
				cancel()
			}
		})
	}
	crowd.Wait()
	for _, c := range clients {
		waitFor(t, "late commands have come", func() error {
			if n := c.late.Load(); n > 0 {
				return fmt.Errorf("%d are under way", n)
			}
			return nil
		})
		h.crashes += c.ends.Load()
	}
	h.settled(t, clean, realm, subject, mark)
}

// count takes what a call answered. Only crashes may go wrong.
func (h *hammer) count(t *testing.T, err error) {
	switch {
	case err == nil:
		h.acknowledged.Add(1)
	case errors.Is(err, sojourn.ErrEnded), errors.Is(err, sojourn.ErrNotFound), errors.Is(err, sojourn.ErrConflict):
		h.refused.Add(1)
	case !errors.Is(err, errCrash):
		t.Errorf("a call without a crash failed: %v", err)
	}
}

func (h *hammer) settled(t *testing.T, st *redisstore.Store, realm, subject string, mark time.Time) {
	t.Helper()
	if h.still != nil {
		defer h.still()()
	}
	h.same(t, st, realm, subject, mark)
	// Two trims: the limit is exact, whatever crashed before.
	before := len(all(t, st, realm, subject))
	gone, err := st.TrimSubject(t.Context(), realm, subject, 2, sojourn.ID{})
	if after := len(all(t, st, realm, subject)); err != nil || after != min(before, 2) || len(gone) != before-after {
		t.Errorf("a trim to 2 of %d sessions left %d and told of %d: %v", before, after, len(gone), err)
	}
	h.same(t, st, realm, subject, mark)
	// A login that enters the index, and whose session comes after all was revoked.
	if n, err := st.DeleteSubject(t.Context(), realm, subject, sojourn.ID{}); err != nil || n != min(before, 2) {
		t.Errorf("revoking %d sessions: got %d, %v", min(before, 2), n, err)
	}
	if left := all(t, st, realm, subject); len(left) != 0 {
		h.survivors += len(left)
		t.Errorf("%d sessions are left after all were revoked", len(left))
	}
	h.same(t, st, realm, subject, time.Now())
}

// same compares the subject's list with what there is.
func (h *hammer) same(t *testing.T, st *redisstore.Store, realm, subject string, mark time.Time) {
	t.Helper()
	listed, err := st.ListSubject(t.Context(), realm, subject)
	if err != nil {
		t.Fatal(err)
	}
	there := all(t, st, realm, subject)
	for _, e := range listed {
		if _, ok := there[e.ID]; !ok {
			t.Errorf("session %v is listed and not there", e.ID)
		}
		delete(there, e.ID)
		if !mark.IsZero() && e.Facts.Authenticated.Before(mark.Add(-2*time.Millisecond)) {
			h.survivors++
			t.Errorf("session %v of %v survived a revocation that began at %v", e.ID, e.Facts.Authenticated, mark)
		}
	}
	for id := range there {
		h.orphans++
		t.Errorf("session %v lives and is not listed", id)
	}
}

// all are the subject's sessions, of all that there are.
func all(t *testing.T, st *redisstore.Store, realm, subject string) map[sojourn.ID]sojourn.Entry {
	t.Helper()
	found := make(map[sojourn.ID]sojourn.Entry)
	for cursor := ""; ; {
		page, next, err := st.List(t.Context(), cursor, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page {
			if e.Facts.Realm == realm && e.Facts.Subject == subject {
				found[e.ID] = e
			}
		}
		if cursor = next; next == "" {
			return found
		}
	}
}
