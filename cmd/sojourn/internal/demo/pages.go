package demo

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"path"
	"time"

	"github.com/sojourn-go/sojourn"
)

//go:embed templates static
var files embed.FS

// notice is a text for the next page to show, once.
const notice = sojourn.Field[string]("notice")

// view is what the layout of a page shows.
type view struct {
	Page   string // the template's name
	Name   string // whose session it is, "" for a visitor
	Items  int    // in the cart
	Notice string
	Kept   string // where
	Data   any    // the page's own

	Forgets bool
}

// page answers with an HTML page of the session; s is nil where there is none to be had.
func (a *App) page(w http.ResponseWriter, r *http.Request, s *sojourn.Session, status int, name string, data any) {
	v := view{Page: name, Kept: a.kept, Forgets: a.forgets, Data: data}
	if s != nil {
		if s.Subject() != "" {
			v.Name, _ = who.Get(s)
		}
		c, _ := cart.Get(s)
		v.Items = c.Count()
		// A page that is fetched ahead, or not to be looked at, must not use the notice up.
		if r.Method != http.MethodHead && r.Header.Get("Sec-Purpose") == "" {
			v.Notice, _ = notice.Take(s)
		}
	}
	a.pages.write(w, status, name, "layout", v)
}

// message is the whole of a simple page.
type message struct{ Title, Text string }

func (a *App) notFoundPage(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
	a.page(w, r, s, http.StatusNotFound, "message", message{"Not found", "There is nothing here, or it is not yours."})
}

// apology answers without a session: the failure may be the session's own.
func (a *App) apology(w http.ResponseWriter, r *http.Request, status int, text string) {
	a.page(w, r, nil, status, "message", message{http.StatusText(status), text})
}

// failed logs an error and tells the client nothing of it: it may name tables, files and hosts.
func (a *App) failed(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // the client has left
	}
	a.log.ErrorContext(r.Context(), "request failed", "path", r.URL.Path, "error", err)
	if errors.Is(err, errBusy) {
		w.Header().Set("Retry-After", "5")
		a.apology(w, r, http.StatusServiceUnavailable, "The server is busy. Please try again in a few seconds.")
		return
	}
	a.apology(w, r, http.StatusInternalServerError, "Something went wrong. It has been noted.")
}

// sessionFailed answers for the session manager: a session could not be loaded or kept.
func (a *App) sessionFailed(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, sojourn.ErrEnded):
		a.apology(w, r, http.StatusConflict, "You were signed out on all devices at this moment. Please sign in again.")
	case errors.Is(err, sojourn.ErrRenewed), errors.Is(err, sojourn.ErrConflict):
		w.Header().Set("Retry-After", "1")
		a.apology(w, r, http.StatusConflict, "You signed in on another page at this moment. Please load this one again.")
	default:
		a.apology(w, r, http.StatusServiceUnavailable, "Your session cannot be read at the moment. You are not signed out: please try again soon.")
	}
}

// crossOrigin answers to a change that another site's page asked for.
func (a *App) crossOrigin(w http.ResponseWriter, r *http.Request) {
	a.apology(w, r, http.StatusForbidden, "This request came from another site, so it was not carried out.")
}

// pages are the templates and the files that pages load.
type pages struct {
	templates map[string]*template.Template
	versions  map[string]string // of each static file: a piece of its digest
}

func newPages(now func() time.Time) (*pages, error) {
	p := &pages{templates: make(map[string]*template.Template), versions: make(map[string]string)}
	static, err := fs.Glob(files, "static/*")
	if err != nil {
		return nil, err
	}
	for _, name := range static {
		b, err := files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(b)
		p.versions[path.Base(name)] = hex.EncodeToString(sum[:6])
	}
	layout, err := template.New("").Funcs(template.FuncMap{
		"asset": p.asset,
		"ago":   func(t time.Time) string { return ago(now().Sub(t)) },
	}).ParseFS(files, "templates/layout.html")
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"shop", "cart", "signup", "signin", "devices", "password", "break", "message"} {
		clone, err := layout.Clone()
		if err != nil {
			return nil, err
		}
		if p.templates[name], err = clone.ParseFS(files, "templates/"+name+".html"); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// write answers with a template of a page. It is executed before the first byte leaves, so that a mistake in it is a whole
// answer and not half a page.
func (p *pages) write(w http.ResponseWriter, status int, page, name string, data any) {
	var b bytes.Buffer
	if err := p.templates[page].ExecuteTemplate(&b, name, data); err != nil {
		slog.Error("page", "page", page, "error", err)
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	// A page is its reader's own: "back" after a sign-out must not show it again.
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	w.Write(b.Bytes())
}

// asset returns the address of a static file, a new one whenever the file changes.
func (p *pages) asset(name string) (string, error) {
	version, ok := p.versions[name]
	if !ok {
		return "", fmt.Errorf("no static file %q", name)
	}
	return "/static/" + name + "?v=" + version, nil
}

// assets serves the static files, for ever where the address names the version.
func (p *pages) assets() http.Handler {
	serve := http.FileServerFS(files)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		version, ok := p.versions[path.Base(r.URL.Path)]
		if !ok || r.URL.Path != "/static/"+path.Base(r.URL.Path) {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Cache-Control", "no-cache")
		if r.URL.Query().Get("v") == version {
			w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		}
		serve.ServeHTTP(w, r)
	})
}

// ago says how long something is past, as people do.
func ago(d time.Duration) string {
	if d < time.Minute {
		return "just now"
	}
	return span(d) + " ago"
}

// span says a duration in its largest unit.
func span(d time.Duration) string {
	for _, unit := range []struct {
		name string
		size time.Duration
	}{{"day", 24 * time.Hour}, {"hour", time.Hour}} {
		if d >= 2*unit.size {
			return fmt.Sprintf("%d %ss", d/unit.size, unit.name)
		}
	}
	if d < 2*time.Minute {
		return "a minute"
	}
	return fmt.Sprintf("%d minutes", d/time.Minute)
}
