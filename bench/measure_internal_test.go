package bench

import (
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/sojourn-go/sojourn/bench/report"
)

func TestMedian_leavesOutWhatWasNotMeasured(t *testing.T) {
	for _, tt := range []struct {
		values []float64
		want   float64
	}{{[]float64{3, 1, 2}, 2}, {[]float64{4, unknown, 1}, 2.5}, {[]float64{7}, 7}} {
		if got := median(tt.values); got != tt.want {
			t.Errorf("median of %v: got %v, want %v", tt.values, got, tt.want)
		}
	}
	if got := median(nil); !math.IsNaN(got) {
		t.Errorf("median of nothing: got %v", got)
	}
}

// A round in which the machine was twice as slow changes both times and not their ratio.
func TestPaired_comparesWithinARound(t *testing.T) {
	if got := paired([]float64{10, 40, 30}, []float64{1, 4, 3}); got != 10 {
		t.Errorf("got %v, want 10", got)
	}
}

func TestGoal_isMetAtItsLimitAndNotByWhatWasNotMeasured(t *testing.T) {
	for _, tt := range []struct {
		goal   Goal
		met    bool
		margin float64
	}{
		{Goal{Limit: 2, Measured: 2}, true, 1}, {Goal{Limit: 2, Measured: 4}, false, 0.5}, {Goal{Limit: 0, Measured: 0}, true, 1},
		{Goal{AtLeast: true, Limit: 2, Measured: 4}, true, 2}, {Goal{AtLeast: true, Limit: 2, Measured: 1}, false, 0.5},
	} {
		if tt.goal.Met() != tt.met || tt.goal.Margin() != tt.margin {
			t.Errorf("%+v: got met %t by %v, want %t by %v", tt.goal, tt.goal.Met(), tt.goal.Margin(), tt.met, tt.margin)
		}
	}
	if (&Goal{Limit: 2, Measured: unknown}).Met() || (&Goal{AtLeast: true, Limit: 2, Measured: unknown}).Met() {
		t.Error("what was not measured is met")
	}
	text, picture := goalTable([]Goal{{What: "one", Limit: 2, Measured: 3, Format: report.Count}, {What: "two", Limit: 1, Measured: 1, Format: report.Count, Trips: true}})
	if !strings.Contains(text, "1 of 2 are met") || !strings.Contains(text, "| one | ≤ 2 | 3 | **no** |") || len(picture.Rows) != 1 {
		t.Errorf("got %s", text)
	}
}

// A function that gets another name would move to another part of the profile without a word.
func TestProfile_namesFunctionsThatExist(t *testing.T) {
	var sources strings.Builder
	for _, pattern := range []string{"../*.go", "../memstore/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			sources.Write(text)
		}
	}
	named := regexp.MustCompile(`^(?:sojourn|memstore)\.(?:\(\*(\w+)\))?\.?(\w*)`)
	seen := 0
	for _, rule := range profileRules {
		for _, f := range rule.functions {
			match := named.FindStringSubmatch(f)
			if match == nil {
				continue
			}
			seen++
			pattern := `(?m)^func `
			if match[1] != "" {
				pattern += `\(\w+ \*?` + match[1] + `\) `
			}
			if match[2] != "" {
				pattern += match[2] + `[\[(]`
			}
			if match[2] == "Field" {
				pattern = `(?m)^type Field\[`
			}
			if !regexp.MustCompile(pattern).MatchString(sources.String()) {
				t.Errorf("no function %s: nothing matches %s", f, pattern)
			}
		}
	}
	if seen < 8 {
		t.Errorf("only %d functions of ours are named", seen)
	}
}
