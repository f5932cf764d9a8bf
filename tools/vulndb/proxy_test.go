package main_test

import (
	"archive/zip"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// version is that of the module which proxy offers.
const version = "v0.0.0-20260102030405-0123456789ab"

// proxy makes a proxy of Go modules that has one version of golang.org/x/vulndb, with these reports, and returns the
// environment in which it is the only one.
func proxy(t *testing.T, osv fs.FS) []string {
	t.Helper()
	dir := t.TempDir()
	of := filepath.Join(dir, "golang.org", "x", "vulndb")
	info := `{"Version":"` + version + `","Time":"2026-01-02T03:04:05Z"}`
	write(t, filepath.Join(of, "@latest"), info)
	write(t, filepath.Join(of, "@v", "list"), "")
	write(t, filepath.Join(of, "@v", version+".info"), info)
	write(t, filepath.Join(of, "@v", version+".mod"), "module golang.org/x/vulndb\n")
	f, err := os.Create(filepath.Join(of, "@v", version+".zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	archive := zip.NewWriter(f)
	root := "golang.org/x/vulndb@" + version + "/"
	pack := func(name, text string) {
		w, err := archive.Create(root + name)
		if err == nil {
			_, err = w.Write([]byte(text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	pack("go.mod", "module golang.org/x/vulndb\n")
	for name, text := range files(t, osv) {
		pack("data/osv/"+name, text)
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	return environment(t, "file://"+filepath.ToSlash(dir))
}

// environment is that of a machine with an empty module cache and this proxy.
func environment(t *testing.T, goproxy string) []string {
	return []string{"GOPROXY=" + goproxy, "GOSUMDB=off", "GOPRIVATE=", "GONOPROXY=", "GOMODCACHE=" + t.TempDir(), "GOFLAGS=-modcacherw"}
}

// database has vulndb make a database of these reports, and returns its folder.
func database(t *testing.T, osv fs.FS) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "made")
	if _, stderr, err := vulndb(t, proxy(t, osv), "-online", dead(t), "-dir", dir); err != nil {
		t.Fatalf("vulndb: %v\n%s", err, stderr)
	}
	return dir
}

func vulndb(t *testing.T, env []string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(programs, "vulndb"), args...)
	cmd.Env = append(os.Environ(), env...)
	var out, log strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &log
	err = cmd.Run()
	return out.String(), log.String(), err
}
