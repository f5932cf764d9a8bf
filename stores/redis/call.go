package redisstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"time"

	"github.com/redis/rueidis"
	"github.com/sojourn-go/sojourn"
)

// work is something to ask of the client: one round trip, mostly. It is asked again where the engine said that it did
// nothing, and never where that is not known.
type work func(ctx context.Context, client rueidis.Client) ([]rueidis.RedisResult, error)

// settle is how long a call whose context is cancelled waits for an answer that may be on its way: to know what has
// happened is worth that. A deadline is kept to the point.
const settle = 250 * time.Millisecond

// ask does work within the limit, whatever the client does: rueidis can wait longer than its context says, for room in
// a full queue or for a connection that another call is making. What is abandoned goes on until the client gives it up.
// after, if any, runs when the answer has been taken.
func (st *Store) ask(ctx context.Context, do work, after func([]rueidis.RedisResult)) ([]rueidis.RedisResult, error) {
	return st.askNode(ctx, st.client, do, after)
}

// askNode is ask of one server of several.
func (st *Store) askNode(
	ctx context.Context, node rueidis.Client, do work, after func([]rueidis.RedisResult),
) ([]rueidis.RedisResult, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	limit, ok := ctx.Deadline()
	if latest := time.Now().Add(st.cfg.Timeout); !ok || latest.Before(limit) {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, latest)
		defer cancel()
		limit = latest
	}
	answered := make(chan answer, 1)
	go func() {
		var a answer
		a.results, a.err = again(patient{ctx, limit}, ctx, node, do)
		answered <- a
		if after != nil && a.err == nil {
			after(a.results)
		}
	}()
	select {
	case a := <-answered:
		return a.results, a.err
	case <-ctx.Done():
	}
	select {
	case a := <-answered:
		return a.results, a.err
	default:
	}
	err := ctx.Err()
	if errors.Is(err, context.DeadlineExceeded) {
		return nil, context.DeadlineExceeded
	}
	timer := time.NewTimer(min(settle, time.Until(limit)))
	defer timer.Stop()
	select {
	case a := <-answered:
		return a.results, a.err
	case <-timer.C:
		return nil, err
	}
}

type answer struct {
	results []rueidis.RedisResult
	err     error
}

// patient is the context that the client gets: it ends with the limit and not when the caller leaves, so that what was
// begun is known. It has no channel for the client to watch: the caller watches its own, and whatever the client waits for
// beyond the limit costs a goroutine either way.
type patient struct {
	context.Context // of the caller, for its values
	limit           time.Time
}

func (c patient) Deadline() (time.Time, bool) { return c.limit, true }
func (c patient) Done() <-chan struct{}       { return nil }
func (c patient) Err() error {
	if time.Now().Before(c.limit) {
		return nil
	}
	return context.DeadlineExceeded
}

// again repeats work that was refused before any of it was done, until it is done, the time is over or nobody waits.
func again(call, ctx context.Context, client rueidis.Client, do work) ([]rueidis.RedisResult, error) {
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		results, err := do(call, client)
		if err == nil || !refused(err) || ctx.Err() != nil {
			return results, err
		}
		timer := time.NewTimer(pause/2 + rand.N(pause))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, fmt.Errorf("%w: %w", ctx.Err(), err)
		case <-timer.C:
		}
	}
}

// refused reports whether err says that the engine did nothing and may do it a moment later: it is starting, or a
// replica is being made the primary, a slot is moving, or nobody listens.
func refused(err error) bool {
	var answer *rueidis.RedisError
	if errors.As(err, &answer) {
		code, _, _ := strings.Cut(answer.Error(), " ")
		switch code {
		case "LOADING", "TRYAGAIN", "CLUSTERDOWN", "MASTERDOWN", "READONLY", "BUSY":
			return true
		}
		return false
	}
	var dial *net.OpError
	return errors.As(err, &dial) && dial.Op == "dial"
}

// eval runs a script and returns its answer: one text, or several.
func (st *Store) eval(ctx context.Context, s *script, keys []string, args ...string) (reply, error) {
	results, err := st.ask(ctx, st.script(s, keys, args), nil)
	if err != nil {
		return nil, err
	}
	return readReply(results[0])
}

func (st *Store) script(s *script, keys, args []string) work {
	return func(ctx context.Context, client rueidis.Client) ([]rueidis.RedisResult, error) {
		result := client.Do(ctx, s.command(client.B(), false, keys, args))
		if noScript(result.Error()) {
			result = client.Do(ctx, s.command(client.B(), true, keys, args))
		}
		return []rueidis.RedisResult{result}, failed(result)
	}
}

func noScript(err error) bool {
	answer, ok := rueidis.IsRedisErr(err)
	return ok && answer.IsNoScript()
}

// failed is a result's error, where a nil answer is none.
func failed(results ...rueidis.RedisResult) error {
	for _, result := range results {
		if err := result.Error(); err != nil && !rueidis.IsRedisNil(err) {
			return err
		}
	}
	return nil
}

// reply is what a script answers.
type reply []string

func readReply(result rueidis.RedisResult) (reply, error) {
	message, err := result.ToMessage()
	if err != nil {
		return nil, err
	}
	if !message.IsArray() {
		text, err := message.ToString()
		return reply{text}, err
	}
	all, err := message.ToArray()
	if err != nil {
		return nil, err
	}
	r := make(reply, len(all))
	for i := range all {
		if all[i].IsInt64() {
			n, _ := all[i].AsInt64()
			r[i] = fmt.Sprint(n)
			continue
		}
		if r[i], err = all[i].ToString(); err != nil {
			return nil, err
		}
	}
	return r, nil
}

var (
	errSubject = errors.New("an update may not change the subject of a session")
	errTaken   = errors.New("the ID is taken")
)

// err is the contract's word for a script's answer, nil if it did what it was asked.
func (r reply) err() error {
	switch r[0] {
	case "OK":
		return nil
	case "GONE":
		return sojourn.ErrNotFound
	case "CONFLICT":
		return sojourn.ErrConflict
	case "ENDED":
		return sojourn.ErrEnded
	case "LARGE":
		return sojourn.ErrTooLarge
	case "CORRUPT":
		return sojourn.ErrCorrupt
	case "NEWER":
		return sojourn.ErrNewer
	case "TAKEN":
		return errTaken
	case "SUBJECT":
		return errSubject
	}
	return fmt.Errorf("answer %.20q of a script", r[0])
}

// failure names what failed. The contract's answers stay as they are.
func failure(op string, err error) error {
	for _, answer := range [...]error{
		nil, sojourn.ErrNotFound, sojourn.ErrConflict, sojourn.ErrEnded, sojourn.ErrTooLarge, sojourn.ErrCorrupt, sojourn.ErrNewer,
	} {
		if err == answer {
			return err
		}
	}
	if errors.Is(err, ErrReplicas) {
		return err
	}
	return fmt.Errorf("redisstore: %s: %w", op, err)
}
