package demo

import (
	"fmt"
	"net/http"
	"time"

	"github.com/sojourn-go/sojourn"
)

// heartbeat is how often a stream writes when nothing happens, so that both ends notice a dead connection.
const heartbeat = 15 * time.Second

// events is a stream of server-sent events for an open page: "account" with a text for people, and "ended" when the page's
// session has ended or its token was replaced. The page then asks for its devices to learn which.
func (a *App) events(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
	if s.Subject() == "" {
		http.Error(w, "signed out", http.StatusUnauthorized)
		return
	}
	texts, leave, ok := a.hub.Subscribe(s.Subject())
	if !ok {
		w.Header().Set("Retry-After", "30")
		http.Error(w, "too many pages listen", http.StatusTooManyRequests)
		return
	}
	defer leave()
	ctx, stop := s.Context(r.Context())
	defer stop()

	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	out := stream{w, http.NewResponseController(w)}
	if !out.send("retry: 2000\n\n") {
		return
	}
	tick := time.NewTicker(heartbeat)
	defer tick.Stop()
	for {
		alive := true
		select {
		case <-r.Context().Done():
			return
		case <-a.closing:
			return
		case <-ctx.Done():
			out.send("event: ended\ndata: \n\n")
			return
		case text := <-texts:
			alive = out.send("event: account\ndata: " + text + "\n\n")
		case <-tick.C:
			alive = out.send(": still here\n\n")
		}
		if !alive {
			return
		}
	}
}

// stream writes to a connection that stays open: the server's timeouts, made for pages, are set anew for each write.
type stream struct {
	w  http.ResponseWriter
	rc *http.ResponseController
}

func (s stream) send(text string) bool {
	if s.rc.SetReadDeadline(time.Time{}) != nil || s.rc.SetWriteDeadline(time.Now().Add(heartbeat)) != nil {
		return false
	}
	if _, err := fmt.Fprint(s.w, text); err != nil {
		return false
	}
	return s.rc.Flush() == nil
}
