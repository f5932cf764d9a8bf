package sojourn_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
)

// Attacks, item 26: what may be spent once only. Field.Update writes who spends it, Commit settles the race, and the
// handler acts only if it was the one.

type voucher struct {
	Code    string
	SpentBy string
}

const coupon = sojourn.Field[voucher]("coupon")

func TestUpdate_spendsOnce(t *testing.T) {
	for _, tt := range []struct {
		name  string
		store func(st sojourn.Store) sojourn.Store
	}{
		{"Patcher", func(st sojourn.Store) sojourn.Store { return st }},
		{"five methods", func(st sojourn.Store) sojourn.Store { return fiveMethods{st} }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			clock := newClock()
			a := newAppOver(t, newSpy(tt.store(memstore.New(memstore.Config{Now: clock.Now}))), clock, sojourn.Config{})
			a.does("/seed", func(s *sojourn.Session) { coupon.Set(s, voucher{Code: "TEA"}) })
			a.on("/spend/{n}", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
				me := r.PathValue("n")
				coupon.Update(s, func(v voucher) voucher {
					if v.Code != "" && v.SpentBy == "" {
						v.SpentBy = me
					}
					return v
				})
				if err := s.Commit(r.Context()); err != nil {
					sojourn.Error(w, r, err)
					return
				}
				v, _ := coupon.Get(s)
				fmt.Fprint(w, v.SpentBy == me)
			})
			b := a.browser(t)
			b.get("/seed")
			var mu sync.Mutex
			spent := 0
			var wg sync.WaitGroup
			start := make(chan struct{})
			for i := range 50 {
				wg.Go(func() {
					<-start
					got := b.clone().get(fmt.Sprint("/spend/", i))
					if got.StatusCode != 200 {
						t.Errorf("got %d", got.StatusCode)
					}
					if got.body == "true" {
						mu.Lock()
						spent++
						mu.Unlock()
					}
				})
			}
			close(start)
			wg.Wait()
			if spent != 1 {
				t.Errorf("spent %d times, want once", spent)
			}
		})
	}
}

func TestField_take(t *testing.T) {
	a := newApp(t, sojourn.Config{})
	const notice = sojourn.Field[string]("notice")
	a.does("/set", func(s *sojourn.Session) { notice.Set(s, "saved") })
	a.does("/set-other", func(s *sojourn.Session) { notice.Set(s, "other") })
	a.on("/take", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		text, ok := notice.Take(s)
		fmt.Fprint(w, ok, text)
		if text, ok := notice.Take(s); ok {
			t.Errorf("took %q twice in one request", text)
		}
	})
	b := a.browser(t)
	b.get("/set")
	b.get("/take").want(t, 200, "truesaved")
	b.get("/take").want(t, 200, "false")
	a.spy.take()
	b.get("/take")
	a.spy.wantCalls(t, "load") // nothing to take is no change

	// A notice that another request has set meanwhile stays.
	b.get("/set")
	other := b.clone()
	a.on("/take-slowly", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		text, _ := notice.Take(s)
		other.get("/set-other")
		fmt.Fprint(w, text)
	})
	b.get("/take-slowly").want(t, 200, "saved")
	b.get("/take").want(t, 200, "trueother")
}

// Two Updates of one request, and a parallel one of another in between: each counts.
func TestUpdate_twiceAgainstARace(t *testing.T) {
	a := newApp(t, sojourn.Config{})
	a.does("/one", func(s *sojourn.Session) { visits.Update(s, increment) })
	b := a.browser(t)
	b.get("/one")
	other := b.clone()
	a.on("/two", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		visits.Update(s, increment)
		other.get("/one")
		visits.Update(s, increment)
		if err := s.Commit(r.Context()); err != nil {
			t.Error(err)
		}
		n, _ := visits.Get(s)
		fmt.Fprint(w, n)
	})
	b.get("/two").want(t, 200, "4")
}

// An Update on top of a Set of the same request is no question of what is stored.
func TestUpdate_afterSet(t *testing.T) {
	a := newApp(t, sojourn.Config{})
	a.does("/one", func(s *sojourn.Session) { visits.Update(s, increment) })
	b := a.browser(t)
	b.get("/one")
	other := b.clone()
	a.does("/set", func(s *sojourn.Session) {
		visits.Set(s, 100)
		other.get("/one")
		visits.Update(s, increment)
	})
	a.on("/show", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		n, _ := visits.Get(s)
		fmt.Fprint(w, n)
	})
	b.get("/set")
	b.get("/show").want(t, 200, "101")
}
