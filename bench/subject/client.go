package subject

import (
	"bufio"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/valyala/fasthttp"
)

// Client is one browser. It keeps the cookie that a response sets and sends it with the next request. It is not safe for
// concurrent use.
type Client struct {
	Visitor bool   // never keeps a cookie
	Sets    int    // how many responses set or removed one
	Body    []byte // of the last response to Show

	cookie  string
	header  [1]string // the request's, which holds cookie
	base    http.Request
	request http.Request
	writer  writer
	fast    *fasthttp.RequestCtx // of a chain that is not net/http's
}

// NewClient returns a browser without a cookie.
func NewClient() *Client {
	c := &Client{writer: writer{header: make(http.Header)}}
	c.base = http.Request{
		Method: "GET", URL: &url.URL{Path: "/"}, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Host: "example.com",
		RequestURI: "/", RemoteAddr: "192.0.2.1:1234", Body: http.NoBody,
		Header: http.Header{
			"Accept":          {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"},
			"Accept-Encoding": {"gzip, deflate, br"},
			"Accept-Language": {"en"},
			"User-Agent":      {"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"},
		},
	}
	return c
}

// Cookie returns name and value of the cookie, "" without one.
func (c *Client) Cookie() string { return c.cookie }

// SetCookie makes cookie, name and value, the one that the client sends.
func (c *Client) SetCookie(cookie string) {
	c.cookie = cookie
	delete(c.base.Header, "Cookie")
	if cookie != "" {
		c.header[0] = cookie
		c.base.Header["Cookie"] = c.header[:] // no allocation of ours shall count for the library's
	}
	if c.fast != nil {
		c.fast.Request.Header.Del("Cookie")
		if cookie != "" {
			c.fast.Request.Header.Set("Cookie", cookie)
		}
	}
}

// take keeps what a Set-Cookie header says.
func (c *Client) take(header string) {
	c.Sets++
	if c.Visitor {
		return
	}
	cookie, attributes, _ := strings.Cut(header, ";")
	if _, value, _ := strings.Cut(cookie, "="); value == "" || strings.Contains(attributes, "; Max-Age=0") {
		cookie = ""
	}
	c.SetCookie(cookie)
}

// serve returns what sends a client's request to h.
func serve(h http.Handler) func(*Client) {
	return func(c *Client) {
		c.request = c.base // libraries may put a context or a registry into it: each request has its own
		clear(c.writer.header)
		c.writer.status = http.StatusOK
		h.ServeHTTP(&c.writer, &c.request)
		if set := c.writer.header["Set-Cookie"]; len(set) > 0 {
			c.take(set[0])
		}
		if c.writer.status != http.StatusOK {
			wrong.Add(1)
		}
		c.Body = c.writer.body
	}
}

// writer is a ResponseWriter that can what net/http's can and costs next to nothing.
type writer struct {
	header http.Header
	status int
	body   []byte
}

func (w *writer) Header() http.Header  { return w.header }
func (w *writer) WriteHeader(code int) { w.status = code }
func (w *writer) Flush()               {}

func (w *writer) Write(b []byte) (int, error) {
	w.body = append(w.body[:0], b...)
	return len(b), nil
}

func (w *writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return nil, nil, errors.ErrUnsupported
}

// wrong counts requests that failed, and handlers that read another number than a stored one.
var wrong atomic.Int64

// Wrong returns how many requests have failed or read something else than what was stored. It must stay 0.
func Wrong() int64 { return wrong.Load() }

func want(n int, ok bool) {
	if !ok || n < firstNumber {
		wrong.Add(1)
	}
}
