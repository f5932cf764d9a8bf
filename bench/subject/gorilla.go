package subject

import (
	"net/http"

	"github.com/gorilla/sessions"
)

const (
	gorillaName   = "gorilla"
	gorillaModule = "github.com/gorilla/sessions"
	cookieName    = "session"
)

// noRenew is why gorilla and gin have no row of renewals.
const noRenew = "no call that replaces the token"

var (
	authKey = []byte("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")
	sealKey = []byte("fedcba9876543210fedcba9876543210")
)

// lacksRenew is the work that a library without renewals cannot do.
func lacksRenew() map[Work]string { return map[Work]string{Renew: noRenew, Login: noRenew} }

func gorillaChain(st sessions.Store, closers ...func() error) *Chain {
	return chain(func(w Work) http.Handler { return gorillaHandler(st, w) }, closers...)
}

func gorillaHandler(st sessions.Store, work Work) http.Handler {
	var f func(s *sessions.Session) (save bool)
	switch work {
	case Untouched:
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write(body) })
	case Read, Keep: // a Save, and nothing else, extends the session
		f = func(s *sessions.Session) bool {
			want(gorillaNumber(s.Values[numberName]))
			return work == Keep
		}
	case ReadBig:
		f = func(s *sessions.Session) bool {
			want(gorillaNumber(s.Values[bigNumberName]))
			return false
		}
	case Change:
		f = func(s *sessions.Session) bool {
			n, ok := gorillaNumber(s.Values[numberName])
			want(n, ok)
			s.Values[numberName] = n + 1
			return true
		}
	case Create, CreateBig:
		values, name := contents(work)
		f = func(s *sessions.Session) bool {
			for _, v := range values {
				s.Values[v.name] = v.text
			}
			s.Values[name] = firstNumber
			return true
		}
	case Logout:
		f = func(s *sessions.Session) bool {
			s.Options.MaxAge = -1
			return true
		}
	case Show:
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s, _ := st.Get(r, cookieName)
			n, ok := gorillaNumber(s.Values[numberName])
			if !ok {
				n, _ = gorillaNumber(s.Values[bigNumberName])
			}
			w.Write(shown(n, func(name string) string {
				text, _ := s.Values[name].(string)
				return text
			}))
		})
	default:
		return nil
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, err := st.Get(r, cookieName)
		if err != nil {
			wrong.Add(1)
		}
		if f(s) {
			if err := s.Save(r, w); err != nil {
				wrong.Add(1)
			}
		}
		w.Write(body)
	})
}

func gorillaNumber(v any) (int, bool) {
	n, ok := v.(int)
	return n, ok
}
