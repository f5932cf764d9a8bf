package postgresstore_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/enginetest"
	postgresstore "github.com/sojourn-go/sojourn/stores/postgres"
)

// The server plans a prepared statement anew for each call if it takes that to be worth while, which costs more than the
// call itself: where a plan for certain arguments looks cheaper than one for any, as where an argument switches a part off.
func TestStatements_areNotPlannedAtEachCall(t *testing.T) {
	s, err := server()
	enginetest.Require(t, err)
	pool := newPool(t, url(s.Addr(), "pool_max_conns=1"))
	st := openAt(t, pool, postgresstore.Config{Table: table()})
	ctx := t.Context()
	for i := range 30 {
		key := save(t, st, visitor("n", "0", "m", "1"))
		mine := save(t, st, member("ada", time.Now().Add(time.Hour)))
		mineState := load(t, st, mine)
		p := sojourn.Patch{Set: values("n", "1"), MaxSize: 64 << 10, MaxNames: 256}
		counted := sojourn.Patch{Expect: values("n", "1"), Set: values("n", "2"), MaxSize: 64 << 10, MaxNames: 256}
		errs := []error{
			st.Patch(ctx, key, p, time.Hour), st.Patch(ctx, key, counted, time.Hour),
			st.Patch(ctx, key, sojourn.Patch{Clear: true, Keep: []string{"n"}}, time.Hour),
			st.UpdateTTL(ctx, key, time.Hour+time.Duration(i)*time.Second),
		}
		// Those that wait for the one connection go together, a few each time.
		var many []func() error
		for range 7 + i%3 {
			many = append(many, func() error { _, err := st.Load(ctx, key); return err })
		}
		errs = append(errs, atOnce(many)...)
		state := load(t, st, key)
		_, err := st.Update(ctx, key, state, time.Hour)
		errs = append(errs, err)
		_, err = st.Update(ctx, mine, mineState, time.Hour)
		errs = append(errs, err)
		_, err = st.ListSubject(ctx, "app", "ada")
		errs = append(errs, err)
		_, err = st.TrimSubject(ctx, "app", "ada", 2, mine.ID())
		errs = append(errs, err)
		_, err = st.DeleteSubject(ctx, "app", "ada", mine.ID())
		errs = append(errs, err)
		_, _, err = st.List(ctx, "", 3)
		errs = append(errs, err, st.Delete(ctx, key))
		_, err = st.Sweep(ctx, 10)
		for _, err := range append(errs, err) {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	rows, err := pool.Query(ctx, "SELECT statement, generic_plans, custom_plans FROM pg_prepared_statements")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	together := 0
	for rows.Next() {
		var statement string
		var generic, custom int
		if err := rows.Scan(&statement, &generic, &custom); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(statement, "$1::uuid[]") {
			together = custom + generic
		}
		if custom > generic && strings.Contains(statement, "$1") && generic+custom >= 20 {
			t.Errorf("planned %d times, %d times not:\n%.200s", custom, generic, statement)
		}
	}
	if together < 20 {
		t.Errorf("loads went together %d times, too few to tell", together)
	}
}
