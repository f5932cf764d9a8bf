package sojourn

import (
	"iter"
	"time"
)

// Reply is what the client must be told about its token: usually nothing.
type Reply struct {
	headers func(yield func(name, value string) bool)
}

// Headers iterates over header names and values to add to the response: the token, or its removal, and what keeps caches
// from passing on a response that depends on a session.
func (r Reply) Headers() iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		if r.headers != nil {
			r.headers(yield)
		}
	}
}

// headers yields what the final header must carry.
func (v *Visit) headers(failed bool, yield func(name, value string) bool) {
	v.mu.Lock()
	reply, read := v.reply, v.read
	v.mu.Unlock()
	name, vary := "Set-Cookie", "Cookie"
	if v.m.cfg.Header != "" {
		name, vary = v.m.cfg.Header, v.m.cfg.Header
	}
	if reply != nil && !yield(name, reply()) {
		return
	}
	switch {
	case reply != nil || failed:
		if !yield("Cache-Control", "no-store") {
			return
		}
	case read:
		if !yield("Cache-Control", "private") {
			return
		}
	}
	if read || reply != nil {
		yield("Vary", vary)
	}
}

// setReply prepares what the client is told: a token that lives age, or its removal if there is none. Sealing cannot fail
// with the secrets that New checked.
func (v *Visit) setReply(token []byte, age time.Duration) error {
	if v.m.sealer != nil && len(token) > 0 {
		sealed, err := v.m.sealer.seal(string(token))
		if err != nil {
			return err
		}
		token = []byte(sealed)
	}
	header := v.replyHeader(token, age) // set once, so that the function has a copy and nothing else moves to the heap
	v.mu.Lock()
	defer v.mu.Unlock()
	v.reply = func() string { return header }
	return nil
}

func (v *Visit) replyHeader(token []byte, age time.Duration) string {
	switch {
	case v.m.cfg.Header != "":
		return string(token)
	case len(token) == 0:
		return v.m.cookie.remove()
	}
	return v.m.cookie.set(token, age)
}

// dropReply forgets a token that must not reach the client.
func (v *Visit) dropReply() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.reply = nil
}
