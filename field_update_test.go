package sojourn_test

import (
	"testing"

	"github.com/sojourn-go/sojourn"
)

func TestFieldUpdate_withoutARace_callsTheFunctionOnce(t *testing.T) {
	onEachKind(t, sojourn.Config{}, func(t *testing.T, _ *rigStore, r rig) {
		const serial = sojourn.Field[int]("serial")
		calls := 0
		next := func(int) int { calls++; return 100 + calls }
		token := ""
		for request := 1; request <= 2; request++ {
			var shown int
			token = r.do(token, func(s *sojourn.Session) { shown = serial.Update(s, next) })
			r.do(token, func(s *sojourn.Session) {
				if got, _ := serial.Get(s); got != shown || calls != request {
					t.Errorf("request %d: stored %d after %d calls, want %d, which the handler saw", request, got, calls, shown)
				}
			})
		}
	})
}

func TestFieldUpdate_chainedAndOvertaken_runsAllAgain(t *testing.T) {
	onEachKind(t, sojourn.Config{}, func(t *testing.T, _ *rigStore, r rig) {
		const n = sojourn.Field[int]("n")
		token := r.do("", func(s *sojourn.Session) { n.Set(s, 1) })
		v, s := r.open(token)
		n.Update(s, func(n int) int { return n + 1 })
		n.Update(s, func(n int) int { return n * 10 })
		r.do(token, func(s *sojourn.Session) { n.Set(s, 4) })
		if _, err := r.close(v); err != nil {
			t.Fatal(err)
		}
		r.do(token, func(s *sojourn.Session) {
			if got, _ := n.Get(s); got != 50 {
				t.Errorf("got %d, want (4+1)*10", got)
			}
		})
	})
}
