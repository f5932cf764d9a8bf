package report

import (
	"fmt"
	"html"
	"math"
	"strings"
	"unicode/utf8"
)

// A picture is a panel for each column of its table, two beside each other, and in each panel a bar for each row. It needs
// nothing but a browser: no script, no font, no file of its own. It follows the reader's choice of light or dark.

const (
	margin      = 16
	barWidth    = 250 // of the longest
	textWidth   = 62  // behind it
	letterWidth = 7.6 // a bold one's, on average
	barHeight   = 13
	barStep     = 18
	headHeight  = 46
	plotHead    = 58
)

const style = `
text{font:12px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;fill:#1f2328}
.value{stroke:#fff;stroke-width:4px;stroke-linejoin:round;paint-order:stroke}
.title{font-size:16px;font-weight:600}.head{font-weight:600}.small{font-size:11px;fill:#59636e}.ours{font-weight:600}
.page{fill:#fff}.grid{stroke:#d1d9e0;stroke-width:1}.bar{fill:#8c959f}.bar.ours{fill:#0969da}.bar.aside{fill:#d1d9e0}
@media(prefers-color-scheme:dark){text{fill:#f0f6fc}.small{fill:#9198a1}.page{fill:#0d1117}.value{stroke:#0d1117}.grid{stroke:#3d444d}
.bar{fill:#656c76}.bar.ours{fill:#4493f8}.bar.aside{fill:#30363d}}`

// SVG returns the table's picture, "" if it has no column to show.
func (t *Table) SVG() string {
	var panels []string
	heights := []int{}
	for i, c := range t.Columns {
		if c.Hidden {
			continue
		}
		if panel, height := t.panel(i); panel != "" {
			panels, heights = append(panels, panel), append(heights, height)
		}
	}
	if len(panels) == 0 {
		return ""
	}
	across, panelWidth := min(2, len(panels)), t.nameWidth()+barWidth+textWidth
	var b strings.Builder
	y := plotHead
	for i := 0; i < len(panels); i += across {
		height := 0
		for j := i; j < min(i+across, len(panels)); j++ {
			fmt.Fprintf(&b, "<g transform=\"translate(%d %d)\">\n%s</g>\n", margin+(j-i)*(panelWidth+margin), y, panels[j])
			height = max(height, heights[j])
		}
		y += height + margin
	}
	width := margin + across*(panelWidth+margin)
	title := html.EscapeString(t.Title)
	return fmt.Sprintf("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" role=\"img\">\n"+
		"<title>%s</title>\n<style>%s</style>\n<rect class=\"page\" width=\"%d\" height=\"%d\"/>\n"+
		"<text class=\"title\" x=\"%d\" y=\"26\">%s</text><text class=\"small\" x=\"%d\" y=\"44\">%s</text>\n%s</svg>\n",
		width, y, width, y, title, style, width, y, margin, title, margin, html.EscapeString(t.reading()), b.String())
}

// reading says how to read the bars.
func (t *Table) reading() string {
	var said []string
	if t.Better != "" {
		said = append(said, t.Better+" is better")
	}
	for _, c := range t.Columns {
		if !c.Hidden && !c.Linear {
			return strings.Join(append(said, "each vertical line is ten times the one before"), "; ")
		}
	}
	return strings.Join(said, "; ")
}

// nameWidth is the room for the names of the rows.
func (t *Table) nameWidth() int {
	longest := 0
	for _, r := range t.Rows {
		longest = max(longest, utf8.RuneCountInString(r.Head))
	}
	return int(float64(longest)*letterWidth) + 8
}

// panel draws one column, and returns how high it is.
func (t *Table) panel(column int) (string, int) {
	var shown []Row
	var values []float64
	for _, r := range t.Rows {
		if isNumber(r.Values[column]) {
			shown, values = append(shown, r), append(values, r.Values[column])
		}
	}
	if len(shown) == 0 {
		return "", 0
	}
	c := t.Columns[column]
	axis := t.axis(column)
	nameWidth := t.nameWidth()
	bottom := headHeight + len(shown)*barStep
	var b strings.Builder
	fmt.Fprintf(&b, "<text class=\"head\" x=\"0\" y=\"14\">%s</text>\n", html.EscapeString(c.Head))
	for _, tick := range axis.ticks() {
		x := float64(nameWidth) + axis.place(tick)*barWidth
		fmt.Fprintf(&b, "<path class=\"grid\" d=\"M%.1f %dV%d\"/><text class=\"small\" x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>\n",
			x, headHeight-8, bottom, x, headHeight-14, html.EscapeString(rounded(c.Format(tick))))
	}
	for i, r := range shown {
		y := headHeight + i*barStep
		class, emphasis := "", ""
		if r.Ours {
			emphasis = "ours"
		}
		switch {
		case r.Ours, t.Plain:
			class = " ours"
		case r.Aside:
			class = " aside"
		}
		length := math.Max(axis.place(values[i])*barWidth, 1)
		fmt.Fprintf(&b, "<text class=\"%s\" x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>"+
			"<rect class=\"bar%s\" x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\"/>"+
			"<text class=\"value\" x=\"%.1f\" y=\"%d\">%s</text>\n",
			emphasis, nameWidth-6, y+barHeight-2, html.EscapeString(r.Head), class, nameWidth, y, length, barHeight,
			float64(nameWidth)+length+5, y+barHeight-2, html.EscapeString(c.Format(values[i])))
	}
	return b.String(), bottom
}

// axis is that of one column, or of all that are shown if they share one.
func (t *Table) axis(column int) axis {
	var values []float64
	for i, c := range t.Columns {
		if i != column && (!t.OneScale || c.Hidden) {
			continue
		}
		for _, r := range t.Rows {
			if isNumber(r.Values[i]) {
				values = append(values, r.Values[i])
			}
		}
	}
	return newAxis(values, t.Columns[column].Linear)
}

func isNumber(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// rounded takes zeros away that a label of an axis does not need: 10.0 µs, 1.00×.
func rounded(label string) string {
	at := strings.IndexByte(label, '.')
	if at < 0 {
		return label
	}
	end := at + 1
	for end < len(label) && label[end] == '0' {
		end++
	}
	if end < len(label) && label[end] >= '1' && label[end] <= '9' {
		return label
	}
	return label[:at] + label[end:]
}

// axis maps values to 0…1.
type axis struct {
	low, high float64
	linear    bool
}

func newAxis(values []float64, linear bool) axis {
	high := 0.0
	low := math.Inf(1)
	for _, v := range values {
		high = math.Max(high, v)
		if v > 0 {
			low = math.Min(low, v)
		}
	}
	if high <= 0 {
		return axis{0, 1, true}
	}
	if linear {
		return axis{0, high, true}
	}
	return axis{math.Pow(10, math.Floor(math.Log10(low))), high, false}
}

func (a axis) place(v float64) float64 {
	switch {
	case a.linear:
		return v / a.high
	case v <= a.low, a.high <= a.low:
		return 0
	}
	return math.Log10(v/a.low) / math.Log10(a.high/a.low)
}

// ticks are powers of ten, or a few round numbers.
func (a axis) ticks() (all []float64) {
	if !a.linear {
		for tick := a.low; tick <= a.high*1.0001; tick *= 10 {
			all = append(all, tick)
		}
		if len(all) > 1 {
			return all
		}
		return nil
	}
	step := math.Pow(10, math.Floor(math.Log10(a.high)))
	for _, part := range [...]float64{5, 2, 1, 0.5} { // two to four lines besides the first
		if a.high/(step*part) >= 2 {
			step *= part
			break
		}
	}
	for tick := 0.0; tick <= a.high*1.0001; tick += step {
		all = append(all, tick)
	}
	return all
}
