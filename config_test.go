package sojourn_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
)

// configErrors returns the fields that New names.
func configErrors(t *testing.T, st sojourn.Store, cfg sojourn.Config) []string {
	t.Helper()
	m, err := sojourn.New(st, cfg)
	if (m == nil) != (err != nil) {
		t.Fatalf("got %v and %v, want one of them", m, err)
	}
	var fields []string
	var walk func(err error)
	walk = func(err error) {
		switch e := err.(type) {
		case nil:
		case *sojourn.ConfigError:
			if e.Reason == "" || strings.HasSuffix(e.Reason, ".") {
				t.Errorf("%s: got reason %q", e.Field, e.Reason)
			}
			fields = append(fields, e.Field)
		case interface{ Unwrap() []error }:
			for _, err := range e.Unwrap() {
				walk(err)
			}
		default:
			t.Errorf("got %T %v, want only *ConfigError", err, err)
		}
	}
	walk(err)
	var first *sojourn.ConfigError
	if err != nil && !errors.As(err, &first) {
		t.Errorf("errors.As finds no *ConfigError in %v", err)
	}
	return fields
}

func cookieConfig(c sojourn.Cookie) sojourn.Config { return sojourn.Config{Cookie: c} }

func lifetimeConfig(l sojourn.Lifetime) sojourn.Config { return sojourn.Config{Lifetime: l} }

func secretsConfig(secrets ...[]byte) sojourn.Config {
	return cookieConfig(sojourn.Cookie{Secrets: secrets})
}

func TestNew_refuses(t *testing.T) {
	const (
		lax, strict, none = http.SameSiteLaxMode, http.SameSiteStrictMode, http.SameSiteNoneMode
		day               = 24 * time.Hour
	)
	ok := []string(nil)
	for _, tt := range []struct {
		name string
		cfg  sojourn.Config
		want []string
	}{
		{"the zero Config is fine", sojourn.Config{}, ok},

		{"name of a token", cookieConfig(sojourn.Cookie{Name: "a!#$%&'*+-.^_`|~Z9"}), ok},
		{"name with a space", cookieConfig(sojourn.Cookie{Name: "a b"}), []string{"Cookie.Name"}},
		{"name with an equals sign", cookieConfig(sojourn.Cookie{Name: "a=b"}), []string{"Cookie.Name"}},
		{"name with a semicolon", cookieConfig(sojourn.Cookie{Name: "a;b"}), []string{"Cookie.Name"}},
		{"name not ASCII", cookieConfig(sojourn.Cookie{Name: "é"}), []string{"Cookie.Name"}},
		{"name with a line break", cookieConfig(sojourn.Cookie{Name: "a\r\n"}), []string{"Cookie.Name"}},
		{"name of 256 bytes", sojourn.Config{Cookie: sojourn.Cookie{Name: strings.Repeat("a", 256)}, Realm: "a"}, ok},
		{"name of 257 bytes", cookieConfig(sojourn.Cookie{Name: strings.Repeat("a", 257)}), []string{"Cookie.Name", "Realm"}},

		{"__Host-", cookieConfig(sojourn.Cookie{Name: "__Host-a"}), ok},
		{"__Host- with Domain", cookieConfig(sojourn.Cookie{Name: "__Host-a", Domain: "example.com"}), []string{"Cookie.Name"}},
		{"__Host- with Path", cookieConfig(sojourn.Cookie{Name: "__Host-a", Path: "/x"}), []string{"Cookie.Name"}},
		{"__Host- insecure", cookieConfig(sojourn.Cookie{Name: "__Host-a", Insecure: true}), []string{"Cookie.Name"}},
		{"__Host- spelled otherwise", cookieConfig(sojourn.Cookie{Name: "__host-a"}), []string{"Cookie.Name"}},
		{"only __Host-", cookieConfig(sojourn.Cookie{Name: "__Host-"}), []string{"Cookie.Name", "Realm"}},
		{"__Secure-", cookieConfig(sojourn.Cookie{Name: "__Secure-a", Domain: "example.com", Path: "/x"}), ok},
		{"__Secure- insecure", cookieConfig(sojourn.Cookie{Name: "__Secure-a", Insecure: true}), []string{"Cookie.Name"}},
		{"__Secure- spelled otherwise", cookieConfig(sojourn.Cookie{Name: "__SECURE-a"}), []string{"Cookie.Name"}},
		{"__Http-", cookieConfig(sojourn.Cookie{Name: "__Http-a", Path: "/x"}), ok},
		{"__Http- insecure", cookieConfig(sojourn.Cookie{Name: "__Http-a", Insecure: true}), []string{"Cookie.Name"}},
		{"__Host-Http-", cookieConfig(sojourn.Cookie{Name: "__Host-Http-a"}), ok},
		{"__Host-Http- with Domain", cookieConfig(sojourn.Cookie{Name: "__Host-Http-a", Domain: "example.com"}), []string{"Cookie.Name"}},
		{"__Host-Http- spelled otherwise", cookieConfig(sojourn.Cookie{Name: "__Host-HTTP-a"}), []string{"Cookie.Name"}},
		{"only __Host-Http-", cookieConfig(sojourn.Cookie{Name: "__Host-Http-"}), []string{"Cookie.Name", "Realm"}},
		{"a prefix in the middle", cookieConfig(sojourn.Cookie{Name: "a__Host-", Insecure: true}), ok},

		{"domain", cookieConfig(sojourn.Cookie{Domain: "shop.example.com"}), ok},
		{"domain of edges", cookieConfig(sojourn.Cookie{Domain: "az-AZ09.Za9"}), ok},
		{"domain of 253 bytes", cookieConfig(sojourn.Cookie{Domain: strings.Repeat("a.", 126) + "a"}), ok},
		{"label of 63 bytes", cookieConfig(sojourn.Cookie{Domain: strings.Repeat("a", 63) + ".com"}), ok},
		{"domain with an underscore", cookieConfig(sojourn.Cookie{Domain: "a_b.com"}), []string{"Cookie.Domain"}},
		{"domain with a leading dot", cookieConfig(sojourn.Cookie{Domain: ".example.com"}), []string{"Cookie.Domain"}},
		{"domain with an attribute", cookieConfig(sojourn.Cookie{Domain: "example.com; Secure"}), []string{"Cookie.Domain"}},
		{"domain with a port", cookieConfig(sojourn.Cookie{Domain: "example.com:80"}), []string{"Cookie.Domain"}},
		{"an address", cookieConfig(sojourn.Cookie{Domain: "127.0.0.1"}), []string{"Cookie.Domain"}},
		{"an IPv6 address", cookieConfig(sojourn.Cookie{Domain: "::1"}), []string{"Cookie.Domain"}},
		{"label with a hyphen at its end", cookieConfig(sojourn.Cookie{Domain: "a-.com"}), []string{"Cookie.Domain"}},
		{"label with a hyphen at its start", cookieConfig(sojourn.Cookie{Domain: "-a.com"}), []string{"Cookie.Domain"}},
		{"label of 64 bytes", cookieConfig(sojourn.Cookie{Domain: strings.Repeat("a", 64) + ".com"}), []string{"Cookie.Domain"}},
		{"domain of 254 bytes", cookieConfig(sojourn.Cookie{Domain: strings.Repeat("a.", 126) + "ab"}), []string{"Cookie.Domain"}},

		{"path", cookieConfig(sojourn.Cookie{Path: "/shop/"}), ok},
		{"path of edges", cookieConfig(sojourn.Cookie{Path: "/!~"}), ok},
		{"relative path", cookieConfig(sojourn.Cookie{Path: "shop"}), []string{"Cookie.Path"}},
		{"path with an attribute", cookieConfig(sojourn.Cookie{Path: "/; Domain=com"}), []string{"Cookie.Path"}},
		{"path with a line break", cookieConfig(sojourn.Cookie{Path: "/\r\n"}), []string{"Cookie.Path"}},
		{"path with a space", cookieConfig(sojourn.Cookie{Path: "/a b"}), []string{"Cookie.Path"}},
		{"path not ASCII", cookieConfig(sojourn.Cookie{Path: "/é"}), []string{"Cookie.Path"}},
		{"path of 1024 bytes", cookieConfig(sojourn.Cookie{Path: "/" + strings.Repeat("a", 1023)}), ok},
		{"path of 1025 bytes", cookieConfig(sojourn.Cookie{Path: "/" + strings.Repeat("a", 1024)}), []string{"Cookie.Path"}},

		{"Strict", cookieConfig(sojourn.Cookie{SameSite: strict}), ok},
		{"None", cookieConfig(sojourn.Cookie{SameSite: none}), ok},
		{"None, insecure", cookieConfig(sojourn.Cookie{SameSite: none, Insecure: true}), []string{"Cookie.SameSite"}},
		{"the default mode", cookieConfig(sojourn.Cookie{SameSite: http.SameSiteDefaultMode}), []string{"Cookie.SameSite"}},
		{"unknown SameSite", cookieConfig(sojourn.Cookie{SameSite: 9}), []string{"Cookie.SameSite"}},
		{"Partitioned with None", cookieConfig(sojourn.Cookie{SameSite: none, Partitioned: true}), ok},
		{"Partitioned with Lax", cookieConfig(sojourn.Cookie{SameSite: lax, Partitioned: true}), []string{"Cookie.Partitioned"}},
		{"Partitioned, insecure", cookieConfig(sojourn.Cookie{SameSite: none, Partitioned: true, Insecure: true}), []string{"Cookie.SameSite", "Cookie.Partitioned"}},

		{"a secret", secretsConfig(randomSecret(1)), ok},
		{"two", secretsConfig(randomSecret(1), randomSecret(2)), ok},
		{"a short one", secretsConfig(randomSecret(1)[:31]), []string{"Cookie.Secrets[0]"}},
		{"an empty one", secretsConfig(randomSecret(1), nil), []string{"Cookie.Secrets[1]"}},
		{"one twice", secretsConfig(randomSecret(1), randomSecret(2), randomSecret(1)), []string{"Cookie.Secrets[2]"}},
		{"zeros", secretsConfig(make([]byte, 32)), []string{"Cookie.Secrets[0]"}},
		{"a password", secretsConfig([]byte("correct horse battery staple 123")), []string{"Cookie.Secrets[0]"}},
		{"hex of 16 bytes", secretsConfig([]byte("00112233445566778899aabbccddeeff")), []string{"Cookie.Secrets[0]"}},
		{"base64 of 32 bytes", secretsConfig([]byte("q1w2e3r4t5y6u7i8o9p0a1s2d3f4g5h6j7k8l9z0x1c=")), ok},

		{"header", sojourn.Config{Header: "Session-Key"}, ok},
		{"header with a space", sojourn.Config{Header: "Session Key"}, []string{"Header"}},
		{"header with a colon", sojourn.Config{Header: "Session:"}, []string{"Header"}},
		{"header not ASCII", sojourn.Config{Header: "é"}, []string{"Header"}},
		{"header of another meaning", sojourn.Config{Header: "authorization"}, []string{"Header"}},
		{"header that is the cookie's", sojourn.Config{Header: "set-cookie"}, []string{"Header"}},
		{"header and cookie", sojourn.Config{Header: "Session-Key", Cookie: sojourn.Cookie{Name: "a"}}, []string{"Cookie"}},
		{"header and secrets", sojourn.Config{Header: "Session-Key", Cookie: sojourn.Cookie{Secrets: [][]byte{randomSecret(1)}}}, []string{"Cookie"}},

		{"realm", sojourn.Config{Realm: "Königreich / 1"}, ok},
		{"realm with NUL", sojourn.Config{Realm: "a\x00"}, []string{"Realm"}},
		{"realm not UTF-8", sojourn.Config{Realm: "\xff"}, []string{"Realm"}},
		{"realm of 256 bytes", sojourn.Config{Realm: strings.Repeat("a", 256)}, []string{"Realm"}},

		{"lifetime in part", lifetimeConfig(sojourn.Lifetime{Absolute: time.Hour}), ok},
		{"negative idle", lifetimeConfig(sojourn.Lifetime{Idle: -1, Absolute: time.Hour}), []string{"Lifetime.Idle"}},
		{"idle below a millisecond", lifetimeConfig(sojourn.Lifetime{Idle: time.Microsecond, Absolute: time.Hour}), []string{"Lifetime.Idle"}},
		{"idle over absolute", lifetimeConfig(sojourn.Lifetime{Idle: 2 * time.Hour, Absolute: time.Hour}), []string{"Lifetime.Idle"}},
		{"idle over the default absolute", lifetimeConfig(sojourn.Lifetime{Idle: 8 * day}), []string{"Lifetime.Idle"}},
		{"negative absolute", lifetimeConfig(sojourn.Lifetime{Absolute: -time.Hour}), []string{"Lifetime.Absolute", "Lifetime.Idle"}},
		{"absolute of a century", lifetimeConfig(sojourn.Lifetime{Idle: day, Absolute: 100 * 365 * day}), ok},
		{"absolute over a century", lifetimeConfig(sojourn.Lifetime{Absolute: 101 * 365 * day}), []string{"Lifetime.Absolute"}},
		{"renewal too often", lifetimeConfig(sojourn.Lifetime{Renew: 5*time.Minute - 1}), []string{"Lifetime.Renew"}},
		{"negative renewal", lifetimeConfig(sojourn.Lifetime{Renew: -time.Hour}), []string{"Lifetime.Renew"}},
		{"renewal every five minutes", lifetimeConfig(sojourn.Lifetime{Renew: 5 * time.Minute}), ok},
		{"the same for Remember", sojourn.Config{Remember: sojourn.Lifetime{Idle: 2, Absolute: 1, Renew: 1}}, []string{"Remember.Absolute", "Remember.Idle", "Remember.Renew"}},
		{"visitors", sojourn.Config{Visitors: sojourn.Lifetime{Idle: day, Absolute: 7 * day}}, ok},
		{"the same for Visitors", sojourn.Config{Visitors: sojourn.Lifetime{Idle: 2, Absolute: 1, Renew: 1}}, []string{"Visitors.Absolute", "Visitors.Idle", "Visitors.Renew"}},
		{"visitors idler than users", sojourn.Config{Visitors: sojourn.Lifetime{Idle: day + time.Millisecond}}, []string{"Visitors.Idle"}},
		{"visitors that outlive users", sojourn.Config{Visitors: sojourn.Lifetime{Absolute: 7*day + time.Millisecond}}, []string{"Visitors.Absolute"}},
		{"visitors of a Lifetime that is refused", lifetimeConfig(sojourn.Lifetime{Idle: -1}), []string{"Lifetime.Idle"}},
		{"AAL1", lifetimeConfig(sojourn.AAL1()), ok},
		{"AAL2", lifetimeConfig(sojourn.AAL2()), ok},
		{"AAL3", lifetimeConfig(sojourn.AAL3()), ok},

		{"unknown Extend", sojourn.Config{Extend: 3}, []string{"Extend"}},
		{"negative Extend", sojourn.Config{Extend: -1}, []string{"Extend"}},
		{"negative MaxSessions", sojourn.Config{MaxSessions: -1}, []string{"MaxSessions"}},
		{"negative sizes", sojourn.Config{MaxSize: -1, MaxNames: -1}, []string{"MaxSize", "MaxNames"}},
		{"negative times", sojourn.Config{Timeout: -1, LoadTimeout: -1, Recheck: -1}, []string{"Timeout", "LoadTimeout", "Recheck", "Recheck"}},
		{"Recheck too often", sojourn.Config{Recheck: time.Millisecond}, []string{"Recheck"}},

		{"several at once", sojourn.Config{
			Cookie: sojourn.Cookie{Name: "__Host-a", Domain: "x;", Path: "x", SameSite: 9, Partitioned: true, Secrets: [][]byte{{1}}},
			Realm:  "\xff", Lifetime: sojourn.Lifetime{Renew: 1}, Extend: 7, MaxSessions: -1,
		}, []string{"Cookie.Name", "Cookie.Domain", "Cookie.Path", "Cookie.SameSite", "Cookie.Partitioned", "Cookie.Secrets[0]", "Realm", "Lifetime.Renew", "Extend", "MaxSessions"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := configErrors(t, memstore.New(memstore.Config{}), tt.cfg); !slices.Equal(got, tt.want) {
				t.Errorf("got errors of %q, want of %q", got, tt.want)
			}
		})
	}
}

// decoratedIndex is a decorator that has every capability by its type, and those of the store below in truth.
type decoratedIndex struct {
	*memstore.Store
	inner sojourn.Store
}

func (d decoratedIndex) HasSubjectIndex() bool { return sojourn.HasSubjectIndex(d.inner) }

// under is a store with another one below.
type under struct{ sojourn.Store }

func (u under) Unwrap() sojourn.Store { return u.Store }

func TestNew_needsAStoreThatCan(t *testing.T) {
	if _, err := sojourn.New(nil, sojourn.Config{}); err == nil {
		t.Error("got no error without a store")
	}
	bare := fiveMethods{memstore.New(memstore.Config{})}
	for name, st := range map[string]sojourn.Store{"bare": bare, "decorated": decoratedIndex{memstore.New(memstore.Config{}), bare}} {
		if got := configErrors(t, st, sojourn.Config{MaxSessions: 3}); !slices.Equal(got, []string{"MaxSessions"}) {
			t.Errorf("%s: got errors of %q, want of MaxSessions", name, got)
		}
	}
	whole := memstore.New(memstore.Config{})
	own := struct {
		sojourn.SubjectIndex
		under
	}{whole, under{decoratedIndex{whole, bare}}}
	if got := configErrors(t, own, sojourn.Config{MaxSessions: 3}); len(got) > 0 {
		t.Errorf("an index above a decorator that has none: got errors of %q", got)
	}
	if got := configErrors(t, decoratedIndex{whole, whole}, sojourn.Config{MaxSessions: 3}); len(got) > 0 {
		t.Errorf("over a store with an index: got errors of %q", got)
	}
	m := newManager(t, bare, sojourn.Config{})
	for name, call := range map[string]func() error{
		"Sessions":     func() error { _, err := m.Sessions(t.Context(), "42"); return err },
		"RevokeAll":    func() error { _, err := m.RevokeAll(t.Context(), "42"); return err },
		"RevokeOthers": func() error { _, err := m.RevokeOthers(t.Context(), "42", sojourn.NewID()); return err },
		"All": func() error {
			for _, err := range m.All(t.Context()) {
				return err
			}
			return nil
		},
	} {
		if err := call(); err != errors.ErrUnsupported {
			t.Errorf("%s: got %v, want errors.ErrUnsupported", name, err)
		}
	}
	if err := m.End(t.Context(), sojourn.NewID()); err != sojourn.ErrNotFound {
		t.Errorf("End: got %v, want ErrNotFound", err)
	}
}

// The errors of New say nothing of a secret.
func TestNew_errorsShowNoSecret(t *testing.T) {
	_, err := sojourn.New(memstore.New(memstore.Config{}), secretsConfig([]byte("canary-password")))
	if err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("got %v, want an error without the secret", err)
	}
}

// Config is copied: changing it, or the slices in it, changes nothing afterwards.
func TestNew_copiesItsConfig(t *testing.T) {
	secrets := [][]byte{randomSecret(1)}
	cfg := sojourn.Config{Cookie: sojourn.Cookie{Secrets: secrets}}
	clock := newClock()
	a := newAppOver(t, newSpy(memstore.New(memstore.Config{Now: clock.Now})), clock, cfg)
	a.does("/login", func(s *sojourn.Session) { s.Login("42") })
	a.on("/who", who)
	b := a.browser(t)
	b.get("/login")
	clear(secrets[0])
	secrets[0] = nil
	b.get("/who").want(t, 200, "42")
	if cfg.Cookie.Name != "" || cfg.Now != nil {
		t.Error("New wrote its defaults into the caller's Config")
	}
}

// What the zero Config does, seen from outside.
func TestNew_defaults(t *testing.T) {
	clock := newClock()
	st := memstore.New(memstore.Config{Now: clock.Now})
	a := newAppOver(t, newSpy(st), clock, sojourn.Config{})
	a.does("/visitor", func(s *sojourn.Session) { s.Set("x", 1) })
	a.does("/remember", func(s *sojourn.Session) { s.Login("42"); s.Remember(true) })
	for _, tt := range []struct {
		path           string
		idle, absolute time.Duration
		cookie         string
	}{
		{"/visitor", 24 * time.Hour, 7 * 24 * time.Hour, "; Path=/; HttpOnly; Secure; SameSite=Lax"},
		{"/remember", 30 * 24 * time.Hour, 30 * 24 * time.Hour, "; Max-Age=2592000; Path=/; HttpOnly; Secure; SameSite=Lax"},
	} {
		line := a.browser(t).get(tt.path).setCookies()[0]
		if value, ok := strings.CutPrefix(line, "__Host-id="); !ok || value[64:] != tt.cookie {
			t.Errorf("%s: got Set-Cookie %q", tt.path, line)
		}
		for e := range a.m.All(t.Context()) {
			if e.TTL != tt.idle || e.Facts.Deadline.Sub(clock.Now()) != tt.absolute || e.Facts.Realm != "id" {
				t.Errorf("%s: got TTL %v, deadline in %v, realm %q, want %v, %v, id", tt.path, e.TTL, e.Facts.Deadline.Sub(clock.Now()), e.Facts.Realm, tt.idle, tt.absolute)
			}
			a.m.End(t.Context(), e.ID)
		}
	}
}

// Realm and cookie name follow from each other and from what is asked of the cookie.
func TestNew_names(t *testing.T) {
	for _, tt := range []struct {
		cfg          sojourn.Config
		cookie, real string
	}{
		{sojourn.Config{}, "__Host-id", "id"},
		{cookieConfig(sojourn.Cookie{Domain: "example.com"}), "__Secure-id", "id"},
		{cookieConfig(sojourn.Cookie{Path: "/shop"}), "__Secure-id", "id"},
		{cookieConfig(sojourn.Cookie{Insecure: true}), "id", "id"},
		{cookieConfig(sojourn.Cookie{Insecure: true, Path: "/shop"}), "id", "id"},
		{cookieConfig(sojourn.Cookie{Name: "__Host-Http-shop"}), "__Host-Http-shop", "shop"},
		{cookieConfig(sojourn.Cookie{Name: "__Secure-shop"}), "__Secure-shop", "shop"},
		{cookieConfig(sojourn.Cookie{Name: "__Http-shop"}), "__Http-shop", "shop"},
		{cookieConfig(sojourn.Cookie{Name: "shop"}), "shop", "shop"},
		{sojourn.Config{Realm: "other"}, "__Host-id", "other"},
		{sojourn.Config{Header: "session-key"}, "", "Session-Key"},
	} {
		a := newApp(t, tt.cfg)
		a.does("/", func(s *sojourn.Session) { s.Login("42") })
		got := a.browser(t).get("/")
		if tt.cookie != "" && got.cookie(tt.cookie) == nil {
			t.Errorf("got Set-Cookie %q, want %s", got.setCookies(), tt.cookie)
		}
		list, _ := a.m.Sessions(t.Context(), "42")
		if len(list) != 1 || list[0].Facts.Realm != tt.real || a.m.String() != `sojourn.Manager("`+tt.real+`")` {
			t.Errorf("got %v of %v, want realm %q", list, a.m, tt.real)
		}
	}
}

// The assurance levels of NIST SP 800-63B-4 §2.1.3, §2.2.3, §2.3.3.
func TestAAL(t *testing.T) {
	for _, tt := range []struct {
		got  sojourn.Lifetime
		want sojourn.Lifetime
	}{
		{sojourn.AAL1(), sojourn.Lifetime{Idle: 30 * 24 * time.Hour, Absolute: 30 * 24 * time.Hour}},
		{sojourn.AAL2(), sojourn.Lifetime{Idle: time.Hour, Absolute: 24 * time.Hour}},
		{sojourn.AAL3(), sojourn.Lifetime{Idle: 15 * time.Minute, Absolute: 12 * time.Hour}},
	} {
		if tt.got != tt.want {
			t.Errorf("got %v, want %v", tt.got, tt.want)
		}
	}
}

// New calls no store and starts nothing.
func TestNew_callsNoStore(t *testing.T) {
	spy := newSpy(memstore.New(memstore.Config{}))
	newManager(t, spy, sojourn.Config{Observe: func(context.Context, sojourn.Event) { t.Error("an event of New") }})
	spy.wantCalls(t)
}
