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
		{[]string{"demo", "--addr", "localhost:0", "--db", "no/such/folder/demo.db"}, 1, "", "sojourn demo: "},
	} {
		var stdout, stderr bytes.Buffer
		status := run(t.Context(), tt.args, &stdout, &stderr)
		if status != tt.status || !strings.Contains(stdout.String(), tt.stdout) || !strings.Contains(stderr.String(), tt.stderr) {
			t.Errorf("%q: got %d, %q, %q", tt.args, status, &stdout, &stderr)
		}
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
