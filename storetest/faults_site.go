package storetest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

// faultSite is a site whose store fails when told to, with a second realm under the same cookie name.
type faultSite struct {
	*site
	faulty *Faulty
	fail   *faultSwitch
	cfg    sojourn.Config // of the nodes
	haste  time.Duration  // the little time
	// hasty gives its store calls little time while a session is loaded, hurried while it is committed. What settles an
	// ambiguous commit is a load, which a busy machine must not cut short.
	hasty, hurried *sojourn.Manager
	abroad         *sojourn.Manager // of the other realm

	mu   sync.Mutex
	told []string // what a log would have been told and must not
}

const faultRealm = "abroad"

func newFaultSite(tb testing.TB, st sojourn.Store, haste time.Duration, change func(*sojourn.Config)) *faultSite {
	tb.Helper()
	s := &faultSite{fail: new(faultSwitch), haste: haste}
	s.faulty = NewFaulty(st, s.fail.decide)
	s.site = newLiveSite(tb, newGateStore(s.faulty), func(cfg *sojourn.Config) {
		cfg.Observe = s.observe
		if change != nil {
			change(cfg)
		}
		s.cfg = *cfg
	})
	cfg := s.cfg
	cfg.LoadTimeout = haste
	s.hasty = s.manager(cfg)
	cfg = s.cfg
	cfg.Timeout = haste
	s.hurried = s.manager(cfg)
	cfg = s.cfg
	cfg.Realm = faultRealm
	s.abroad = s.manager(cfg)
	return s
}

// observe holds that an event's text names the operation and nothing that the driver said (I6).
func (s *faultSite) observe(_ context.Context, e sojourn.Event) {
	if e.Err == nil || !strings.Contains(e.Err.Error(), "hunter2") {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told = append(s.told, e.Err.Error())
}

const (
	faultPage   = "the handler's page"
	faultHeader = "X-Page"
	// faultEternity is when a request is taken to wait for ever for a store that does not answer.
	faultEternity = 2 * time.Minute
)

// faultVisit is one request under faults.
type faultVisit struct {
	answer
	x     exchange
	begun sight // the session as the handler got it
	ran   bool  // the handler got a session
	gave  error // the handler itself answered with an error
}

// do has m answer a request with token. f returns an error that the handler answers with; nil sends a page.
func (s *faultSite) do(m *sojourn.Manager, token string, f func(ctx context.Context, ses *sojourn.Session) error) *faultVisit {
	v := new(faultVisit)
	h := m.HandlerFunc(func(w http.ResponseWriter, r *http.Request, ses *sojourn.Session) {
		seeing(&v.begun)(w, r, ses)
		v.ran = true
		w.Header().Set(faultHeader, "1")
		if v.gave = f(r.Context(), ses); v.gave != nil {
			sojourn.Error(w, r, v.gave)
			return
		}
		_, _ = w.Write([]byte(faultPage)) // what it fails with is in the answer
	})
	r := httptest.NewRequest("POST", "https://example.org/", nil)
	if token != "" {
		r.Header.Set("Cookie", siteCookie+"="+token)
	}
	ctx, cancel := context.WithTimeout(r.Context(), faultEternity)
	defer cancel()
	r = r.WithContext(context.WithValue(ctx, exchangeKey{}, &v.x))
	w := httptest.NewRecorder()
	began := time.Now()
	h.ServeHTTP(w, r)
	if took := time.Since(began); took >= faultEternity {
		s.tb.Errorf("a request took %v, without an end of its own: calls %q", took, v.x.calls())
	}
	res := w.Result()
	v.answer = answerOf(s.tb, res)
	if err := v.proper(res.Header, w.Body.String()); err != nil {
		s.tb.Errorf("calls %q, status %d, cookie %q: %v", v.x.calls(), v.status, v.cookie, err)
	}
	return v
}

// proper checks what every response must be, whatever the store did (I5, I9).
func (v *faultVisit) proper(header http.Header, body string) error {
	cache := header.Get("Cache-Control")
	switch {
	case v.ok() && (body != faultPage || header.Get(faultHeader) == ""):
		return errors.New("a success without the handler's page")
	case !v.ok() && (body != "" || header.Get(faultHeader) != ""):
		return fmt.Errorf("an error with the handler's header or body %q", body)
	case v.ok() && (!v.ran || v.gave != nil):
		return errors.New("a success, but the handler had no session or answered with an error")
	case (v.cookie != "" || !v.ok()) && cache != "no-store":
		return fmt.Errorf("Cache-Control of an error or a cookie is %q", cache)
	case v.ok() && v.cookie == "" && cache != "private":
		return fmt.Errorf("Cache-Control of a page that read the session is %q", cache)
	case v.ran && !strings.Contains(strings.Join(header.Values("Vary"), ","), "Cookie"):
		return errors.New("no Vary: Cookie")
	}
	return nil
}

// String tells what the store was asked and what the client got.
func (v *faultVisit) String() string {
	v.x.mu.Lock()
	defer v.x.mu.Unlock()
	var b strings.Builder
	for _, step := range v.x.steps {
		fmt.Fprintf(&b, "%s", step.op)
		if step.err != nil {
			fmt.Fprintf(&b, " (%v)", step.err)
		}
		b.WriteString(", ")
	}
	fmt.Fprintf(&b, "status %d", v.status)
	if v.cookie != "" {
		fmt.Fprintf(&b, ", cookie %s %.12s", v.cookie, v.token)
	}
	if !v.begun.live {
		b.WriteString(", no session")
	}
	return b.String()
}

// ops are the store calls of the request.
func (v *faultVisit) ops() []string {
	return slices.DeleteFunc(strings.Fields(v.x.calls()), func(op string) bool { return op == "" })
}

// failures counts the store calls whose outcome the manager could not know.
func (v *faultVisit) failures(ops ...string) int {
	v.x.mu.Lock()
	defer v.x.mu.Unlock()
	n := 0
	for _, step := range v.x.steps {
		if step.err != nil && !faultAnswer(step.err) && (len(ops) == 0 || slices.Contains(ops, step.op)) {
			n++
		}
	}
	return n
}

// unsettled reports whether an Update may have changed the secret although nobody was told: its answer was lost, and the
// Load that was to settle it failed, or found nothing because what had become the subject's was ended at once.
func (v *faultVisit) unsettled() bool {
	v.x.mu.Lock()
	defer v.x.mu.Unlock()
	for i, step := range v.x.steps {
		if step.op != OpUpdate || step.err == nil || faultAnswer(step.err) || i+1 == len(v.x.steps) {
			continue
		}
		if next := v.x.steps[i+1]; next.op == OpLoad && next.err != nil {
			return true
		}
	}
	return false
}

func faultAnswer(err error) bool {
	return slices.ContainsFunc([]error{
		sojourn.ErrNotFound, sojourn.ErrConflict, sojourn.ErrTooLarge, sojourn.ErrEnded, errors.ErrUnsupported,
	}, func(answer error) bool { return errors.Is(err, answer) })
}

// picture is what a sight shows, as text: whose session, and its values in order.
func (s *faultSite) picture(v sight) string {
	if !v.live {
		return "none"
	}
	who := "somebody"
	switch v.subject {
	case "":
		who = "visitor"
	case s.subject:
		who = "own"
	case "bob-" + s.subject:
		who = "other"
	}
	var b strings.Builder
	b.WriteString(who)
	for name, text := range v.values.All() {
		fmt.Fprintf(&b, " %s=%s", name, text)
	}
	return b.String()
}

// abroadLook says what token opens in the other realm.
func (s *faultSite) abroadLook(token string) (v sight) {
	s.tb.Helper()
	if a := s.send(s.abroad, seeing(&v), nil, token); a.status != http.StatusOK {
		s.tb.Errorf("a look from the other realm got status %d", a.status)
	}
	return v
}

// within gives a handler's own store calls the little time that a hasty request has.
func (s *faultSite) within(ctx context.Context, hasty bool) (context.Context, context.CancelFunc) {
	if hasty {
		return context.WithTimeout(ctx, s.haste)
	}
	return context.WithTimeout(ctx, time.Minute)
}
