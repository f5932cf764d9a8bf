package demo_test

import (
	"testing"

	"github.com/sojourn-go/sojourn/cmd/sojourn/internal/demo"
)

func TestHub_tellsTheSubjectsPagesOnly(t *testing.T) {
	h := demo.NewHub()
	ada, leave, _ := h.Subscribe("ada")
	bob, _, _ := h.Subscribe("bob")
	h.Tell("ada", "hello")
	if got := <-ada; got != "hello" {
		t.Errorf("got %q", got)
	}
	select {
	case got := <-bob:
		t.Errorf("another subject heard %q", got)
	default:
	}
	leave()
	h.Tell("ada", "nobody hears this")
	for range 100 {
		h.Tell("bob", "bob does not read, and nobody waits")
	}
}

func TestHub_isBounded(t *testing.T) {
	h := demo.NewHub()
	var leave func()
	for range demo.MaxPages {
		var ok bool
		if _, leave, ok = h.Subscribe("ada"); !ok {
			t.Fatal("refused too early")
		}
	}
	if _, _, ok := h.Subscribe("ada"); ok {
		t.Error("one page too many may listen")
	}
	if _, _, ok := h.Subscribe("bob"); !ok {
		t.Error("another subject may not listen")
	}
	leave()
	if _, _, ok := h.Subscribe("ada"); !ok {
		t.Error("a page that left still counts")
	}
}
