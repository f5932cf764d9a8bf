package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// A request to a database costs processor time there too. Servers are children of this process, and their processes
// children of theirs.

// serverTimes returns the processor time that each descendant of this process has had, by process ID.
func serverTimes() map[int]time.Duration {
	times := make(map[int]time.Duration)
	var visit func(pid int)
	visit = func(pid int) {
		for _, child := range childrenOf(pid) {
			times[child] = timeOf(child)
			visit(child)
		}
	}
	visit(os.Getpid())
	return times
}

// since returns what servers have had since times were taken.
func since(times map[int]time.Duration) (spent time.Duration) {
	for pid, now := range serverTimes() {
		spent += now - times[pid] // all of it, of a process that is new
	}
	return spent
}

func childrenOf(pid int) (children []int) {
	for _, task := range tasksOf(pid) {
		list, err := os.ReadFile(task + "/children")
		if err != nil {
			continue // it has ended
		}
		for field := range strings.FieldsSeq(string(list)) {
			if child, err := strconv.Atoi(field); err == nil {
				children = append(children, child)
			}
		}
	}
	return children
}

func timeOf(pid int) (sum time.Duration) {
	for _, task := range tasksOf(pid) {
		stat, err := os.ReadFile(task + "/schedstat")
		if err != nil {
			continue
		}
		// The first field is the time on a processor, in nanoseconds (Documentation/scheduler/sched-stats.rst of Linux).
		first, _, _ := strings.Cut(string(stat), " ")
		if ns, err := strconv.ParseInt(first, 10, 64); err == nil {
			sum += time.Duration(ns)
		}
	}
	return sum
}

func tasksOf(pid int) []string {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/[0-9]*", pid))
	return tasks
}
