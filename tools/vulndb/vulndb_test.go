package main_test

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// programs is the folder of the two programs under test: vulndb, and govulncheck, which reads what vulndb writes.
var programs string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "vulndb")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		programs = dir
		build := exec.Command("go", "build", "-buildvcs=false", "-o", dir+string(filepath.Separator), ".", "golang.org/x/vuln/cmd/govulncheck")
		build.Env = append(os.Environ(), "GOWORK=off")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

func TestVulndb_hasTheLayoutOfTheDatabaseOnline(t *testing.T) {
	osv := os.DirFS(filepath.Join("testdata", "osv"))
	dir := database(t, osv)
	want := map[string]string{
		"index/db.json": `{"modified":"2026-01-02T03:04:05Z"}`,
		"index/modules.json": `[` +
			`{"path":"example.org/first","vulns":[{"id":"GO-0000-0003","modified":"2025-03-01T00:00:00Z"}]},` +
			`{"path":"example.org/second","vulns":[{"id":"GO-0000-0003","modified":"2025-03-01T00:00:00Z"}]},` +
			`{"path":"stdlib","vulns":[{"id":"GO-0000-0001","modified":"2026-01-02T03:04:05Z"},{"id":"GO-0000-0002","modified":"2026-01-02T03:04:05Z"}]}]`,
		"index/vulns.json": `[` +
			`{"id":"GO-0000-0001","modified":"2026-01-02T03:04:05Z","aliases":["OLD-0000-0001"]},` +
			`{"id":"GO-0000-0002","modified":"2026-01-02T03:04:05Z"},` +
			`{"id":"GO-0000-0003","modified":"2025-03-01T00:00:00Z","aliases":["OLD-0000-0003","GHSA-0000-0000-0003"]}]`,
	}
	for name, text := range files(t, osv) {
		want["ID/"+name] = text
	}
	if len(want) != 6 {
		t.Fatalf("got %d files to compare, want 3 reports and 3 of the index", len(want))
	}
	got := files(t, os.DirFS(dir))
	for name, text := range want {
		if got[name] != text {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got[name], text)
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("there is a file %s", name)
		}
	}
}

// Both functions are called, and both have a report that is true of every version. One is withdrawn.
func TestVulndb_govulncheckFindsWhatIsNotWithdrawn(t *testing.T) {
	dir := database(t, os.DirFS(filepath.Join("testdata", "osv")))
	found, modified := check(t, "file://"+dir)
	if want := []string{"GO-0000-0001 strings.ToUpper"}; !slices.Equal(found, want) {
		t.Errorf("got findings %q, want %q", found, want)
	}
	if want := "2026-01-02T03:04:05Z"; modified != want {
		t.Errorf("got a database of %q, want %q", modified, want)
	}
}

func TestVulndb_databaseOnlineComesFirst(t *testing.T) {
	server := online(t, `{"modified":"2026-05-06T07:08:09Z"}`)
	dir := filepath.Join(t.TempDir(), "unused")
	stdout, stderr, err := vulndb(t, nil, "-online", server, "-dir", dir)
	if err != nil || stdout != server+"\n" {
		t.Errorf("got %q, %v, want %q", stdout, err, server)
	}
	if want := "vulndb: " + server + " of 2026-05-06\n"; stderr != want {
		t.Errorf("got %q, want %q", stderr, want)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder was touched: %v", err)
	}
}

func TestVulndb_givenDatabaseIsTaken(t *testing.T) {
	dir := "file://" + database(t, os.DirFS(filepath.Join("testdata", "osv")))
	server := online(t, `{"modified":"2026-05-06T07:08:09Z"}`)
	for given, want := range map[string]string{
		dir:    "vulndb: " + dir + " of 2026-01-02, as given\n",
		server: "vulndb: " + server + " of 2026-05-06, as given\n",
	} {
		stdout, stderr, err := vulndb(t, nil, "-online", dead(t), given)
		if err != nil || stdout != given+"\n" || stderr != want {
			t.Errorf("got %q, %q, %v, want %q and %q", stdout, stderr, err, given, want)
		}
	}
}

func TestVulndb_moduleIsNamedWithItsDate(t *testing.T) {
	server := dead(t)
	dir := t.TempDir()
	stdout, stderr, err := vulndb(t, proxy(t, os.DirFS(filepath.Join("testdata", "osv"))), "-online", server, "-dir", dir)
	if err != nil || stdout != "file://"+dir+"\n" {
		t.Errorf("got %q, %v, want the folder %s", stdout, err, dir)
	}
	want := "vulndb: golang.org/x/vulndb@" + version + " of 2026-01-02, 3 reports, as there is no answer from " + server
	if !strings.HasPrefix(stderr, want) || strings.Count(stderr, "\n") != 1 {
		t.Errorf("got %q, want one line %q", stderr, want)
	}
}

// check runs govulncheck over a program and returns its findings in code that is called, and the date of the database.
func check(t *testing.T, db string) (found []string, modified string) {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "go.mod"), "module example.org/program\n\ngo 1.26.0\n")
	write(t, filepath.Join(dir, "main.go"), `package main

import "strings"

func main() { println(strings.ToUpper("a"), strings.ToLower("A")) }
`)
	cmd := exec.CommandContext(t.Context(), filepath.Join(programs, "govulncheck"), "-db", db, "-format", "json", "./...")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PWD="+dir, "GOWORK=off", "GOPROXY=off")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("govulncheck: %v\n%s", err, stderr.String())
	}
	for dec := json.NewDecoder(strings.NewReader(string(out))); dec.More(); {
		var message struct {
			Config struct {
				DBLastModified string `json:"db_last_modified"`
			} `json:"config"`
			Finding struct {
				OSV   string `json:"osv"`
				Trace []struct{ Package, Function string }
			} `json:"finding"`
		}
		if err := dec.Decode(&message); err != nil {
			t.Fatal(err)
		}
		if message.Config.DBLastModified != "" {
			modified = message.Config.DBLastModified
		}
		// A finding without a function is of a package or module that is there, called or not.
		if trace := message.Finding.Trace; len(trace) > 0 && trace[0].Function != "" {
			found = append(found, message.Finding.OSV+" "+trace[0].Package+"."+trace[0].Function)
		}
	}
	return found, modified
}

// online serves the index of a database, as govulncheck asks for it, and returns its address.
func online(t *testing.T, index string) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /index/db.json.gz", func(w http.ResponseWriter, r *http.Request) {
		gz := gzip.NewWriter(w)
		_, _ = gz.Write([]byte(index))
		_ = gz.Close()
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

// dead returns an address at which nobody answers.
func dead(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	return server.URL
}

// files returns the text of all files below a folder.
func files(t *testing.T, fsys fs.FS) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := fs.WalkDir(fsys, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(fsys, path)
		found[path] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
