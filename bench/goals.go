package bench

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/sojourn-go/sojourn/bench/report"
	"github.com/sojourn-go/sojourn/bench/subject"
)

// Goal is something that Sojourn sets out to reach, and whether it does.
type Goal struct {
	What     string
	AtLeast  bool // the limit is the least, not the most
	Limit    float64
	Measured float64
	Format   func(float64) string
	Trips    bool // it is a number of round trips
}

// Met reports whether the goal is reached. What was not measured is not reached.
func (g *Goal) Met() bool {
	if g.AtLeast {
		return g.Measured >= g.Limit
	}
	return g.Measured <= g.Limit
}

// Margin is how far beyond the goal the measured value is: 1 just reaches it.
func (g *Goal) Margin() float64 {
	a, b := g.Limit, g.Measured
	if g.AtLeast {
		a, b = b, a
	}
	if a == b {
		return 1 // also 0 of at most 0
	}
	return a / b
}

// Goals are those that Sojourn was built for, in the order of what a request of a large site meets.
func (r *Results) Goals() (all []Goal) {
	for _, t := range r.Trips {
		i := indexOfOurs(t.Subjects)
		at := func(w int) float64 { return t.Counts[i][w] }
		for _, g := range []struct {
			what  string
			w     int
			limit float64
		}{
			{"no cookie", NoCookie, 0}, {"cookie, untouched", CookieUntouched, 0}, {"read", ReadSmall, 1}, {"read and change", ReadChange, 2},
			{"create", CreateSession, 1}, {"renew and change", RenewChange, 2}, {"login", LoginSession, 2},
			{"login where sessions are limited", LoginLimited, 3}, {"login that ends the user's oldest session", LoginOver, 3},
			{"logout", LogoutSession, 2},
			{"read, sliding expiry", ReadSliding, 1}, {"read that extends", ReadExtend, 2},
		} {
			all = append(all, Goal{What: fmt.Sprintf("round trips to %s: %s", t.Subjects[i].Store, g.what), Limit: g.limit, Measured: at(g.w), Format: report.Count, Trips: true})
		}
	}
	s := r.Serial[0]
	own := indexOfOurs(s.Subjects)
	peer := indexOf(s.Subjects, "scs/memory")
	factor := func(w int) float64 { return paired(s.Times[peer][w], s.Times[own][w]) }
	for _, g := range []struct {
		what   string
		w      int
		limit  float64
		allocs float64
	}{
		{"read one of 5", ReadSmall, 25, 3}, {"read and change", ReadChange, 20, 6}, {"create", CreateSession, 4, 8}, {"renew and change", RenewChange, 12, 0},
	} {
		all = append(all, Goal{What: "in memory, faster than scs: " + g.what, AtLeast: true, Limit: g.limit, Measured: factor(g.w), Format: report.Times})
		if g.allocs > 0 {
			all = append(all, Goal{What: "in memory, allocations: " + g.what, Limit: g.allocs, Measured: s.Objects[own][g.w], Format: report.Count})
		}
	}
	all = append(all,
		Goal{What: "in memory, allocations: cookie, untouched", Limit: 2, Measured: s.Objects[own][CookieUntouched], Format: report.Count},
		Goal{What: "in memory, time of a read of one of 40 values (4 KB) ÷ one of 5 (300 B)", Limit: 1.5, Measured: paired(s.Times[own][ReadLarge], s.Times[own][ReadSmall]), Format: report.Times},
	)
	stored := unknown
	for _, m := range r.Stored {
		if m.Ours {
			stored = m.Heap / subject.SmallBytes
			break // visitors come first
		}
	}
	all = append(all, Goal{What: fmt.Sprintf("heap of %s sessions ÷ their names and values", report.Count(float64(r.Scale.Sessions))), Limit: 1.6, Measured: stored, Format: report.Times})
	step := unknown
	for _, sweep := range r.Sweeps {
		if sweep.Ours {
			step = sweep.Step
		}
	}
	return append(all, Goal{What: "the longest turn of a sweep that holds a lock", Limit: float64(time.Millisecond), Measured: step, Format: report.Duration})
}

func indexOf(subjects []subject.Subject, name string) int {
	for i := range subjects {
		if subjects[i].Name() == name {
			return i
		}
	}
	panic("bench: no subject " + name)
}

// goalTable returns the table of goals, and the picture of the margins of those that are no whole number of round trips.
func goalTable(goals []Goal) (string, *report.Table) {
	var b strings.Builder
	b.WriteString("| | goal | measured | met |\n|---|--:|--:|---|\n")
	t := &report.Table{Name: "goals", Title: "How far beyond each goal", Better: "more", Columns: []report.Column{
		{Head: "1× just reaches the goal; what misses it is grey", Format: report.Times},
	}}
	met := 0
	for _, g := range goals {
		limit, verdict := "≤ ", "yes"
		if g.AtLeast {
			limit = "≥ "
		}
		if !g.Met() {
			verdict = "**no**"
		} else {
			met++
		}
		measured := "–"
		if !math.IsNaN(g.Measured) {
			measured = g.Format(g.Measured)
		}
		fmt.Fprintf(&b, "| %s | %s%s | %s | %s |\n", g.What, limit, g.Format(g.Limit), measured, verdict)
		if g.Trips {
			continue
		}
		t.Rows = append(t.Rows, report.Row{Head: g.What, Ours: g.Met(), Values: []float64{g.Margin()}})
	}
	return fmt.Sprintf("%d of %d are met.\n\n%s", met, len(goals), b.String()), t
}
