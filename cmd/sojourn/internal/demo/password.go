package demo

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
)

// argon2id with OWASP's parameters: 19 MiB, 2 passes, 1 lane (Password Storage Cheat Sheet).
const (
	argonMemory = 19 << 10 // KiB
	argonPasses = 2
	argonLanes  = 1
	saltSize    = 16
	hashSize    = 32
)

const (
	minPassword = 15   // characters: NIST SP 800-63B-4 §3.1.1.2 for a password that is all there is
	maxPassword = 1024 // bytes: more is an attempt to keep the server busy
)

// errBusy is the answer when more passwords are waiting to be hashed than can be soon.
var errBusy = errors.New("too many passwords to check at once")

// Passwords hashes and checks passwords, a few at a time: each takes 19 MiB and a core.
type Passwords struct {
	slots  chan struct{}
	wait   time.Duration
	derive func(password, salt []byte, passes, memory uint32, lanes uint8, size uint32) []byte
	decoy  string // the hash of a password that nobody has
}

// NewPasswords returns Passwords that use as many cores as there are.
func NewPasswords(ctx context.Context) (*Passwords, error) {
	p := &Passwords{
		slots:  make(chan struct{}, runtime.GOMAXPROCS(0)),
		wait:   5 * time.Second,
		derive: argon2.IDKey,
	}
	var err error
	p.decoy, err = p.Hash(ctx, rand.Text())
	return p, err
}

// Hash returns the hash of password in the PHC string format, with its salt and parameters.
func (p *Passwords) Hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltSize)
	rand.Read(salt) // never fails since Go 1.24
	hash, err := p.hash(ctx, password, salt)
	if err != nil {
		return "", err
	}
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonPasses, argonLanes,
		b64.EncodeToString(salt), b64.EncodeToString(hash)), nil
}

// Match reports whether password is the one that encoded was made of.
func (p *Passwords) Match(ctx context.Context, encoded, password string) (bool, error) {
	salt, want, err := parseHash(encoded)
	if err != nil {
		return false, err
	}
	got, err := p.hash(ctx, password, salt)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(got, want) == 1, nil
}

// Mismatch takes the time of Match and matches nothing: for names that nobody has, so that an answer's time does not tell
// which names exist.
func (p *Passwords) Mismatch(ctx context.Context, password string) error {
	_, err := p.Match(ctx, p.decoy, password)
	return err
}

func (p *Passwords) hash(ctx context.Context, password string, salt []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, p.wait, errBusy)
	defer cancel()
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
		return p.derive([]byte(password), salt, argonPasses, argonMemory, argonLanes, hashSize), nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// parseHash reads what Hash wrote. Other parameters are refused: whoever could write them into the table could choose
// ones that take minutes. A release that changes the parameters reads both and hashes anew at the next sign-in.
func parseHash(encoded string) (salt, hash []byte, err error) {
	prefix := fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$", argon2.Version, argonMemory, argonPasses, argonLanes)
	rest, ok := strings.CutPrefix(encoded, prefix)
	saltText, hashText, ok2 := strings.Cut(rest, "$")
	if !ok || !ok2 {
		return nil, nil, errors.New("password hash of an unknown form")
	}
	salt, err = base64.RawStdEncoding.DecodeString(saltText)
	if err != nil {
		return nil, nil, errors.New("password hash with a damaged salt")
	}
	hash, err = base64.RawStdEncoding.DecodeString(hashText)
	if err != nil || len(hash) != hashSize {
		return nil, nil, errors.New("damaged password hash")
	}
	return salt, hash, nil
}

// passwordFault says, for people, what is wrong with a new password; "" if nothing is. Length is what counts; rules about
// digits and symbols make passwords worse (NIST SP 800-63B-4 §3.1.1.2).
func passwordFault(password, name string) string {
	switch {
	case len(password) > maxPassword:
		return fmt.Sprintf("The password is longer than %d bytes.", maxPassword)
	case !utf8.ValidString(password):
		return "The password is not readable text."
	case utf8.RuneCountInString(password) < minPassword:
		return fmt.Sprintf("The password needs at least %d characters. A short sentence is easy to remember.", minPassword)
	case distinctRunes(password) < 5:
		return "The password repeats the same few characters."
	case name != "" && strings.ReplaceAll(strings.ToLower(password), name, "") == "":
		return "The password is your name."
	}
	return ""
}

func distinctRunes(text string) int {
	seen := make(map[rune]bool)
	for _, c := range text {
		seen[c] = true
	}
	return len(seen)
}
