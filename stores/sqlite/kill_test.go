package sqlitestore_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	sqlitestore "github.com/sojourn-go/sojourn/stores/sqlite"
)

// kills is how often a writer is killed.
const kills = 200

// A child that writes says before each operation what it is about to do, and after it that it was acknowledged:
//
//	begin <op> <id> <subject>
//	done <op> <id> <subject>
//
// A pipe keeps what was written to it when the writer dies.
func say(word, op string, id sojourn.ID, subject string) {
	_, err := fmt.Fprintln(os.Stdout, word, op, id, subject)
	must(err)
}

// writeUntilKilled is a child's work.
func writeUntilKilled(path string) {
	ctx := context.Background()
	st, err := sqlitestore.Open(ctx, sqlitestore.Config{Path: path})
	must(err)
	type session struct {
		key     sojourn.Key
		subject string
	}
	var mine []session
	do := func(op string, s session, call func() error) {
		say("begin", op, s.key.ID(), s.subject)
		must(call())
		say("done", op, s.key.ID(), s.subject)
	}
	for i := 0; ; i++ {
		if len(mine) < 2 || rand.IntN(5) == 0 {
			say("begin", "save", sojourn.ID{}, "-")
			key, err := st.Save(ctx, visitor("n", "0"), time.Hour)
			must(err)
			say("done", "save", key.ID(), "-")
			mine = append(mine, session{key, "-"})
			continue
		}
		at := rand.IntN(len(mine))
		s := mine[at]
		switch op := rand.IntN(10); {
		case op < 4:
			do("patch", s, func() error { return increment(ctx, st, s.key) })
		case op < 5:
			do("update", s, func() error {
				state, err := st.Load(ctx, s.key)
				must(err)
				n, err := strconv.Atoi(state.Values.Get("n"))
				must(err)
				state.Values = values("n", strconv.Itoa(n+1))
				_, err = st.Update(ctx, s.key, state, time.Hour)
				return err
			})
		case op < 6:
			do("touch", s, func() error { return st.UpdateTTL(ctx, s.key, 100*time.Hour) })
		case op < 9 && s.subject == "-":
			s.subject = fmt.Sprintf("user-%s-%d", s.key.ID(), i%2)
			mine[at] = s
			do("login", s, func() error {
				state, err := st.Load(ctx, s.key)
				must(err)
				state.Facts.Subject, state.Facts.Authenticated = s.subject, time.Now()
				_, err = st.Update(ctx, s.key, state, time.Hour)
				return err
			})
		case op < 8:
			mine = append(mine[:at], mine[at+1:]...)
			do("revoke", s, func() error {
				_, err := st.DeleteSubject(ctx, "app", s.subject, sojourn.ID{})
				return err
			})
		default:
			mine = append(mine[:at], mine[at+1:]...)
			do("delete", s, func() error { return st.Delete(ctx, s.key) })
		}
	}
}

// expected is what acknowledged writes say of a session, and what the last one, not acknowledged, may have done besides.
type expected struct {
	dead, mayBeDead       bool
	n, mayAdd             int
	touched               bool
	subject, maybeSubject string
}

// ledger is what the writers said, over all kills.
type ledger struct {
	sessions map[sojourn.ID]*expected
	count    map[string]int // acknowledged operations
	open     int            // operations that a kill interrupted
}

func (l *ledger) read(t *testing.T, lines []string) {
	begun := false
	for _, line := range lines {
		f := strings.Fields(line)
		if len(f) != 4 {
			t.Fatalf("the child said %q", line)
		}
		if begun = f[0] == "begin"; !begun {
			l.acknowledge(t, f[1], f[2], f[3])
		}
	}
	if begun {
		f := strings.Fields(lines[len(lines)-1])
		l.interrupt(t, f[1], f[2], f[3])
	}
}

func (l *ledger) session(t *testing.T, text string) *expected {
	id, err := sojourn.ParseID(text)
	if err != nil {
		t.Fatal(err)
	}
	if l.sessions[id] == nil {
		l.sessions[id] = &expected{}
	}
	return l.sessions[id]
}

func (l *ledger) acknowledge(t *testing.T, op, id, subject string) {
	s := l.session(t, id)
	l.count[op]++
	switch op {
	case "patch", "update":
		s.n++
		s.touched = s.touched && op == "patch" // an update replaces the TTL, a patch extends it
	case "touch":
		s.touched = true
	case "login":
		s.subject, s.touched = subject, false
	case "delete", "revoke":
		s.dead = true
	}
}

func (l *ledger) interrupt(t *testing.T, op, id, subject string) {
	l.open++
	if op == "save" {
		return
	}
	s := l.session(t, id)
	switch op {
	case "patch":
		s.mayAdd = 1
	case "update":
		s.mayAdd, s.touched = 1, false
	case "login":
		s.maybeSubject, s.touched = subject, false
	case "delete", "revoke":
		s.mayBeDead = true
	}
}

// check compares what is in the store with what was said.
func (l *ledger) check(t *testing.T, st *sqlitestore.Store) {
	ctx := context.Background()
	for id, want := range l.sessions {
		got, err := st.Load(ctx, id.Key())
		if errors.Is(err, sojourn.ErrNotFound) && (want.dead || want.mayBeDead) {
			// A later look must find the same.
			want.dead = true
			continue
		}
		if err != nil || want.dead {
			t.Fatalf("session %v: %v, dead %v", id, err, want.dead)
		}
		n, _ := strconv.Atoi(got.Values.Get("n"))
		if n < want.n || n > want.n+want.mayAdd {
			t.Fatalf("session %v: n is %d, want %d to %d", id, n, want.n, want.n+want.mayAdd)
		}
		if want.touched && got.TTL < 50*time.Hour {
			t.Fatalf("session %v: an acknowledged touch is lost, TTL %v", id, got.TTL)
		}
		subject := got.Facts.Subject
		if subject != want.subject && (subject == "" || subject != want.maybeSubject) {
			t.Fatalf("session %v: subject %q, want %q", id, subject, want.subject)
		}
		*want = expected{n: n, touched: want.touched, subject: subject}
		if subject == "" {
			continue
		}
		if list, err := st.ListSubject(ctx, "app", subject); err != nil || len(list) != 1 || list[0].ID != id {
			t.Fatalf("subject %q: got %v, %v, want session %v", subject, list, err, id)
		}
	}
}

func TestKilled_losesNothingAcknowledged(t *testing.T) {
	const writers = 2
	began := time.Now()
	ledgers := make([]*ledger, writers)
	t.Run("writers", func(t *testing.T) { // ends when both have
		for i := range ledgers {
			ledgers[i] = &ledger{sessions: map[sojourn.ID]*expected{}, count: map[string]int{}}
			t.Run(strconv.Itoa(i), func(t *testing.T) {
				t.Parallel()
				path := filepath.Join(t.TempDir(), "sessions.db")
				for range kills / writers {
					ledgers[i].read(t, writeAndKill(t, path))
					st := openAt(t, path, nil)
					ledgers[i].check(t, st)
					if err := st.Close(); err != nil {
						t.Fatal(err)
					}
				}
			})
		}
	})
	count, open := map[string]int{}, 0
	for _, l := range ledgers {
		for op, n := range l.count {
			count[op] += n
		}
		open += l.open
	}
	t.Logf("%d kills in %v, acknowledged %v, interrupted %d", kills, time.Since(began).Round(time.Second), count, open)
	for _, op := range []string{"save", "patch", "update", "touch", "login", "delete", "revoke"} {
		if count[op] == 0 && !t.Failed() {
			t.Errorf("no %s was acknowledged: the test saw nothing", op)
		}
	}
}

// writeAndKill starts a writer, kills it at a random moment after its first word, and returns its words.
func writeAndKill(t *testing.T, path string) []string {
	cmd := child(t, "write", path)
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var lines []string
	scanner := bufio.NewScanner(pipe)
	for scanner.Scan() {
		if len(lines) == 0 {
			time.AfterFunc(time.Duration(rand.IntN(60_000))*time.Microsecond, func() { cmd.Process.Kill() })
		}
		lines = append(lines, scanner.Text())
	}
	if err := cmd.Wait(); err == nil || cmd.ProcessState.Exited() {
		t.Errorf("the writer ended by itself: %v", err)
	}
	return lines
}
