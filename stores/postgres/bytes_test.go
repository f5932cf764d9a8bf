package postgresstore_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

// hostile are names and texts that a weaker store changes, mistakes for its own, or trips over.
func hostile() sojourn.Values {
	return values(
		"id", "1", "version", "2", "expires", "3", "realm", "4", "subject", `"bob"`, "facts", "5", "values", "6", "due", "7",
		"a.b", "1", "$", "2", "$.a", "3", `"]`, "4", `a"`, "5", "'", "6", "--", "7", "%", "8", "?", "9", ":name", "10", "{a,b}", "11",
		"$1", "12", `\`, "13", `\u0000`, "14", "", "an empty name", "\u00e9", "1", "e\u0301", "2", "E\u0301", "3", "😀", `"😀"`, " ", "space",
		"\t\n\x01\x7f", "\r\n", "number", "1.00", "big", "12345678901234567890.10", "exponent", "1E400",
		"spaced", ` { "b" : 1 , "a" : 2 , "a" : 3 } `, "escaped", `"\u0041\/\u0000\ud800"`, "no json", "{", "deep", strings.Repeat("[", 10_000),
		"long", `"`+strings.Repeat("x", 70_000)+`"`, strings.Repeat("n", 300), "1",
	)
}

func TestNamesAndTexts_comeBackByteForByte(t *testing.T) {
	st, _ := open(t)
	s := visitor()
	s.Values = hostile()
	s.Facts.Subject, s.Facts.Realm, s.Facts.Label = `\x'"{}`, "re$1alm", "\xff\x00"
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

// What PostgreSQL's text cannot hold is an error, and never something else that is stored instead.
func TestWhatTheEngineCannotHold_isAnErrorAndChangesNothing(t *testing.T) {
	st, name := open(t)
	key := save(t, st, visitor("a", "1"))
	before := load(t, st, key)
	for _, bad := range []string{"a\x00b", "\xff", "\xed\xa0\x80"} {
		for what, change := range map[string]func(*sojourn.State){
			"name": func(s *sojourn.State) { s.Values = values(bad, "1") }, "text": func(s *sojourn.State) { s.Values = values("a", bad) },
			"realm": func(s *sojourn.State) { s.Facts.Realm = bad }, "subject": func(s *sojourn.State) { s.Facts.Subject = bad },
		} {
			s := before
			change(&s)
			if _, err := st.Save(t.Context(), s, time.Hour); err == nil {
				t.Errorf("Save with %s %q: no error", what, bad)
			}
			if _, err := st.Update(t.Context(), key, s, time.Hour); err == nil {
				t.Errorf("Update with %s %q: no error", what, bad)
			}
		}
		if err := st.Patch(t.Context(), key, sojourn.Patch{Set: values(bad, "1")}, time.Hour); err == nil {
			t.Errorf("Patch of the name %q: no error", bad)
		}
		if err := st.Patch(t.Context(), key, sojourn.Patch{Remove: []string{bad}, Keep: []string{bad}}, time.Hour); err != nil {
			t.Errorf("Patch that removes %q, which cannot be there: %v", bad, err)
		}
	}
	after := load(t, st, key)
	if after.Values != before.Values || after.Facts != before.Facts {
		t.Errorf("got %v, %+v, want it as it was", after.Values, after.Facts)
	}
	if n := ask[int](t, "SELECT count(*) FROM %s", name); n != 1 {
		t.Errorf("%d rows, want 1", n)
	}
	huge := before
	huge.Values = values("huge", strings.Repeat("x", 65<<20))
	if _, err := st.Save(t.Context(), huge, time.Hour); !errors.Is(err, sojourn.ErrTooLarge) {
		t.Errorf("Save of 65 MiB: got %v, want ErrTooLarge", err)
	}
	if err := st.Patch(t.Context(), key, sojourn.Patch{Set: huge.Values}, time.Hour); !errors.Is(err, sojourn.ErrTooLarge) {
		t.Errorf("Patch to 65 MiB: got %v, want ErrTooLarge", err)
	}
}

func TestColumn_isForPeople(t *testing.T) {
	st, name := open(t)
	s := member("ada", start)
	s.Values = values("cart", `["tea", 1.00]`, "n", "17", "text", `"\u0000"`)
	key := save(t, st, s)
	if got := ask[string](t, "SELECT values ->> 'cart' FROM %s WHERE id = $1 AND subject = 'ada'", name, key.ID().String()); got != `["tea", 1.00]` {
		t.Errorf("the column has %s", got)
	}
	var shown struct {
		ID, Subject                          string
		Created, Authenticated, Deadline, To string
	}
	err := shared(t).QueryRow(t.Context(), `SELECT id, subject, to_char(created AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'),
		to_char(authenticated AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'), (deadline - created)::text, values_json::text FROM `+name+"_readable").
		Scan(&shown.ID, &shown.Subject, &shown.Created, &shown.Authenticated, &shown.Deadline, &shown.To)
	if err != nil || shown.ID != key.ID().String() || shown.Subject != "ada" || shown.Created != "2026-03-01 12:00" ||
		shown.Authenticated != "2026-03-01 12:00" || shown.Deadline != "1 day" {
		t.Errorf("the view shows %+v, %v", shown, err)
	}
	var all map[string]any
	if err := json.Unmarshal([]byte(shown.To), &all); err != nil || len(all) != 3 || all["n"] != 17.0 || all["text"] != "\x00" {
		t.Errorf("the view shows the values %s, %v", shown.To, err)
	}
}

// What cannot be shown as JSON must not keep people from reading the rest.
func TestReadable_survivesAnything(t *testing.T) {
	st, name := open(t)
	s := visitor()
	s.Values = hostile()
	save(t, st, s)
	save(t, st, visitor())
	for _, spoilt := range []string{"'[]'", "'1'", `'{"a":{"b":null}}'`, "'null'"} {
		key := save(t, st, visitor("a", "1"))
		execute(t, "UPDATE %s SET facts = '', values = "+spoilt+" WHERE id = $1", name, key.ID().String())
	}
	if n := ask[int](t, "SELECT count(values_json::text) FROM %s_readable", name); n != 6 {
		t.Errorf("got %d rows, want 6", n)
	}
	if n := ask[int](t, "SELECT count(authenticated) FROM %s_readable", name); n != 0 {
		t.Errorf("%d visitors show a time of login", n)
	}
}

// spoil changes a stored session in a way, beside the store.
func spoil(t *testing.T, table string, key sojourn.Key, how string) {
	t.Helper()
	if n := execute(t, "UPDATE %s SET "+how+" WHERE id = $1", table, key.ID().String()); n != 1 {
		t.Fatalf("%s changed %d rows", how, n)
	}
}

func TestUnreadableRecord_staysAsItIs(t *testing.T) {
	for name, tt := range map[string]struct {
		how   string
		want  error
		swept int
	}{
		"cut":              {`facts = substr(facts, 1, length(facts) - 1)`, sojourn.ErrCorrupt, 1},
		"empty":            {`facts = ''`, sojourn.ErrCorrupt, 1},
		"a bit":            {`facts = set_bit(facts, 100, 1 - get_bit(facts, 100))`, sojourn.ErrCorrupt, 1},
		"version 0":        {`facts = set_byte(facts, 0, 0)`, sojourn.ErrCorrupt, 1},
		"values, a list":   {`values = '[]'`, sojourn.ErrCorrupt, 1},
		"values, a number": {`values = '1'`, sojourn.ErrCorrupt, 1},
		"values, null":     {`values = 'null'`, sojourn.ErrCorrupt, 1},
		"newer":            {`facts = set_byte(facts, 0, 2)`, sojourn.ErrNewer, 0},
		"much newer":       {`facts = '\xff0000000000'`, sojourn.ErrNewer, 0},
	} {
		t.Run(name, func(t *testing.T) {
			st, table := open(t)
			key := save(t, st, member("ada", start))
			s := load(t, st, key)
			spoil(t, table, key, tt.how)
			before := ask[string](t, "SELECT md5(t::text) FROM %s AS t", table)
			calls := operations(st, key, s)
			delete(calls, "UpdateTTL") // does not look at the record
			for op, call := range calls {
				if err := call(t.Context()); !errors.Is(err, tt.want) {
					t.Errorf("%s: got %v, want %v", op, err, tt.want)
				}
			}
			if after := ask[string](t, "SELECT md5(t::text) FROM %s AS t", table); after != before {
				t.Error("the row has changed")
			}
			list, err := st.ListSubject(t.Context(), "app", "ada")
			page, _, err2 := st.List(t.Context(), "", 10)
			if tt.want == sojourn.ErrCorrupt && !strings.HasPrefix(name, "values") && (err != nil || err2 != nil || len(list)+len(page) != 0) {
				t.Errorf("lists: got %v, %v, %v, %v, want nothing", list, err, page, err2)
			}
			if tt.want == sojourn.ErrNewer && (!errors.Is(err, tt.want) || !errors.Is(err2, tt.want)) {
				t.Errorf("lists: got %v, %v, want ErrNewer", err, err2)
			}
			expireNow(t, table, key)
			if n, err := st.Sweep(t.Context(), 10); err != nil || n != tt.swept {
				t.Errorf("Sweep: got %d, %v, want %d", n, err, tt.swept)
			}
		})
	}
}

// expireNow ends the time of a session, as if it had been saved long ago.
func expireNow(t *testing.T, table string, key sojourn.Key) {
	t.Helper()
	spoil(t, table, key, "expires = expires - interval '100 days', due = due - interval '100 days'")
}

func TestDeleteSubject_endsWhatItCannotRead(t *testing.T) {
	st, table := open(t)
	key := save(t, st, member("ada", start))
	spoil(t, table, key, `facts = set_byte(facts, 0, 2)`)
	if n, err := st.DeleteSubject(t.Context(), "app", "ada", sojourn.ID{}); err != nil || n != 1 {
		t.Errorf("got %d, %v, want 1", n, err)
	}
	if _, err := st.Load(t.Context(), key); !errors.Is(err, sojourn.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}
