// Package report writes what was measured: tables in Markdown, and a picture of each.
package report

import (
	"fmt"
	"math"
	"strings"
)

// Table is one table of a report.
type Table struct {
	Name    string // of its picture's file, without extension
	Title   string
	Note    string // Markdown below the title
	Corner  string // heads the column of the rows' names
	Columns []Column
	Rows    []Row

	// In the picture:
	Better   string // less, more
	OneScale bool   // all columns have the same axis
	Plain    bool   // nothing is compared: all bars are alike
}

// Column is one thing that was measured.
type Column struct {
	Head   string
	Format func(float64) string
	Hidden bool // from the picture
	Linear bool // in the picture; otherwise bars are logarithmic
}

// Row is one subject. A value that is NaN was not measured; its cell is Missing.
type Row struct {
	Head    string
	Ours    bool // stands out in the picture
	Aside   bool // is no rival: pale in the picture
	Values  []float64
	Notes   []string // for each value what follows it in its cell, nil for none
	Missing string   // Default: "–"
}

// None is the value of a cell that does not exist.
var None = math.NaN()

// Markdown returns the table, its title a heading of the given level.
func (t *Table) Markdown(level int, picture string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n\n", strings.Repeat("#", level), t.Title)
	if t.Note != "" {
		fmt.Fprintf(&b, "%s\n\n", t.Note)
	}
	b.WriteString("| " + t.Corner + " |")
	for _, c := range t.Columns {
		b.WriteString(" " + c.Head + " |")
	}
	b.WriteString("\n|---|" + strings.Repeat("--:|", len(t.Columns)) + "\n")
	for _, r := range t.Rows {
		head := r.Head
		if r.Ours {
			head = "**" + head + "**"
		}
		b.WriteString("| " + head + " |")
		for i := range t.Columns {
			b.WriteString(" " + t.cell(r, i) + " |")
		}
		b.WriteString("\n")
	}
	if picture != "" {
		fmt.Fprintf(&b, "\n![%s](%s)\n", t.Title, picture)
	}
	return b.String()
}

func (t *Table) cell(r Row, column int) string {
	if v := r.Values[column]; !math.IsNaN(v) {
		text := t.Columns[column].Format(v)
		if r.Notes != nil && r.Notes[column] != "" {
			text += " " + r.Notes[column]
		}
		return text
	}
	if r.Missing != "" {
		return r.Missing
	}
	return "–"
}

// Formats of values.

// Duration formats nanoseconds.
func Duration(ns float64) string {
	switch {
	case ns < 1e3:
		return digits(ns) + " ns"
	case ns < 1e6:
		return digits(ns/1e3) + " µs"
	case ns < 1e9:
		return digits(ns/1e6) + " ms"
	}
	return digits(ns/1e9) + " s"
}

// Count formats a number of things.
func Count(n float64) string {
	switch {
	case n < 10 && n != math.Trunc(n):
		return fmt.Sprintf("%.2f", n)
	case n < 1e4:
		return fmt.Sprintf("%.0f", n)
	case n < 1e6:
		return digits(n/1e3) + "k"
	}
	return digits(n/1e6) + "M"
}

// Times formats a ratio.
func Times(x float64) string { return digits(x) + "×" }

// Bytes formats a number of bytes.
func Bytes(n float64) string {
	switch {
	case n < 1e4:
		return fmt.Sprintf("%.0f B", n)
	case n < 1e6:
		return digits(n/1e3) + " kB"
	}
	return digits(n/1e6) + " MB"
}

// Percent formats a share of 1.
func Percent(x float64) string { return fmt.Sprintf("%.1f %%", 100*x) }

// digits formats with about three significant digits.
func digits(x float64) string {
	switch {
	case x < 10:
		return fmt.Sprintf("%.2f", x)
	case x < 100:
		return fmt.Sprintf("%.1f", x)
	}
	return fmt.Sprintf("%.0f", x)
}
