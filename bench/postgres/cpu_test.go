package postgres

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn/enginetest"
)

// processors is the time that processors have spent on this process and on the server's: what decides who is faster where
// both share them, and what other work on the machine does not disturb.
func processors(b *testing.B, server *enginetest.Server) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	spent := time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	file, err := os.ReadFile(filepath.Join(server.Dir(), "data", "postmaster.pid"))
	if err != nil {
		b.Fatal(err)
	}
	postmaster, _, _ := strings.Cut(string(file), "\n")
	children, err := os.ReadFile(fmt.Sprintf("/proc/%s/task/%s/children", postmaster, postmaster))
	if err != nil {
		b.Fatal(err)
	}
	for pid := range strings.FieldsSeq(string(children)) {
		// The first field is the time on a processor, in nanoseconds (Documentation/scheduler/sched-stats.rst).
		stat, _ := os.ReadFile("/proc/" + pid + "/schedstat")
		first, _, _ := strings.Cut(string(stat), " ")
		nanoseconds, _ := strconv.ParseInt(first, 10, 64)
		spent += time.Duration(nanoseconds)
	}
	return spent
}
