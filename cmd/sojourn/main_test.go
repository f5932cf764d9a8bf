package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestRun(t *testing.T) {
	t.Setenv("SOJOURN_STORE", "")
	migrated := filepath.Join(t.TempDir(), "migrated.db")
	for _, tt := range []struct {
		args           []string
		status         int
		stdout, stderr string
	}{
		{nil, 2, "", "Usage:"},
		{[]string{"help"}, 0, "demo", ""},
		{[]string{"--help"}, 0, "demo", ""},
		{[]string{"nonsense"}, 2, "", `unknown command "nonsense"`},
		{[]string{"demo", "-h"}, 0, "", "-addr"},
		{[]string{"demo", "--nonsense"}, 2, "", "not defined"},
		{[]string{"demo", "extra"}, 2, "", `unexpected argument "extra"`},
		{[]string{"demo", "--addr", "0.0.0.0:0"}, 1, "", "not of this machine"},
		{[]string{"demo", "--addr", "localhost:0", "--db", "no/such/folder/demo.db"}, 1, "", "sojourn demo: sqlite:no/such/folder/demo.db: "},
		{[]string{"demo", "--addr", "localhost:0", "--store", "memory", "--db", "no/such/folder/demo.db"}, 1, "", "open accounts: "},
		{[]string{"demo", "--addr", "localhost:0", "--store", "nosuch://ada:hunter2@localhost"}, 1, "", "want sqlite:FILE, memory"},
		{[]string{"help"}, 0, "migrate", ""},
		{[]string{"migrate"}, 2, "", "--store is missing"},
		{[]string{"migrate", "-h"}, 0, "", "sqlite:FILE"},
		{[]string{"migrate", "--store", "memory"}, 1, "", "sojourn migrate: memory: this engine has no tables"},
		{[]string{"migrate", "--store", "memory", "--print"}, 1, "", "sojourn migrate: memory: this engine has no tables"},
		{[]string{"migrate", "--store", "sqlite:never.db", "--print"}, 0, `EXISTS "sojourn_sessions" (`, ""},
		{[]string{"migrate", "--store", "sqlite:never.db", "--print", "--table", "visits"}, 0, `EXISTS "visits" (`, ""},
		{[]string{"migrate", "--store", "sqlite:" + migrated, "--table", "no table"}, 1, "", "Table"},
		{[]string{"migrate", "--store", "sqlite:" + migrated}, 0, "The tables in sqlite:" + migrated + " are up to date.", ""},
		{[]string{"migrate", "--store", "sqlite:" + migrated}, 0, "up to date", ""},
	} {
		var stdout, stderr bytes.Buffer
		status := run(t.Context(), tt.args, &stdout, &stderr)
		if status != tt.status || !strings.Contains(stdout.String(), tt.stdout) || !strings.Contains(stderr.String(), tt.stderr) {
			t.Errorf("%q: got %d, %q, %q", tt.args, status, &stdout, &stderr)
		}
		if strings.Contains(stderr.String(), "hunter2") {
			t.Errorf("%q: the password is in %q", tt.args, &stderr)
		}
	}
	if _, err := os.Stat("never.db"); err == nil {
		t.Error("--print has made a file")
	}
	if info, err := os.Stat(migrated); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("got file %v, %v, want one for its owner alone", info, err)
	}
}

// An address with a password need not stand in the command line, where every user of the machine can read it.
func TestRun_storeOfTheEnvironment(t *testing.T) {
	t.Setenv("SOJOURN_STORE", "sqlite:"+filepath.Join(t.TempDir(), "of-the-environment.db"))
	var stdout, stderr bytes.Buffer
	if status := run(t.Context(), []string{"migrate"}, &stdout, &stderr); status != 0 || !strings.Contains(stdout.String(), "of-the-environment.db") {
		t.Errorf("got %d, %q, %q", status, &stdout, &stderr)
	}
	t.Setenv("SOJOURN_STORE", "nosuch://ada:hunter2@localhost")
	for _, args := range [][]string{{"demo", "-h"}, {"migrate", "-h"}, {"migrate"}, {"demo", "--addr", "localhost:0"}} {
		stderr.Reset()
		if run(t.Context(), args, &stdout, &stderr); strings.Contains(stderr.String(), "hunter2") {
			t.Errorf("%q: the password is in %q", args, &stderr)
		}
	}
	stdout.Reset()
	if status := run(t.Context(), []string{"migrate", "--store", "sqlite:x.db", "--print"}, &stdout, &stderr); status != 0 || stdout.Len() == 0 {
		t.Errorf("--store does not count before the environment: got %d, %q", status, &stderr)
	}
}

func TestRun_demoSaysWhereItIsAndStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	stdout, out := io.Pipe()
	var stderr bytes.Buffer
	file := filepath.Join(t.TempDir(), "demo.db")
	status := make(chan int, 1)
	go func() {
		status <- run(ctx, []string{"demo", "--addr", "localhost:0", "--db", file}, out, &stderr)
		out.Close()
	}()
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("got no line: %v, %q", err, &stderr)
	}
	base := regexp.MustCompile(`http://localhost:\d+`).FindString(line)
	resp, err := http.Get(base)
	if err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("got status %d", resp.StatusCode)
	}
	cancel()
	if got := <-status; got != 0 {
		t.Errorf("got exit status %d, %q", got, &stderr)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("got file %v, %v, want one for its owner alone", info, err)
	}
}
