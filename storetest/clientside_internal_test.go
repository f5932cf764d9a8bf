package storetest

import "testing"

// A rule that was renamed must not drop out of the profile in silence.
func TestClientSide_namesRulesThatExist(t *testing.T) {
	rules := map[string]bool{}
	skipped := 0
	for _, c := range Cases() {
		rules[c.Group+"/"+c.Name] = true
		if c.unpromised(false) != "" {
			skipped++
		}
		if c.unpromised(false) != "" && c.unpromised(true) == "" {
			t.Errorf("%s/%s is promised by a store without leases only", c.Group, c.Name)
		}
	}
	for _, table := range []map[string]string{unpromised(), unpromisedIrrevocable()} {
		for name := range table {
			if !rules[name] {
				t.Errorf("there is no rule %s", name)
			}
		}
	}
	if want := 33; skipped != want {
		t.Errorf("got %d of %d rules that a client-side store with leases does not promise, want %d", skipped, len(rules), want)
	}
}
