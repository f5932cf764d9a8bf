package subject

import (
	"net/http"

	"github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"
)

const (
	ginName   = "gin"
	ginModule = "github.com/gin-contrib/sessions"
)

func ginChain(st sessions.Store, closers ...func() error) *Chain {
	gin.SetMode(gin.ReleaseMode)
	return chain(func(w Work) http.Handler { return ginHandler(st, w) }, closers...)
}

func ginHandler(st sessions.Store, work Work) http.Handler {
	var f func(s sessions.Session) (save bool)
	switch work {
	case Untouched:
		f = nil
	case Read, Keep: // a Save extends the session, and it saves only what was set
		f = func(s sessions.Session) bool {
			n := s.Get(numberName)
			want(gorillaNumber(n))
			if work == Keep {
				s.Set(numberName, n)
			}
			return work == Keep
		}
	case ReadBig:
		f = func(s sessions.Session) bool {
			want(gorillaNumber(s.Get(bigNumberName)))
			return false
		}
	case Change:
		f = func(s sessions.Session) bool {
			n, ok := gorillaNumber(s.Get(numberName))
			want(n, ok)
			s.Set(numberName, n+1)
			return true
		}
	case Create, CreateBig:
		values, name := contents(work)
		f = func(s sessions.Session) bool {
			for _, v := range values {
				s.Set(v.name, v.text)
			}
			s.Set(name, firstNumber)
			return true
		}
	case Logout:
		f = func(s sessions.Session) bool {
			s.Clear()
			s.Options(sessions.Options{Path: "/", MaxAge: -1})
			return true
		}
	case Show:
	default:
		return nil
	}
	engine := gin.New()
	engine.Use(sessions.Sessions(cookieName, st))
	engine.GET("/", func(c *gin.Context) {
		if work == Show {
			c.Writer.Write(ginShown(sessions.Default(c)))
			return
		}
		if f != nil {
			s := sessions.Default(c)
			if f(s) && s.Save() != nil {
				wrong.Add(1)
			}
		}
		c.Writer.Write(body)
	})
	return engine
}

func ginShown(s sessions.Session) []byte {
	n, ok := gorillaNumber(s.Get(numberName))
	if !ok {
		n, _ = gorillaNumber(s.Get(bigNumberName))
	}
	return shown(n, func(name string) string {
		text, _ := s.Get(name).(string)
		return text
	})
}
