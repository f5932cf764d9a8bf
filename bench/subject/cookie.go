package subject

import (
	"crypto/sha256"

	gincookie "github.com/gin-contrib/sessions/cookie"
	"github.com/gorilla/sessions"

	"github.com/sojourn-go/sojourn/cookiestore"
	"github.com/sojourn-go/sojourn/memstore"
)

const cookie = "cookie"

// Cookie returns each library that can keep the values in the client's cookie.
func Cookie() []Subject {
	const large = "4096 bytes do not fit into a cookie"
	lacks := func(more map[Work]string) map[Work]string {
		all := map[Work]string{CreateBig: large, ReadBig: large}
		for w, why := range more {
			all[w] = why
		}
		return all
	}
	return []Subject{
		{Library: sojournName, Store: cookie, Variant: "with leases", Lacks: lacks(nil), Open: func(o Options) (*Chain, error) {
			return sojournCookie(cookiestore.Config{Leases: memstore.New(memstore.Config{})}, o)
		}},
		{Library: sojournName, Store: cookie, Variant: "irrevocable", Lacks: lacks(nil), OldLives: true, Open: func(o Options) (*Chain, error) {
			return sojournCookie(cookiestore.Config{Irrevocable: true}, o)
		}},
		{Library: gorillaName, Store: cookie, Variant: "signed", Module: gorillaModule, Lacks: lacks(lacksRenew()), OldLives: true, Open: func(Options) (*Chain, error) {
			return gorillaChain(sessions.NewCookieStore(authKey)), nil
		}},
		{Library: gorillaName, Store: cookie, Variant: "sealed", Module: gorillaModule, Lacks: lacks(lacksRenew()), OldLives: true, Open: func(Options) (*Chain, error) {
			return gorillaChain(sessions.NewCookieStore(authKey, sealKey)), nil
		}},
		{Library: ginName, Store: cookie, Variant: "sealed", Module: ginModule, Lacks: lacks(lacksRenew()), OldLives: true, Open: func(Options) (*Chain, error) {
			return ginChain(gincookie.NewStore(authKey, sealKey)), nil
		}},
	}
}

func sojournCookie(config cookiestore.Config, o Options) (*Chain, error) {
	secret := sha256.Sum256([]byte("any 32 random bytes"))
	config.Secrets = [][]byte{secret[:]}
	st, err := cookiestore.New(config)
	if err != nil {
		return nil, err
	}
	return sojournChain(st, o)
}
