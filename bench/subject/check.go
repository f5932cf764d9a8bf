package subject

import (
	"fmt"
)

// Check drives a chain of s through each kind of work and returns how it fails to do it: a subject that did nothing would be
// the fastest of all.
func Check(s *Subject, o Options) (err error) {
	chain, err := s.Open(o)
	if err != nil {
		return fmt.Errorf("%s: %w", s.Name(), err)
	}
	defer func() {
		if closeErr := chain.Close(); err == nil {
			err = closeErr
		}
		if err != nil {
			err = fmt.Errorf("%s: %w", s.Name(), err)
		}
	}()
	for w := Untouched; w <= Show; w++ {
		if lacks := s.Lacks[w] != ""; lacks != (chain.Serve(w) == nil) && w != CreateBig && w != ReadBig {
			return fmt.Errorf("lacks %q: %t, and has it: %t", w, lacks, !lacks)
		}
	}
	if s.Lacks[Create] != "" {
		return nil // a bare handler
	}
	c := check{s, chain, Wrong()}
	for _, step := range []func() error{c.visitors, c.changes, c.big, c.renewal, c.login, c.logout} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// check is one check under way.
type check struct {
	s     *Subject
	chain *Chain
	wrong int64
}

// do has c make a request and reports one that failed.
func (c *check) do(client *Client, works ...Work) error {
	for _, w := range works {
		c.chain.Serve(w)(client)
		if Wrong() != c.wrong {
			return fmt.Errorf("%s: the request failed, or its handler read a wrong number", w)
		}
	}
	return nil
}

// sees fails unless client's session has this number and this many right texts.
func (c *check) sees(client *Client, what string, number, texts int) error {
	c.chain.Serve(Show)(client)
	if got, want := string(client.Body), fmt.Sprint(number, " ", texts); got != want {
		return fmt.Errorf("%s: a handler sees %q, want %q", what, got, want)
	}
	return nil
}

// dead fails if client's token still opens something, unless the library says that it does.
func (c *check) dead(client *Client, what string) error {
	if c.s.OldLives {
		return nil
	}
	return c.sees(client, what, 0, 0)
}

// copyOf is another browser with the same cookie.
func copyOf(client *Client) *Client {
	other := NewClient()
	other.SetCookie(client.Cookie())
	return other
}

func (c *check) visitors() error {
	a, b, visitor := NewClient(), NewClient(), NewClient()
	if err := c.do(a, Untouched, Create); err != nil {
		return err
	}
	if err := c.do(b, Create, Change); err != nil {
		return err
	}
	switch {
	case a.Cookie() == "" || b.Cookie() == "":
		return fmt.Errorf("create sets no cookie")
	case a.Cookie() == b.Cookie():
		return fmt.Errorf("two clients have the same token")
	}
	if err := c.sees(a, "a client that another one must not disturb", firstNumber, len(small)); err != nil {
		return err
	}
	return c.sees(visitor, "a visitor", 0, 0)
}

func (c *check) changes() error {
	client := NewClient()
	if err := c.do(client, Create, Read, Change, Change, Keep, Change, Untouched, Read); err != nil {
		return err
	}
	return c.sees(client, "after three changes", firstNumber+3, len(small))
}

func (c *check) big() error {
	if c.s.Lacks[ReadBig] != "" {
		return nil
	}
	client := NewClient()
	if err := c.do(client, CreateBig, ReadBig, ReadBig); err != nil {
		return err
	}
	return c.sees(client, "a big session", firstNumber, len(big))
}

func (c *check) renewal() error {
	if c.s.Lacks[Renew] != "" {
		return nil
	}
	client := NewClient()
	if err := c.do(client, Create); err != nil {
		return err
	}
	old := copyOf(client)
	if err := c.do(client, Renew); err != nil {
		return err
	}
	if client.Cookie() == old.Cookie() {
		return fmt.Errorf("a renewal keeps the token")
	}
	if err := c.sees(client, "after a renewal", firstNumber+1, len(small)); err != nil {
		return err
	}
	return c.dead(old, "the token before a renewal")
}

func (c *check) login() error {
	if c.s.Lacks[Login] != "" {
		return nil
	}
	client := NewClient()
	if err := c.do(client, Create); err != nil {
		return err
	}
	old := copyOf(client)
	if err := c.do(client, Login); err != nil {
		return err
	}
	if err := c.do(client, Read); err != nil {
		return fmt.Errorf("after a login: %w", err)
	}
	return c.dead(old, "the token before a login")
}

func (c *check) logout() error {
	if c.s.Lacks[Logout] != "" {
		return nil
	}
	client := NewClient()
	if err := c.do(client, Create); err != nil {
		return err
	}
	old := copyOf(client)
	if err := c.do(client, Logout); err != nil {
		return err
	}
	if client.Cookie() != "" {
		return fmt.Errorf("a logout keeps the cookie")
	}
	return c.dead(old, "the token before a logout")
}
