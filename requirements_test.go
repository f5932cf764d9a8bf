package sojourn_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/sojourn-go/sojourn/storetest"
)

// docs/security-requirements.md says what proves what. This holds it to the tests that there are.

const requirementsPage = "docs/security-requirements.md"

// requirement is one row of the page.
type requirement struct {
	numbers []string
	text    string // all cells between the first and the last
	proof   string
}

func TestRequirements_everyNumberIsThere(t *testing.T) {
	var got []string
	for _, r := range requirements(t) {
		got = append(got, r.numbers...)
	}
	for i, n := range got {
		if slices.Contains(got[:i], n) {
			t.Errorf("%s stands there twice", n)
		}
	}
	for prefix, last := range map[string]int{"SEC-%02d": 100, "G%d": 26, "A%d": 40} {
		for i := 1; i <= last; i++ {
			if n := fmt.Sprintf(prefix, i); !slices.Contains(got, n) {
				t.Errorf("%s is missing", n)
			}
		}
	}
	advisories := 0
	for _, n := range got {
		if !strings.HasPrefix(n, "SEC-") && !regexp.MustCompile(`^[GA]\d+$`).MatchString(n) {
			advisories++
		}
	}
	if advisories < 80 {
		t.Errorf("got %d advisories, want 80 or more", advisories)
	}
}

// A row is proved by tests, or says why it needs none. Numbers that comments in the code refer to are on the page.
func TestRequirements_everyRowHasAProofOrAReason(t *testing.T) {
	there := everyTest(t)
	proved, notApplicable, open := 0, 0, 0
	for _, r := range requirements(t) {
		switch {
		case strings.Contains(r.text, "| not applicable: "):
			notApplicable++
		case strings.Contains(r.text, "| open: "):
			open++
		case r.proof == "":
			t.Errorf("%s: neither a test nor a reason", r.numbers)
		default:
			proved++
		}
		for _, name := range proofs(r.proof) {
			if !there[name] {
				t.Errorf("%s: there is no test %s", r.numbers, name)
			}
		}
		if rest := regexp.MustCompile("`[^`]+`").ReplaceAllString(r.proof, ""); strings.Trim(rest, ", ") != "" {
			t.Errorf("%s: %q is no test", r.numbers, rest)
		}
	}
	t.Logf("%d rows proved, %d not applicable, %d open", proved, notApplicable, open)
}

// The check must be able to fail.
func TestRequirements_checkSeesWhatIsMissing(t *testing.T) {
	there := everyTest(t)
	for name, want := range map[string]bool{
		"TestRequirements_checkSeesWhatIsMissing": true, "TestRequirements_notThere": false,
		"storetest: contract/save_never_overwrites": true, "storetest: contract/not_there": false,
		"RunManager: Ended_beatsRequestsInFlight": true, "RunManager: NotThere": false,
		"FuzzToken": true, "newApp": false, "TestMain": true,
	} {
		if there[name] != want {
			t.Errorf("%s: got %v, want %v", name, there[name], want)
		}
	}
	if got := proofs("`TestA`, `storetest: a/b`"); !slices.Equal(got, []string{"TestA", "storetest: a/b"}) {
		t.Errorf("got %q", got)
	}
}

func TestRequirements_numbersInTheCodeAreOnThePage(t *testing.T) {
	on := map[string]bool{}
	for _, r := range requirements(t) {
		for _, n := range r.numbers {
			on[n] = true
		}
	}
	number := regexp.MustCompile(`\b(SEC-\d+|CVE-\d{4}-\d+)\b`)
	eachGoFile(t, func(path string, text []byte) {
		if !bytes.Contains(text, []byte("SEC-")) && !bytes.Contains(text, []byte("CVE-")) {
			return
		}
		for _, n := range number.FindAllString(string(text), -1) {
			if digits, ok := strings.CutPrefix(n, "SEC-"); ok {
				k, _ := strconv.Atoi(digits)
				n = fmt.Sprintf("SEC-%02d", k)
			}
			if !on[n] {
				t.Errorf("%s refers to %s, which is not on the page", path, n)
			}
		}
	})
}

func requirements(t *testing.T) []requirement {
	t.Helper()
	text, err := os.ReadFile(requirementsPage)
	if err != nil {
		t.Fatal(err)
	}
	var all []requirement
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| n |") || !strings.HasSuffix(line, "|") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		if len(cells) != 4 {
			t.Fatalf("%q: got %d cells, want 4", line, len(cells))
		}
		r := requirement{text: "|" + cells[1] + "|" + cells[2], proof: strings.TrimSpace(cells[3])}
		for n := range strings.SplitSeq(cells[0], ",") {
			r.numbers = append(r.numbers, strings.TrimSpace(n))
		}
		all = append(all, r)
	}
	return all
}

func proofs(cell string) []string {
	var names []string
	for _, quoted := range regexp.MustCompile("`[^`]+`").FindAllString(cell, -1) {
		names = append(names, strings.Trim(quoted, "`"))
	}
	return names
}

var theTests map[string]bool // the answer of everyTest, once it is known

// everyTest is the set of test functions of all modules, of storetest's cases and of RunManager's checks.
func everyTest(t *testing.T) map[string]bool {
	t.Helper()
	needRepository(t)
	if theTests != nil {
		return theTests
	}
	there := map[string]bool{}
	eachGoFile(t, func(path string, text []byte) {
		manager := path == filepath.Join("storetest", "manager.go")
		if !strings.HasSuffix(path, "_test.go") && !manager {
			return
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, text, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || f.Recv != nil {
				continue
			}
			for _, kind := range []string{"Test", "Fuzz", "Example"} {
				if strings.HasPrefix(f.Name.Name, kind) {
					there[f.Name.Name] = true
				}
			}
		}
		if manager {
			ast.Inspect(file, func(n ast.Node) bool {
				if s, ok := n.(*ast.BasicLit); ok && s.Kind == token.STRING {
					there["RunManager: "+strings.Trim(s.Value, `"`)] = true
				}
				return true
			})
		}
	})
	for _, c := range storetest.Cases() {
		there["storetest: "+c.Group+"/"+c.Name] = true
	}
	theTests = there
	return there
}

func eachGoFile(t *testing.T, f func(path string, text []byte)) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".go" {
			return err
		}
		text, err := os.ReadFile(path)
		f(path, text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
