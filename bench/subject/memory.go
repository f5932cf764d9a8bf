package subject

import (
	"github.com/alexedwards/scs/v2"
	scsmem "github.com/alexedwards/scs/v2/memstore"
	ginmem "github.com/gin-contrib/sessions/memstore"
	"github.com/gofiber/fiber/v3/middleware/session"
	"github.com/quasoft/memstore"

	sojournmem "github.com/sojourn-go/sojourn/memstore"
)

const memory = "memory"

// Memory returns what is no library, and each library on its store in memory.
func Memory() []Subject {
	return []Subject{
		bareHTTP(), bareFiber(),
		floorSubject("writer", floorOnWriter),
		floorSubject("context", floorInContext),
		{Library: sojournName, Store: memory, Owners: true, Open: func(o Options) (*Chain, error) {
			return sojournChain(sojournmem.New(sojournmem.Config{MaxSessions: 2_000_000}), o)
		}},
		{Library: scsName, Store: memory, Module: scsModule, Open: func(o Options) (*Chain, error) {
			return scsChain(scsMemory(), o), nil
		}},
		{Library: gorillaName, Store: memory, Module: gorillaModule, Lacks: lacksRenew(), Open: func(Options) (*Chain, error) {
			return gorillaChain(memstore.NewMemStore(authKey)), nil
		}},
		{Library: ginName, Store: memory, Module: ginModule, Lacks: lacksRenew(), Open: func(Options) (*Chain, error) {
			return ginChain(ginmem.NewStore(authKey)), nil
		}},
		{Library: fiberName, Store: memory, Module: fiberModule, Fast: true, Open: func(Options) (*Chain, error) {
			st := session.NewStore()
			return fiberChain(st, st.Storage.Close), nil
		}},
	}
}

// scsMemory has no cleaner: it would outlive its chain, and chains live for milliseconds.
func scsMemory() scs.Store { return scsmem.NewWithCleanupInterval(0) }
