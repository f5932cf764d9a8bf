package sojourn_test

import (
	"context"
	"testing"

	"github.com/sojourn-go/sojourn"
)

type bareStore struct{ sojourn.Store }

type sweepingStore struct{ sojourn.Store }

func (sweepingStore) Sweep(context.Context, int) (int, error) { return 7, nil }

// A decorator that only passes on has Unwrap; one that changes what passes has none.
type tracing struct{ sojourn.Store }

func (d tracing) Unwrap() sojourn.Store { return d.Store }

type sweepingTracing struct{ tracing }

func (sweepingTracing) Sweep(context.Context, int) (int, error) { return 8, nil }

type encrypting struct{ sojourn.Store }

func trace(st sojourn.Store) tracing { return tracing{st} }

func TestAs(t *testing.T) {
	inner := sweepingStore{}
	for _, tt := range []struct {
		name  string
		st    sojourn.Store
		want  int // what Sweep answers
		found bool
	}{
		{"itself", inner, 7, true},
		{"below one decorator", trace(inner), 7, true},
		{"below two", trace(trace(inner)), 7, true},
		{"the outermost counts", sweepingTracing{trace(inner)}, 8, true},
		{"none has it", trace(bareStore{}), 0, false},
		{"not through one without Unwrap", encrypting{inner}, 0, false},
		{"nor below that", trace(encrypting{inner}), 0, false},
		{"nothing below", trace(nil), 0, false},
		{"nil", nil, 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sweeper, ok := sojourn.As[sojourn.Sweeper](tt.st)
			if ok != tt.found {
				t.Fatalf("found: got %t, want %t", ok, tt.found)
			}
			if !ok {
				if sweeper != nil {
					t.Errorf("got %v, want nil", sweeper)
				}
				return
			}
			if got, _ := sweeper.Sweep(t.Context(), 1); got != tt.want {
				t.Errorf("got the one that answers %d, want %d", got, tt.want)
			}
		})
	}
}

func TestAs_findsConcreteTypes(t *testing.T) {
	if _, ok := sojourn.As[sweepingStore](trace(sweepingStore{})); !ok {
		t.Error("the inner store is not found by its type")
	}
	if _, ok := sojourn.As[bareStore](trace(sweepingStore{})); ok {
		t.Error("a type that is not there is found")
	}
}
