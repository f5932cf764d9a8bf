package storetest

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/sojourn-go/sojourn"
)

func valuesCases() []Case {
	return []Case{
		{
			Name: "names_byte_for_byte",
			Rule: "Names come back byte for byte.",
			Why:  "A name that a column, a path or a collation changes is a value that its handler never finds again.",
			run: func(e *env) {
				var pairs []string
				for i, name := range oddNames() {
					pairs = append(pairs, name, fmt.Sprint(i))
				}
				checkRoundTrips(e, pairs)
			},
		}, {
			Name: "the_empty_name",
			Rule: "A store keeps whatever name it is given, also the empty one.",
			Why:  "What the engine cannot keep must be an error, not a value that is lost.",
			run:  func(e *env) { checkRoundTrip(e, values("", `"nameless"`, "a", `1`)) },
		}, {
			Name: "texts_byte_for_byte",
			Rule: "Texts come back byte for byte: the store does not read them.",
			Why:  "A JSON column rewrites numbers, order and escapes, and refuses NUL; and == between two texts breaks.",
			run: func(e *env) {
				var pairs []string
				for i, text := range oddTexts() {
					pairs = append(pairs, fmt.Sprintf("t%02d", i), text)
				}
				checkRoundTrips(e, pairs)
			},
		}, {
			Name: "bytes_that_are_no_text",
			Rule: "Names and texts that are not UTF-8, hold NUL or are no JSON come back byte for byte, or are refused with an error.",
			Why:  "What a decorator hands down may be such; an engine that replaces or cuts it destroys sessions in silence.",
			run: func(e *env) {
				for _, text := range oddBytes() {
					e.keepsOrRefuses(values(text, `1`, "b", `2`))
					e.keepsOrRefuses(values("a", text, "b", `2`))
					if e.Failed() {
						return
					}
				}
			},
		}, {
			Name: "the_empty_text",
			Rule: "A store keeps whatever text it is given, also the empty one.",
			Why:  "A record without it is not the one that was saved: == between the two breaks.",
			run: func(e *env) {
				state := e.state("a", "", "b", `1`)
				key := e.save(state, long)
				next := e.holds(key, state)
				next.Values = values("b", "", "c", `2`)
				e.holds(e.update(key, next, long), next)
			},
		}, {
			Name: "lengths_at_their_edges",
			Rule: "Names and texts of every length come back whole.",
			Why:  "A length that is kept in 7, 8, 15 or 16 bits cuts a text, or takes its neighbour for a part of it.",
			run: func(e *env) {
				for _, n := range []int{1, 2, 127, 128, 129, 253, 254, 255, 256, 257, 4095, 4096, 16383, 16384, 32767, 32768, 65534} {
					if n >= 2 && n <= e.opts.MaxSize-6 {
						checkRoundTrip(e, values("a", `1`, "big", quoted(n), "c", `2`))
					}
					if n <= 255 {
						checkRoundTrip(e, values(strings.Repeat("n", n), `1`))
					}
				}
			},
		}, {
			Name: "numbers_at_the_edge_of_64_bits",
			Rule: "Numbers come back digit for digit.",
			Why:  "A float64 on the way turns an account's number into its neighbour's.",
			run: func(e *env) {
				checkRoundTrip(e, values(
					"maxInt64", fmt.Sprint(math.MaxInt64), "minInt64", fmt.Sprint(math.MinInt64),
					"maxUint64", fmt.Sprint(uint64(math.MaxUint64)), "odd", `9007199254740993`, "pi", `3.14159265358979323846`,
					"tiny", `5e-324`, "huge", `1E400`, "minusZero", `-0`, "trailing", `1.00`,
				))
			},
		}, {
			Name: "fact_names_are_only_names",
			Rule: "Values live where facts cannot be reached: a value may have any name that the store uses itself.",
			Why:  "A form field called \"subject\" would make its sender somebody else (CVE-2011-4136 was of this kind).",
			run:  checkFactNames,
		}, {
			Name: "names_do_not_reach_the_neighbours",
			Rule: "Names and texts never reach the engine as path, pattern or identifier.",
			Why:  "A name such as a.b or %' changes another value, another session, or the table.",
			run: func(e *env) {
				neighbour := e.state("a", `{"b":1,"c":[1,2]}`, "b", `2`)
				beside := e.save(neighbour, long)
				key := e.save(neighbour, long)
				for _, name := range oddNames() {
					state := e.load(key)
					state.Values = values("a", `{"b":1,"c":[1,2]}`, "b", `2`, name, `"x'; DROP TABLE sessions; --"`)
					key = e.update(key, state, long)
					e.holds(key, state)
				}
				e.holds(beside, neighbour)
			},
		}, {
			Name: "no_values",
			Rule: "A session may have no values, from the start or after the last was removed.",
			Why:  "A login without values is a session like any other.",
			run: func(e *env) {
				state := e.login(e.subject, 0)
				key := e.save(state, long)
				state = e.holds(key, state)
				state.Values = values("a", `1`)
				key = e.update(key, state, long)
				state = e.holds(key, state)
				state.Values = sojourn.Values{}
				e.holds(e.update(key, state, long), state)
			},
		}, {
			Name: "many_names",
			Rule: "256 names come back.",
			Why:  "It is what the manager allows by default.",
			run: func(e *env) {
				var pairs []string
				for i := range 256 {
					pairs = append(pairs, fmt.Sprintf("name-%03d", i), fmt.Sprint(i))
				}
				checkRoundTrip(e, values(pairs...))
			},
		}, {
			Name: "long_names",
			Rule: "Names of 255 bytes that differ in the last only are different names.",
			Why:  "A column that cuts merges two values.",
			run: func(e *env) {
				stem, wide := strings.Repeat("n", 254), strings.Repeat("é", 127)
				checkRoundTrip(e, values(stem+"a", `1`, stem+"b", `2`, stem, `3`, wide+"a", `4`, wide+"b", `5`))
			},
		}, {
			Name: "the_largest_state",
			Rule: "A state of Options.MaxSize bytes, 64 KiB by default, is kept whole.",
			Why:  "It is what the manager allows by default.",
			run: func(e *env) {
				checkRoundTrip(e, filled("big", e.opts.MaxSize))
				half := e.opts.MaxSize / 2
				checkRoundTrip(e, values("one", quoted(half-3), "two", quoted(e.opts.MaxSize-half-3)))
			},
		}, {
			Name: "too_large_is_refused_or_kept_whole",
			Rule: "A record that the engine cannot hold is ErrTooLarge, and nothing changes.",
			Why:  "A record that is cut is a session that cannot be read: its user is locked out.",
			run:  checkTooLarge,
		}, {
			Name: "facts_byte_for_byte",
			Rule: "Realm, subject and label come back byte for byte, up to 255 bytes.",
			Why:  "A subject that is folded, trimmed or cut is another user.",
			run: func(e *env) {
				for _, text := range oddSubjects() {
					state := e.state()
					state.Facts.Subject, state.Facts.Label, state.Facts.Realm = text, text, text+e.realm
					if len(state.Facts.Realm) > 255 {
						state.Facts.Realm = e.realm
					}
					state.Facts.Authenticated = e.now()
					e.holds(e.save(state, long), state)
				}
			},
		}, {
			Name: "facts_at_their_edges",
			Rule: "Times to the millisecond, all 32 bits of the generation and all bytes of the digests come back.",
			Why:  "A digest or a generation that is cut accepts a token that was refused.",
			run: func(e *env) {
				state := e.state()
				f := &state.Facts
				f.Generation = math.MaxUint32
				f.Created = time.UnixMilli(0).UTC()
				f.Authenticated = time.Date(1969, 12, 31, 23, 59, 59, 999e6, time.UTC)
				f.Deadline = time.Date(9999, 12, 31, 23, 59, 59, 999e6, time.UTC)
				f.Renewed = time.Date(2026, 2, 28, 1, 2, 3, 4e6, time.UTC)
				for i := range f.Digest {
					f.Digest[i], f.Previous[i] = byte(255-i), byte(i*8)
				}
				key := e.save(state, long)
				state = e.holds(key, state)
				state.Facts.Previous, state.Facts.Generation, state.Facts.Renewed = [32]byte{}, 0, time.Time{}
				e.holds(e.update(key, state, long), state)
			},
		},
	}
}

// keepsOrRefuses brings v into a session in each way there is. What is refused must change nothing.
func (e *env) keepsOrRefuses(v sojourn.Values) {
	e.Helper()
	refused := func(call string, err error) bool {
		for _, answer := range []error{sojourn.ErrNotFound, sojourn.ErrConflict, sojourn.ErrEnded} {
			if errors.Is(err, answer) {
				e.Errorf("%s of the values %q: got error %v, want none or one about the values", call, v, err)
			}
		}
		return err != nil
	}
	state, old := e.state(), e.state("before", `1`)
	state.Values = v
	if key, err := e.st.Save(e.ctx, state, long); !refused("Save", err) {
		e.holds(key, state)
	}
	key := e.save(old, long)
	next := e.holds(key, old)
	next.Values = v
	if same, err := e.st.Update(e.ctx, key, next, long); refused("Update", err) {
		e.holds(key, old)
	} else {
		e.holds(same, next)
	}
	if e.has(needPatcher) {
		key := e.save(old, long)
		next, _ := old.With(sojourn.Patch{Generation: old.Facts.Generation, Set: v})
		if refused("Patch", e.patcher().Patch(e.ctx, key, sojourn.Patch{Generation: old.Facts.Generation, Set: v}, long)) {
			next = old
		}
		e.holds(key, next)
	}
}

// checkRoundTrips brings names and texts, given in turn, into sessions of at most the size that the engine must keep.
func checkRoundTrips(e *env, pairs []string) {
	e.Helper()
	for from, size, i := 0, 0, 0; i < len(pairs); i += 2 {
		size += len(pairs[i]) + len(pairs[i+1])
		last := i+2 == len(pairs)
		if last || size+len(pairs[i+2])+len(pairs[i+3]) > e.opts.MaxSize {
			checkRoundTrip(e, values(pairs[from:i+2]...))
			from, size = i+2, 0
		}
	}
}

// checkRoundTrip brings v into a session in each way there is.
func checkRoundTrip(e *env, v sojourn.Values) {
	e.Helper()
	state := e.state()
	state.Values = v
	e.holds(e.save(state, long), state)

	key := e.save(e.state("before", `1`), long)
	next := e.load(key)
	next.Values = v
	e.holds(e.update(key, next, long), next)

	if e.has(needPatcher) {
		next.Values = sojourn.Values{}
		key := e.save(next, long)
		e.patch(key, sojourn.Patch{Generation: next.Facts.Generation, Set: v}, long)
		next.Values = v
		e.holds(key, next)
	}
}

func checkFactNames(e *env) {
	names := []string{
		"realm", "subject", "label", "created", "authenticated", "deadline", "remembered", "generation", "digest",
		"renewed", "previous", "refused", "id", "_id", "key", "ttl", "version", "_v", "v", "facts", "values", "state",
		"data", "record", "expires", "expiry", "expires_at", "e", "f", "s", "rev", "mark", "session", "sessions",
		"Subject", "SUBJECT", "__proto__", "constructor", "rowid", "xmin", "ctid",
	}
	state := e.login(e.subject, 0)
	key := e.save(state, long)
	for _, name := range names {
		next := e.load(key)
		next.Values = values(name, `"intruder"`)
		key = e.update(key, next, long)
		e.holds(key, next)
		if e.has(needPatcher) {
			e.patch(key, sojourn.Patch{Generation: 1, Remove: []string{name}}, long)
			next.Values = sojourn.Values{}
			e.holds(key, next)
			e.patch(key, sojourn.Patch{Generation: 1, Set: values(name, `"2"`)}, long)
			next.Values = values(name, `"2"`)
			e.holds(key, next)
		}
	}
	if e.has(needSubjectIndex) && len(e.list(e.subject)) != 1 {
		e.Errorf("got %d sessions of the subject, want 1", len(e.list(e.subject)))
	}
}

func checkTooLarge(e *env) {
	huge := e.state()
	huge.Values = filled("huge", 16*e.opts.MaxSize)
	key, err := e.st.Save(e.ctx, huge, long)
	switch {
	case err == nil:
		e.holds(key, huge)
	case !errors.Is(err, sojourn.ErrTooLarge):
		e.Errorf("Save of %d bytes: got error %v, want none or %v", huge.Values.Size(), err, sojourn.ErrTooLarge)
	}

	state := e.state("a", `1`)
	key = e.save(state, long)
	next := e.load(key)
	next.Values = huge.Values
	same, err := e.st.Update(e.ctx, key, next, long)
	switch {
	case err == nil:
		e.holds(same, next)
	case errors.Is(err, sojourn.ErrTooLarge):
		e.holds(key, state)
	default:
		e.Errorf("Update to %d bytes: got error %v, want none or %v", huge.Values.Size(), err, sojourn.ErrTooLarge)
	}
}

// filled returns one value of this size with its name.
func filled(name string, size int) sojourn.Values { return values(name, quoted(size-len(name))) }

// quoted returns a JSON string of this size that does not compress.
func quoted(size int) string {
	var b strings.Builder
	b.Grow(size + 64)
	b.WriteByte('"')
	for i := 0; b.Len() < size-1; i++ {
		fmt.Fprintf(&b, "%x", digest(fmt.Sprint(i)))
	}
	return b.String()[:size-1] + `"`
}
