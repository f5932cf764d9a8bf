package demo_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/sojourn-go/sojourn/cmd/sojourn/internal/demo"
)

func TestAccounts_oneOfManyGetsTheName(t *testing.T) {
	accounts := demo.NewAccounts(newSite(t).accounts)
	var wg sync.WaitGroup
	errs := make([]error, 10)
	for i := range errs {
		wg.Go(func() { _, errs[i] = accounts.Create(t.Context(), "ada", "hash") })
	}
	wg.Wait()
	made := 0
	for _, err := range errs {
		if err == nil {
			made++
		} else if !errors.Is(err, demo.ErrTaken) {
			t.Error(err)
		}
	}
	if made != 1 {
		t.Errorf("got %d accounts, want 1", made)
	}
}

func TestAccounts_oneOfTwoChangesOfAPasswordWins(t *testing.T) {
	accounts := demo.NewAccounts(newSite(t).accounts)
	account, err := accounts.Create(t.Context(), "ada", "old")
	if err != nil {
		t.Fatal(err)
	}
	if err := accounts.SetPassword(t.Context(), account, "first"); err != nil {
		t.Fatal(err)
	}
	if err := accounts.SetPassword(t.Context(), account, "second"); !errors.Is(err, demo.ErrMissing) {
		t.Errorf("a change checked against the old password: got %v", err)
	}
	if got, err := accounts.ByID(t.Context(), account.ID); err != nil || got.Password != "first" {
		t.Errorf("got %q, %v, want the first change", got.Password, err)
	}
	if _, err := accounts.ByName(t.Context(), "eve"); !errors.Is(err, demo.ErrMissing) {
		t.Errorf("unknown name: got %v", err)
	}
}

// Each connection to SQLite in memory has a memory of its own; the accounts have one.
func TestAccounts_inMemoryAreSeenByAll(t *testing.T) {
	db, err := demo.OpenAccounts(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	accounts := demo.NewAccounts(db)
	if err := accounts.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			name := fmt.Sprint("user", i)
			if _, err := accounts.Create(t.Context(), name, "hash"); err != nil {
				t.Error(err)
			}
			if _, err := accounts.ByName(t.Context(), name); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}
