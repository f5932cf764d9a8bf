package subject

import (
	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/session"
	"github.com/valyala/fasthttp"
)

const (
	fiberName   = "fiber"
	fiberModule = "github.com/gofiber/fiber/v3"
)

// fiberChain puts the sessions of one store on an app for each work. They slide by themselves.
func fiberChain(st *session.Store, close func() error) *Chain {
	return &Chain{
		Serve: func(work Work) func(*Client) {
			f := fiberWork(work)
			if f == nil {
				return nil
			}
			app := fiber.New()
			app.Use(session.New(session.Config{Store: st}))
			app.Get("/", func(c fiber.Ctx) error { return f(c, session.FromContext(c)) })
			return serveFast(app.Handler())
		},
		Close: close,
	}
}

// serveFast returns what sends a client's request to h. Like fasthttp's server it uses one request and one response again
// and again.
func serveFast(h fasthttp.RequestHandler) func(*Client) {
	return func(c *Client) {
		if c.fast == nil {
			c.fast = new(fasthttp.RequestCtx)
			c.fast.Init(new(fasthttp.Request), nil, nil)
			header := &c.fast.Request.Header
			header.SetMethod("GET")
			header.SetRequestURI("/")
			header.SetHost(c.base.Host)
			for name, values := range c.base.Header {
				header.Set(name, values[0])
			}
		}
		c.fast.ResetUserValues()
		c.fast.Response.Reset()
		h(c.fast)
		for _, value := range c.fast.Response.Header.Cookies() {
			c.take(string(value))
			break
		}
		if c.fast.Response.StatusCode() != fasthttp.StatusOK {
			wrong.Add(1)
		}
		c.Body = c.fast.Response.Body()
	}
}

func fiberWork(work Work) func(c fiber.Ctx, s *session.Middleware) error {
	switch work {
	case Untouched:
		return func(c fiber.Ctx, s *session.Middleware) error { return c.Send(body) }
	case Read, Keep:
		return func(c fiber.Ctx, s *session.Middleware) error {
			want(gorillaNumber(s.Get(numberName)))
			return c.Send(body)
		}
	case ReadBig:
		return func(c fiber.Ctx, s *session.Middleware) error {
			want(gorillaNumber(s.Get(bigNumberName)))
			return c.Send(body)
		}
	case Change, Renew:
		return func(c fiber.Ctx, s *session.Middleware) error {
			if work == Renew {
				if err := s.Regenerate(); err != nil {
					return err
				}
			}
			n, ok := gorillaNumber(s.Get(numberName))
			want(n, ok)
			s.Set(numberName, n+1)
			return c.Send(body)
		}
	case Create, CreateBig:
		values, name := contents(work)
		return func(c fiber.Ctx, s *session.Middleware) error {
			for _, v := range values {
				s.Set(v.name, v.text)
			}
			s.Set(name, firstNumber)
			return c.Send(body)
		}
	case Login:
		return func(c fiber.Ctx, s *session.Middleware) error {
			if err := s.Regenerate(); err != nil {
				return err
			}
			s.Set("user", "42")
			return c.Send(body)
		}
	case Logout:
		return func(c fiber.Ctx, s *session.Middleware) error {
			if err := s.Destroy(); err != nil {
				return err
			}
			return c.Send(body)
		}
	case Show:
		return func(c fiber.Ctx, s *session.Middleware) error {
			n, ok := gorillaNumber(s.Get(numberName))
			if !ok {
				n, _ = gorillaNumber(s.Get(bigNumberName))
			}
			return c.Send(shown(n, func(name string) string {
				text, _ := s.Get(name).(string)
				return text
			}))
		}
	}
	return nil
}
