package sojourn_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The dependency arrows of the repository: who may import whom. Each area is a top folder, or a folder below stores or
// adapters, and "" is the root package.

const modulePath = "github.com/sojourn-go/sojourn"

type arrow struct {
	area  string   // a trailing "/" stands for each folder below
	code  []string // areas that its packages may import besides themselves; "*" is any
	tests []string // the same for its tests
}

// Every area but the leaves' has a line: a new folder has to say what it may import.
var arrows = []arrow{
	{"", []string{"internal"}, []string{"internal", "memstore", "cookiestore", "sealstore", "sqlstore", "storetest", "sojourntest"}},
	{"internal", []string{""}, []string{"", "memstore", "cookiestore", "sqlstore", "storetest", "sojourntest"}},
	{"memstore", []string{"", "internal"}, []string{"", "internal", "storetest", "sojourntest"}},
	{"cookiestore", []string{"", "internal"}, []string{"", "internal", "memstore", "storetest", "sojourntest"}},
	{"sealstore", []string{"", "internal"}, []string{"", "internal", "memstore", "cookiestore", "storetest", "sojourntest"}},
	{"sqlstore", []string{"", "internal"}, []string{"", "internal", "memstore", "storetest", "sojourntest"}},
	{"storetest", []string{"", "internal"}, []string{"", "internal", "memstore", "sojourntest"}},
	{"histories", []string{"", "storetest"}, []string{"*"}}, // unreleased, and all tests
	{"drivers", nil, []string{"*"}}, // likewise
	{"sojourntest", []string{"", "internal", "memstore"}, []string{"", "internal", "memstore", "storetest"}},
	{"enginetest", nil, nil}, // starts servers, and knows nothing of sessions
	{"stores/", []string{"", "sqlstore"}, []string{"", "sqlstore", "memstore", "sealstore", "storetest", "sojourntest", "enginetest"}},
	{"adapters/", []string{""}, []string{"", "memstore", "storetest", "sojourntest"}},
	{"docs", []string{"*"}, []string{"*"}},
	{"cmd", []string{"*"}, []string{"*"}},
	{"bench", []string{"*"}, []string{"*"}},
	{"e2e", []string{"*"}, []string{"*"}},
}

// Nobody imports these, and only tests import storetest and enginetest.
var leaves = []string{"adapters/", "docs", "cmd", "bench", "e2e", "histories", "drivers"}

type goPackage struct {
	ImportPath   string
	Standard     bool
	Imports      []string
	TestImports  []string
	XTestImports []string
	Module       *struct{ Path string }
}

func TestArrows_everyImportIsAllowed(t *testing.T) {
	packages := listPackages(t)
	if !slices.ContainsFunc(packages, func(p goPackage) bool { return p.ImportPath == modulePath }) {
		t.Fatalf("go list names %d packages, but not the root", len(packages))
	}
	for _, v := range violations(packages) {
		t.Error(v)
	}
}

func TestArrows_coreRequiresNothing(t *testing.T) {
	var mod struct{ Require, Replace, Exclude, Tool []any }
	goJSON(t, &mod, "mod", "edit", "-json", "go.mod")
	if len(mod.Require)+len(mod.Replace)+len(mod.Exclude)+len(mod.Tool) != 0 {
		t.Errorf("go.mod has more than a name and a Go version: %v", mod)
	}
}

// needRepository skips a test that reads all modules where only the core is there, as in a module cache.
func needRepository(t *testing.T) {
	t.Helper()
	if _, err := os.Stat("go.work"); err != nil {
		t.Skip("no go.work: not the repository")
	}
}

// A module that go.work forgets is one whose tests nobody runs.
func TestArrows_workspaceHasEveryModule(t *testing.T) {
	needRepository(t)
	var work struct{ Use []struct{ DiskPath string } }
	goJSON(t, &work, "work", "edit", "-json", "go.work")
	var used, found []string
	for _, u := range work.Use {
		used = append(used, filepath.ToSlash(filepath.Clean(u.DiskPath)))
	}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		switch {
		case d.IsDir() && path != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "node_modules"):
			return fs.SkipDir
		case d.Name() == "go.mod" && filepath.Dir(path) != "tools": // of the linter, on purpose apart
			found = append(found, filepath.ToSlash(filepath.Dir(path)))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(used)
	slices.Sort(found)
	if !slices.Equal(used, found) {
		t.Errorf("go.work uses %q, but the modules are %q", used, found)
	}
}

func TestArrows_violationIsSeen(t *testing.T) {
	std := goPackage{ImportPath: "net/http", Standard: true}
	foreign := goPackage{ImportPath: "example.org/redis"}
	own := func(area, module string, code, tests []string) goPackage {
		p := goPackage{ImportPath: join(modulePath, area), Imports: code, XTestImports: tests}
		p.Module = &struct{ Path string }{join(modulePath, module)}
		return p
	}
	to := func(areas ...string) (paths []string) {
		for _, a := range areas {
			paths = append(paths, join(modulePath, a))
		}
		return paths
	}
	for _, tt := range []struct {
		name string
		p    goPackage
		want int
	}{
		{"root, standard library and internal", own("", "", append(to("internal/wire"), "net/http"), to("memstore")), 0},
		{"root imports memstore", own("", "", to("memstore"), nil), 1},
		{"root imports a client", own("", "", []string{"example.org/redis"}, nil), 1},
		{"root's test imports a client", own("", "", nil, []string{"example.org/redis"}), 1},
		{"sqlstore imports root and itself", own("sqlstore", "", to("", "sqlstore/dialect", "internal/wire"), to("storetest")), 0},
		{"sqlstore imports memstore", own("sqlstore", "", to("memstore"), nil), 1},
		{"memstore imports storetest", own("memstore", "", to("storetest"), nil), 1},
		{"a store imports its client and sqlstore", own("stores/redis", "stores/redis", append(to("", "sqlstore"), "example.org/redis"), to("storetest")), 0},
		{"a store imports another", own("stores/sqlite", "stores/sqlite", to("stores/redis"), nil), 1},
		{"a store's test imports another", own("stores/sqlite", "stores/sqlite", nil, to("stores/redis")), 1},
		{"a store imports storetest", own("stores/redis", "stores/redis", to("storetest"), nil), 1},
		{"a store imports the core's internal", own("stores/redis", "stores/redis", to("internal/wire"), nil), 1},
		{"a store without a module of its own", own("stores/redis", "", nil, nil), 1},
		{"an adapter imports a store", own("adapters/gin", "adapters/gin", to("stores/redis"), nil), 1},
		{"cmd imports anything", own("cmd/sojourn", "cmd/sojourn", append(to("stores/redis", "sqlstore", "cmd/sojourn/internal/demo"), "example.org/redis"), to("storetest")), 0},
		{"a store's test imports enginetest", own("stores/redis", "stores/redis", nil, to("enginetest")), 0},
		{"a store imports enginetest", own("stores/redis", "stores/redis", to("enginetest"), nil), 1},
		{"enginetest imports root", own("enginetest", "", to(""), nil), 1},
		{"cmd imports enginetest", own("cmd/sojourn", "cmd/sojourn", to("enginetest"), nil), 1},
		{"cmd imports storetest", own("cmd/sojourn", "cmd/sojourn", to("storetest"), nil), 1},
		{"bench imports cmd", own("bench", "bench", to("cmd/sojourn"), nil), 1},
		{"the histories import storetest", own("storetest/histories", "storetest/histories", append(to("", "storetest"), "example.org/rapid"), to("stores/redis")), 0},
		{"storetest imports the histories", own("storetest", "", nil, to("storetest/histories")), 1},
		{"the drivers' tests import theirs", own("sqlstore/drivers", "sqlstore/drivers", nil, append(to("sqlstore", "storetest", "enginetest"), "example.org/pgx")), 0},
		{"sqlstore imports the drivers", own("sqlstore", "", nil, to("sqlstore/drivers")), 1},
		{"e2e's test imports bench", own("e2e", "e2e", nil, to("bench")), 1},
		{"a new folder", own("extras", "", nil, nil), 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := violations([]goPackage{std, foreign, tt.p}); len(got) != tt.want {
				t.Errorf("got violations %q, want %d", got, tt.want)
			}
		})
	}
}

func violations(packages []goPackage) (found []string) {
	standard := map[string]bool{"C": true, "unsafe": true}
	for _, p := range packages {
		standard[p.ImportPath] = p.Standard
	}
	for _, p := range packages {
		area, ours := areaOf(p.ImportPath)
		if !ours {
			continue
		}
		i := slices.IndexFunc(arrows, func(a arrow) bool { return a.matches(area) })
		if i < 0 {
			found = append(found, fmt.Sprintf("%s: no arrow says what it may import", p.ImportPath))
			continue
		}
		core := p.Module.Path == modulePath
		if core && slices.ContainsFunc([]string{"stores/", "adapters/", "bench", "e2e", "cmd", "histories", "drivers"}, func(a string) bool { return arrow{area: a}.matches(area) }) {
			found = append(found, fmt.Sprintf("%s: needs a module of its own", p.ImportPath))
		}
		check := func(imports, allowed []string, inTest bool) {
			for _, path := range imports {
				to, ours := areaOf(path)
				switch {
				case !ours && (standard[path] || !core):
				case ours && to == area:
				case ours && permits(allowed, to, inTest):
				default:
					found = append(found, fmt.Sprintf("%s must not import %s (in a test: %t)", p.ImportPath, path, inTest))
				}
			}
		}
		check(p.Imports, arrows[i].code, false)
		check(slices.Concat(p.TestImports, p.XTestImports), arrows[i].tests, true)
	}
	return found
}

func permits(allowed []string, to string, inTest bool) bool {
	if slices.Contains(allowed, to) {
		return true
	}
	if !slices.Contains(allowed, "*") || (to == "storetest" || to == "enginetest") && !inTest || to == "internal" {
		return false
	}
	return !slices.ContainsFunc(leaves, func(l string) bool { return arrow{area: l}.matches(to) })
}

func (a arrow) matches(area string) bool {
	return area == a.area || strings.HasSuffix(a.area, "/") && strings.HasPrefix(area, a.area)
}

// areaOf returns the area of an import path, and whether it is this repository's.
func areaOf(path string) (string, bool) {
	if path == modulePath {
		return "", true
	}
	rest, ours := strings.CutPrefix(path, modulePath+"/")
	if inner, ok := strings.CutPrefix(rest, "storetest/histories"); ok {
		rest = "histories" + inner
	}
	if inner, ok := strings.CutPrefix(rest, "sqlstore/drivers"); ok {
		rest = "drivers" + inner
	}
	parts := strings.Split(rest, "/")
	if len(parts) > 1 && (parts[0] == "stores" || parts[0] == "adapters") {
		return parts[0] + "/" + parts[1], ours
	}
	return parts[0], ours
}

func join(path, area string) string { return strings.TrimSuffix(path+"/"+area, "/") }

// listPackages lists the packages of the workspace and all that they need; without a workspace, those of the core.
func listPackages(t *testing.T) (packages []goPackage) {
	t.Helper()
	pattern := "./..."
	if work := strings.TrimSpace(string(goOutput(t, "env", "GOWORK"))); work != "" && work != "off" {
		pattern = "work"
	}
	// -test: what only tests import is listed too, or it could not be told from the standard library. That adds variants
	// of packages, named like "p [p.test]", and the test programs; neither is a package that anyone wrote.
	dec := json.NewDecoder(strings.NewReader(string(goOutput(t, "list", "-deps", "-test",
		"-json=ImportPath,Standard,Imports,TestImports,XTestImports,Module", pattern))))
	for {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(p.ImportPath, "]") && !strings.HasSuffix(p.ImportPath, ".test") {
			packages = append(packages, p)
		}
	}
}

func goJSON(t *testing.T, v any, args ...string) {
	t.Helper()
	if err := json.Unmarshal(goOutput(t, args...), v); err != nil {
		t.Fatal(err)
	}
}

func goOutput(t *testing.T, args ...string) []byte {
	t.Helper()
	var stderr strings.Builder
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return out
}
