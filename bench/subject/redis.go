package subject

import (
	"context"

	"github.com/alexedwards/scs/goredisstore"
	"github.com/boj/redistore"
	ginredis "github.com/gin-contrib/sessions/redis"
	"github.com/gofiber/fiber/v3/middleware/session"
	fiberredis "github.com/gofiber/storage/redis/v3"
	goredis "github.com/redis/go-redis/v9"

	redisstore "github.com/sojourn-go/sojourn/stores/redis"
)

const redis = "Redis"

// connections is how many connections a library's pool may keep to a server that takes many: one for each of the clients
// that make requests at once.
const connections = 64

// Redis returns each library on the Redis server at addr, host and port. Its current database belongs to the chain that was
// opened last: opening one empties it.
func Redis(addr string) []Subject {
	client := func() *goredis.Client {
		return goredis.NewClient(&goredis.Options{Addr: addr, PoolSize: connections})
	}
	all := []Subject{
		{Library: sojournName, Store: redis, Owners: true, Open: func(o Options) (*Chain, error) {
			st, err := redisstore.Open(context.Background(), "redis://"+addr, redisstore.Config{})
			if err != nil {
				return nil, err
			}
			return sojournChain(st, o, st.Close)
		}},
		{Library: scsName, Store: redis, Module: scsModule, Open: func(o Options) (*Chain, error) {
			c := client()
			return scsChain(goredisstore.New(c), o, c.Close), nil
		}},
		{Library: gorillaName, Store: redis, Module: gorillaModule, Lacks: lacksRenew(), Open: func(Options) (*Chain, error) {
			st, err := redistore.NewRediStore(connections, "tcp", addr, "", "", authKey)
			if err != nil {
				return nil, err
			}
			st.SetMaxLength(maxStored)
			return gorillaChain(st, st.Close), nil
		}},
		{Library: ginName, Store: redis, Module: ginModule, Lacks: lacksRenew(), Open: func(Options) (*Chain, error) {
			st, err := ginredis.NewStore(connections, "tcp", addr, "", "", authKey)
			if err != nil {
				return nil, err
			}
			inner, err := ginredis.GetRedisStore(st)
			if err != nil {
				return nil, err
			}
			inner.SetMaxLength(maxStored)
			return ginChain(st, inner.Close), nil
		}},
		{Library: fiberName, Store: redis, Module: fiberModule, Fast: true, Open: func(Options) (*Chain, error) {
			st := fiberredis.NewFromConnection(client())
			return fiberChain(session.NewStore(session.Config{Storage: st}), st.Close), nil
		}},
	}
	for i := range all {
		open := all[i].Open
		all[i].OnServer = true
		all[i].Open = func(o Options) (*Chain, error) {
			c := client()
			defer c.Close()
			if err := c.FlushDB(context.Background()).Err(); err != nil {
				return nil, err
			}
			return open(o)
		}
	}
	return all
}
