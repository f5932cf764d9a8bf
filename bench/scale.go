package bench

import "time"

// Scale is how much is measured.
type Scale struct {
	Rounds   int           // of everything that is compared
	Cell     time.Duration // processor time of one subject at one workload in one round
	Clients  int           // at once, where many are
	Window   time.Duration // of one subject under many clients in one round
	Sessions int           // stored at once, where many are
	Counted  int           // requests whose allocations are counted
	Stored   int           // in a store in memory that is measured, before the measurement
	Cleaner  time.Duration // how often a library removes what has expired
	Serve    time.Duration // of one chain behind a real server in one round
	Profile  time.Duration // of the read path
}

// Full is the report that is published. It takes about a quarter of an hour on two cores that do nothing else.
func Full() Scale {
	return Scale{
		Rounds: 7, Cell: 20 * time.Millisecond, Clients: 64, Window: 150 * time.Millisecond, Sessions: 1_000_000,
		Counted: 200, Stored: 5000, Cleaner: time.Second,
		Serve: 300 * time.Millisecond, Profile: 8 * time.Second,
	}
}

// Quick takes about three minutes. Its ratios are coarse.
func Quick() Scale {
	return Scale{
		Rounds: 3, Cell: 8 * time.Millisecond, Clients: 64, Window: 50 * time.Millisecond, Sessions: 100_000,
		Counted: 200, Stored: 2000, Cleaner: 500 * time.Millisecond,
		Serve: 100 * time.Millisecond, Profile: 3 * time.Second,
	}
}

// Smoke runs everything and tells nothing but that it runs. There is one client where there should be many: gormstore 2.0.3
// has a data race (its New writes options of the store), and tests run under the race detector.
func Smoke() Scale {
	return Scale{
		Rounds: 1, Cell: 50 * time.Microsecond, Clients: 1, Window: 2 * time.Millisecond, Sessions: 300,
		Counted: 10, Stored: 50, Cleaner: 20 * time.Millisecond,
		Serve: 5 * time.Millisecond, Profile: 50 * time.Millisecond,
	}
}
