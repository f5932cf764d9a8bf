package sojourn_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"net/http"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
)

// I6, attacks item 14: no secret and no token in a store, log, error, page, panic or exported type. Known secrets go
// through requests; whatever can be got hold of is printed in every way and searched for them in every form.

// canaries are the forms of bytes that must not be seen, by their first eight bytes, so that one pass over a text finds any.
type canaries map[string][]canary

type canary struct{ name, form string }

// add prepares the forms in which 32 or more secret bytes could show: raw, hexadecimal, base64 at each alignment, and as a
// list of numbers. Windows of them suffice, and a part that leaks is found too.
func (c canaries) add(name string, secret []byte) {
	for _, at := range []int{0, 1, 2, 10, 11, 12, len(secret) - 9} {
		part := secret[at : at+9]
		list := strings.Trim(fmt.Sprint(part), "[]")
		for _, form := range []string{
			string(part), hex.EncodeToString(part), strings.ToUpper(hex.EncodeToString(part)), fmt.Sprintf("% x", part), fmt.Sprintf("% X", part),
			base64.StdEncoding.EncodeToString(part), base64.URLEncoding.EncodeToString(part), strings.Trim(fmt.Sprintf("%q", part), `"`),
			list, strings.ReplaceAll(list, " ", ","), strings.ReplaceAll(list, " ", ", "), strings.Trim(fmt.Sprintf("%#v", part), "[]byte{}"),
		} {
			c[form[:8]] = append(c[form[:8]], canary{name, form})
		}
	}
}

// addToken adds a plain token: its secret is behind the 16 bytes of the ID.
func (c canaries) addToken(t *testing.T, name, text string) {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(raw) != 48 {
		t.Fatalf("%s: %q is no token", name, text)
	}
	c.add(name, raw[16:])
}

func (c canaries) find(text string) (found canary, ok bool) {
	for i := range max(len(text)-7, 0) {
		for _, candidate := range c[text[i:i+8]] {
			if strings.HasPrefix(text[i:], candidate.form) {
				return candidate, true
			}
		}
	}
	return canary{}, false
}

// renderings prints v in every way that an application, a logger or a crash may.
func renderings(v any, field any) map[string]string {
	all := map[string]string{}
	wrapped := map[string]any{
		"itself": v, "field": field, "interface field": struct{ hidden any }{v}, "slice": []any{v}, "map": map[string]any{"k": v}, "error": fmt.Errorf("wrapped: %v", v),
	}
	if rv := reflect.ValueOf(v); rv.Kind() == reflect.Pointer && !rv.IsNil() {
		// The struct itself, past its methods: what fmt prints of it as an unexported field.
		wrapped["value"] = rv.Elem()
		wrapped["value in a field"] = struct{ hidden reflect.Value }{rv.Elem()}
	}
	for how, w := range wrapped {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T"} {
			all[how+" "+verb] = fmt.Sprintf(verb, w)
		}
		var text, js bytes.Buffer
		slog.New(slog.NewTextHandler(&text, nil)).Info("x", "v", w)
		slog.New(slog.NewJSONHandler(&js, nil)).Info("x", "v", w)
		all[how+" slog text"], all[how+" slog JSON"] = text.String(), js.String()
		if b, err := json.Marshal(w); err == nil {
			all[how+" JSON"] = string(b)
		} else {
			all[how+" JSON error"] = err.Error()
		}
		func() {
			defer func() { all[how+" panic"] = fmt.Sprintf("%v %+v", recover(), recover()) }()
			panic(w)
		}()
	}
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(v); err == nil {
		all["gob"] = b.String()
	} else {
		all["gob error"] = err.Error()
	}
	return all
}

// loudStore writes down everything that a store is told.
type loudStore struct {
	*memstore.Store
	mu  sync.Mutex
	log strings.Builder
}

func (s *loudStore) note(args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range args {
		fmt.Fprintf(&s.log, "%v %+v %#v\n", a, a, a)
		if state, ok := a.(sojourn.State); ok {
			b, _ := state.AppendBinary(nil)
			s.log.Write(b)
		}
	}
}

func (s *loudStore) Load(ctx context.Context, key sojourn.Key) (sojourn.State, error) {
	state, err := s.Store.Load(ctx, key)
	s.note(ctx, key, state)
	return state, err
}

func (s *loudStore) Save(ctx context.Context, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	s.note(ctx, state)
	return s.Store.Save(ctx, state, ttl)
}

func (s *loudStore) Update(ctx context.Context, key sojourn.Key, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	s.note(ctx, key, state)
	return s.Store.Update(ctx, key, state, ttl)
}

func (s *loudStore) Patch(ctx context.Context, key sojourn.Key, p sojourn.Patch, ttl time.Duration) error {
	s.note(ctx, key, p)
	return s.Store.Patch(ctx, key, p, ttl)
}

// zoo keeps values of exported types, by the name of the type.
type zoo struct{ all map[string][]specimen }

// specimen is a value, and a struct that has it in an unexported field: fmt calls no method there.
type specimen struct{ v, field any }

func see[T any](z *zoo, v T) {
	name := strings.TrimPrefix(reflect.TypeOf(v).String(), "*")
	name, _, _ = strings.Cut(strings.TrimPrefix(name, "sojourn."), "[")
	z.all[name] = append(z.all[name], specimen{v, struct{ hidden T }{v}})
}

func TestSecrets_areNowhere(t *testing.T) {
	st := &loudStore{Store: memstore.New(memstore.Config{})}
	spy := newSpy(st)
	master := randomSecret(42)
	seen := &zoo{all: map[string][]specimen{}}
	var pages strings.Builder
	observe := func(_ context.Context, e sojourn.Event) {
		see(seen, e)
		see(seen, e.Kind)
		var storeErr *sojourn.StoreError
		if errors.As(e.Err, &storeErr) {
			see(seen, storeErr)
		}
	}
	managers := map[string]*sojourn.Manager{
		"plain":  newManager(t, spy, sojourn.Config{Observe: observe}),
		"sealed": newManager(t, spy, sojourn.Config{Observe: observe, Realm: "sealed", Cookie: sojourn.Cookie{Secrets: [][]byte{master}}}),
		"header": newManager(t, spy, sojourn.Config{Observe: observe, Header: "Session-Key"}),
		"client": newManager(t, newSealing(t, spy, hostID), sojourn.Config{Observe: observe}), // keeps the values
	}
	birds := canaries{}
	birds.add("Cookie.Secrets", master)
	birds.add("cookiestore.Config.Secrets", randomSecret(1))
	for how, m := range managers {
		see(seen, m)
		handler := m.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
			see(seen, s)
			switch r.URL.Path {
			case "/login":
				s.Login("42")
				s.Set("x", 1)
			case "/renew":
				s.Renew()
			case "/change":
				visits.Update(s, increment)
			case "/fail":
				s.Set("x", 2)
			case "/logout":
				s.Logout()
			}
			if err := s.Commit(r.Context()); err != nil {
				fmt.Fprintf(&pages, "%v %+v %#v", err, err, err)
			}
			see(seen, s.ID())
			see(seen, s.Facts())
			see(seen, s.Values())
			see(seen, s.ID().Key())
			fmt.Fprintf(&pages, "%v %+v %#v %s", s, s, s, s.Values())
		})
		b := newBrowser(t, handler)
		token := ""
		do := func(path string) {
			before := token
			got := b.get(path, func(r *http.Request) {
				if how == "header" && token != "" {
					r.Header.Set("Session-Key", token)
				}
			})
			if how == "header" && got.Header.Get("Session-Key") != "" {
				token = got.Header.Get("Session-Key")
			} else if c := got.cookie(hostID); c != nil {
				token = c.Value
			}
			if token != before && token != "" && how == "client" {
				secret, _, _ := strings.Cut(token, ".")
				raw, _ := base64.RawURLEncoding.DecodeString(secret)
				birds.add("client "+path, raw)
				birds[secret[:8]] = append(birds[secret[:8]], canary{"client " + path, secret[:20]})
			} else if token != before && token != "" && how != "sealed" {
				birds.addToken(t, how+path, token)
			} else if token != before && token != "" {
				raw, _ := base64.RawURLEncoding.DecodeString(token)
				birds.add("sealed "+path, raw[5:])
			}
			pages.WriteString(got.body)
		}
		for _, path := range []string{"/login", "/change", "/renew", "/change", "/login"} {
			do(path)
		}
		// An adapter's visit, whose reply carries a token.
		v := m.Begin(func(string) []string { return nil })
		s, err := v.Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		s.Login("43")
		reply, err := v.Commit(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range reply.Headers() {
			if how == "plain" && name == "Set-Cookie" {
				value, _, _ = strings.Cut(value, ";")
				birds.addToken(t, "reply", strings.TrimPrefix(value, hostID+"="))
			}
		}
		see(seen, v)
		see(seen, reply)
		spy.fail(errDriver, "patch")
		do("/fail")
		spy.fail(nil)
		for e := range m.All(t.Context()) {
			see(seen, e)
			state, err := st.Store.Load(t.Context(), e.ID.Key())
			if err != nil {
				t.Fatal(err)
			}
			see(seen, state)
			see(seen, state.Pack(state.Version))
		}
		do("/logout")
	}
	see(seen, sojourn.Patch{Set: sojourn.Values{}})
	see(seen, sojourn.ExtendOnLoad)
	see(seen, sojourn.AAL1())
	see(seen, visits)
	_, err := sojourn.New(st, sojourn.Config{Cookie: sojourn.Cookie{Name: "=", Secrets: [][]byte{master, master}}})
	for _, e := range err.(interface{ Unwrap() []error }).Unwrap() {
		see(seen, e)
	}

	if len(birds) < 500 {
		t.Fatalf("got %d forms of canaries, want more: the test shows nothing", len(birds))
	}
	search := func(where, text string) {
		if found, ok := birds.find(text); ok {
			t.Errorf("%s shows the secret of %s as %q", where, found.name, found.form)
		}
	}
	search("the store", st.log.String())
	search("a page or an error", pages.String())
	for name, all := range seen.all {
		for _, x := range all {
			for how, text := range renderings(x.v, x.field) {
				search(name+", "+how+",", text)
			}
		}
	}
	for _, name := range exportedTypes(t) {
		if reason, ok := holdNothing[name]; ok {
			if len(seen.all[name]) > 0 {
				t.Errorf("%s was seen, but is said to be %s", name, reason)
			}
		} else if len(seen.all[name]) == 0 {
			t.Errorf("exported type %s was not looked at: let the requests above produce one", name)
		}
	}
}

// holdNothing are the exported types of which the test sees no value.
var holdNothing = map[string]string{
	"Store": "an interface", "Patcher": "an interface", "SubjectIndex": "an interface", "Lister": "an interface",
	"Sweeper": "an interface", "Watcher": "an interface", "KeyParser": "an interface",
	"Config": "the application's own: with Cookie.Secrets in it, it holds them by nature, and no Manager gives one back",
	"Cookie": "the application's own, like Config",
}

// exportedTypes reads the package's source, so that a type that is added cannot be forgotten here.
func exportedTypes(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			gen, ok := decl.(*ast.GenDecl)
			if !ok || gen.Tok != token.TYPE {
				continue
			}
			for _, spec := range gen.Specs {
				if name := spec.(*ast.TypeSpec).Name; name.IsExported() {
					names = append(names, name.Name)
				}
			}
		}
	}
	return names
}

// The search must find what it is for: a type that holds a secret plainly is caught in each way to print it.
func TestSecrets_searchFindsThem(t *testing.T) {
	secret := randomSecret(3)
	birds := canaries{}
	birds.add("planted", secret)
	for name, v := range map[string]any{
		"array":  struct{ secret [32]byte }{[32]byte(secret)},
		"slice":  struct{ secret []byte }{secret},
		"text":   struct{ token string }{base64.RawURLEncoding.EncodeToString(append([]byte("an ID of 16 byte"), secret...))},
		"hex":    struct{ token string }{hex.EncodeToString(secret)},
		"JSON":   map[string]any{"token": secret},
		"raw":    string(secret),
		"behind": &struct{ secret [32]byte }{[32]byte(secret)},
	} {
		found := false
		for _, text := range renderings(v, nil) {
			if _, ok := birds.find(text); ok {
				found = true
			}
		}
		if !found {
			t.Errorf("%s: the secret was not found", name)
		}
	}
	if found, ok := birds.find(fmt.Sprint(randomSecret(4), "nothing of it")); ok {
		t.Errorf("found %q where there is none", found.form)
	}
}
