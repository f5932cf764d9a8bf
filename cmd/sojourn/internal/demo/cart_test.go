package demo_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/sojourn-go/sojourn/cmd/sojourn/internal/demo"
)

func TestCart_Set(t *testing.T) {
	add := func(old int) int { return old + 1 }
	one := demo.Cart{}.Set("mint", add)
	two := one.Set("mint", add).Set("sencha", func(int) int { return 1000 })
	if got := one.Count(); got != 1 {
		t.Errorf("the old cart changed: got %d things", got)
	}
	if got := two.Count(); got != 2+99 {
		t.Errorf("got %d things, want 101", got)
	}
	if got := two.Set("mint", func(int) int { return 0 }); len(got.Lines) != 1 {
		t.Errorf("got %d lines, want 1", len(got.Lines))
	}
}

func TestCart_emptyPageSaysWhetherAnythingIsKept(t *testing.T) {
	const nothing = "nothing was stored about you"
	c := newSite(t).client(t)
	if page := c.get("/cart").body; !strings.Contains(page, nothing) {
		t.Error("a visitor without a session is not told so")
	}
	c.post("/cart/add", "tea", "mint")
	c.post("/cart/set", "tea", "mint", "count", "0")
	if page := c.get("/cart").body; !strings.Contains(page, "It is empty.") || strings.Contains(page, nothing) {
		t.Error("an emptied cart is said to leave nothing, but there is a session")
	}
}

func TestCart_countsParallelAdditions(t *testing.T) {
	c := newSite(t).client(t)
	c.post("/cart/add", "tea", "mint")
	var wg sync.WaitGroup
	for range 40 {
		wg.Go(func() {
			same := *c
			same.post("/cart/add", "tea", "mint")
		})
	}
	wg.Wait()
	if page := c.get("/cart").body; !strings.Contains(page, `data-test="cart-count">41<`) {
		t.Error("some of 41 additions are lost")
	}
}

func TestCart_refusesNonsense(t *testing.T) {
	c := newSite(t).client(t)
	for _, pairs := range [][]string{{}, {"tea", "coffee"}, {"tea", "mint", "count", "-1"}, {"tea", "mint", "count", "x"}} {
		c.want(c.post("/cart/set", pairs...), http.StatusNotFound)
	}
	c.want(c.post("/cart/add", "tea", "<b>"), http.StatusNotFound)
	if c.cookie != "" {
		t.Error("nonsense began a session")
	}
}
