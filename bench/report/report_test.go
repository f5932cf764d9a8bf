package report_test

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/sojourn-go/sojourn/bench/report"
)

func table() *report.Table {
	return &report.Table{
		Name: "reads", Title: "Reads <of> a session", Corner: "library",
		Columns: []report.Column{
			{Head: "time", Format: report.Duration},
			{Head: "bytes", Format: report.Bytes, Linear: true},
			{Head: "note", Format: report.Count, Hidden: true},
		},
		Rows: []report.Row{
			{Head: "ours & only", Ours: true, Values: []float64{812, 1600, 3}},
			{Head: "theirs", Values: []float64{33400, 10135, report.None}},
			{Head: "bare", Aside: true, Values: []float64{22, 0, 0}, Missing: "none"},
		},
	}
}

func TestMarkdown_hasACellForEachValue(t *testing.T) {
	const want = `## Reads <of> a session

| library | time | bytes | note |
|---|--:|--:|--:|
| **ours & only** | 812 ns | 1600 B | 3 |
| theirs | 33.4 µs | 10.1 kB | – |
| bare | 22.0 ns | 0 B | 0 |

![Reads <of> a session](reads.svg)
`
	if got := table().Markdown(2, "reads.svg"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// A picture is one well-formed document whose bars are as long as they should be.
func TestSVG_isWellFormedAndToScale(t *testing.T) {
	picture := table().SVG()
	dec := xml.NewDecoder(strings.NewReader(picture))
	bars, texts := 0, 0
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, picture)
		}
		if start, ok := token.(xml.StartElement); ok {
			switch start.Name.Local {
			case "rect":
				bars++
			case "text":
				texts++
			}
		}
	}
	if bars != 1+2*3 { // the page, and three rows in two panels
		t.Errorf("%d rectangles, want 7", bars)
	}
	for _, want := range []string{
		`width="250.0" height="13"/><text class="value" x="346.0" y="75">33.4 µs`, // the longest bar takes all the room
		`width="39.5" height="13"/><text class="value" x="135.5" y="57">1600 B`,   // 1600 of 10135, linear
		`width="135.5" height="13"/><text class="value" x="231.5" y="57">812 ns`,  // log(812/10) of log(33400/10)
		`ours &amp; only`, `>10 µs</text>`, `>5000 B</text>`, `each vertical line is ten times`,
	} {
		if !strings.Contains(picture, want) {
			t.Errorf("no %s in\n%s", want, picture)
		}
	}
	if empty := (&report.Table{Columns: []report.Column{{Hidden: true}}}).SVG(); empty != "" {
		t.Errorf("a picture of nothing: %s", empty)
	}
}

func TestSplice_replacesWhatIsBetweenItsLines(t *testing.T) {
	const page = "# Page\n" + report.Begin + "\nold\n" + report.End + "\nmore\n"
	got, err := report.Splice(page, "\nnew\n\n")
	if want := "# Page\n" + report.Begin + "\nnew\n" + report.End + "\nmore\n"; got != want || err != nil {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	for _, page := range []string{"", report.Begin + "\n", report.End + "\n" + report.Begin + "\n"} {
		if got, err := report.Splice(page, "new"); err == nil {
			t.Errorf("Splice(%q): got %q, want an error", page, got)
		}
	}
}

func TestFormats_haveAboutThreeDigits(t *testing.T) {
	for want, got := range map[string]string{
		"7.50 ns": report.Duration(7.5), "812 ns": report.Duration(812), "33.4 µs": report.Duration(33400), "1.50 s": report.Duration(1.5e9),
		"2": report.Count(2), "2.50": report.Count(2.5), "8542": report.Count(8542), "10.1k": report.Count(10100), "1.46M": report.Count(1.46e6),
		"0.04×": report.Times(0.04), "610×": report.Times(610), "1728 B": report.Bytes(1728), "10.2 kB": report.Bytes(10200), "12.5 %": report.Percent(0.125),
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
