package sojourn_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sojourn-go/sojourn"
)

// Attacks, item 34: a client's own text in lists, logs and terminals. SEC-70.

func TestLabel_isMadeHarmless(t *testing.T) {
	for _, tt := range []struct{ name, agent, want string }{
		{"an ordinary one", "Mozilla/5.0 (X11; Linux) Ünïcode 日本 👩‍🚀", "Mozilla/5.0 (X11; Linux) Ünïcode 日本 👩‍🚀"},
		{"markup is text", `<script>alert("1")</script>`, `<script>alert("1")</script>`},
		{"formula", "=cmd|' /C calc'!A0", "=cmd|' /C calc'!A0"},
		{"terminal", "a\x1b[31mred\x1b]0;title\x07", "a[31mred]0;title"},
		{"C1 and DEL", "a\u009b31mb\u007fc\u0085", "a31mbc"},
		{"lines", "a\r\nSet-Cookie: x\u2028y\u2029z", "aSet-Cookie: xyz"},
		{"direction", "\u202egpj.exe\u2066\u2067\u2068\u2069\u200e\u200f\u061c\u202a", "gpj.exe"},
		{"NUL", "a\x00b", "ab"},
		{"not UTF-8", "a\xff\xfeb\xc3", "ab"},
		{"byte order mark", "\ufeffa", "a"},
		{"long", strings.Repeat("a", 10_000), strings.Repeat("a", 255)},
		{"long, cut between runes", strings.Repeat("é", 200), strings.Repeat("é", 127)},
		{"long, of what is dropped", strings.Repeat("\x1b", 2000) + "z", ""},
		{"empty", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var log bytes.Buffer
			logger := slog.New(slog.NewJSONHandler(&log, nil))
			a := newApp(t, sojourn.Config{
				Label:   func(r *http.Request) string { return r.Header.Get("User-Agent") },
				Observe: func(ctx context.Context, e sojourn.Event) { logger.Info("session", "event", e) },
			})
			a.does("/login", func(s *sojourn.Session) { s.Login("42") })
			a.browser(t).get("/login", func(r *http.Request) { r.Header.Set("User-Agent", tt.agent) })
			list, err := a.m.Sessions(t.Context(), "42")
			if err != nil || len(list) != 1 {
				t.Fatalf("got %v, %v", list, err)
			}
			got := list[0].Facts.Label
			if got != tt.want {
				t.Errorf("got label %q, want %q", got, tt.want)
			}
			if !utf8.ValidString(got) || len(got) > 255 {
				t.Errorf("got %d bytes, valid UTF-8: %v", len(got), utf8.ValidString(got))
			}
			for line := range strings.Lines(log.String()) {
				if !json.Valid([]byte(line)) || strings.ContainsAny(line, "\x1b\x00") {
					t.Errorf("got log line %q", line)
				}
			}
		})
	}
}

// Without Config.Label nothing of the client's is kept; with an adapter's visit the label sees the User-Agent.
func TestLabel_isOffByDefault(t *testing.T) {
	a := newApp(t, sojourn.Config{})
	a.does("/login", func(s *sojourn.Session) { s.Login("42") })
	a.browser(t).get("/login", func(r *http.Request) { r.Header.Set("User-Agent", "me") })
	if list, _ := a.m.Sessions(t.Context(), "42"); list[0].Facts.Label != "" {
		t.Errorf("got label %q, want none", list[0].Facts.Label)
	}
	labelled := newApp(t, sojourn.Config{Label: (*http.Request).UserAgent, Header: "Session-Key"})
	visit(t, labelled, http.Header{"User-Agent": {"grpc"}, "X-Other": {"hidden"}}, func(s *sojourn.Session) { s.Login("42") })
	if list, _ := labelled.m.Sessions(t.Context(), "42"); list[0].Facts.Label != "grpc" {
		t.Errorf("got label %q, want that of the User-Agent", list[0].Facts.Label)
	}
}

// The label is the device's of the last login: a visitor's session may have begun before the app knew more of it.
func TestLabel_isThatOfTheLogin(t *testing.T) {
	a := newApp(t, sojourn.Config{Label: (*http.Request).UserAgent})
	a.does("/visitor", func(s *sojourn.Session) { s.Set("x", 1) })
	a.does("/login", func(s *sojourn.Session) { s.Login("42") })
	b := a.browser(t)
	b.get("/visitor", func(r *http.Request) { r.Header.Set("User-Agent", "before") })
	b.get("/login", func(r *http.Request) { r.Header.Set("User-Agent", "after") })
	if list, _ := a.m.Sessions(t.Context(), "42"); len(list) != 1 || list[0].Facts.Label != "after" {
		t.Errorf("got %v, want one session labelled after", list)
	}
}

// A subject, a name and an error text of a client's making cannot break a log line either.
func TestErrors_quoteForeignText(t *testing.T) {
	a := newApp(t, sojourn.Config{})
	evil := "a\nlevel=ERROR\x1b[0m"
	a.does("/", func(s *sojourn.Session) {
		s.Set(evil, func() {})
		if text := fmt.Sprint(s.Err()); strings.ContainsAny(text, "\n\x1b") {
			t.Errorf("got error text %q", text)
		}
	})
	a.does("/subject", func(s *sojourn.Session) {
		s.Login(evil + "\x00")
		if text := fmt.Sprint(s.Err()); strings.ContainsAny(text, "\n\x1b\x00") {
			t.Errorf("got error text %q", text)
		}
	})
	a.browser(t).get("/")
	a.browser(t).get("/subject")
}
