package redisstore_test

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/sojourn-go/sojourn"
	redisstore "github.com/sojourn-go/sojourn/stores/redis"
)

// Whatever stands under a session's key, nothing is made of it that was not there: each byte of a record is damaged in
// turn, and each record cut.
func TestLoad_ofADamagedRecordIsNoOtherSession(t *testing.T) {
	st, direct := deployments[0].openWith(t, redisstore.Config{}), connect(t, singleAddr(t))
	state := member("ada", start.Add(time.Hour), "n", `1`)
	key := save(t, st, state)
	whole, err := do(t, direct, "GET", nameOf(key)).ToString()
	if err != nil {
		t.Fatal(err)
	}
	try := func(record string) {
		t.Helper()
		do(t, direct, "SET", nameOf(key), record, "KEEPTTL")
		got, err := st.Load(t.Context(), key)
		switch {
		case errors.Is(err, sojourn.ErrCorrupt), errors.Is(err, sojourn.ErrNewer), errors.Is(err, sojourn.ErrNotFound):
		case err != nil:
			t.Errorf("got %v", err)
		case got.Facts.Subject != "ada" || got.Facts.Digest != state.Facts.Digest || got.Facts.Generation != state.Facts.Generation:
			t.Errorf("a damaged record is another session: %+v", got.Facts)
		}
		// The script may not do better than Load: what it patches can be loaded afterwards.
		if err := st.Patch(t.Context(), key, sojourn.Patch{Generation: 1, Set: values("m", `2`)}, time.Hour); err == nil {
			if _, err := st.Load(t.Context(), key); err != nil && !errors.Is(err, sojourn.ErrCorrupt) {
				t.Errorf("a record that was patched: %v", err)
			}
		}
		if _, err := st.TrimSubject(t.Context(), "app", "nobody", 0, sojourn.ID{}); err != nil {
			t.Error(err)
		}
	}
	for i := range len(whole) {
		damaged := []byte(whole)
		damaged[i] ^= 0x15
		try(string(damaged))
		if i > 0 {
			try(whole[:i])
		}
	}
	do(t, direct, "DEL", nameOf(key))
	do(t, direct, "HSET", nameOf(key), "another", "type")
	for name, call := range calls(st, key) {
		if name == "Login" || name == "Save" || name == "Page" || name == "List" || name == "Trim" || name == "Revoke" || name == "Check" {
			continue
		}
		var answer *rueidis.RedisError
		if err := call(t.Context()); !errors.As(err, &answer) {
			t.Errorf("%s of a key of another type: got %v, want the server's error", name, err)
		}
	}
	do(t, direct, "DEL", nameOf(key))
}

func TestSave_ofFactsThatAreTooLong(t *testing.T) {
	st := deployments[0].openWith(t, redisstore.Config{})
	state := visitor()
	state.Facts.Label = strings.Repeat("l", 1<<16)
	if _, err := st.Save(t.Context(), state, time.Hour); !errors.Is(err, sojourn.ErrTooLarge) {
		t.Errorf("got %v, want ErrTooLarge", err)
	}
	state.Facts.Label = strings.Repeat("l", 5000) // more than one read of a head
	state.Facts.Subject, state.Facts.Authenticated = "long", start.Add(time.Hour)
	for _, d := range deployments {
		st := d.openWith(t, redisstore.Config{})
		key := save(t, st, state)
		all, err := st.ListSubject(t.Context(), "app", "long")
		if err != nil || len(all) != 1 || all[0].Facts.Label != state.Facts.Label {
			t.Errorf("%s: ListSubject: %d, %v", d.name, len(all), err)
		}
		if err := st.Delete(t.Context(), key); err != nil {
			t.Error(err)
		}
	}
}

// A session whose life is extended beyond what its login said stays in the index, and the index lives as long as it.
func TestTouch_beyondTheDeadlineKeepsTheIndex(t *testing.T) {
	onEach(t, func(t *testing.T, d *deployment) {
		st, direct := d.openWith(t, redisstore.Config{}), d.client(t)
		const long = 1000 * time.Hour
		for name, extend := range map[string]func(key sojourn.Key) error{
			"UpdateTTL": func(key sojourn.Key) error { return st.UpdateTTL(t.Context(), key, long) },
			"Patch":     func(key sojourn.Key) error { return st.Patch(t.Context(), key, sojourn.Patch{Generation: 1}, long) },
			"Update": func(key sojourn.Key) error {
				_, err := st.Update(t.Context(), key, load(t, st, key), long)
				return err
			},
		} {
			subject := sojourn.NewID().String()
			state := member(subject, start.Add(time.Hour))
			state.Facts.Deadline = time.Time{}
			key := save(t, st, state)
			if err := extend(key); err != nil {
				t.Fatal(err)
			}
			if got := load(t, st, key).TTL; got > long || got < long-time.Minute {
				t.Errorf("%s: got TTL %v, want %v", name, got, long)
			}
			left, err := do(t, direct, "PTTL", indexName("app", subject)).AsInt64()
			if err != nil || time.Duration(left)*time.Millisecond < long {
				t.Errorf("%s: the index lives for %v, the session for %v", name, time.Duration(left)*time.Millisecond, long)
			}
			if n, err := st.DeleteSubject(t.Context(), "app", subject, sojourn.ID{}); err != nil || n != 1 {
				t.Errorf("%s: DeleteSubject: got %d, %v", name, n, err)
			}
		}
	})
}

// indexName is the key of a subject's index, with the default prefix.
func indexName(realm, subject string) string {
	h := sha256.New()
	binary.Write(h, binary.BigEndian, uint32(len(realm)))
	io.WriteString(h, realm+subject)
	return fmt.Sprintf("sojourn:u:%x", h.Sum(nil)[:16])
}

// What a logout leaves in the index goes without anybody waiting for it, and what expires goes with the next logins.
func TestIndex_doesNotGrow(t *testing.T) {
	onEach(t, func(t *testing.T, d *deployment) {
		st, direct := d.openWith(t, redisstore.Config{}), d.client(t)
		subject := sojourn.NewID().String()
		name := indexName("app", subject)
		size := func() int64 {
			n, err := do(t, direct, "HLEN", name).AsInt64()
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		for range 30 {
			if err := st.Delete(t.Context(), save(t, st, member(subject, start.Add(time.Hour)))); err != nil {
				t.Fatal(err)
			}
		}
		waitFor(t, "the index is tidied", func() error {
			if n := size(); n > 1 { // its nonce
				return fmt.Errorf("%d fields are left", n)
			}
			return nil
		})
		// Entries of sessions that can be no more: their end is long past.
		for i := range 40 {
			do(t, direct, "HSET", name, fmt.Sprintf("%016d", i), "l12345678\x00\x00\x00\x00\x00\x01")
		}
		save(t, st, member(subject, start.Add(time.Hour)))
		if n := size(); n > 3 {
			t.Errorf("%d fields after a login, want the entry, the nonce and the time of the pruning", n)
		}
	})
}
