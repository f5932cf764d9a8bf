package redisstore_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	redisstore "github.com/sojourn-go/sojourn/stores/redis"
)

// A limit goes by what the login before it was told of the subject's sessions, and only as long as that is true.
func TestLimit_afterALogin_isOneRoundTripAndNeverGoesByWhatIsOld(t *testing.T) {
	st, proxy := proxied(t, redisstore.Config{Prefix: "entered:"})
	other := newStore(t, redisstore.Config{Prefix: "entered:"}, singleAddr(t))
	subject := sojourn.NewID().String()
	login := func(by *redisstore.Store, minute int) sojourn.Key {
		return save(t, by, member(subject, start.Add(time.Duration(minute)*time.Minute)))
	}
	trim := func(most int, want ...sojourn.Key) {
		t.Helper()
		ended, err := st.TrimSubject(t.Context(), "app", subject, most, sojourn.ID{})
		if err != nil {
			t.Fatal(err)
		}
		var got, wanted []string
		for _, id := range ended {
			got = append(got, id.String())
		}
		for _, key := range want {
			wanted = append(wanted, key.ID().String())
		}
		slices.Sort(got)
		slices.Sort(wanted)
		if !slices.Equal(got, wanted) {
			t.Errorf("ended %v, want %v", got, wanted)
		}
	}
	first := login(st, 1)
	second := login(st, 2)
	trim(1, first) // from now on the store knows that there are limits
	third := login(st, 3)
	if n := trips(t, proxy, func() { trim(1, second) }); n != 1 {
		t.Errorf("a limit right after a login took %d round trips, want 1", n)
	}

	// Somebody else ends and begins sessions between the login and its limit.
	fourth := login(st, 4)
	fifth := login(other, 5)
	if err := other.Delete(t.Context(), third); err != nil {
		t.Fatal(err)
	}
	trim(1, fourth)

	// Two logins at once, of whose limits one finds that the other has come first.
	sixth := login(st, 6)
	trim(0, fifth, sixth)
	trim(0)

	// An update is a login too, and one that is none tells nothing.
	guest := save(t, st, visitor("n", "1"))
	state := load(t, st, guest)
	state.Facts.Subject, state.Facts.Authenticated = subject, start.Add(7*time.Minute)
	if _, err := st.Update(t.Context(), guest, state, time.Hour); err != nil {
		t.Fatal(err)
	}
	if n := trips(t, proxy, func() { trim(0, guest) }); n != 1 {
		t.Errorf("a limit right after a login took %d round trips, want 1", n)
	}

	// Of a subject with many sessions, and of more subjects than are kept, it asks.
	var many []sojourn.Key
	for i := range 40 {
		many = append(many, login(st, 10+i))
	}
	trim(3, many[:37]...)
	for i := range 300 {
		save(t, st, member(fmt.Sprint(subject, i), start))
	}
	trim(1, many[37:39]...)
}
