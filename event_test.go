package sojourn_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

func TestEventKind_eachHasANameAndALevel(t *testing.T) {
	levels := map[slog.Level]int{}
	names := map[string]sojourn.EventKind{}
	for k := sojourn.EventCreate; k <= sojourn.EventError; k++ {
		name := k.String()
		if strings.Contains(name, "EventKind") || name != strings.ToLower(name) {
			t.Errorf("kind %d is called %q", int(k), name)
		}
		if other, taken := names[name]; taken {
			t.Errorf("kinds %d and %d are both called %q", int(other), int(k), name)
		}
		names[name] = k
		levels[k.Level()]++
	}
	if got := (sojourn.EventError + 1).String(); got != fmt.Sprintf("EventKind(%d)", int(sojourn.EventError)+1) {
		t.Errorf("an unknown kind is called %q", got)
	}
	if levels[slog.LevelInfo] != 6 || levels[slog.LevelError] != 1 || levels[slog.LevelWarn] != len(names)-7 {
		t.Errorf("got levels %v", levels)
	}
}

func TestEvent_logsWhatItHas(t *testing.T) {
	var b bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&b, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	id, err := sojourn.ParseID("000102030405060708090a0b0c0d0e0f")
	if err != nil {
		t.Fatal(err)
	}
	log.Info("x", "e", sojourn.Event{Kind: sojourn.EventExpire, ID: id, Err: errors.New("why")})
	log.Info("x", "e", sojourn.Event{Kind: sojourn.EventForgedKey})
	want := `{"level":"INFO","msg":"x","e":{"kind":"expire","id":"000102030405060708090a0b0c0d0e0f","err":"why"}}
{"level":"INFO","msg":"x","e":{"kind":"forged key"}}
`
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}

// Without an observer, what is suspicious or failed goes to slog.Default(), and nothing else.
func TestEvent_defaultObserverLogsWarnAndAbove(t *testing.T) {
	var b bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&b, nil)))
	defer slog.SetDefault(before)
	m := newManager(t, newRigStore(), sojourn.Config{})
	h := m.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *sojourn.Session) { s.Set("x", 1) })
	c := newBrowser(t, h)
	c.get("/")
	if b.Len() > 0 {
		t.Errorf("a new session logged %s", b.String())
	}
	c.cookies[hostID] = "forged"
	c.get("/")
	if !strings.Contains(b.String(), "level=WARN") || !strings.Contains(b.String(), `event.kind="forged key"`) {
		t.Errorf("a forged token logged %q", b.String())
	}
}

func TestCookie_printsWithoutItsSecrets(t *testing.T) {
	secret := []byte("0123456789abcdefghijklmnopqrstuvwxyzABCDEFG")
	c := sojourn.Cookie{Name: "id", Secrets: [][]byte{secret}}
	text, err := json.Marshal(map[string]any{"cookie": c, "config": struct{ Cookie sojourn.Cookie }{c}})
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "cookie", c)
	for _, shown := range []string{
		string(text), log.String(),
		fmt.Sprintf("%v %+v %#v %s %q %x %d", c, c, c, c, c, c, c),
		fmt.Sprintf("%+v %v", sojourn.Config{Cookie: c}, sojourn.Config{Cookie: c}),
	} {
		for _, form := range []string{string(secret), fmt.Sprintf("%x", secret), fmt.Sprint(secret), "MDEyMzQ1"} {
			if strings.Contains(shown, strings.Trim(form, "[]")) {
				t.Errorf("the secret shows in %s", shown)
			}
		}
		if !strings.Contains(shown, "Secrets:1") {
			t.Errorf("got %s, want the number of secrets", shown)
		}
	}
}

// An observer may ask for the session of the request, or hand ctx to a log handler that does. A bad value can be found in
// the middle of a commit: it finds none, and does not wait for itself.
func TestObserve_badValue_findsNoSession(t *testing.T) {
	var found error
	kind := sojourn.Field[int]("n")
	m := newManager(t, newRigStore(), sojourn.Config{Observe: func(ctx context.Context, e sojourn.Event) {
		if e.Kind == sojourn.EventBadValue {
			_, found = sojourn.Load(ctx)
		}
	}})
	h := m.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *sojourn.Session) {
		s.Set("n", "no number")
		kind.Get(s)
	})
	done := make(chan struct{})
	go func() {
		defer close(done)
		newBrowser(t, h).get("/")
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("the observer waits for itself")
	}
	if !errors.Is(found, sojourn.ErrNoManager) {
		t.Errorf("the observer found a session: %v", found)
	}
}

// What no event has told of would be an empty 500 and nothing else.
func TestError_thatNoEventToldOf_isLogged(t *testing.T) {
	var b strings.Builder
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&b, nil)))
	defer slog.SetDefault(before)
	w := httptest.NewRecorder()
	sojourn.Error(w, httptest.NewRequest("GET", "/", nil), sojourn.ErrNoManager)
	if w.Code != http.StatusInternalServerError || !strings.Contains(b.String(), sojourn.ErrNoManager.Error()) {
		t.Errorf("got %d and the log %q, want a 500 and its reason", w.Code, b.String())
	}
	b.Reset()
	sojourn.Error(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil), sojourn.ErrTooLarge)
	if b.Len() > 0 {
		t.Errorf("got the log %q, want nothing beside the event", b.String())
	}
}
