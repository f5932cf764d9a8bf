package main

import (
	"testing"

	"github.com/sojourn-go/sojourn/cmd/sojourn/internal/engine"
)

// Where sessions and accounts go, and what is said of it.
func TestPlace(t *testing.T) {
	for _, tt := range []struct {
		store, file                     string
		opened                          engine.Store // what the address opens
		address, accounts               string
		operators, visitors, afterwards string
	}{
		{
			"", "", engine.Store{Engine: "SQLite", File: "sojourn-demo.db"}, "sqlite:sojourn-demo.db", "sojourn-demo.db",
			"sessions and accounts in sojourn-demo.db", "", "it loses nothing",
		}, {
			"", "a.db", engine.Store{Engine: "SQLite", File: "a.db"}, "sqlite:a.db", "a.db",
			"sessions and accounts in a.db", "", "it loses nothing",
		}, {
			"sqlite:s.db", "", engine.Store{Engine: "SQLite", File: "s.db"}, "sqlite:s.db", "s.db",
			"sessions and accounts in s.db", "", "it loses nothing",
		}, {
			"sqlite:s.db", "a.db", engine.Store{Engine: "SQLite", File: "s.db"}, "sqlite:s.db", "a.db",
			"sessions in s.db, accounts in a.db", "Sessions are kept in SQLite, accounts in an SQLite file on this machine.", "it loses nothing",
		}, {
			"memory", "", engine.Store{Engine: "memory", Name: "memory"}, "memory", "",
			"sessions and accounts in memory", "Everything you do is kept in the memory of one program on this machine.", "it forgets everything",
		}, {
			"memory", "a.db", engine.Store{Engine: "memory", Name: "memory"}, "memory", "a.db",
			"sessions in memory, accounts in a.db", "Sessions are kept in memory, accounts in an SQLite file on this machine.", "it forgets all sessions",
		}, {
			"redis://u:p@cache", "", engine.Store{Engine: "Redis", Name: "redis://cache"}, "redis://u:p@cache", "sojourn-demo.db",
			"sessions in redis://cache, accounts in sojourn-demo.db", "Sessions are kept in Redis, accounts in an SQLite file on this machine.", "it loses nothing",
		},
	} {
		p := placeOf(tt.store, tt.file)
		if p.store != tt.address {
			t.Errorf("%q, %q: got address %q, want %q", tt.store, tt.file, p.store, tt.address)
		}
		if got := p.accountsFile(&tt.opened); got != tt.accounts {
			t.Errorf("%q, %q: got accounts in %q, want %q", tt.store, tt.file, got, tt.accounts)
		}
		for got, want := range map[string]string{
			p.forOperators(&tt.opened): tt.operators, p.forVisitors(&tt.opened): tt.visitors, p.afterwards(&tt.opened): tt.afterwards,
		} {
			if got != want {
				t.Errorf("%q, %q: got %q, want %q", tt.store, tt.file, got, want)
			}
		}
	}
}
