package memstore

import (
	"context"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

// Two owners with one hash are too rare to meet from outside: here one's session is filed under the other's hash.
func TestIndex_hashesMayCollide(t *testing.T) {
	s := New(Config{})
	ctx := context.Background()
	keys := map[string]sojourn.Key{}
	for _, subject := range []string{"ann", "bob"} {
		state := sojourn.State{Facts: sojourn.Facts{Subject: subject, Authenticated: time.Now()}}
		key, err := s.Save(ctx, state, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		keys[subject] = key
	}
	ix, hash := s.lookup(owner{"", "ann"})
	ix.add(hash, keys["bob"].ID())

	entries, err := s.ListSubject(ctx, "", "ann")
	if err != nil || len(entries) != 1 || entries[0].ID != keys["ann"].ID() {
		t.Errorf("got %v, %v, want ann's session alone", entries, err)
	}
	if n, err := s.DeleteSubject(ctx, "", "ann", sojourn.ID{}); n != 1 || err != nil {
		t.Errorf("deleted %d, %v, want 1", n, err)
	}
	if _, err := s.Load(ctx, keys["bob"]); err != nil {
		t.Errorf("bob's session: %v", err)
	}
}
