package drivers_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

// hostile are names and texts that a weaker store changes, mistakes for its own, or trips over.
func hostile() sojourn.Values {
	return values("id", "1", "record", "5", "a.b", "1", "$.a", "3", `"]`, "4", "'", "6", "--", "7", "%", "8", "?", "9", "$1", "10",
		"nul\x00name", "1", "text with nul", "\x00\"\x00", "invalid\xff\xfename", "\xff\xc0\x80", "\xed\xa0\x80", "\xed\xbf\xbf",
		"", "an empty name", "\u00e9", "1", "e\u0301", "2", "😀", `"😀"`, " ", "space", "\t\n", "\r\n", "back\\slash", `\\'\"`,
		"number", "1.00", "no json", "{", "overlong", "\xc0\xaf", "too far", "\xf4\x90\x80\x80",
		"long", `"`+strings.Repeat("x", 70_000)+`"`, strings.Repeat("n", 300), "1")
}

func TestNamesAndTexts_comeBackByteForByte(t *testing.T) {
	each(t, func(t *testing.T, e engine) {
		_, st := e.open(t)
		s := visitor("re\x00alm\xfe" + realm())
		s.Values = hostile()
		s.Facts.Subject, s.Facts.Label, s.Facts.Authenticated = "\x00\xff'\"\\ ", "\xff\x00", now()
		key := save(t, st, s, time.Hour)
		if got := load(t, st, key); got.Values != s.Values || got.Facts != s.Facts {
			t.Errorf("saved: got %v, %+v", got.Values, got.Facts)
		}
		again := save(t, st, visitor(realm(), "id", "0"), time.Hour)
		if err := st.Patch(t.Context(), again, sojourn.Patch{Set: hostile()}, time.Hour); err != nil {
			t.Fatal(err)
		}
		if got := load(t, st, again); got.Values != s.Values {
			t.Errorf("patched: got %v", got.Values)
		}
		list, err := st.ListSubject(t.Context(), s.Facts.Realm, s.Facts.Subject)
		if err != nil || len(list) != 1 || list[0].Facts != s.Facts {
			t.Errorf("listed: got %v, %v", list, err)
		}
	})
}

// A name that does not fit is refused, not cut: cut, two subjects would be one.
func TestLongNames_areTooLarge(t *testing.T) {
	each(t, func(t *testing.T, e engine) {
		settings := []string{}
		if e.name == "mariadb" {
			settings = []string{"sql_mode", "''"} // would cut, with a warning
		}
		_, st := e.open(t, settings...)
		r, long := realm(), strings.Repeat("s", 256)
		visitors := save(t, st, visitor(r), time.Hour)
		login := load(t, st, visitors)
		login.Facts.Subject, login.Facts.Authenticated = long, now()
		_, saved := st.Save(t.Context(), member(r, long, now()), time.Hour)
		_, realms := st.Save(t.Context(), visitor(long), time.Hour)
		_, updated := st.Update(t.Context(), visitors, login, time.Hour)
		_, revoked := st.DeleteSubject(t.Context(), r, long, sojourn.ID{})
		for op, err := range map[string]error{"save": saved, "realm": realms, "update": updated, "revoke": revoked} {
			is(t, op, err, sojourn.ErrTooLarge)
		}
		if list, err := st.ListSubject(t.Context(), r, long[:255]); err != nil || len(list) != 0 {
			t.Errorf("got %v, %v, want no session", list, err)
		}
		load(t, st, save(t, st, member(r, long[:255], now()), time.Hour))
	})
}

// rewrite changes stored records beside the store.
func (e engine) rewrite(tb testing.TB) func(tb testing.TB, key sojourn.Key, change func([]byte) []byte) {
	db := e.db(tb)
	return func(tb testing.TB, key sojourn.Key, change func([]byte) []byte) {
		tb.Helper()
		id := key.ID()
		var record []byte
		if err := db.QueryRow(e.sql(`SELECT record FROM sojourn_sessions WHERE id = ?`), id[:]).Scan(&record); err != nil {
			tb.Fatal(err)
		}
		e.exec(tb, db, `UPDATE sojourn_sessions SET record = ? WHERE id = ?`, change(record), id[:])
	}
}

// An Update at the version that is there does not overwrite what a newer release has written, and a sweep does not remove it.
func TestNewerRecord_staysAsItIs(t *testing.T) {
	each(t, func(t *testing.T, e engine) {
		db, st := e.open(t)
		r := realm()
		key := save(t, st, member(r, "ada", now()), time.Hour)
		s := load(t, st, key)
		e.rewrite(t)(t, key, func(record []byte) []byte { return append([]byte{2}, record[1:]...) })
		for _, op := range []string{"update", "patch"} {
			is(t, op+" of a newer record", writes(st, key, s)[op](t.Context()), sojourn.ErrNewer)
		}
		_, err := st.ListSubject(t.Context(), r, "ada")
		is(t, "list of a newer record", err, sojourn.ErrNewer)
		id := key.ID()
		e.exec(t, db, `UPDATE sojourn_sessions SET expires = 1 WHERE id = ?`, id[:])
		if _, err := st.Sweep(t.Context(), 1000); err != nil {
			t.Fatal(err)
		}
		if n := e.count(t, db, `SELECT count(*) FROM sojourn_sessions WHERE id = ?`, id[:]); n != 1 {
			t.Error("a newer record was swept")
		}
		e.exec(t, db, `UPDATE sojourn_sessions SET expires = 9999999999999 WHERE id = ?`, id[:])
		if n, err := st.DeleteSubject(t.Context(), r, "ada", sojourn.ID{}); err != nil || n != 1 {
			t.Errorf("DeleteSubject of a newer record: got %d, %v, want 1", n, err)
		}
	})
}

func TestReadable_showsFacts(t *testing.T) {
	each(t, func(t *testing.T, e engine) {
		zone := []string{"TimeZone", "UTC"}
		if e.name == "mariadb" {
			zone = []string{"time_zone", "'+03:00'", "parseTime", "true"} // it shows UTC
		}
		db, st := e.open(t, zone...)
		s := member(realm(), "Łukasz 🦊", now())
		key := save(t, st, s, time.Hour)
		var r, subject string
		var created, authenticated, deadline, expires time.Time
		var version int
		err := db.QueryRow(e.sql(`SELECT realm, subject, created, authenticated, deadline, expires, version
			FROM sojourn_sessions_readable WHERE id = ?`), key.ID().String()).
			Scan(&r, &subject, &created, &authenticated, &deadline, &expires, &version)
		if err != nil {
			t.Fatal(err)
		}
		if r != s.Facts.Realm || subject != s.Facts.Subject || version != 1 || !created.Equal(s.Facts.Created) ||
			!authenticated.Equal(s.Facts.Authenticated) || !deadline.Equal(s.Facts.Deadline) ||
			time.Until(expires) < 59*time.Minute || time.Until(expires) > time.Hour {
			t.Errorf("got %q, %q, %v, %v, %v, %v, %d", r, subject, created, authenticated, deadline, expires, version)
		}
		visitors := save(t, st, visitor(realm()), time.Hour)
		var none sql.NullTime
		err = db.QueryRow(e.sql(`SELECT authenticated FROM sojourn_sessions_readable WHERE id = ?`), visitors.ID().String()).Scan(&none)
		if err != nil || none.Valid {
			t.Errorf("a visitor was authenticated: %v, %v", none, err)
		}
	})
}

func TestReadable_ofPostgres_showsValues(t *testing.T) {
	e := postgres()
	db := e.db(t)
	st := e.store(t, db, "")
	for _, n := range []int{0, 1, 2, 40} {
		want := map[string]any{}
		s := visitor(realm())
		s.Values = sojourn.CollectValues(func(yield func(string, string) bool) {
			for i := range n {
				name, text := fmt.Sprintf("name %d", i), strings.Repeat("ü", i*i*7) // up to three bytes of length
				want[name] = `"` + text + `"`
				if !yield(name, want[name].(string)) {
					return
				}
			}
		})
		s.Facts.Label = strings.Repeat("l", n*6)
		key := save(t, st, s, time.Hour)
		var text sql.NullString
		if err := db.QueryRow(`SELECT values_json FROM sojourn_sessions_readable WHERE id = $1`, key.ID().String()).Scan(&text); err != nil {
			t.Fatal(err)
		}
		got := map[string]any{}
		if n > 0 {
			if err := json.Unmarshal([]byte(text.String), &got); err != nil {
				t.Fatalf("%v: %s", err, text.String)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("got  %v\nwant %v", got, want)
		}
	}
}

// What cannot be shown must not keep people from reading the rest.
func TestReadable_survivesAnything(t *testing.T) {
	each(t, func(t *testing.T, e engine) {
		db := e.db(t)
		name := table()
		st := e.store(t, db, name)
		s := visitor("re\x00alm\xfe")
		s.Values = hostile()
		s.Facts.Subject, s.Facts.Authenticated = "\xff\x00'", time.UnixMilli(1<<52)
		s.Facts.Deadline = time.UnixMilli(-1 << 52)
		save(t, st, s, 1<<63-1)
		damaged, newer, empty := save(t, st, s, time.Hour).ID(), save(t, st, s, time.Hour).ID(), save(t, st, s, time.Hour).ID()
		garbage := make([]byte, 2000)
		for i := range garbage {
			garbage[i] = byte(i * i)
		}
		garbage[0] = 1
		e.exec(t, db, `UPDATE `+name+` SET record = ?, values_at = 1 WHERE id = ?`, garbage, damaged[:])
		e.exec(t, db, `UPDATE `+name+` SET record = ? WHERE id = ?`, []byte{2, 255, 255}, newer[:])
		e.exec(t, db, `UPDATE `+name+` SET record = ?, values_at = 0 WHERE id = ?`, []byte{1}, empty[:])
		if n := e.count(t, db, `SELECT count(*) FROM `+name+`_readable WHERE id <> 'x' AND realm <> 'x'`); n < 1 {
			t.Errorf("got %d rows", n)
		}
		rows, err := db.Query(`SELECT * FROM ` + name + `_readable`)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		n := 0
		for rows.Next() {
			n++
		}
		if rows.Err() != nil || n != 4 {
			t.Errorf("got %d rows, %v, want 4", n, rows.Err())
		}
	})
}
