package subject

import (
	"net/http"

	"github.com/gofiber/fiber/v3"
)

// Bare handlers have no session: what the two ways of serving cost by themselves.

const noSession = "a handler without sessions"

func bareSubject(variant string, handler http.Handler, open func() func(*Client)) Subject {
	lacks := make(map[Work]string)
	for w := Read; w <= Show; w++ {
		lacks[w] = noSession
	}
	return Subject{Library: "bare", Variant: variant, Lacks: lacks, Fast: handler == nil, Open: func(Options) (*Chain, error) {
		return &Chain{
			Handler: func(Work) http.Handler { return handler },
			Serve: func(w Work) func(*Client) {
				if w != Untouched {
					return nil
				}
				return open()
			},
			Close: func() error { return nil },
		}, nil
	}}
}

func bareHTTP() Subject {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write(body) })
	return bareSubject("net/http", h, func() func(*Client) { return serve(h) })
}

func bareFiber() Subject {
	return bareSubject("fasthttp", nil, func() func(*Client) {
		app := fiber.New()
		app.Get("/", func(c fiber.Ctx) error { return c.Send(body) })
		return serveFast(app.Handler())
	})
}
