package drivers_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

// Connections are killed and the server is restarted, in good order and not, while sessions are in use. What was
// acknowledged is there, what was not happened once or not at all, what was ended stays so, and all goes on afterwards with
// the pools that there are.
func TestKilled_losesNothingAcknowledged(t *testing.T) {
	each(t, func(t *testing.T, e engine) {
		server, err := e.server()
		if err != nil {
			t.Fatal(err)
		}
		admin := e.db(t)
		nodes := [2]sojourn.Store{}
		for i := range nodes {
			_, nodes[i] = e.open(t)
		}
		var stop atomic.Bool
		var all [8]ledger
		var wg sync.WaitGroup
		for i := range all {
			all[i] = ledger{TB: t, st: nodes[i%2], realm: realm()}
			wg.Go(func() {
				for !stop.Load() && !t.Failed() {
					all[i].step()
				}
			})
		}
		pause := func() { time.Sleep(time.Duration(150+rand.IntN(150)) * time.Millisecond) }
		for range 4 {
			pause()
			killConnections(t, e, admin)
		}
		for _, end := range []func() error{server.Kill, server.Stop, server.Kill} {
			pause()
			if err := end(); err != nil {
				t.Error(err)
			}
			if err := server.Start(); err != nil {
				t.Error(err)
			}
		}
		pause()
		stop.Store(true)
		wg.Wait()
		acknowledged, unknown := 0, 0
		for i := range all {
			all[i].settle()
			acknowledged, unknown = acknowledged+all[i].acknowledged, unknown+all[i].unknown
			for _, key := range all[i].dead {
				if _, err := all[i].st.Load(t.Context(), key); !errors.Is(err, sojourn.ErrNotFound) {
					t.Errorf("a session that was ended: got %v, want ErrNotFound", err)
				}
			}
			if err := increment(t.Context(), all[i].st, all[i].key); err != nil {
				t.Errorf("a session afterwards: %v", err)
			}
			if _, err := all[i].st.Save(t.Context(), member(all[i].realm, "ada", now()), time.Hour); err != nil {
				t.Errorf("a login afterwards: %v", err)
			}
		}
		t.Logf("%d calls acknowledged, %d not", acknowledged, unknown)
		if acknowledged < 100 || unknown < 8 {
			t.Errorf("%d calls were acknowledged and %d not: the test saw nothing", acknowledged, unknown)
		}
	})
}

func killConnections(t *testing.T, e engine, admin *sql.DB) {
	t.Helper()
	if e.name == "postgres" {
		_, err := admin.Exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'`)
		if err != nil {
			t.Error(err)
		}
		return
	}
	rows, err := admin.Query(`SELECT id FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND user = 'root'`)
	if err != nil {
		t.Error(err)
		return
	}
	defer rows.Close()
	var kill []int
	for rows.Next() {
		var id int
		if err := rows.Scan(&id); err != nil {
			t.Error(err)
		}
		kill = append(kill, id)
	}
	for _, id := range kill {
		admin.Exec(fmt.Sprint("KILL ", id)) // it may be gone by itself
	}
}

// ledger is one client, with the session that it has and what it was told of it.
type ledger struct {
	testing.TB
	st    sojourn.Store
	realm string
	key   sojourn.Key
	n     int           // its counter, as acknowledged
	dead  []sojourn.Key // what it has ended
	open  string        // the call whose answer was lost, "" if none

	acknowledged, unknown int
}

func (l *ledger) step() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	var err error
	if l.open != "" || l.key.IsZero() {
		l.resolve(ctx)
		return
	}
	op := [...]string{"count", "count", "count", "touch", "renew", "end", "revoke"}[rand.IntN(7)]
	switch op {
	case "count":
		err = l.st.(sojourn.Patcher).Patch(ctx, l.key, sojourn.Patch{
			Generation: 1, Expect: values("n", strconv.Itoa(l.n)), Set: values("n", strconv.Itoa(l.n+1)),
		}, time.Hour)
	case "touch":
		err = l.st.UpdateTTL(ctx, l.key, 2*time.Hour)
	case "renew":
		var s sojourn.State
		if s, err = l.st.Load(ctx, l.key); err == nil {
			if got := s.Values.Get("n"); got != strconv.Itoa(l.n) {
				l.Errorf("got n = %s, %d was acknowledged", got, l.n)
			}
			s.Values = values("n", strconv.Itoa(l.n+1))
			_, err = l.st.Update(ctx, l.key, s, time.Hour)
		}
	case "end":
		err = l.st.Delete(ctx, l.key)
	case "revoke":
		_, err = l.st.(sojourn.SubjectIndex).DeleteSubject(ctx, l.realm, "ada", sojourn.ID{})
	}
	if err != nil {
		if errors.Is(err, sojourn.ErrNotFound) || errors.Is(err, sojourn.ErrConflict) {
			l.Errorf("%s: %v of a session that is nobody else's", op, err)
		}
		l.unknown++
		l.open = op
		return
	}
	l.acknowledged++
	switch op {
	case "count", "renew":
		l.n++
	case "end", "revoke":
		l.dead, l.key = append(l.dead, l.key), sojourn.Key{}
	}
}

// resolve looks what became of a call whose answer was lost, and saves a new session if there is none.
func (l *ledger) resolve(ctx context.Context) {
	if !l.key.IsZero() {
		s, err := l.st.Load(ctx, l.key)
		ending := l.open == "end" || l.open == "revoke"
		counting := l.open == "count" || l.open == "renew"
		switch {
		case errors.Is(err, sojourn.ErrNotFound) && ending:
			l.dead, l.key = append(l.dead, l.key), sojourn.Key{}
		case errors.Is(err, sojourn.ErrNotFound):
			l.Errorf("the session is gone after a %s without an answer", l.open)
			l.key = sojourn.Key{}
		case err != nil:
			time.Sleep(10 * time.Millisecond)
			return
		default:
			n, _ := strconv.Atoi(s.Values.Get("n"))
			if n != l.n && !(counting && n == l.n+1) {
				l.Errorf("got n = %d after a %s without an answer, %d was acknowledged", n, l.open, l.n)
			}
			l.n = n
		}
		l.open = ""
	}
	if l.key.IsZero() {
		key, err := l.st.Save(ctx, member(l.realm, "ada", now().Add(time.Minute)), time.Hour)
		if err != nil {
			time.Sleep(10 * time.Millisecond)
			return
		}
		l.key, l.n, l.open = key, 0, ""
	}
}

// settle ends with a session whose state is known.
func (l *ledger) settle() {
	for end := time.Now().Add(20 * time.Second); l.key.IsZero() || l.open != ""; {
		if time.Now().After(end) {
			l.Fatal("the store does not work again")
		}
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		l.resolve(ctx)
		cancel()
	}
}
