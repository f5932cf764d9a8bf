package bench

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sojourn-go/sojourn/bench/report"
	"github.com/sojourn-go/sojourn/bench/subject"
)

// The tables of the report, one function each.

func heads(workloads []Workload, format func(float64) string) (columns []report.Column) {
	for _, w := range workloads {
		columns = append(columns, report.Column{Head: w.Name, Format: format})
	}
	return columns
}

func row(s *subject.Subject) report.Row {
	return report.Row{Head: s.Name(), Ours: s.Ours(), Aside: s.Module == "" && !s.Ours()}
}

// timeTable has the processor time of a request, and of each peer how many times as long as ours it is.
func timeTable(s *Serial) *report.Table {
	own := indexOfOurs(s.Subjects)
	store := s.Subjects[own].Store
	t := &report.Table{
		Better: "less", OneScale: true,
		Name: "time-" + strings.ToLower(store), Title: "Time of a request, " + store, Corner: "library",
		Columns: heads(Workloads, report.Duration),
		Note:    "In brackets: times as long as " + s.Subjects[own].Name() + ", the median of the rounds' ratios. " + reasons(s.Subjects, Workloads),
	}
	t.Rows = compared(s.Subjects, own, s.Times)
	return t
}

// compared has a row for each subject: the median of its rounds at each workload, and beside a peer's the median of its
// ratios to ours.
func compared(subjects []subject.Subject, own int, rounds [][][]float64) []report.Row {
	var rows []report.Row
	for i := range subjects {
		r := row(&subjects[i])
		for w, values := range rounds[i] {
			r.Values = append(r.Values, median(values))
			note := ""
			if i != own && len(values) > 0 {
				note = "(" + report.Times(paired(values, rounds[own][w])) + ")"
			}
			r.Notes = append(r.Notes, note)
		}
		rows = append(rows, r)
	}
	return rows
}

// allocationTable has all stores.
func allocationTable(all []*Serial) *report.Table {
	t := &report.Table{
		Better: "less", OneScale: true,
		Name: "allocations", Title: "Allocations of a request", Corner: "library", Columns: heads(Workloads, report.Count),
		Note: "Objects on the heap, and their bytes. They are counted, so they are the same on any machine.",
	}
	hide(t, ReadSmall, ReadChange, CreateSession, RenewChange)
	for _, s := range all {
		for i := range s.Subjects {
			r := row(&s.Subjects[i])
			r.Values = s.Objects[i]
			for _, bytes := range s.Bytes[i] {
				r.Notes = append(r.Notes, "/ "+report.Bytes(bytes))
			}
			t.Rows = append(t.Rows, r)
		}
	}
	return t
}

// hide leaves only some columns in the picture.
func hide(t *report.Table, but ...int) {
	for i := range t.Columns {
		t.Columns[i].Hidden = !slices.Contains(but, i)
	}
}

func tripTable(all []*Trips) *report.Table {
	t := &report.Table{Better: "less", OneScale: true, Name: "trips", Title: "Round trips to the server", Corner: "library", Columns: heads(TripWorkloads, report.Count)}
	for i := range t.Columns {
		t.Columns[i].Linear = true
	}
	hide(t, ReadSmall, ReadChange, CreateSession, RenewChange, ReadSliding, LoginSession)
	for _, trips := range all {
		for i := range trips.Subjects {
			r := row(&trips.Subjects[i])
			r.Values = trips.Counts[i]
			t.Rows = append(t.Rows, r)
		}
	}
	t.Note = "Counted by a proxy between library and server; connections and prepared statements are there already. " + reasons(all[0].Subjects, TripWorkloads)
	return t
}

func loadTable(l *Load, clients int) *report.Table {
	own := indexOfOurs(l.Subjects)
	store := l.Subjects[own].Store
	var workloads []Workload
	for _, w := range LoadWorkloads {
		workloads = append(workloads, Workloads[w])
	}
	t := &report.Table{
		Better: "more",
		Name:   "load-" + strings.ToLower(store), Title: fmt.Sprintf("Requests per second at %d clients, %s", clients, store), Corner: "library",
		Columns: heads(workloads, report.Count),
		Note:    "In brackets: that part of the rate of " + l.Subjects[own].Name() + ", the median of the rounds' ratios. " + reasons(l.Subjects, workloads),
	}
	for i := range t.Columns {
		t.Columns[i].Linear = true
	}
	t.Rows = compared(l.Subjects, own, l.Rates)
	return t
}

// reasons says why cells are empty.
func reasons(subjects []subject.Subject, workloads []Workload) string {
	var why []string // in the order of the subjects
	who := make(map[string][]string)
	for i := range subjects {
		s := &subjects[i]
		for _, w := range workloads {
			for _, work := range []subject.Work{w.Seed, w.Work} {
				reason := s.Lacks[work]
				if reason == "" {
					continue
				}
				if who[reason] == nil {
					why = append(why, reason)
				}
				if !slices.Contains(who[reason], s.Library) {
					who[reason] = append(who[reason], s.Library)
				}
			}
		}
	}
	var all []string
	for _, reason := range why {
		all = append(all, strings.Join(who[reason], ", ")+": "+reason)
	}
	if len(all) == 0 {
		return ""
	}
	return "“–” is for what cannot be measured: " + strings.Join(all, "; ") + "."
}

func storedTable(all []Stored, sessions int) *report.Table {
	t := &report.Table{
		Better: "less",
		Name:   "stored", Title: fmt.Sprintf("%s sessions in memory", thousands(sessions)), Corner: "library",
		Note: fmt.Sprintf("Each has %d bytes of names and values. A garbage collection is one of the whole heap, forced; the read is of a session at random.", subject.SmallBytes),
		Columns: []report.Column{
			{Head: "heap of a session", Format: report.Bytes, Linear: true}, {Head: "÷ names and values", Format: report.Times, Linear: true, Hidden: true},
			{Head: "objects of a session", Format: report.Count, Linear: true}, {Head: "a garbage collection", Format: report.Duration, Hidden: true},
			{Head: "processor time of a garbage collection", Format: report.Duration}, {Head: "a read", Format: report.Duration},
		},
	}
	for _, s := range all {
		t.Rows = append(t.Rows, report.Row{Head: s.Name, Ours: s.Ours, Aside: strings.HasPrefix(s.Name, "floor"), Values: []float64{
			s.Heap, s.Heap / subject.SmallBytes, s.Objects, median(s.Wall), median(s.CPU), s.Read,
		}})
	}
	return t
}

func sweepTable(all []Sweep, sessions int) *report.Table {
	t := &report.Table{
		Better:   "less",
		OneScale: true,
		Name:     "sweep", Title: fmt.Sprintf("Reads while %s sessions expire", thousands(sessions)), Corner: "library",
		Note: "One client reads a session that lives, with the garbage collector off. \"At rest\" is beside something that keeps a processor busy as a sweep does: " +
			"what the machine itself does to the longest read. The step is the processor time of the longest turn of the sweep that holds a lock. All expired three times, and the best counts.",
		Columns: []report.Column{
			{Head: "longest read, at rest", Format: report.Duration, Linear: true}, {Head: "longest read, during the expiry", Format: report.Duration, Linear: true},
			{Head: "reads over 1 ms, of a million, at rest", Format: report.Count, Hidden: true}, {Head: "during the expiry", Format: report.Count, Hidden: true},
			{Head: "longest step", Format: report.Duration, Hidden: true}, {Head: "heap that got free", Format: report.Percent, Hidden: true},
		},
	}
	for _, s := range all {
		t.Rows = append(t.Rows, report.Row{Head: s.Name, Ours: s.Ours, Values: []float64{s.Longest[0], s.Longest[1], s.Slow[0], s.Slow[1], s.Step, s.Freed}})
	}
	return t
}

func servedTable(all []Served) *report.Table {
	t := &report.Table{
		Better: "less",
		Name:   "served", Title: "A request through net/http's server", Corner: "handler",
		Note: "Processor time of server and client together, over the loopback interface on one connection that is kept. Every handler reads one of 5 values, but the bare one, which has no session.",
		Columns: []report.Column{
			{Head: "processor time", Format: report.Duration, Linear: true}, {Head: "÷ bare", Format: report.Times, Hidden: true},
			{Head: "allocations", Format: report.Count, Linear: true},
		},
	}
	for _, s := range all {
		t.Rows = append(t.Rows, report.Row{
			Head: s.Name, Ours: s.Ours, Aside: strings.HasPrefix(s.Name, "floor") || strings.HasPrefix(s.Name, "bare"),
			Values: []float64{median(s.CPU), paired(s.CPU, all[0].CPU), s.Objects},
		})
	}
	return t
}

func profileTable(p *Profile) *report.Table {
	t := &report.Table{
		Plain: true,
		Name:  "profile", Title: "Where the time of a read goes", Corner: "part",
		Note:    fmt.Sprintf("Sojourn in memory, one of 5 values: %s of processor time, split by a profile of %d samples.", report.Duration(p.Request), p.Samples),
		Columns: []report.Column{{Head: "time", Format: report.Duration, Linear: true}, {Head: "share", Format: report.Percent, Hidden: true}},
	}
	for _, part := range p.Parts {
		t.Rows = append(t.Rows, report.Row{Head: part.Name, Values: []float64{part.Share * p.Request, part.Share}})
	}
	return t
}

// thousands writes a number in words where there are such.
func thousands(n int) string {
	if n == 1_000_000 {
		return "One million"
	}
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
