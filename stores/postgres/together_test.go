package postgresstore_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/enginetest"
	postgresstore "github.com/sojourn-go/sojourn/stores/postgres"
	"github.com/sojourn-go/sojourn/storetest"
)

// atOnce makes all calls at the same time and returns their errors.
func atOnce(calls []func() error) []error {
	errs := make([]error, len(calls))
	begin := make(chan struct{})
	var wg sync.WaitGroup
	for i, call := range calls {
		wg.Go(func() {
			<-begin
			errs[i] = call()
		})
	}
	close(begin)
	wg.Wait()
	return errs
}

// distant is a store whose round trips take 30 ms, so that what comes at once goes together.
func distant(t *testing.T, settings string) (*postgresstore.Store, *storetest.Proxy, string) {
	t.Helper()
	s, err := server()
	enginetest.Require(t, err)
	proxy := storetest.NewProxy(t, "tcp", s.Addr())
	name := table()
	st := openAt(t, newPool(t, url(proxy.Addr(), "sslmode=disable&pool_max_conns=8&"+settings)), postgresstore.Config{Table: name})
	proxy.Delay(30 * time.Millisecond)
	return st, proxy, name
}

// Calls that share a round trip answer as if each had come alone, in each of pgx's modes.
func TestManyAtOnce_answerAsOneByOne(t *testing.T) {
	for _, mode := range []string{"cache_statement", "cache_describe", "exec", "simple_protocol"} {
		t.Run(mode, func(t *testing.T) {
			st, proxy, name := distant(t, "default_query_exec_mode="+mode)
			direct := openAt(t, shared(t), postgresstore.Config{Table: name})
			type session struct {
				key    sojourn.Key
				patch  sojourn.Patch
				read   error // what Load answers
				change error // and Patch
				after  string
			}
			var all []session
			for i := range 100 {
				s := session{key: save(t, direct, visitor("n", fmt.Sprint(i), "of", `"all"`)), after: fmt.Sprint(i + 1000)}
				s.patch = sojourn.Patch{Expect: values("n", fmt.Sprint(i)), Remove: []string{"of"}, Set: values("n", s.after), MaxSize: 4096, MaxNames: 9}
				switch i % 10 {
				case 1:
					direct.Delete(t.Context(), s.key)
					s.read, s.change = sojourn.ErrNotFound, sojourn.ErrNotFound
				case 2:
					execute(t, "UPDATE %s SET expires = clock_timestamp() WHERE id = $1", name, s.key.ID().String())
					s.read, s.change = sojourn.ErrNotFound, sojourn.ErrNotFound
				case 3:
					execute(t, "UPDATE %s SET facts = set_byte(facts, 5, 255 - get_byte(facts, 5)) WHERE id = $1", name, s.key.ID().String())
					s.read, s.change = sojourn.ErrCorrupt, sojourn.ErrCorrupt
				case 4:
					s.patch.Expect, s.change = values("n", "another"), sojourn.ErrConflict
				case 5:
					s.patch.Generation, s.change = 7, sojourn.ErrConflict
				case 6:
					s.patch.Set, s.change = values("big", strings.Repeat("x", 5000)), sojourn.ErrTooLarge
				case 7:
					s.patch.Expect, s.change = values("n", fmt.Sprint(i), "new", ""), nil
				case 8:
					s.patch.Clear = true
				}
				all = append(all, s)
			}
			var loads, patches []func() error
			for i, s := range all {
				loads = append(loads, func() error {
					got, err := st.Load(t.Context(), s.key)
					if err == nil && (got.Values.Get("n") != fmt.Sprint(i) || got.Version != 1) {
						return fmt.Errorf("somebody else's: n is %s", got.Values.Get("n"))
					}
					return err
				})
				patches = append(patches, func() error { return st.Patch(t.Context(), s.key, s.patch, time.Hour) })
			}
			for range 2 { // the first time statements get known
				before := proxy.Trips()
				for i, err := range atOnce(loads) {
					if !errors.Is(err, all[i].read) {
						t.Errorf("Load of session %d: got %v, want %v", i, err, all[i].read)
					}
				}
				t.Logf("100 loads in %d round trips", proxy.Trips()-before)
				if got := proxy.Trips() - before; got > 50 {
					t.Errorf("100 loads took %d round trips", got)
				}
			}
			before := proxy.Trips()
			var saves []func() error
			saved := make([]sojourn.Key, 100)
			for i := range saved {
				saves = append(saves, func() (err error) {
					saved[i], err = st.Save(t.Context(), visitor("n", fmt.Sprint(i)), time.Hour)
					return err
				})
			}
			for i, err := range atOnce(saves) {
				if err != nil {
					t.Errorf("Save %d: %v", i, err)
				} else if got := load(t, direct, saved[i]); got.Values != values("n", fmt.Sprint(i)) {
					t.Errorf("Save %d: got %v", i, got.Values)
				}
			}
			t.Logf("100 saves in %d round trips", proxy.Trips()-before)
			if got := proxy.Trips() - before; got > 50 {
				t.Errorf("100 saves took %d round trips", got)
			}
			before = proxy.Trips()
			for i, err := range atOnce(patches) {
				if !errors.Is(err, all[i].change) {
					t.Errorf("Patch of session %d: got %v, want %v", i, err, all[i].change)
				}
			}
			// Those that were refused took one more each, as did those that clear.
			t.Logf("100 patches in %d round trips", proxy.Trips()-before)
			if got := proxy.Trips() - before; got > 70+50 {
				t.Errorf("100 patches took %d round trips", got)
			}
			for i, s := range all {
				if s.read != nil {
					continue
				}
				got, want, version := load(t, direct, s.key), values("n", s.after), uint64(2)
				if s.change != nil {
					want, version = values("n", fmt.Sprint(i), "of", `"all"`), 1
				}
				if got.Values != want || got.Version != version {
					t.Errorf("session %d: got %v at %d, want %v at %d", i, got.Values, got.Version, want, version)
				}
			}
		})
	}
}

// A session that somebody has locked keeps nobody waiting but those who change it.
func TestLockedSession_keepsNoOtherWaiting(t *testing.T) {
	st, table := open(t)
	locked := save(t, st, visitor("n", "0"))
	tx := begin(t)
	if _, err := tx.Exec(t.Context(), "SELECT FROM "+table+" FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	waiting := make(chan error, 10)
	for i := range cap(waiting) {
		go func() {
			waiting <- st.Patch(t.Context(), locked, sojourn.Patch{Set: values(fmt.Sprint("n", i), "1")}, time.Hour)
		}()
	}
	waiters(t, "", cap(waiting))
	var others []func() error
	for range 200 {
		key := save(t, st, visitor("n", "0"))
		others = append(others, func() error {
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			return errors.Join(increment(ctx, st, key), increment(ctx, st, key))
		})
	}
	for _, err := range atOnce(others) {
		if err != nil {
			t.Errorf("a session that nobody has locked: %v", err)
		}
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range cap(waiting) {
		if err := <-waiting; err != nil {
			t.Errorf("the session that was locked: %v", err)
		}
	}
	if got := load(t, st, locked); got.Values.Len() != 1+cap(waiting) || got.Version != 1+uint64(cap(waiting)) {
		t.Errorf("got %v at %d, want all changes", got.Values, got.Version)
	}
}

// One call whose commit fails takes nobody else's change with it, and is not acknowledged.
func TestCommitThatFails_failsForItsCallAlone(t *testing.T) {
	st, _, name := distant(t, "")
	direct := openAt(t, shared(t), postgresstore.Config{Table: name})
	execute(t, `CREATE FUNCTION %s_no() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN
		IF NEW.values ->> ''n'' = ''50'' THEN RAISE EXCEPTION ''no commit''; END IF; RETURN NEW; END'`, name)
	execute(t, `CREATE CONSTRAINT TRIGGER no AFTER UPDATE ON %[1]s DEFERRABLE INITIALLY DEFERRED
		FOR EACH ROW EXECUTE FUNCTION %[1]s_no()`, name)
	var keys []sojourn.Key
	var calls []func() error
	for i := range 100 {
		key := save(t, direct, visitor("n", "x"))
		keys = append(keys, key)
		calls = append(calls, func() error {
			return st.Patch(t.Context(), key, sojourn.Patch{Set: values("n", fmt.Sprint(i))}, time.Hour)
		})
	}
	for i, err := range atOnce(calls) {
		got := load(t, direct, keys[i])
		if i == 50 {
			if err == nil || !strings.Contains(err.Error(), "no commit") || got.Version != 1 {
				t.Errorf("got %v and version %d, want the failure of the commit and no change", err, got.Version)
			}
		} else if err != nil || got.Version != 2 || got.Values.Get("n") != fmt.Sprint(i) {
			t.Errorf("patch %d: %v, version %d, %v", i, err, got.Version, got.Values)
		}
	}
}

// Of patches whose acknowledgement was lost none happens twice, and what was acknowledged has happened.
func TestLostAcknowledgements_ofMany_areNotTriedAgain(t *testing.T) {
	st, proxy, name := distant(t, "")
	direct := openAt(t, shared(t), postgresstore.Config{Table: name})
	lost := 0
	for round := range 12 {
		var keys []sojourn.Key
		var calls []func() error
		for range 40 {
			key := save(t, direct, visitor("n", "0"))
			keys = append(keys, key)
			calls = append(calls, func() error { return st.Patch(t.Context(), key, sojourn.Patch{Set: values("n", "1")}, time.Hour) })
		}
		proxy.LoseAnswers(1 + round%6)
		for i, err := range atOnce(calls) {
			got := load(t, direct, keys[i])
			if got.Version > 2 || err == nil && got.Version != 2 {
				t.Errorf("%v, and it happened %d times", err, got.Version-1)
			}
			if err != nil {
				lost++
			}
		}
		proxy.LoseAnswers(0)
	}
	t.Logf("%d of 480 were not acknowledged", lost)
	if lost == 0 || lost == 480 {
		t.Error("nothing was lost, or everything")
	}
}

// Whoever leaves while calls share a round trip has the error of their own context at once, and the others their answers.
func TestWhoLeaves_takesNobodyAlong(t *testing.T) {
	st, _, _ := distant(t, "")
	key := save(t, st, visitor("n", "0"))
	var calls []func() error
	for i := range 60 {
		ctx := t.Context()
		if i%3 == 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, time.Duration(i)*time.Millisecond)
			defer cancel()
		}
		calls = append(calls, func() error {
			_, err := st.Load(ctx, key)
			return err
		})
	}
	left := 0
	for i, err := range atOnce(calls) {
		if i%3 == 0 && errors.Is(err, context.DeadlineExceeded) {
			left++
		} else if err != nil {
			t.Errorf("call %d: %v", i, err)
		}
	}
	if left == 0 {
		t.Error("nobody left")
	}
}

// Large sessions come by themselves, and small ones need not wait for them.
func TestLargeSessionsAmongMany_areWhole(t *testing.T) {
	st, _, name := distant(t, "")
	direct := openAt(t, shared(t), postgresstore.Config{Table: name})
	var calls []func() error
	for i := range 60 {
		text := `"small"`
		if i%10 == 0 {
			var b strings.Builder
			for b.Len() < 40_000 { // what does not get smaller in the table
				b.WriteString(sojourn.NewID().String())
			}
			text = `"` + b.String() + `"`
		}
		key := save(t, direct, visitor("text", text))
		calls = append(calls, func() error {
			got, err := st.Load(t.Context(), key)
			if err == nil && got.Values != values("text", text) {
				return fmt.Errorf("got %d bytes, want %d", got.Values.Size(), len("text")+len(text))
			}
			return err
		})
	}
	for _, err := range atOnce(calls) {
		if err != nil {
			t.Error(err)
		}
	}
}
