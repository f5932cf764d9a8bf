package bench

import (
	"os/exec"
	"testing"
	"time"
)

// The time of a server's own children counts: PostgreSQL has a process for each connection.
func TestSince_countsDescendants(t *testing.T) {
	cmd := exec.Command("sh", "-c", `sh -c 'i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; echo done; read wait'; true`)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	before := serverTimes()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	spent := since(before)
	in.Close()
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if spent < 5*time.Millisecond {
		t.Errorf("a loop of 100,000 turns in a child's child took %v", spent)
	}
}
