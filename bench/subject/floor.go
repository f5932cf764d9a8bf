package subject

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The floor is no library: it is the least code that does the work and keeps what makes it safe, a token of 256 random bits
// whose SHA-256 is the key, an expiry that is checked, a cookie that is Secure, HttpOnly and SameSite. It has one feature
// for each kind of work, and no error, no event, no lock of a session and no way to end one.
//
// It hands the session over in the request's context, as libraries do: that costs a copy of the request. The variant
// "writer" hands it over on a ResponseWriter from a pool, which no library can do that lets handlers keep their session.

const (
	floorCookie   = "__Host-id"
	floorLifetime = 24 * time.Hour
	floorShards   = 256
)

type floorKey [sha256.Size]byte

// floorRecord is immutable but for expires. values holds, for each name in byte order, two lengths of a byte each, the name
// and the text.
type floorRecord struct {
	values  string
	expires int64 // Unix nanoseconds; under the shard's lock
}

type floorStore struct {
	shards [floorShards]struct {
		sync.RWMutex
		m map[floorKey]*floorRecord
	}
}

func newFloorStore() *floorStore {
	st := new(floorStore)
	for i := range st.shards {
		st.shards[i].m = make(map[floorKey]*floorRecord)
	}
	return st
}

func (st *floorStore) load(key floorKey, now time.Time, extend bool) string {
	sh := &st.shards[key[0]]
	if extend {
		sh.Lock()
		defer sh.Unlock()
	} else {
		sh.RLock()
		defer sh.RUnlock()
	}
	record := sh.m[key]
	if record == nil || record.expires <= now.UnixNano() {
		return ""
	}
	if extend {
		record.expires = now.Add(floorLifetime).UnixNano()
	}
	return record.values
}

func (st *floorStore) store(key floorKey, values string, now time.Time) {
	sh := &st.shards[key[0]]
	sh.Lock()
	defer sh.Unlock()
	sh.m[key] = &floorRecord{values, now.Add(floorLifetime).UnixNano()}
}

func (st *floorStore) delete(key floorKey) {
	sh := &st.shards[key[0]]
	sh.Lock()
	defer sh.Unlock()
	delete(sh.m, key)
}

// floorSession is a request's session. It looks for a cookie only when it is asked for something.
type floorSession struct {
	http.ResponseWriter
	st     *floorStore
	r      *http.Request
	extend bool

	key    floorKey
	values string
	now    time.Time
}

// load reports whether the request has a live session.
func (s *floorSession) load() bool {
	s.now = time.Now()
	for _, header := range s.r.Header["Cookie"] {
		for header != "" {
			var cookie string
			cookie, header, _ = strings.Cut(header, "; ")
			if token, ok := strings.CutPrefix(cookie, floorCookie+"="); ok {
				var secret [32]byte
				if n, err := base64.RawURLEncoding.Decode(secret[:], []byte(token)); err != nil || n != len(secret) {
					return false
				}
				s.key = sha256.Sum256(secret[:])
				s.values = s.st.load(s.key, s.now, s.extend)
				return s.values != ""
			}
		}
	}
	return false
}

func (s *floorSession) number(name string) (int, bool) {
	n, err := strconv.Atoi(floorGet(s.values, name))
	return n, err == nil
}

// put stores values under the session's key, or under a new one that the client gets.
func (s *floorSession) put(values string, fresh bool) {
	if !fresh {
		s.st.store(s.key, values, s.now)
		return
	}
	if s.values != "" {
		s.st.delete(s.key)
	}
	var secret [32]byte
	rand.Read(secret[:])
	key := floorKey(sha256.Sum256(secret[:]))
	s.st.store(key, values, s.now)
	const attributes = "; Path=/; HttpOnly; Secure; SameSite=Lax"
	b := make([]byte, 0, 128)
	b = append(b, floorCookie+"="...)
	b = base64.RawURLEncoding.AppendEncode(b, secret[:])
	b = append(b, attributes...)
	s.Header()["Set-Cookie"] = []string{string(b)}
}

func floorGet(values, name string) string {
	for values != "" {
		n, t := int(values[0]), int(values[1])
		if values[2:2+n] == name {
			return values[2+n : 2+n+t]
		}
		values = values[2+n+t:]
	}
	return ""
}

// floorPut replaces one text.
func floorPut(values, name, text string) string {
	b := make([]byte, 0, len(values)+len(text))
	for values != "" {
		n, t := int(values[0]), int(values[1])
		if values[2:2+n] == name {
			b = append(b, byte(n), byte(len(text)))
			b = append(b, name...)
			b = append(b, text...)
		} else {
			b = append(b, values[:2+n+t]...)
		}
		values = values[2+n+t:]
	}
	return string(b)
}

func floorPack(all []value, name string, n int) string {
	var b []byte
	add := func(name, text string) {
		b = append(b, byte(len(name)), byte(len(text)))
		b = append(b, name...)
		b = append(b, text...)
	}
	placed := false
	for _, v := range all {
		if !placed && v.name > name {
			add(name, strconv.Itoa(n))
			placed = true
		}
		add(v.name, v.text)
	}
	if !placed {
		add(name, strconv.Itoa(n))
	}
	return string(b)
}

// floorMiddleware makes a handler of what works on a session.
type floorMiddleware func(st *floorStore, o Options, f func(s *floorSession, r *http.Request)) http.Handler

type floorContextKey struct{}

// floorInContext is how libraries do it.
func floorInContext(st *floorStore, o Options, f func(s *floorSession, r *http.Request)) http.Handler {
	next := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f(r.Context().Value(floorContextKey{}).(*floorSession), r)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := &floorSession{ResponseWriter: w, st: st, extend: o.Sliding || o.Eager}
		s.r = r.WithContext(context.WithValue(r.Context(), floorContextKey{}, s))
		next.ServeHTTP(s, s.r)
	})
}

// floorOnWriter shows what the context costs.
func floorOnWriter(st *floorStore, o Options, f func(s *floorSession, r *http.Request)) http.Handler {
	pool := sync.Pool{New: func() any { return new(floorSession) }}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := pool.Get().(*floorSession)
		*s = floorSession{ResponseWriter: w, st: st, r: r, extend: o.Sliding || o.Eager}
		f(s, r)
		pool.Put(s)
	})
}

func floorSubject(variant string, middleware floorMiddleware) Subject {
	return Subject{
		Library: "floor", Variant: variant,
		Lacks: map[Work]string{Login: "is a floor for a few kinds of work", Logout: "is a floor for a few kinds of work"},
		Open: func(o Options) (*Chain, error) {
			st := newFloorStore()
			return chain(func(w Work) http.Handler {
				f := floorWork(w)
				if f == nil {
					return nil
				}
				return middleware(st, o, f)
			}), nil
		},
	}
}

func floorWork(work Work) func(s *floorSession, r *http.Request) {
	switch work {
	case Untouched:
		return func(s *floorSession, r *http.Request) { s.Write(body) }
	case Read, ReadBig, Keep:
		name := numberName
		if work == ReadBig {
			name = bigNumberName
		}
		return func(s *floorSession, r *http.Request) {
			s.load()
			want(s.number(name))
			s.Write(body)
		}
	case Change, Renew:
		return func(s *floorSession, r *http.Request) {
			s.load()
			n, ok := s.number(numberName)
			want(n, ok)
			var digits [20]byte
			text := strconv.AppendInt(digits[:0], int64(n+1), 10)
			s.put(floorPut(s.values, numberName, string(text)), work == Renew)
			s.Write(body)
		}
	case Create, CreateBig:
		return func(s *floorSession, r *http.Request) {
			s.load()
			values, name := contents(work)
			s.put(floorPack(values, name, firstNumber), true)
			s.Write(body)
		}
	case Show:
		return func(s *floorSession, r *http.Request) {
			s.load()
			n, ok := s.number(numberName)
			if !ok {
				n, _ = s.number(bigNumberName)
			}
			s.Write(shown(n, func(name string) string { return floorGet(s.values, name) }))
		}
	}
	return nil
}
