package sealstore_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/sealstore"
)

// Whatever stands in the database under a value's name: it is opened if and only if it was sealed for there, and refused
// in one of two ways otherwise; and a Patch on top of it changes it only if it opens.
func FuzzLoad(f *testing.F) {
	for _, text := range []string{
		"", `""`, `1`, `null`, `{"a":1}`, `"~`, `"~1"`, `"~2AAAA"`, `"~9`, `"~0"`, goldenSaved, goldenKept, goldenSaved[:20], goldenKept + " ",
		`"~1AA` + goldenKept[5:], `"~1` + goldenSaved[4:], goldenKept[:len(goldenKept)-1] + "\n\"",
	} {
		f.Add("cart", text, byte(0))
		f.Add("cart", text, byte(2))
	}
	f.Add("role", goldenSaved, byte(0))
	f.Fuzz(func(t *testing.T, name, text string, mode byte) {
		clear := sealstore.Clear(mode % 3)
		engine := newPlain(time.Now)
		st := newStore(t, engine, sealstore.Config{Clear: clear, Revoked: [][]byte{randomSecret(9)}})
		key := goldenID.Key()
		engine.put(context.Background(), key, sojourn.State{
			Facts:  sojourn.Facts{Realm: "shop", Digest: [32]byte{1, 2, 3}, Previous: [32]byte{4, 5, 6}},
			Values: values(name, text),
		}, 1, hour)
		before := string(engine.dump())
		s, err := st.Load(context.Background(), key)
		genuine := name == "cart" && (text == goldenSaved || text == goldenKept)
		sealed := len(text) > 2 && text[:2] == `"~` && '1' <= text[2] && text[2] <= '9'
		switch {
		case genuine:
			if err != nil || s.Values.Get(name) != goldenText {
				t.Errorf("got %q, %v for what was sealed here", s.Values.Get(name), err)
			}
		case sealed || clear == sealstore.ClearRefused:
			if !errors.Is(err, sojourn.ErrCorrupt) && !errors.Is(err, sojourn.ErrNewer) {
				t.Errorf("got %q, %v for %q", s.Values.Get(name), err, text)
			}
		case err != nil || s.Values.Get(name) != text:
			t.Errorf("got %q, %v for a value in clear, %q", s.Values.Get(name), err, text)
		}
		if string(engine.dump()) != before {
			t.Error("a Load changed what is stored")
		}
	})
}
