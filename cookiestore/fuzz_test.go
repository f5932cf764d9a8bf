package cookiestore_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/cookiestore"
)

// What a client can send, and what the holder of a secret can seal. The valid cookies are the committed vectors: they are
// the same in every process.

// cookieVectors are those of a manager of the default cookie: one of each kind.
func cookieVectors(tb testing.TB) []vector {
	var all []vector
	for _, v := range vectors(tb) {
		if v.Cookie == cookieName && len(v.Values) > 0 {
			all = append(all, v)
		}
	}
	if len(all) != 2 {
		tb.Fatalf("got %d vectors, want one of each kind", len(all))
	}
	return all
}

// FuzzOpen sends any text as the cookie: it is answered like none, unless the valid cookie is in it.
func FuzzOpen(f *testing.F) {
	all := cookieVectors(f)
	var handlers []http.Handler
	for i := range all {
		v := &all[i]
		m, err := sojourn.New(storeOf(f, v), sojourn.Config{
			Now: newClock().Now, Lifetime: sojourn.Lifetime{Idle: time.Hour}, Observe: func(context.Context, sojourn.Event) {},
		})
		if err != nil {
			f.Fatal(err)
		}
		handlers = append(handlers, m.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *sojourn.Session) {
			fmt.Fprint(w, s.Subject(), s.Values())
		}))
		f.Add(v.token())
	}
	f.Fuzz(func(t *testing.T, text string) {
		for i, h := range handlers {
			r := httptest.NewRequest("GET", "/", nil)
			r.Header["Cookie"] = []string{cookieName + "=" + text}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			switch body := w.Body.String(); {
			case text == all[i].token():
				if body != "42[k n obj]" {
					t.Errorf("got %q for a valid cookie, want its session", body)
				}
			case strings.Contains(text, all[i].token()):
				// Another cookie beside it, or white space around it: the manager's to decide.
			case body != "[]" || w.Code != http.StatusOK || len(w.Header()) != 3:
				t.Errorf("got %d %q with %v for %q, want the response of no cookie", w.Code, body, w.Header(), text)
			}
		}
	})
}

// FuzzUnseal opens any bytes, as they are and behind a valid head: nothing but what was sealed opens.
func FuzzUnseal(f *testing.F) {
	all := cookieVectors(f)
	var stores []*cookiestore.Store
	for i := range all {
		stores = append(stores, storeOf(f, &all[i]))
		f.Add(decode(f, all[i].Sealed))
	}
	const head = 1 + 4 + 16
	f.Fuzz(func(t *testing.T, raw []byte) {
		for i, st := range stores {
			valid := decode(t, all[i].Sealed)
			for _, b := range [][]byte{raw, append(valid[:head:head], raw[min(head, len(raw)):]...)} {
				if got, want := opens(t, st, base64.RawURLEncoding.EncodeToString(b)), bytes.Equal(b, valid); got != want {
					t.Errorf("%x opens: %v, want %v", b, got, want)
				}
			}
		}
	})
}

// FuzzDecode seals any payload with the right secret: it is a state or an error of the contract, and a state comes back as
// it is when it is sealed again.
func FuzzDecode(f *testing.F) {
	all := cookieVectors(f)
	type node struct {
		v    *vector
		seal func(payload []byte) sojourn.Key
	}
	var nodes []node
	for i := range all {
		v := &all[i]
		s := sealing{v.secret(f), kindLease, v.Realm, v.Cookie}
		if v.Irrevocable {
			s.kind = kindWhole
		}
		id, payload := s.open(f, v.Sealed)
		f.Add(payload)
		salt := [16]byte(randomSecret(7))
		aead, head := s.aead(f, salt[:]), decode(f, v.Sealed)[:21]
		bound := append([]byte("sojourn cookiestore state v1\x00"+s.context()), head...)
		nodes = append(nodes, node{v, func(payload []byte) sojourn.Key {
			raw := aead.Seal(append(head[:21:21], salt[:]...), nil, payload, bound)
			return sojourn.SealedKey(id, base64.RawURLEncoding.EncodeToString(raw))
		}})
	}
	check := func(t *testing.T, payload []byte) {
		for _, n := range nodes {
			key, st := n.seal(payload), storeOf(t, n.v)
			state, err := st.Load(t.Context(), key)
			switch {
			case errors.Is(err, sojourn.ErrCorrupt), errors.Is(err, sojourn.ErrNewer), errors.Is(err, sojourn.ErrNotFound):
				if state != (sojourn.State{}) {
					t.Fatalf("refused, but got %+v", state)
				}
				continue
			case err != nil || state.TTL <= 0:
				t.Fatalf("got %v and TTL %v for a payload of any bytes, want a state or an answer of the contract", err, state.TTL)
			}
			key, err = st.Update(t.Context(), key, state, state.TTL)
			if errors.Is(err, sojourn.ErrTooLarge) || errors.Is(err, sojourn.ErrConflict) && state.Version == 0 {
				continue // of values under another secret
			}
			if err != nil {
				t.Fatal(err)
			}
			again, err := storeOf(t, n.v).Load(t.Context(), key) // by a clock that has met nothing
			if again.Version = state.Version; err != nil || again != state {
				t.Fatalf("%+v, sealed again: got %+v, %v", state, again, err)
			}
		}
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		if len(payload) > 2900 {
			return // no cookie holds it
		}
		check(t, payload)
		if len(payload) > 16 { // with its checksum, behind which the parser is
			sum := crc32.Checksum(payload[16:], crc32.MakeTable(crc32.Castagnoli))
			check(t, binary.LittleEndian.AppendUint32(payload[:len(payload):len(payload)], sum))
		}
	})
}
