package engine

import (
	"context"
	"fmt"
	"net/url"
	"strings"
)

// address is where a store is: "scheme:rest". Drivers read it; here it is only taken apart as far as people and their
// secrets go, and without net/url, whose errors repeat what they could not read.
type address struct {
	text, scheme, rest string
	local              bool // a file's, or nothing's
}

// name is the address for people: without user, password and options.
func (a address) name() string {
	if a.local {
		return a.text
	}
	before, options, _ := strings.Cut(strings.TrimPrefix(a.rest, "//"), "?")
	switch at := strings.LastIndex(before, "@"); {
	case at >= 0:
		before = before[at+1:]
	case strings.Contains(options, "@"):
		before = "…" // a question mark in a password, maybe
	}
	return a.scheme + "://" + before
}

// secrets are the passwords in the address, as they are written and as they are meant.
func (a address) secrets() []string {
	if a.local {
		return nil
	}
	var all []string
	add := func(text string) {
		if text == "" {
			return
		}
		all = append(all, text)
		if meant, err := url.QueryUnescape(text); err == nil && meant != text {
			all = append(all, meant)
		}
		if meant, err := url.PathUnescape(text); err == nil && meant != text {
			all = append(all, meant)
		}
	}
	if at := strings.LastIndex(a.rest, "@"); at >= 0 {
		_, password, _ := strings.Cut(strings.TrimPrefix(a.rest[:at], "//"), ":")
		add(password)
	}
	_, options, _ := strings.Cut(a.rest, "?")
	for option := range strings.SplitSeq(options, "&") {
		name, value, _ := strings.Cut(option, "=")
		if strings.Contains(strings.ToLower(name), "pass") {
			add(value)
		}
	}
	return all
}

// failure names the address in err. What repeats a password is not passed on.
func (a address) failure(err error) error {
	for _, secret := range a.secrets() {
		if strings.Contains(err.Error(), secret) {
			return fmt.Errorf("%s: it cannot be opened, and the reason repeats the password", a.name())
		}
	}
	return fmt.Errorf("%s: %w", a.name(), err)
}

// naming makes the errors of call name the address. nil stays nil.
func (a address) naming(call func(ctx context.Context) error) func(ctx context.Context) error {
	if call == nil {
		return nil
	}
	return func(ctx context.Context) error {
		if err := call(ctx); err != nil {
			return a.failure(err)
		}
		return nil
	}
}
