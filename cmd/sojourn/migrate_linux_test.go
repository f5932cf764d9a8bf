package main

import (
	"strings"
	"testing"
)

var databases int

// databaseName is of a database, and of its owner.
func databaseName() string {
	databases++
	return "demo_" + string(rune('a'+databases))
}

// checkMigrate migrates, and compares with what is printed. apply runs SQL as a person would.
func checkMigrate(t *testing.T, address string, apply func(sql string) error) {
	t.Helper()
	command := func(args ...string) string {
		t.Helper()
		status, stdout, stderr := runCommand(t, append([]string{"migrate"}, args...)...)
		if status != 0 || stderr != "" {
			t.Fatalf("%q: got %d, %q", args, status, stderr)
		}
		return stdout
	}
	for range 2 {
		if got := command("--store", address); !strings.Contains(got, "up to date") || strings.Contains(got, "hunt") {
			t.Errorf("got %q", got)
		}
	}
	printed := command("--store", address, "--print", "--table", "visits")
	if !strings.Contains(printed, "visits") || strings.Contains(printed, "sojourn_sessions") {
		t.Errorf("got tables of other names:\n%s", printed)
	}
	if err := apply(printed); err != nil {
		t.Fatalf("%v in\n%s", err, printed)
	}
	command("--store", address, "--table", "visits") // finds nothing left to do
}
