package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

// A database that lacks reports says that all is well. What is not as it should be is refused.
func TestVulndb_unknownFormIsRefused(t *testing.T) {
	const good = `{"id":"GO-0000-0001","affected":[{"package":{"name":"stdlib","ecosystem":"Go"}}]}`
	for _, tt := range []struct{ name, file, text, want string }{
		{"no reports", "README", good, "no reports"},
		{"not JSON", "GO-0000-0001.json", "id: GO-0000-0001", "GO-0000-0001.json: invalid character"},
		{"another ID", "GO-0000-0002.json", good, `GO-0000-0002.json: has the ID "GO-0000-0001"`},
		{"no module", "GO-0000-0001.json", `{"id":"GO-0000-0001"}`, "GO-0000-0001.json: affects no module"},
		{"module without a name", "GO-0000-0001.json", strings.Replace(good, "stdlib", "", 1), `GO-0000-0001.json: affects "" of "Go", which is no Go module`},
		{"another ecosystem", "GO-0000-0001.json", strings.Replace(good, `"Go"`, `"npm"`, 1), `GO-0000-0001.json: affects "stdlib" of "npm", which is no Go module`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			osv := fstest.MapFS{tt.file: {Data: []byte(tt.text)}}
			stdout, stderr, err := vulndb(t, proxy(t, osv), "-online", dead(t), "-dir", t.TempDir())
			if err == nil || stdout != "" || !strings.Contains(stderr, version+": "+tt.want) {
				t.Errorf("got %q, %q, %v, want an error with %q", stdout, stderr, err, tt.want)
			}
		})
	}
}

func TestVulndb_folderWithAnythingInItIsRefused(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "ID", "GO-0000-0009.json"), "{}")
	_, stderr, err := vulndb(t, proxy(t, os.DirFS(filepath.Join("testdata", "osv"))), "-online", dead(t), "-dir", dir)
	if err == nil || !strings.Contains(stderr, dir+" is not empty") {
		t.Errorf("got %q, %v", stderr, err)
	}
}

func TestVulndb_bothReasonsAreGivenIfNothingAnswers(t *testing.T) {
	server := dead(t)
	_, stderr, err := vulndb(t, environment(t, "off"), "-online", server, "-dir", t.TempDir())
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{server, "connection refused", "golang.org/x/vulndb", "GOPROXY=off"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("got %q, without %q", stderr, want)
		}
	}
}

func TestVulndb_givenDatabaseThatIsNoneIsRefused(t *testing.T) {
	empty := t.TempDir()
	for given, want := range map[string]string{
		"file://" + empty:    "no such file",
		"file://srv/vulndb":  "file:///srv/vulndb",
		"/srv/vulndb":        "begins with https:// or file:///",
		dead(t):              "connection refused",
		online(t, `{}`):      "has no date",
		online(t, `<title>`): "invalid character",
		online(t, "") + "/x": "404",
	} {
		stdout, stderr, err := vulndb(t, nil, given)
		if err == nil || stdout != "" || !strings.Contains(stderr, given+" is no vulnerability database") || !strings.Contains(stderr, want) {
			t.Errorf("%s: got %q, %q, %v, want an error with %q", given, stdout, stderr, err, want)
		}
	}
}
