package sqlitestore_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

// hostile are names and texts that a weaker store changes, mistakes for its own, or trips over.
func hostile() sojourn.Values {
	pairs := []string{
		"id", "1", "version", "2", "expires", "3", "realm", "4", "subject", `"bob"`, "record", "5", "values_at", "6",
		"a.b", "1", "$", "2", "$.a", "3", `"]`, "4", `a"`, "5", "'", "6", "--", "7", "%", "8", "?", "9", ":name", "10",
		"nul\x00name", "1", "text with nul", "\x00\"\x00", "invalid\xff\xfename", "\xff\xc0\x80", "\xed\xa0\x80", "\xed\xbf\xbf",
		"", "an empty name", "\u00e9", "1", "e\u0301", "2", "E\u0301", "3", "😀", `"😀"`, " ", "space", "\t\n", "\r\n",
		"number", "1.00", "big", "12345678901234567890.10", "exponent", "1E400", "spaced", ` { "b" : 1 , "a" : 2 , "a" : 3 } `,
		"escaped", `"\u0041\/\u0000"`, "no json", "{", "long", `"` + strings.Repeat("x", 70_000) + `"`,
		strings.Repeat("n", 300), "1",
	}
	return values(pairs...)
}

func TestNamesAndTexts_comeBackByteForByte(t *testing.T) {
	st, _ := open(t, newClock())
	s := visitor()
	s.Values = hostile()
	s.Facts.Subject, s.Facts.Realm, s.Facts.Label = "\x00\xff'\"", "re\x00alm\xfe", "\xff\x00"
	s.Facts.Authenticated = start
	byValue := save(t, st, s)
	if got := load(t, st, byValue); got.Values != s.Values || got.Facts != s.Facts {
		t.Errorf("saved: got %v, %+v", got.Values, got.Facts)
	}

	key := save(t, st, visitor("id", "0"))
	if err := st.Patch(t.Context(), key, sojourn.Patch{Set: hostile()}, time.Hour); err != nil {
		t.Fatal(err)
	}
	if got := load(t, st, key); got.Values != s.Values || got.Facts != visitor().Facts {
		t.Errorf("patched: got %v, %+v", got.Values, got.Facts)
	}

	list, err := st.ListSubject(t.Context(), s.Facts.Realm, s.Facts.Subject)
	if err != nil || len(list) != 1 || list[0].Facts != s.Facts {
		t.Errorf("listed: got %v, %v", list, err)
	}
}

func TestReadable_showsValuesAsJSON(t *testing.T) {
	st, path := open(t, newClock())
	for _, n := range []int{0, 1, 2, 40} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			want := map[string]any{}
			s := member("ada", start)
			s.Values = sojourn.CollectValues(func(yield func(string, string) bool) {
				for i := range n {
					name, text := fmt.Sprintf("name %d", i), strings.Repeat("ü", i*i*7) // up to three bytes of length
					want[name] = text
					if !yield(name, `"`+text+`"`) {
						return
					}
				}
			})
			s.Facts.Label = strings.Repeat("l", n*6)
			key := save(t, st, s)
			var subject, authenticated, expires, text string
			err := raw(t, path).QueryRow(`SELECT subject, authenticated, expires, values_json FROM sojourn_sessions_readable
				WHERE id = ?`, key.String()).Scan(&subject, &authenticated, &expires, &text)
			if err != nil {
				t.Fatal(err)
			}
			if subject != "ada" || authenticated != "2026-03-01T12:00:00.000Z" || expires != "2026-03-01T13:00:00.000Z" {
				t.Errorf("got %q, %q, %q", subject, authenticated, expires)
			}
			var got map[string]any
			if err := json.Unmarshal([]byte(text), &got); err != nil {
				t.Fatalf("%v: %s", err, text)
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("got  %v\nwant %v", got, want)
			}
		})
	}
}

// What cannot be shown as JSON must not keep people from reading the rest.
func TestReadable_survivesAnything(t *testing.T) {
	st, path := open(t, newClock())
	s := visitor()
	s.Values = hostile()
	save(t, st, s)
	damaged := save(t, st, s)
	newer := save(t, st, s)
	db := raw(t, path)
	id := damaged.ID()
	executeOne(t, db, `UPDATE sojourn_sessions SET record = CAST(x'01' || randomblob(2000) AS BLOB), values_at = 1
		WHERE id = ?`, id[:])
	id = newer.ID()
	executeOne(t, db, `UPDATE sojourn_sessions SET record = x'02ffffff' WHERE id = ?`, id[:])
	rows, err := db.Query(`SELECT id, values_json FROM sojourn_sessions_readable`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	n := 0
	for ; rows.Next(); n++ {
		var id string
		var text *string
		if err := rows.Scan(&id, &text); err != nil {
			t.Fatal(err)
		}
		if (text == nil) != (id == newer.String()) {
			t.Errorf("session %v: got values %v", id, text)
		}
	}
	if rows.Err() != nil || n != 3 {
		t.Errorf("got %d rows, %v, want 3", n, rows.Err())
	}
}

// spoil changes a stored record in a way, beside the store.
func spoil(t *testing.T, path string, key sojourn.Key, how string) {
	t.Helper()
	id := key.ID()
	executeOne(t, raw(t, path), `UPDATE sojourn_sessions SET record = `+how+` WHERE id = ?`, id[:])
}

func TestUnreadableRecord_staysAsItIs(t *testing.T) {
	for name, tt := range map[string]struct {
		how   string
		want  error
		swept int
	}{
		"cut":         {`substr(record, 1, length(record) - 1)`, sojourn.ErrCorrupt, 1},
		"empty":       {`x''`, sojourn.ErrCorrupt, 1},
		"a bit":       {`CAST(substr(record, 1, 40) || x'55' || substr(record, 42) AS BLOB)`, sojourn.ErrCorrupt, 1},
		"version 0":   {`CAST(x'00' || substr(record, 2) AS BLOB)`, sojourn.ErrCorrupt, 1},
		"newer":       {`CAST(x'02' || substr(record, 2) AS BLOB)`, sojourn.ErrNewer, 0},
		"much newer":  {`x'ff0000000000'`, sojourn.ErrNewer, 0},
		"newer, long": {`CAST(x'02' || zeroblob(9000) AS BLOB)`, sojourn.ErrNewer, 0},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			st, path := open(t, c)
			key := save(t, st, member("ada", start))
			s := load(t, st, key)
			spoil(t, path, key, tt.how)
			calls := operations(st, key, s)
			delete(calls, "UpdateTTL") // does not look at the record
			for op, call := range calls {
				if err := call(t.Context()); !errors.Is(err, tt.want) {
					t.Errorf("%s: got %v, want %v", op, err, tt.want)
				}
			}
			list, err := st.ListSubject(t.Context(), "app", "ada")
			page, _, err2 := st.List(t.Context(), "", 10)
			if tt.want == sojourn.ErrCorrupt && (err != nil || err2 != nil || len(list)+len(page) != 0) {
				t.Errorf("lists: got %v, %v, %v, %v, want nothing", list, err, page, err2)
			}
			if tt.want == sojourn.ErrNewer && (!errors.Is(err, tt.want) || !errors.Is(err2, tt.want)) {
				t.Errorf("lists: got %v, %v, want ErrNewer", err, err2)
			}
			c.advance(time.Hour)
			if n, err := st.Sweep(t.Context(), 10); err != nil || n != tt.swept {
				t.Errorf("Sweep: got %d, %v, want %d", n, err, tt.swept)
			}
		})
	}
}

func TestDeleteSubject_endsWhatItCannotRead(t *testing.T) {
	st, path := open(t, newClock())
	key := save(t, st, member("ada", start))
	spoil(t, path, key, `CAST(x'02' || substr(record, 2) AS BLOB)`)
	if n, err := st.DeleteSubject(t.Context(), "app", "ada", sojourn.ID{}); err != nil || n != 1 {
		t.Errorf("got %d, %v, want 1", n, err)
	}
	if _, err := st.Load(t.Context(), key); !errors.Is(err, sojourn.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}
