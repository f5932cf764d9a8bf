package main

import "github.com/sojourn-go/sojourn/cmd/sojourn/internal/engine"

// place is where the demo keeps what it keeps.
type place struct {
	store string // the address of the sessions' store
	file  string // of the accounts, as --db says; "" if it does not
}

func placeOf(store, file string) place {
	if store == "" {
		if file == "" {
			file = demoFile
		}
		store = "sqlite:" + file
	}
	return place{store, file}
}

// accountsFile is the file of the accounts, "" if they are in memory: they go with the sessions where those can have
// company.
func (p place) accountsFile(st *engine.Store) string {
	switch {
	case p.file != "":
		return p.file
	case st.File != "":
		return st.File
	case st.Engine == engine.Memory:
		return ""
	}
	return demoFile
}

// inOne reports whether sessions and accounts are in one place.
func (p place) inOne(st *engine.Store) bool {
	file := p.accountsFile(st)
	return file == st.File && (file != "" || st.Engine == engine.Memory)
}

func (p place) forOperators(st *engine.Store) string {
	accounts := p.accountsFile(st)
	sessions := st.Name
	if st.File != "" {
		sessions = st.File
	}
	if p.inOne(st) {
		return "sessions and accounts in " + sessions
	}
	return "sessions in " + sessions + ", accounts in " + accounts
}

// forVisitors tells no path and no host. "" stands for one SQLite file.
func (p place) forVisitors(st *engine.Store) string {
	switch one := p.inOne(st); {
	case one && st.Engine == engine.Memory:
		return "Everything you do is kept in the memory of one program on this machine."
	case one:
		return ""
	}
	return "Sessions are kept in " + st.Engine + ", accounts in an SQLite file on this machine."
}

func (p place) afterwards(st *engine.Store) string {
	switch {
	case st.Engine != engine.Memory:
		return "it loses nothing"
	case p.inOne(st):
		return "it forgets everything"
	}
	return "it forgets all sessions"
}
