package postgresstore_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	postgresstore "github.com/sojourn-go/sojourn/stores/postgres"
)

// The application's clock and the database's are ten minutes apart. The database's decides what has expired; whose clock a
// login and "end all" are ordered by, the docs say.
func TestClocksTenMinutesApart(t *testing.T) {
	for _, skew := range []time.Duration{-10 * time.Minute, 10 * time.Minute} { // of the database
		t.Run(fmt.Sprint(skew), func(t *testing.T) {
			database := newMovedClock(t)
			database.set(t, skew)
			st := openAt(t, database.pool, postgresstore.Config{Table: table()})
			now := time.Now()
			m, err := sojourn.New(st, sojourn.Config{
				Lifetime: sojourn.Lifetime{Idle: time.Hour, Absolute: 24 * time.Hour},
				Now:      func() time.Time { return now },
			})
			if err != nil {
				t.Fatal(err)
			}
			pass := func(d time.Duration) {
				now = now.Add(d)
				database.advance(t, d)
			}
			site := &skewed{t: t, m: m}

			cookie, _ := site.request(nil, func(s *sojourn.Session) { s.Login("ada"); s.Set("n", 1) })
			cookie, subject := site.request(cookie, func(s *sojourn.Session) { s.Set("n", 2) })
			if subject != "ada" {
				t.Fatalf("after the login the session is of %q", subject)
			}
			list, err := m.Sessions(t.Context(), "ada")
			if err != nil || len(list) != 1 || list[0].TTL < 59*time.Minute || list[0].TTL > time.Hour {
				t.Errorf("Sessions: got %+v, %v", list, err)
			}
			// Use extends it by an hour of the database's, and not by more or less.
			for range 3 {
				pass(50 * time.Minute)
				if _, subject = site.request(cookie, nil); subject != "ada" {
					t.Fatal("the session did not live as long as it was used")
				}
			}
			pass(59 * time.Minute)
			if n := count(t, st); n != 1 {
				t.Errorf("after 59 minutes %d sessions live, want 1", n)
			}
			pass(2 * time.Minute)
			if _, subject = site.request(cookie, nil); subject != "" {
				t.Errorf("after an idle timeout the session is of %q", subject)
			}

			cookie, _ = site.request(nil, func(s *sojourn.Session) { s.Login("ada") })
			if n, err := m.RevokeAll(t.Context(), "ada"); err != nil || n != 1 {
				t.Fatalf("RevokeAll: got %d, %v", n, err)
			}
			if _, subject = site.request(cookie, nil); subject != "" {
				t.Errorf("after RevokeAll the session is of %q", subject)
			}
			// A login after it: at once, or when the application's clock has passed the database's mark.
			pass(10*time.Minute + time.Second)
			cookie, _ = site.request(nil, func(s *sojourn.Session) { s.Login("ada") })
			if _, subject = site.request(cookie, nil); subject != "ada" {
				t.Errorf("a login ten minutes after RevokeAll is of %q", subject)
			}
		})
	}
}

// count is how many sessions live.
func count(t *testing.T, st *postgresstore.Store) int {
	t.Helper()
	list, _, err := st.List(t.Context(), "", 100)
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// skewed makes requests to a manager.
type skewed struct {
	t *testing.T
	m *sojourn.Manager
}

// request returns the client's cookie afterwards, and whose session it presented.
func (s *skewed) request(cookie *http.Cookie, do func(*sojourn.Session)) (*http.Cookie, string) {
	s.t.Helper()
	r := httptest.NewRequest("POST", "https://example.org/", nil)
	if cookie != nil {
		r.AddCookie(cookie)
	}
	subject := ""
	w := httptest.NewRecorder()
	s.m.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, ses *sojourn.Session) {
		subject = ses.Subject()
		if do != nil {
			do(ses)
		}
	}).ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		s.t.Errorf("status %d", w.Code)
	}
	for _, set := range w.Result().Cookies() {
		cookie = set
	}
	return cookie, subject
}
