package postgresstore_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	postgresstore "github.com/sojourn-go/sojourn/stores/postgres"
)

// A session that a load found expired stays dead, also where a patch in its last moments shares a transaction with slower ones.
func TestPatchInCompany_revivesNoExpiredSession(t *testing.T) {
	reviveNone(t, 500*time.Millisecond, 20*time.Millisecond)
}

// The same where the session had life to spare, and the company took longer than that.
func TestPatchInSlowCompany_revivesNoExpiredSession(t *testing.T) {
	long(t)
	reviveNone(t, 10800*time.Millisecond, 300*time.Millisecond)
}

func reviveNone(t *testing.T, life, pace time.Duration) {
	st, _, name := distant(t, "")
	direct := openAt(t, shared(t), postgresstore.Config{Table: name})
	execute(t, `CREATE FUNCTION %s_slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN
		PERFORM pg_sleep(`+fmt.Sprint(pace.Seconds())+`); RETURN NEW; END'`, name)
	execute(t, `CREATE TRIGGER slow BEFORE UPDATE ON %[1]s FOR EACH ROW WHEN (NEW.values ->> 'n' = 'slow')
		EXECUTE FUNCTION %[1]s_slow()`, name)
	var slow []func() error
	for range 44 {
		key := save(t, direct, visitor("n", "0"))
		slow = append(slow, func() error { return st.Patch(t.Context(), key, sojourn.Patch{Set: values("n", "slow")}, time.Hour) })
	}
	atOnce(slow[:8]) // the first time statements get known
	var brief []func() error
	var died atomic.Int32
	for range 10 {
		key, err := direct.Save(t.Context(), visitor("n", "0"), life)
		if err != nil {
			t.Fatal(err)
		}
		brief = append(brief, func() error {
			if err := st.Patch(t.Context(), key, sojourn.Patch{Set: values("n", "1")}, time.Hour); err != nil && !errors.Is(err, sojourn.ErrNotFound) {
				return err
			}
			return nil
		}, func() error {
			for end := time.Now().Add(life + 10*pace); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
				if _, err := direct.Load(t.Context(), key); !errors.Is(err, sojourn.ErrNotFound) {
					continue
				}
				died.Add(1)
				time.Sleep(60 * pace)
				if _, err := direct.Load(t.Context(), key); err == nil {
					return errors.New("a session that was seen dead lives again")
				}
				break
			}
			return nil
		})
	}
	// Four go alone; then go together those with little life and, behind them, many that take their time.
	var all sync.WaitGroup
	for i, calls := range [][]func() error{slow[:4], brief, slow[4:]} {
		all.Go(func() {
			time.Sleep(time.Duration(i) * 15 * time.Millisecond)
			for _, err := range atOnce(calls) {
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	t.Logf("%d of 10 were seen dead", died.Load())
}
