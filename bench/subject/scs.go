package subject

import (
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"
)

const (
	scsName   = "scs"
	scsModule = "github.com/alexedwards/scs/v2"
)

func scsChain(st scs.Store, o Options, closers ...func() error) *Chain {
	m := scs.New()
	m.Store = st
	if o.Sliding || o.Eager {
		m.IdleTimeout = 30 * time.Minute
	}
	return chain(func(w Work) http.Handler { return scsHandler(m, w) }, closers...)
}

func scsHandler(m *scs.SessionManager, work Work) http.Handler {
	var f http.HandlerFunc
	switch work {
	case Untouched:
		f = func(w http.ResponseWriter, r *http.Request) { w.Write(body) }
	case Read, Keep: // every request extends the session, if there is an idle timeout
		f = func(w http.ResponseWriter, r *http.Request) {
			want(m.GetInt(r.Context(), numberName), true)
			w.Write(body)
		}
	case ReadBig:
		f = func(w http.ResponseWriter, r *http.Request) {
			want(m.GetInt(r.Context(), bigNumberName), true)
			w.Write(body)
		}
	case Change:
		f = func(w http.ResponseWriter, r *http.Request) {
			n := m.GetInt(r.Context(), numberName)
			want(n, true)
			m.Put(r.Context(), numberName, n+1)
			w.Write(body)
		}
	case Create, CreateBig:
		values, name := contents(work)
		f = func(w http.ResponseWriter, r *http.Request) {
			for _, v := range values {
				m.Put(r.Context(), v.name, v.text)
			}
			m.Put(r.Context(), name, firstNumber)
			w.Write(body)
		}
	case Renew:
		f = func(w http.ResponseWriter, r *http.Request) {
			if err := m.RenewToken(r.Context()); err != nil {
				wrong.Add(1)
			}
			n := m.GetInt(r.Context(), numberName)
			want(n, true)
			m.Put(r.Context(), numberName, n+1)
			w.Write(body)
		}
	case Login:
		f = func(w http.ResponseWriter, r *http.Request) {
			if err := m.RenewToken(r.Context()); err != nil {
				wrong.Add(1)
			}
			m.Put(r.Context(), "user", "42")
			w.Write(body)
		}
	case Logout:
		f = func(w http.ResponseWriter, r *http.Request) {
			if err := m.Destroy(r.Context()); err != nil {
				wrong.Add(1)
			}
			w.Write(body)
		}
	case Show:
		f = func(w http.ResponseWriter, r *http.Request) {
			n := m.GetInt(r.Context(), numberName)
			if n == 0 {
				n = m.GetInt(r.Context(), bigNumberName)
			}
			w.Write(shown(n, func(name string) string { return m.GetString(r.Context(), name) }))
		}
	default:
		return nil
	}
	return m.LoadAndSave(f)
}
