package demo

import "sync"

// Hub tells the open pages of an account what happened to it: a text for people to read. Only pages of this process hear
// it; that a page's own session ended is [sojourn.Session.Context]'s to say, on every process.
type Hub struct {
	mu    sync.Mutex
	pages map[string]map[chan string]struct{} // by subject
}

// maxPages is how many pages of one account can listen.
const maxPages = 32

// NewHub returns a Hub that nobody listens to.
func NewHub() *Hub { return &Hub{pages: make(map[string]map[chan string]struct{})} }

// Subscribe returns a channel of the subject's texts and a function that ends it; false if too many listen already.
func (h *Hub) Subscribe(subject string) (texts <-chan string, leave func(), ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.pages[subject]) >= maxPages {
		return nil, nil, false
	}
	if h.pages[subject] == nil {
		h.pages[subject] = make(map[chan string]struct{})
	}
	page := make(chan string, 4)
	h.pages[subject][page] = struct{}{}
	return page, func() { h.leave(subject, page) }, true
}

func (h *Hub) leave(subject string, page chan string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.pages[subject], page)
	if len(h.pages[subject]) == 0 {
		delete(h.pages, subject)
	}
}

// Tell sends text to all of the subject's pages. A page that is too slow to read misses it: nobody waits.
func (h *Hub) Tell(subject, text string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for page := range h.pages[subject] {
		select {
		case page <- text:
		default:
		}
	}
}
