package sojourn

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sojourn-go/sojourn/internal/cookiename"
)

// Config configures a [Manager]. The zero Config is the safe one.
type Config struct {
	// Cookie says how the token travels. Default: see [Cookie].
	Cookie Cookie
	// Header, if set, is the header in which the token travels both ways, instead of a cookie. A response that ends the
	// session carries it empty. Default: "", a cookie.
	Header string

	// Realm separates managers that share a store: a session opens only in the realm that made it. Changing it logs
	// everybody out. Default: the cookie's name without its prefix, or Header.
	Realm string

	// Lifetime is how long sessions live. Default: 24 h idle, 7 days absolute. In a Lifetime that is set in part, zero
	// durations mean these defaults.
	Lifetime Lifetime
	// Visitors is how long sessions without a subject live, unless [Session.Remember] chose otherwise: at most as long as
	// Lifetime has it, and from a login on by Lifetime or Remember (SEC-74). In one that is set in part, an Idle or
	// Absolute of zero means that of Lifetime, or less where the other is shorter. Default: Lifetime.
	Visitors Lifetime
	// Remember is how long sessions live after [Session.Remember]. Default: 30 days idle and absolute, persistent.
	Remember Lifetime
	// Extend says what extends the idle timeout. Default: ExtendOnLoad.
	Extend Extend

	// MaxSessions is the limit of sessions per subject; a login over it ends the oldest. It needs a [SubjectIndex].
	// Default: 0, no limit.
	MaxSessions int
	// MaxSize is the limit of a session's values in bytes of names and texts, MaxNames that of their number.
	// Default: 64 KiB, 256.
	MaxSize, MaxNames int

	// Timeout is the limit of each commit, and of each store call within it, and of each revocation. One that ran out while the secret was being
	// changed takes up to LoadTimeout more, to find out what happened, and a login over the limit of sessions as much again,
	// to be taken back. Default: 5 s.
	Timeout time.Duration
	// LoadTimeout is the limit of the store calls that load a session, and of a list of a subject's sessions. Default: 2 s.
	LoadTimeout time.Duration
	// Recheck is how often [Session.Context] asks a store that cannot push. At least 10 ms. Default: 30 s.
	Recheck time.Duration

	// Label names the client's device for lists. What it returns is cut to 255 bytes of UTF-8 without control and
	// direction characters. Default: none.
	Label func(*http.Request) string
	// OnError answers a request whose session cannot be loaded or committed; what the handler put into the response
	// header is gone by then. It must not print err, which may wrap what a driver said. Default: an empty response: 409
	// for ErrRenewed, ErrConflict and ErrEnded, 503 for a *StoreError, 500 otherwise.
	OnError func(w http.ResponseWriter, r *http.Request, err error)
	// Observe receives events, on the goroutine of the request. It must not block; while a session is loaded or committed
	// it does not find one in ctx. Default: events of level Warn and above go to slog.Default().
	Observe func(ctx context.Context, e Event)

	// Now is the clock. Default: time.Now.
	Now func() time.Time
}

// Extend says what extends a session's idle timeout. The store is told only when less than about 80 % of it remain
// (SEC-78).
type Extend int

const (
	ExtendOnLoad    Extend = iota // a request that loads the session
	ExtendOnChange                // a request that changes it
	ExtendOnRequest               // every request that presents it; each then loads it
)

const (
	defaultMaxSize  = 64 << 10
	defaultMaxNames = 256
	maxNameBytes    = 255
)

// complete fills in the defaults and returns everything that is wrong, joined.
func (c *Config) complete(st Store) error {
	var errs []error
	refuse := func(field, reason string, args ...any) {
		errs = append(errs, &ConfigError{field, fmt.Sprintf(reason, args...)})
	}

	if c.Header == "" {
		c.Cookie.complete(refuse)
	} else {
		c.completeHeader(refuse)
	}
	if c.Realm == "" {
		c.Realm = c.Header
		if c.Header == "" {
			c.Realm = cookiename.WithoutPrefix(c.Cookie.Name)
		}
	}
	if err := checkName(c.Realm); err != nil {
		refuse("Realm", "%v", err)
	}
	c.checkSealing(st, refuse)

	c.Lifetime = c.Lifetime.orElse(Lifetime{Idle: day, Absolute: 7 * day})
	c.Remember = c.Remember.orElse(Lifetime{Idle: 30 * day, Absolute: 30 * day, Persistent: true})
	c.Lifetime.check("Lifetime", refuse)
	c.Remember.check("Remember", refuse)
	c.completeVisitors(refuse)
	if c.Extend < ExtendOnLoad || c.Extend > ExtendOnRequest {
		refuse("Extend", "unknown value %d", int(c.Extend))
	}

	if c.MaxSessions < 0 {
		refuse("MaxSessions", "%d is negative", c.MaxSessions)
	}
	if c.MaxSessions > 0 && !HasSubjectIndex(st) {
		refuse("MaxSessions", "the store has no subject index")
	}
	c.MaxSize = positive(c.MaxSize, defaultMaxSize, "MaxSize", refuse)
	c.MaxNames = positive(c.MaxNames, defaultMaxNames, "MaxNames", refuse)
	c.Timeout = positive(c.Timeout, 5*time.Second, "Timeout", refuse)
	c.LoadTimeout = positive(c.LoadTimeout, 2*time.Second, "LoadTimeout", refuse)
	c.Recheck = positive(c.Recheck, 30*time.Second, "Recheck", refuse)
	if c.Recheck < 10*time.Millisecond {
		refuse("Recheck", "%v is shorter than 10ms", c.Recheck)
	}

	if c.OnError == nil {
		c.OnError = answerError
	}
	if c.Observe == nil {
		c.Observe = logEvent
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return errors.Join(errs...)
}

// completeVisitors holds visitors to what a login gets at most. The request of a visitor that touches the session as another
// one logs in extends what is the login's by then, and must not give it a longer idle timeout than its own.
func (c *Config) completeVisitors(refuse func(string, string, ...any)) {
	if c.Visitors == (Lifetime{}) {
		c.Visitors = c.Lifetime
		return
	}
	c.Visitors = c.Visitors.orElse(c.Lifetime)
	c.Visitors.check("Visitors", refuse)
	if c.Visitors.Idle > c.Lifetime.Idle {
		refuse("Visitors.Idle", "%v is longer than that of Lifetime, %v", c.Visitors.Idle, c.Lifetime.Idle)
	}
	if c.Visitors.Absolute > c.Lifetime.Absolute {
		refuse("Visitors.Absolute", "%v is longer than that of Lifetime, %v", c.Visitors.Absolute, c.Lifetime.Absolute)
	}
}

// checkSealing checks what only a client-side store asks for: it counts the bytes of the cookie, and binds its name and the
// realm.
func (c *Config) checkSealing(st Store, refuse func(string, string, ...any)) {
	if _, ok := As[KeyParser](st); ok && len(c.Cookie.Secrets) > 0 {
		refuse("Cookie.Secrets", "the store seals its keys itself")
	}
	field, name := "Cookie.Name", c.Cookie.Name
	if c.Header != "" {
		field, name = "Header", c.Header
	}
	if named, ok := As[interface{ TokenName() string }](st); ok && named.TokenName() != name {
		refuse(field, "%q, but the store seals for %q", name, named.TokenName())
		return // the realm's default comes from the name
	}
	if bound, ok := As[interface{ TokenRealm() string }](st); ok && bound.TokenRealm() != c.Realm {
		refuse("Realm", "%q, but the store seals for %q", c.Realm, bound.TokenRealm())
	}
}

func positive[T int | time.Duration](value, otherwise T, field string, refuse func(string, string, ...any)) T {
	if value < 0 {
		refuse(field, "%v is negative", value)
	}
	if value == 0 {
		return otherwise
	}
	return value
}

func (c *Config) completeHeader(refuse func(string, string, ...any)) {
	if !isToken(c.Header) {
		refuse("Header", "%q is not a header name (RFC 9110 §5.1)", c.Header)
	}
	c.Header = http.CanonicalHeaderKey(c.Header)
	switch c.Header {
	case "Cookie", "Set-Cookie", "Vary", "Cache-Control", "Host", "Connection", "Content-Length", "Content-Type", "Transfer-Encoding",
		"Trailer", "Te", "Upgrade", "Location", "Date", "Authorization", "Proxy-Authorization", "Origin":
		refuse("Header", "%q has a meaning of its own", c.Header)
	}
	if !c.Cookie.isZero() {
		refuse("Cookie", "set together with Header: a token travels one way only")
	}
}

func (l *Lifetime) check(field string, refuse func(string, string, ...any)) {
	l.Idle, l.Absolute = l.Idle.Truncate(time.Millisecond), l.Absolute.Truncate(time.Millisecond)
	if l.Absolute <= 0 {
		refuse(field+".Absolute", "%v is not positive", l.Absolute)
	}
	if l.Idle <= 0 {
		refuse(field+".Idle", "%v is not positive", l.Idle)
	}
	if l.Idle > l.Absolute {
		refuse(field+".Idle", "%v is longer than Absolute, %v", l.Idle, l.Absolute)
	}
	if l.Absolute > 100*365*day {
		refuse(field+".Absolute", "%v is longer than a century", l.Absolute)
	}
	if l.Renew != 0 && l.Renew < minRenew {
		refuse(field+".Renew", "%v is shorter than %v", l.Renew, minRenew)
	}
}

// checkName checks a name, a subject or a realm (DESIGN: non-empty UTF-8 of at most 255 bytes without NUL).
func checkName(name string) error {
	switch {
	case name == "":
		return plainError("empty")
	case len(name) > maxNameBytes:
		return plainError(fmt.Sprintf("%d bytes, at most %d", len(name), maxNameBytes))
	case !utf8.ValidString(name):
		return errUTF8
	case strings.IndexByte(name, 0) >= 0:
		return plainError("contains NUL")
	}
	return nil
}

// cleanLabel makes a client's text fit to be stored and shown (SEC-70): valid UTF-8, no control and no direction
// characters, at most 255 bytes.
func cleanLabel(text string) string {
	if len(text) > 4*maxNameBytes {
		text = text[:4*maxNameBytes] // whatever is cut here was too long anyway
	}
	clean := strings.Map(func(r rune) rune {
		switch {
		case r < 0x20, 0x7f <= r && r < 0xa0, // C0, DEL, C1
			r == 0x061c, r == 0x200e, r == 0x200f, 0x202a <= r && r <= 0x202e, 0x2066 <= r && r <= 0x2069, // bidirectional
			r == 0x2028, r == 0x2029, r == 0xfeff, r == utf8.RuneError:
			return -1
		}
		return r
	}, text)
	if len(clean) <= maxNameBytes {
		return strings.Clone(clean) // an adapter's text may live in a buffer that is used again
	}
	end := maxNameBytes
	for !utf8.RuneStart(clean[end]) {
		end--
	}
	return strings.Clone(clean[:end])
}

// answerError is the default of Config.OnError.
func answerError(w http.ResponseWriter, r *http.Request, err error) {
	var storeErr *StoreError
	switch {
	case errors.Is(err, ErrRenewed):
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusConflict)
	case errors.Is(err, ErrConflict), errors.Is(err, ErrEnded):
		w.WriteHeader(http.StatusConflict)
	case errors.As(err, &storeErr):
		w.WriteHeader(http.StatusServiceUnavailable)
	case errors.Is(err, ErrTooLarge), errors.Is(err, ErrSent), errors.As(err, new(*valueError)):
		w.WriteHeader(http.StatusInternalServerError) // an event has told of it
	default:
		slog.Default().LogAttrs(r.Context(), slog.LevelError, "session", slog.String("error", err.Error()))
		w.WriteHeader(http.StatusInternalServerError)
	}
}

// logEvent is the default of Config.Observe.
func logEvent(ctx context.Context, e Event) {
	if level := e.Kind.Level(); level >= slog.LevelWarn {
		slog.Default().LogAttrs(ctx, level, "session", slog.Any("event", e))
	}
}
