package storetest

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/sojourn-go/sojourn"
)

func contractCases() []Case {
	return []Case{
		{
			Name: "save_then_load_gives_it_back",
			Rule: "Load returns the facts and values that Save was given.",
			Why:  "A session that comes back different is somebody else's session.",
			run: func(e *env) {
				state := e.login(e.subject, 0, "cart", `["tea"]`, "step", `2`)
				state.Facts.Remembered, state.Facts.Refused = true, true
				state.Facts.Previous = digest("before")
				e.holds(e.save(state, long), state)
			},
		}, {
			Name: "empty_state_is_a_session",
			Rule: "A state without facts and values is kept like any other.",
			Why:  "An engine that takes empty for absent logs out whoever removes the last value.",
			run:  func(e *env) { e.holds(e.save(sojourn.State{}, long), sojourn.State{}) },
		}, {
			Name: "load_missing_is_not_found",
			Rule: "Load of a session that never was is ErrNotFound, and errors.Is says so.",
			Why:  "Any other error is an outage: every visitor with an old cookie gets a 503.",
			run: func(e *env) {
				e.gone(sojourn.NewID().Key())
				e.gone(sojourn.Key{})
			},
		}, {
			Name: "update_missing_is_not_found",
			Rule: "Update of an absent session is ErrNotFound, whatever the version, and never creates one.",
			Why:  "An upsert brings back every session that a parallel request has logged out.",
			run: func(e *env) {
				for _, version := range []uint64{0, 1, 2, 1 << 63} {
					state, key := e.state("a", `1`), sojourn.NewID().Key()
					state.Version = version
					other, err := e.st.Update(e.ctx, key, state, long)
					e.is(fmt.Sprintf("Update of an absent session at version %d", version), err, sojourn.ErrNotFound)
					e.gone(key)
					if !other.IsZero() && other != key {
						e.gone(other)
					}
				}
			},
		}, {
			Name: "touch_missing_is_not_found",
			Rule: "UpdateTTL of an absent session is ErrNotFound and never creates one.",
			Why:  "A touch that creates makes empty sessions for every made-up ID.",
			run: func(e *env) {
				key := sojourn.NewID().Key()
				e.is("UpdateTTL of an absent session", e.st.UpdateTTL(e.ctx, key, long), sojourn.ErrNotFound)
				e.gone(key)
			},
		}, {
			Name: "delete_missing_is_no_error",
			Rule: "Delete of an absent session is not an error.",
			Why:  "The second of two clicks on \"log out\" would be an outage.",
			run: func(e *env) {
				e.delete(sojourn.NewID().Key())
				key := e.save(e.state(), long)
				e.delete(key)
				e.delete(key)
			},
		}, {
			Name: "delete_ends_it_for_every_method",
			Rule: "Once Delete returns, every later call on this key is ErrNotFound.",
			Why:  "A logged-out session that still answers is a logout that did not happen.",
			run: func(e *env) {
				key := e.save(e.state("a", `1`), long)
				state := e.load(key)
				e.delete(key)
				e.gone(key)
				_, err := e.st.Update(e.ctx, key, state, long)
				e.is("Update after Delete", err, sojourn.ErrNotFound)
				if err := e.st.UpdateTTL(e.ctx, key, long); err == nil {
					e.Errorf("UpdateTTL after Delete: got no error, want %v", sojourn.ErrNotFound)
				}
				if e.has(needPatcher) {
					err := e.patcher().Patch(e.ctx, key, sojourn.Patch{Generation: 1, Set: values("b", `2`)}, long)
					e.is("Patch after Delete", err, sojourn.ErrNotFound)
				}
				e.gone(key)
			},
		}, {
			Name: "deleted_session_stays_dead",
			Rule: "No call under a deleted session's key brings it back, also one with the version it had.",
			Why:  "The request that was loading while its user logged out writes last: it must not log in again.",
			run: func(e *env) {
				key := e.save(e.state("a", `1`), long)
				old := e.load(key)
				key = e.update(key, old, long)
				now := e.load(key)
				e.delete(key)
				for _, version := range []uint64{0, 1, old.Version, now.Version, now.Version + 1} {
					now.Version = version
					e.st.Update(e.ctx, key, now, long)
					e.st.UpdateTTL(e.ctx, key, long)
					e.gone(key)
				}
			},
		}, {
			Name: "delete_ends_no_other_session",
			Rule: "Delete ends the session under its key alone.",
			Why:  "One visitor's logout would be everybody's.",
			run: func(e *env) {
				state := e.state("a", `1`)
				first, second := e.save(state, long), e.save(state, long)
				e.delete(first)
				e.gone(first)
				e.holds(second, state)
			},
		}, {
			Name: "save_makes_a_fresh_key",
			Rule: "Save files under a key that the store makes, NewID().Key(), another one each time.",
			Why:  "Keys that repeat or can be foretold hand one visitor's session to another.",
			run:  checkFreshKeys,
		}, {
			Name: "save_never_overwrites",
			Rule: "Save of the same state, for the same subject, is another session.",
			Why:  "The login on the telephone would end or share the one on the laptop.",
			run: func(e *env) {
				first := e.login(e.subject, 0, "device", `"laptop"`)
				second := first
				second.Values = values("device", `"telephone"`)
				k1, k2 := e.save(first, long), e.save(second, long)
				e.holds(k1, first)
				e.holds(k2, second)
			},
		}, {
			Name: "save_ignores_what_load_answers",
			Rule: "Save takes no notice of State.TTL and State.Version: they are answers of Load.",
			Why:  "A session saved again under a new ID would inherit the end or the version of the old one.",
			run: func(e *env) {
				state := e.state("a", `1`)
				state.TTL, state.Version = time.Nanosecond, 1<<40
				began := time.Now()
				key := e.save(state, long)
				e.lives(key, long, began, e.advanced)
				e.update(key, e.holds(key, state), long)
			},
		}, {
			Name: "update_replaces_everything",
			Rule: "Update replaces facts and values as a whole: what the new state lacks is gone.",
			Why:  "A value that was removed because a right was taken away would still be there.",
			run: func(e *env) {
				key := e.save(e.state("kept", `1`, "changed", `1`, "removed", `1`), long)
				next := renewed(e.load(key))
				next.Values = values("kept", `1`, "changed", `2`, "added", `3`)
				next.Facts.Label, next.Facts.Remembered = "another device", true
				next.Facts.Deadline = next.Facts.Deadline.Add(time.Hour)
				key = e.update(key, next, long)
				last := e.holds(key, next)
				last.Values = sojourn.Values{}
				e.holds(e.update(key, last, long), last)
			},
		}, {
			Name: "update_keeps_the_key",
			Rule: "Update returns the key it was given.",
			Why:  "The client holds the ID of the key: with another one it is logged out.",
			run: func(e *env) {
				key := e.save(e.state(), long)
				if got := e.update(key, e.load(key), long); got != key {
					e.Errorf("got key %v, want %v", got, key)
				}
			},
		}, {
			Name: "update_changes_no_other_session",
			Rule: "Update changes the session under its key alone.",
			Why:  "Two visitors would share a cart, or a login.",
			run: func(e *env) {
				state := e.state("a", `1`)
				first, second := e.save(state, long), e.save(state, long)
				next := renewed(e.load(first))
				next.Values = values("a", `2`)
				e.update(first, next, long)
				e.holds(second, state)
			},
		}, {
			Name: "ids_compare_whole",
			Rule: "A key opens the session with exactly its ID: one that differs in a bit, or in the case of a letter, is ErrNotFound.",
			Why:  "A prefix, a hash, a cut column or a collation that stands for the ID lets a made-up one open a session.",
			run:  checkWholeIDs,
		}, {
			Name: "answers_belong_to_the_caller",
			Rule: "What a method returned does not change afterwards.",
			Why:  "A buffer that is used again shows one visitor's values to another.",
			run: func(e *env) {
				state := e.state("mine", `"`+strings.Repeat("m", 2000)+`"`)
				got := e.load(e.save(state, long))
				for i := range 20 {
					filler := e.state("yours", `"`+strings.Repeat(string(rune('a'+i)), 2000)+`"`)
					e.load(e.save(filler, long))
				}
				defer func() {
					if recover() != nil { // a packed text whose lengths have changed
						e.Errorf("a loaded state cannot be read any more after others were loaded")
					}
				}()
				if d := differences(got, state); d != "" {
					e.Errorf("a loaded state changed while others were loaded: %s", d)
				}
			},
		}, {
			Name: "nodes_see_each_other",
			Rule: "Load sees every change acknowledged before it began, whichever node made it.",
			Why:  "A logout on one node must not leave the session open on the next.",
			run: func(e *env) {
				other := e.node(1)
				if !e.apart {
					e.Skip("newStore gives each call an engine of its own")
				}
				key := e.save(e.state("a", `1`), long)
				e.load(key)
				state, err := other.Load(e.ctx, key)
				if err != nil {
					e.Fatalf("Load on another node: %v", err)
				}
				state.Values = values("a", `2`)
				if key, err = other.Update(e.ctx, key, state, long); err != nil {
					e.Fatalf("Update on another node: %v", err)
				}
				e.holds(key, state)
				if _, err = other.Load(e.ctx, key); err != nil {
					e.Errorf("Load on the node that made the change: %v", err)
				}
				e.delete(key)
				_, err = other.Load(e.ctx, key)
				e.is("Load on another node after Delete", err, sojourn.ErrNotFound)
			},
		}, {
			Name: "errors_tell_no_value",
			Rule: "The text of an error holds no value and no digest.",
			Why:  "Errors go to logs, and logs to more people than sessions do.",
			run: func(e *env) {
				const private = "correct-horse-battery"
				state := e.state("password", `"`+private+`"`)
				key := e.save(state, long)
				_, stale := e.st.Update(e.ctx, key, state, long)
				_, negative := e.st.Save(e.ctx, state, -1)
				_, missing := e.st.Update(e.ctx, sojourn.NewID().Key(), state, long)
				for _, err := range []error{stale, negative, missing} {
					if err != nil && (strings.Contains(err.Error(), private) ||
						strings.Contains(err.Error(), fmt.Sprintf("%x", state.Facts.Digest))) {
						e.Errorf("an error tells a value or a digest: %v", err)
					}
				}
			},
		},
	}
}

func checkFreshKeys(e *env) {
	_, sealed := sojourn.As[sojourn.KeyParser](e.st)
	seen := make(map[sojourn.ID]bool)
	var last sojourn.ID
	for range 50 {
		key := e.save(e.state(), long)
		id := key.ID()
		if id.IsZero() || seen[id] {
			e.Fatalf("ID %v is zero or was given before", id)
		}
		if !sealed && key != id.Key() {
			e.Fatalf("the key of %v is not ID.Key()", id)
		}
		// Of 128 random bits about 64 differ; fewer than 16 do once in 2^58 pairs.
		if n := differingBits(id, last); len(seen) > 0 && n < 16 {
			e.Errorf("IDs %v and %v differ in %d bits only: they are not random", last, id, n)
		}
		seen[id], last = true, id
	}
}

func differingBits(a, b sojourn.ID) int {
	n := 0
	for i := range a {
		for x := a[i] ^ b[i]; x != 0; x &= x - 1 {
			n++
		}
	}
	return n
}

func checkWholeIDs(e *env) {
	state := e.state("a", `1`)
	key := e.save(state, long)
	version := e.load(key).Version
	for i, id := range likeIDs(key.ID()) {
		_, err := e.st.Load(e.ctx, id.Key())
		e.is(fmt.Sprintf("Load of %v, there is %v", id, key.ID()), err, sojourn.ErrNotFound)
		if i%13 == 0 { // the others take the same way to the record
			next := e.state("a", `"overwritten"`)
			next.Version = version
			_, err = e.st.Update(e.ctx, id.Key(), next, long)
			e.is(fmt.Sprintf("Update of %v, there is %v", id, key.ID()), err, sojourn.ErrNotFound)
			e.delete(id.Key())
		}
		if e.Failed() {
			return
		}
	}
	e.holds(key, state)
}

// likeIDs returns the IDs that differ from id in one bit, and those whose text in base64 differs in the case of a letter.
func likeIDs(id sojourn.ID) []sojourn.ID {
	var all []sojourn.ID
	for bit := range 8 * len(id) {
		other := id
		other[bit/8] ^= 1 << (bit % 8)
		all = append(all, other)
	}
	text := base64.RawURLEncoding.EncodeToString(id[:])
	for i, c := range []byte(text) {
		if 'a' <= c|0x20 && c|0x20 <= 'z' {
			other, err := base64.RawURLEncoding.DecodeString(text[:i] + string(c^0x20) + text[i+1:])
			if err == nil && sojourn.ID(other) != id {
				all = append(all, sojourn.ID(other))
			}
		}
	}
	return all
}
