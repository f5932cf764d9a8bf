package demo

import (
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/sojourn-go/sojourn"
)

// freshFor is how long after a sign-in an account's password may be changed without another one.
const freshFor = 10 * time.Minute

func (a *App) passwordPage(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
	if !s.Fresh(freshFor) {
		a.confirmFirst(w, r, s)
		return
	}
	a.page(w, r, s, http.StatusOK, "password", form{})
}

// changePassword asks for the old password although the session is fresh: whoever finds an unlocked screen must not be
// able to keep the account.
func (a *App) changePassword(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
	if !s.Fresh(freshFor) {
		a.confirmFirst(w, r, s)
		return
	}
	again := func(status int, field, fault string) {
		a.page(w, r, s, status, "password", form{Field: field, Fault: fault})
	}
	account, err := a.accounts.ByID(r.Context(), s.Subject())
	if err != nil {
		a.failed(w, r, err)
		return
	}
	current, chosen := r.PostFormValue("current"), r.PostFormValue("password")
	if fault := passwordFault(chosen, account.Name); fault != "" {
		again(http.StatusUnprocessableEntity, "password", fault)
		return
	}
	account, wait, err := a.authenticate(r, account.Name, current)
	if wait > 0 {
		status, _, fault := tooMany(w, wait)
		again(status, "current", fault)
		return
	}
	if errors.Is(err, errNoAccount) {
		again(http.StatusUnprocessableEntity, "current", "This is not your current password.")
		return
	}
	if err != nil {
		a.failed(w, r, err)
		return
	}
	hash, err := a.passwords.Hash(r.Context(), chosen)
	if err != nil {
		a.failed(w, r, err)
		return
	}
	// First the password, then the sessions: a sign-in that still saw the old password began before the others are
	// ended, and is refused then.
	err = a.accounts.SetPassword(r.Context(), account, hash)
	if errors.Is(err, errNoAccount) { // another change was faster
		again(http.StatusUnprocessableEntity, "current", "This is not your current password any more.")
		return
	}
	if err != nil {
		a.failed(w, r, err)
		return
	}
	_, err = a.endOthers(r.Context(), s)
	if errors.Is(err, errNobodyStays) {
		notice.Set(s, "Your password is changed, and all devices are signed out. Please sign in with the new one.")
		http.Redirect(w, r, "/signin", http.StatusSeeOther)
		return
	}
	if err != nil {
		a.log.ErrorContext(r.Context(), "end other sessions", "error", err)
		a.apology(w, r, http.StatusServiceUnavailable, "Your password is changed, but the other devices may still be signed in. "+
			"Please sign them out on the page of your devices.")
		return
	}
	notice.Set(s, "Your password is changed, and all other devices are signed out.")
	a.hub.Tell(s.Subject(), "The password was changed. All other devices are signed out.")
	http.Redirect(w, r, "/devices", http.StatusSeeOther)
}

// confirmFirst asks for another sign-in and comes back.
func (a *App) confirmFirst(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
	notice.Set(s, "Please confirm that it is you.")
	http.Redirect(w, r, "/signin?"+url.Values{"next": {"/password"}}.Encode(), http.StatusSeeOther)
}
