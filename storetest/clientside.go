package storetest

import (
	"slices"
	"strings"
)

// The profile of client-side stores: what they cannot promise, and why. They run all the rest.

const (
	oldKeys = "a key that an Update has replaced still opens the values it had, until the secret changes or the session ends"
	newKey  = "the key is the state, so an Update makes another one"
	small   = "a cookie of 4096 bytes does not hold them"

	noRecord = "nothing on the server knows of the session, so nothing ends it before its time"
	noOrder  = "nothing on the server says who of two was first"
	inKey    = "the TTL is in the key, and extended by an Update"
)

// Unpromised says why a client-side store does not promise the rule, "" if it does: for its page. irrevocable is
// [Options.Irrevocable].
func (c Case) Unpromised(irrevocable bool) string { return c.unpromised(irrevocable) }

func (c Case) unpromised(irrevocable bool) string {
	name := c.Group + "/" + c.Name
	if why := unpromised()[name]; why != "" {
		return why
	}
	if c.Group == "races" && changesValues(c.Name) {
		return oldKeys
	}
	if !irrevocable {
		return ""
	}
	if c.Group == "races" && strings.Contains(c.Name, "_and_") {
		return noOrder
	}
	return unpromisedIrrevocable()[name]
}

// unpromised are the rules that no client-side store keeps.
func unpromised() map[string]string {
	return map[string]string{
		"contract/update_keeps_the_key":        newKey,
		"values/many_names":                    small,
		"concurrency/one_of_many_updates_wins": newKey,
		"concurrency/counter_by_update":        oldKeys,
		"concurrency/touch_takes_nothing_back": oldKeys,
		"concurrency/loads_are_whole":          oldKeys,
	}
}

// unpromisedIrrevocable are those that one without a record on the server does not keep either.
func unpromisedIrrevocable() map[string]string {
	return map[string]string{
		"contract/touch_missing_is_not_found":           inKey,
		"contract/delete_ends_it_for_every_method":      noRecord,
		"contract/deleted_session_stays_dead":           noRecord,
		"contract/delete_ends_no_other_session":         noRecord,
		"contract/nodes_see_each_other":                 noRecord,
		"ttl/expired_is_dead_for_writers":               inKey,
		"concurrency/delete_wins":                       noRecord,
		"concurrency/versions_of_racing_writers_differ": noOrder,
		"decorators/capabilities_see_the_same_sessions": noRecord,
	}
}

// changesValues reports whether the race is one that looks for the outcome under the key from before a change. Those that
// end the session look for nothing.
func changesValues(race string) bool {
	a, b, _ := strings.Cut(race, "_and_")
	changes := []string{"update", "renew", "relogin"}
	looks := append([]string{"load", "touch", "login", "revoke_others", "list", "sweep", "expire"}, changes...)
	return slices.Contains(changes, a) && slices.Contains(looks, b) || slices.Contains(changes, b) && slices.Contains(looks, a)
}
