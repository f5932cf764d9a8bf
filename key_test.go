package sojourn_test

import (
	"fmt"
	"testing"

	"github.com/sojourn-go/sojourn"
)

func TestKey_serverSide(t *testing.T) {
	id := testID(t)
	k := id.Key()
	if k.ID() != id || k.Sealed() != "" || k.IsZero() {
		t.Errorf("got ID %v, sealed %q, zero %t", k.ID(), k.Sealed(), k.IsZero())
	}
	if k != id.Key() || k == sojourn.NewID().Key() {
		t.Error("keys do not compare by ID")
	}
}

func TestKey_clientSide(t *testing.T) {
	id := testID(t)
	k := sojourn.SealedKey(id, "sealed")
	if k.ID() != id || k.Sealed() != "sealed" || k.IsZero() {
		t.Errorf("got ID %v, sealed %q, zero %t", k.ID(), k.Sealed(), k.IsZero())
	}
	if k == id.Key() || k == sojourn.SealedKey(id, "other") {
		t.Error("keys of different sealed states are equal")
	}
}

func TestKey_zeroNamesNoSession(t *testing.T) {
	if !(sojourn.Key{}).IsZero() || !(sojourn.ID{}).Key().IsZero() {
		t.Error("the zero key is not zero")
	}
	if sojourn.SealedKey(sojourn.ID{}, "x").IsZero() {
		t.Error("a sealed key without an ID is zero")
	}
}

func TestKey_printsTheIDOnly(t *testing.T) {
	k := sojourn.SealedKey(testID(t), "sealed")
	for format, want := range map[string]string{
		"%v": idText, "%+v": idText, "%s": idText, "%q": `"` + idText + `"`, "%#v": "sojourn.Key(" + idText + ")",
	} {
		if got := fmt.Sprintf(format, k); got != want {
			t.Errorf("%s: got %q, want %q", format, got, want)
		}
	}
}
