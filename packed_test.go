package sojourn_test

import (
	"math"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

func TestPack_comesBackWithoutItsTTL(t *testing.T) {
	for name, s := range sampleStates() {
		for _, version := range []uint64{0, 1, 127, 128, math.MaxUint64} {
			s.TTL, s.Version = time.Hour, 5
			packed := s.Pack(version)
			want := s
			want.TTL, want.Version = 0, version
			if got := packed.State(); got != want {
				t.Errorf("%s, version %d: got %+v, want %+v", name, version, got, want)
			}
			if got := packed.Version(); got != version {
				t.Errorf("%s: got version %d, want %d", name, got, version)
			}
		}
	}
}

func TestPack_zeroIsTheZeroState(t *testing.T) {
	var packed sojourn.Packed
	if got := packed.State(); got != (sojourn.State{}) || packed.Version() != 0 {
		t.Errorf("got %+v, version %d", got, packed.Version())
	}
	set := vals("a=1")
	after, err := packed.With(sojourn.Patch{Set: set}, 7)
	if got, want := after.State(), (sojourn.State{Values: set, Version: 7}); err != nil || got != want {
		t.Errorf("with a patch: got %+v, %v; want %+v", got, err, want)
	}
}

// What stores in memory keep costs one string for each change, and nothing to read.
func TestPack_allocations(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates")
	}
	s := goldenState()
	s.Values = filled(40, 4096)
	packed := s.Pack(1)
	patch := sojourn.Patch{Generation: s.Facts.Generation, Set: vals("name-03=1"), MaxSize: 64 << 10, MaxNames: 256}
	for _, tt := range []struct {
		name string
		most float64
		call func()
	}{
		{"State", 0, func() { _ = packed.State() }},
		{"Pack", 1, func() { _ = s.Pack(2) }},
		{"With", 1, func() { _, _ = packed.With(patch, 2) }},
	} {
		if got := testing.AllocsPerRun(100, tt.call); got > tt.most {
			t.Errorf("%s: got %v allocations, want at most %v", tt.name, got, tt.most)
		}
	}
}

func BenchmarkPacked(b *testing.B) {
	for _, size := range []struct {
		name    string
		n, size int
	}{{"300B", 5, 300}, {"4KB", 40, 4096}} {
		s := goldenState()
		s.Values = filled(size.n, size.size)
		packed := s.Pack(1)
		patch := sojourn.Patch{Generation: s.Facts.Generation, Set: vals("name-03=1")}
		run := func(op string, call func()) {
			b.Run(op+"/"+size.name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					call()
				}
			})
		}
		run("State", func() { _ = packed.State() })
		run("Pack", func() { _ = s.Pack(2) })
		run("With", func() { _, _ = packed.With(patch, 2) })
	}
}
