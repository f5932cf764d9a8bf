package subject

import (
	"context"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/sojourn-go/sojourn"
)

const sojournName = "Sojourn"

// sojournChain is Sojourn with its defaults, its zero Config, unless o says otherwise.
func sojournChain(st sojourn.Store, o Options, closers ...func() error) (*Chain, error) {
	if o.Eager {
		st = hasty{st}
	}
	var config sojourn.Config
	if o.Limited {
		config.MaxSessions = 3
	}
	m, err := sojourn.New(st, config)
	if err != nil {
		return nil, err
	}
	users := new(atomic.Int64)
	users.Store(1e6)
	login := func(s *sojourn.Session, keep ...string) {
		user := "user1000000"
		if !o.Crowded {
			user = "user" + strconv.FormatInt(users.Add(1), 10)
		}
		s.Login(user, keep...)
	}
	return chain(func(w Work) http.Handler { return sojournHandler(m, w, o, login) }, closers...), nil
}

const (
	number    = sojourn.Field[int](numberName)
	bigNumber = sojourn.Field[int](bigNumberName)
)

func sojournHandler(m *sojourn.Manager, work Work, o Options, login func(s *sojourn.Session, keep ...string)) http.Handler {
	var f func(w http.ResponseWriter, r *http.Request, s *sojourn.Session)
	switch work {
	case Untouched:
		return m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write(body) }))
	case Read, Keep: // whoever reads extends the session
		f = func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
			want(number.Get(s))
			w.Write(body)
		}
	case ReadBig:
		f = func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
			want(bigNumber.Get(s))
			w.Write(body)
		}
	case Change:
		f = func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
			want(number.Update(s, increase), true)
			w.Write(body)
		}
	case Create, CreateBig:
		values, name := contents(work)
		keepAll := []string{name}
		for _, v := range values {
			keepAll = append(keepAll, v.name)
		}
		f = func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
			for _, v := range values {
				sojourn.Field[string](v.name).Set(s, v.text)
			}
			sojourn.Field[int](name).Set(s, firstNumber)
			if o.Users {
				login(s, keepAll...)
			}
			w.Write(body)
		}
	case Renew:
		f = func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
			s.Renew()
			want(number.Update(s, increase), true)
			w.Write(body)
		}
	case Login:
		f = func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
			login(s, numberName)
			w.Write(body)
		}
	case Logout:
		f = func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
			s.Logout()
			w.Write(body)
		}
	case Show:
		f = func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
			n, ok := number.Get(s)
			if !ok {
				n, _ = bigNumber.Get(s)
			}
			w.Write(shown(n, func(name string) string {
				text, _ := sojourn.Field[string](name).Get(s)
				return text
			}))
		}
	default:
		return nil
	}
	return m.HandlerFunc(f)
}

func increase(n int) int { return n + 1 }

// hasty is a store that is asked for a TTL and gives half of it, so that every request of a session finds an extension
// due.
type hasty struct{ sojourn.Store }

func (s hasty) Unwrap() sojourn.Store { return s.Store }

func (s hasty) Save(ctx context.Context, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	return s.Store.Save(ctx, state, ttl/2)
}

func (s hasty) UpdateTTL(ctx context.Context, key sojourn.Key, ttl time.Duration) error {
	return s.Store.UpdateTTL(ctx, key, ttl/2)
}
