package postgresstore_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/enginetest"
	postgresstore "github.com/sojourn-go/sojourn/stores/postgres"
)

// Touches and patches stay within their page, so that no index grows: no index has a column that they change, and each
// page has room. A session's sweep that files it anew is the exception, once an idle timeout.
func TestTouchesAndPatches_areHOT(t *testing.T) {
	s, err := server()
	enginetest.Require(t, err)
	pool := newPool(t, url(s.Addr(), "pool_max_conns=1")) // one connection: its statistics are flushed at will
	name := table()
	st := openAt(t, pool, postgresstore.Config{Table: name})
	const sessions, changes = 500, 2000
	var keys []sojourn.Key
	state := member("ada", start)
	state.Values = values("n", "0", "cart", `["tea","coffee","milk"]`, "theme", `"dark"`, "text", `"`+string(make200())+`"`)
	for range sessions {
		keys = append(keys, save(t, st, state))
	}
	index := ask[int64](t, "SELECT pg_indexes_size($1::regclass)%s", "", name)
	for i := range changes {
		key := keys[rand.IntN(sessions)]
		var err error
		if i%2 == 0 {
			err = st.UpdateTTL(t.Context(), key, time.Hour+time.Duration(i)*time.Second)
		} else {
			err = st.Patch(t.Context(), key, sojourn.Patch{Generation: 1, Set: values("n", "1")}, time.Hour)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := pool.Exec(t.Context(), "SELECT pg_stat_force_next_flush()"); err != nil {
		t.Fatal(err)
	}
	var updates, hot int
	if err := pool.QueryRow(t.Context(), "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = $1", name).Scan(&updates, &hot); err != nil {
		t.Fatal(err)
	}
	share := float64(hot) / float64(updates)
	t.Logf("%d of %d updates were HOT: %.1f %%", hot, updates, 100*share)
	if updates < changes*9/10 || share < 0.95 {
		t.Errorf("%d of %d updates were HOT, want at least 95 %% of about %d", hot, updates, changes)
	}
	if now := ask[int64](t, "SELECT pg_indexes_size($1::regclass)%s", "", name); float64(now) > 1.3*float64(index) {
		t.Errorf("the indexes grew from %d to %d bytes", index, now)
	}
}

func make200() []byte {
	b := make([]byte, 200)
	for i := range b {
		b[i] = 'a' + byte(rand.IntN(26))
	}
	return b
}
