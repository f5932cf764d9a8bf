package cookiestore

import (
	"context"
	"time"

	"github.com/sojourn-go/sojourn"
)

// Load implements [sojourn.Store]. A key that was not sealed here, for this name and kind and with a known secret, is
// [sojourn.ErrNotFound] and costs no call of the lease store; one whose lease is gone is too.
//
// A key that was sealed under an earlier secret of its session, before a Login, a Renew or a periodic renewal, does not
// go with the present one: its facts come back without the present digest, its Version is 0, which no Update takes, and
// it has values only while a late request may still read them.
func (s *Store) Load(ctx context.Context, key sojourn.Key) (sojourn.State, error) {
	if err := ctx.Err(); err != nil {
		return sojourn.State{}, err
	}
	c, err := s.open(key)
	if err != nil {
		return sojourn.State{}, err
	}
	if s.leases == nil {
		return s.whole(&c)
	}
	state, err := s.leases.Load(ctx, key.ID().Key())
	if err != nil {
		return sojourn.State{}, err
	}
	state.Values = c.state.Values
	restrict(&state, c.bound)
	return state, nil
}

// restrict takes from a state what does not go with values that were sealed under the secret bound.
func restrict(state *sojourn.State, bound [boundLen]byte) {
	f := &state.Facts
	if bound == [boundLen]byte(f.Digest[:]) {
		return
	}
	late := bound == [boundLen]byte(f.Previous[:]) && f.Previous != [32]byte{}
	f.Digest, state.Version = [32]byte{}, 0
	if !late {
		f.Previous = [32]byte{}
	}
	if !late || f.Refused {
		state.Values = sojourn.Values{}
	}
}

// payload is what is sealed beside a lease.
func payload(state *sojourn.State) []byte {
	b := make([]byte, 0, boundLen+state.Values.Size()+4*state.Values.Len())
	b = append(b, state.Facts.Digest[:boundLen]...)
	b, _ = state.Values.AppendBinary(b) // never fails
	return b
}

// Save implements [sojourn.Store]. [sojourn.ErrTooLarge] comes before the lease is written.
func (s *Store) Save(ctx context.Context, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	if err := ctx.Err(); err != nil {
		return sojourn.Key{}, err
	}
	if s.leases == nil {
		return s.sealWhole(sojourn.NewID(), &state, ttl)
	}
	b := payload(&state)
	if !s.fits(len(b)) {
		return sojourn.Key{}, sojourn.ErrTooLarge
	}
	lease, err := s.leases.Save(ctx, sojourn.State{Facts: state.Facts}, ttl)
	if err != nil {
		return sojourn.Key{}, err
	}
	return s.key(lease.ID(), b)
}

func (s *Store) key(id sojourn.ID, payload []byte) (sojourn.Key, error) {
	text, err := s.ring.seal(id, payload)
	if err != nil {
		return sojourn.Key{}, err
	}
	return sojourn.SealedKey(id, text), nil
}

// Update implements [sojourn.Store]. It returns a new key. The key before still opens the values it has, for as long as the
// session keeps its secret, with the facts, the TTL and the version of now.
//
// When the lease store did not answer, the new key comes beside the error: it opens the session if the update was made.
func (s *Store) Update(ctx context.Context, key sojourn.Key, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	if err := ctx.Err(); err != nil {
		return sojourn.Key{}, err
	}
	if s.leases == nil {
		return s.updateWhole(key, &state, ttl)
	}
	b := payload(&state)
	if !s.fits(len(b)) {
		return sojourn.Key{}, sojourn.ErrTooLarge
	}
	next, err := s.key(key.ID(), b)
	if err != nil {
		return sojourn.Key{}, err
	}
	_, err = s.leases.Update(ctx, key.ID().Key(), sojourn.State{Facts: state.Facts, Version: state.Version}, ttl)
	return next, err
}

// UpdateTTL implements [sojourn.Store]. It extends the lease; under Irrevocable it is [errors.ErrUnsupported], because the
// TTL is in the key.
func (s *Store) UpdateTTL(ctx context.Context, key sojourn.Key, ttl time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.leases == nil {
		return checkTouch(ttl)
	}
	return s.leases.UpdateTTL(ctx, key.ID().Key(), ttl)
}

// Delete implements [sojourn.Store]. It ends the lease, and with it every key of the session. Under Irrevocable it does
// nothing.
func (s *Store) Delete(ctx context.Context, key sojourn.Key) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.leases == nil {
		return nil
	}
	return s.leases.Delete(ctx, key.ID().Key())
}
