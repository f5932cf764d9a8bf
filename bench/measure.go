package bench

import (
	"math"
	"runtime"
	"slices"
	"syscall"
	"time"
	"unsafe"
)

// unknown is the value of what was not measured.
var unknown = math.NaN()

// spent is what something took.
type spent struct {
	wall, cpu time.Duration
}

// measure runs f and returns what it took of this process.
func measure(f func()) spent {
	began, cpu := time.Now(), processorTime()
	f()
	return spent{time.Since(began), processorTime() - cpu}
}

// processorTime is what all threads of this process have had of the processors.
func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err) // it has no way to fail
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// threadTime is what this thread has had. It must be locked to its goroutine.
func threadTime() time.Duration {
	const threadClock = 3 // CLOCK_THREAD_CPUTIME_ID of Linux; getrusage knows a thread's time to a tick only
	var now syscall.Timespec
	if _, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, threadClock, uintptr(unsafe.Pointer(&now)), 0); errno != 0 {
		panic(errno)
	}
	return time.Duration(now.Nano())
}

// ballast is what the process holds besides sessions, as servers do. With an empty heap Go would collect garbage every 4 MB,
// and an allocation would weigh several times what it does in a server.
const ballast = 32 << 20

// holdBallast holds it until the function that it returns is called.
func holdBallast() (release func()) {
	held := make([]byte, ballast)
	return func() { runtime.KeepAlive(held) }
}

// allocations returns objects and bytes that one call of f allocates, as the mean of n calls.
func allocations(n int, f func()) (objects, bytes float64) {
	f()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range n {
		f()
	}
	runtime.ReadMemStats(&after)
	per := func(a, b uint64) float64 { return math.Round(float64(a-b) / float64(n)) }
	return per(after.Mallocs, before.Mallocs), per(after.TotalAlloc, before.TotalAlloc)
}

// median of what is not NaN; NaN of nothing.
func median(values []float64) float64 {
	known := slices.DeleteFunc(slices.Clone(values), math.IsNaN)
	if len(known) == 0 {
		return math.NaN()
	}
	slices.Sort(known)
	middle := len(known) / 2
	if len(known)%2 == 1 {
		return known[middle]
	}
	return (known[middle-1] + known[middle]) / 2
}

// paired returns the median of a[i] ÷ b[i]: of what two subjects took in the same round.
func paired(a, b []float64) float64 {
	var ratios []float64
	for i := range min(len(a), len(b)) {
		ratios = append(ratios, a[i]/b[i])
	}
	return median(ratios)
}
