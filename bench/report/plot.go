package report

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// A picture is a panel for each column of its table, two beside each other, and in each panel a bar for each row. It needs
// nothing but a browser: no script, no font, no file of its own. It follows the reader's choice of light or dark.

const (
	panelWidth = 470
	margin     = 16
	nameWidth  = 158
	textWidth  = 62
	barHeight  = 13
	barStep    = 18
	headHeight = 46
	plotHead   = 40
)

const style = `
text{font:12px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;fill:#1f2328}
.title{font-size:16px;font-weight:600}.head{font-weight:600}.small{font-size:11px;fill:#59636e}.ours{font-weight:600}
.page{fill:#fff}.grid{stroke:#d1d9e0;stroke-width:1}.bar{fill:#8c959f}.bar.ours{fill:#0969da}.bar.aside{fill:#d1d9e0}
@media(prefers-color-scheme:dark){text{fill:#f0f6fc}.small{fill:#9198a1}.page{fill:#0d1117}.grid{stroke:#3d444d}
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
	across := min(2, len(panels))
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
	return fmt.Sprintf("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" role=\"img\">\n"+
		"<title>%s</title>\n<style>%s</style>\n<rect class=\"page\" width=\"%d\" height=\"%d\"/>\n"+
		"<text class=\"title\" x=\"%d\" y=\"26\">%s</text>\n%s</svg>\n",
		width, y, width, y, html.EscapeString(t.Title), style, width, y, margin, html.EscapeString(t.Title), b.String())
}

// panel draws one column, and returns how high it is.
func (t *Table) panel(column int) (string, int) {
	var shown []Row
	var values []float64
	for _, r := range t.Rows {
		if v := r.Values[column]; !math.IsNaN(v) && !math.IsInf(v, 0) {
			shown, values = append(shown, r), append(values, v)
		}
	}
	if len(shown) == 0 {
		return "", 0
	}
	c := t.Columns[column]
	axis := newAxis(values, c.Linear)
	const room = panelWidth - nameWidth - textWidth
	bottom := headHeight + len(shown)*barStep
	var b strings.Builder
	fmt.Fprintf(&b, "<text class=\"head\" x=\"0\" y=\"14\">%s</text>\n", html.EscapeString(c.Head))
	for _, tick := range axis.ticks() {
		x := nameWidth + axis.place(tick)*room
		fmt.Fprintf(&b, "<path class=\"grid\" d=\"M%.1f %dV%d\"/><text class=\"small\" x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>\n",
			x, headHeight-8, bottom, x, headHeight-14, html.EscapeString(c.Format(tick)))
	}
	for i, r := range shown {
		y := headHeight + i*barStep
		class := ""
		switch {
		case r.Ours:
			class = " ours"
		case r.Aside:
			class = " aside"
		}
		length := math.Max(axis.place(values[i])*room, 1)
		fmt.Fprintf(&b, "<text class=\"name%s\" x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>"+
			"<rect class=\"bar%s\" x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\"/>"+
			"<text x=\"%.1f\" y=\"%d\">%s</text>\n",
			class, nameWidth-6, y+barHeight-2, html.EscapeString(r.Head), class, nameWidth, y, length, barHeight,
			float64(nameWidth)+length+5, y+barHeight-2, html.EscapeString(c.Format(values[i])))
	}
	return b.String(), bottom
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
	for _, part := range [...]float64{1, 0.5, 0.2} {
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
