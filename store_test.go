package sojourn_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

func TestRoundTTL(t *testing.T) {
	const most = time.Duration(math.MaxInt64)
	for _, tt := range []struct{ ttl, unit, want time.Duration }{
		{1, time.Second, time.Second},
		{time.Second - 1, time.Second, time.Second},
		{time.Second, time.Second, time.Second},
		{time.Second + 1, time.Second, 2 * time.Second},
		{1500 * time.Microsecond, time.Millisecond, 2 * time.Millisecond},
		{7, 1, 7},
		{7, 0, 7},
		{7, -time.Second, 7},
		{most, time.Second, most},
		{most, 1, most},
		{most, most, most},
		{1, most, most},
		{most - time.Second, time.Second, (most / time.Second) * time.Second},
		{most - 1, most, most},
		{most/2 + 2, most/2 + 1, most/2 + 2},
	} {
		if got, err := sojourn.RoundTTL(tt.ttl, tt.unit); got != tt.want || err != nil {
			t.Errorf("RoundTTL(%d, %d): got %d, %v, want %d", tt.ttl, tt.unit, got, err, tt.want)
		}
	}
	for _, ttl := range []time.Duration{0, -1, -time.Hour, math.MinInt64} {
		got, err := sojourn.RoundTTL(ttl, time.Second)
		if got != 0 || err == nil || !strings.HasPrefix(err.Error(), "sojourn: ") {
			t.Errorf("RoundTTL(%d): got %v, %v, want an error", ttl, got, err)
		}
	}
}

func TestRoundTTL_neverShortens(t *testing.T) {
	for _, unit := range []time.Duration{1, 3, time.Millisecond, time.Second, time.Hour, math.MaxInt64 / 2} {
		for shift := range 63 {
			for _, ttl := range []time.Duration{1<<shift - 1, 1 << shift, 1<<shift + 1} {
				if ttl <= 0 {
					continue
				}
				got, err := sojourn.RoundTTL(ttl, unit)
				if err != nil || got < ttl || got-ttl >= unit {
					t.Errorf("RoundTTL(%d, %d): got %d, %v", ttl, unit, got, err)
				}
			}
		}
	}
}
