package demo

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/sojourn-go/sojourn"
)

const (
	raceRounds     = 20
	raceIncrements = 200
	raceTimeout    = 20 * time.Second
)

// raceResult is what happened, for the page.
type raceResult struct {
	Title  string
	Passed bool
	Rows   []raceRow
}

type raceRow struct{ What, Want, Got string }

func (r raceRow) OK() bool { return r.Want == "" || r.Got == r.Want }

func newRaceResult(title string, rows ...raceRow) raceResult {
	result := raceResult{Title: title, Passed: true, Rows: rows}
	for _, row := range rows {
		result.Passed = result.Passed && row.OK()
	}
	return result
}

// breakData is what the page shows.
type breakData struct {
	Rounds, Increments int
	Results            []raceResult
	Fault              string
}

func (a *App) breakPage(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
	a.page(w, r, s, http.StatusOK, "break", breakData{Rounds: raceRounds, Increments: raceIncrements})
}

func (a *App) breakIt(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
	data := breakData{Rounds: raceRounds, Increments: raceIncrements}
	if wait := a.byRace.Take(address(r)); wait > 0 {
		_, _, data.Fault = tooMany(w, wait)
		a.page(w, r, s, http.StatusTooManyRequests, "break", data)
		return
	}
	select {
	case a.races.running <- struct{}{}:
		defer func() { <-a.races.running }()
	default:
		data.Fault = "Somebody else's race is still running. Try again in a moment."
		a.page(w, r, s, http.StatusTooManyRequests, "break", data)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), raceTimeout)
	defer cancel()
	client := newRacer(r)
	defer client.CloseIdleConnections()

	for _, race := range []func(context.Context, *racer) (raceResult, error){a.raceLogout, raceCounter} {
		result, err := race(ctx, client)
		if err != nil {
			a.failed(w, r, fmt.Errorf("race: %w", err))
			return
		}
		data.Results = append(data.Results, result)
	}
	a.page(w, r, s, http.StatusOK, "break", data)
}

// raceLogout signs out while a slow request of the same session is inside its handler, about to change the session.
func (a *App) raceLogout(ctx context.Context, client *racer) (raceResult, error) {
	start := time.Now()
	readable, cookies, failures := 0, 0, 0
	for i := range raceRounds {
		together := i%2 == 1 // every other time the slow request goes on at the same moment as the sign-out
		seen, err := a.logoutRound(ctx, client, together)
		if err != nil {
			return raceResult{}, err
		}
		if seen.readable {
			readable++
		}
		if seen.cookie {
			cookies++
		}
		if seen.status >= http.StatusInternalServerError {
			failures++
		}
	}
	return newRaceResult("Sign-out against a slow request",
		raceRow{"Sign-outs, each with a request under way", "", strconv.Itoa(raceRounds)},
		raceRow{"Sessions readable afterwards", "0", strconv.Itoa(readable)},
		raceRow{"Cookies set by the late response", "0", strconv.Itoa(cookies)},
		raceRow{"Server errors", "0", strconv.Itoa(failures)},
		raceRow{"Time", "", milliseconds(time.Since(start))},
	), nil
}

// roundResult is what one round left behind.
type roundResult struct {
	readable bool // the old token opened a session
	cookie   bool // the slow request's response set a cookie
	status   int  // of that response
}

func (a *App) logoutRound(ctx context.Context, client *racer, together bool) (seen roundResult, err error) {
	first, err := client.do(ctx, http.MethodPost, "/lab/count", "")
	if err != nil {
		return seen, err
	}
	token := first.cookie
	name, g := a.races.newGate()
	defer a.races.remove(name)

	slow := make(chan answer, 1)
	slowFailed := make(chan error, 1)
	go func() {
		got, err := client.do(ctx, http.MethodPost, "/lab/hold/"+name, token)
		slow <- got
		slowFailed <- err
	}()
	select {
	case <-g.arrived:
	case <-ctx.Done():
		return seen, ctx.Err()
	}
	if together {
		close(g.open)
	}
	if _, err := client.do(ctx, http.MethodPost, "/signout", token); err != nil {
		return seen, err
	}
	if !together {
		close(g.open)
	}
	late, err := <-slow, <-slowFailed
	if err != nil {
		return seen, err
	}
	after, err := client.do(ctx, http.MethodGet, "/lab/count", token)
	return roundResult{readable: after.status == http.StatusOK, cookie: late.cookie != "", status: late.status}, err
}

// raceCounter adds one to the same value of the same session from many requests at once.
func raceCounter(ctx context.Context, client *racer) (raceResult, error) {
	first, err := client.do(ctx, http.MethodPost, "/lab/count", "") // the session begins; counts one
	if err != nil {
		return raceResult{}, err
	}
	token := first.cookie
	start := time.Now()
	answers := make(chan bool, raceIncrements)
	for range raceIncrements {
		go func() {
			got, err := client.do(ctx, http.MethodPost, "/lab/count", token)
			answers <- err == nil && got.status == http.StatusNoContent
		}()
	}
	acknowledged := 0
	for range raceIncrements {
		if <-answers {
			acknowledged++
		}
	}
	took := time.Since(start)
	last, err := client.do(ctx, http.MethodGet, "/lab/count", token)
	if err != nil {
		return raceResult{}, err
	}
	count, err := strconv.Atoi(last.body)
	if err != nil {
		return raceResult{}, fmt.Errorf("count: %w", err)
	}
	if _, err := client.do(ctx, http.MethodPost, "/signout", token); err != nil { // leave nothing behind
		return raceResult{}, err
	}
	return newRaceResult("Parallel increments of one value",
		raceRow{"Requests at once", "", strconv.Itoa(raceIncrements)},
		raceRow{"Acknowledged", share(raceIncrements), share(acknowledged)},
		raceRow{"Counted", share(raceIncrements), share(count - 1)},
		raceRow{"Time", "", milliseconds(took)},
	), nil
}

func share(n int) string { return fmt.Sprintf("%d of %d", n, raceIncrements) }

func milliseconds(d time.Duration) string { return fmt.Sprintf("%d ms", d.Milliseconds()) }
