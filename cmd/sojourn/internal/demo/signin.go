package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/sojourn-go/sojourn"
)

// who is the name to greet, filed with the session so that a page needs no look at the accounts.
const who = sojourn.Field[string]("name")

// form is what a sign-up or sign-in page shows again after a mistake: all but the password.
type form struct {
	Name     string
	Next     string
	Remember bool
	Fault    string // what is wrong, for people
	Field    string // the input that it is about
}

func (a *App) signUpPage(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
	a.page(w, r, s, http.StatusOK, "signup", form{Next: localPath(r.FormValue("next"))})
}

func (a *App) signUp(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
	f, password := readForm(r)
	again := func(status int, field, fault string) {
		f.Field, f.Fault = field, fault
		a.page(w, r, s, status, "signup", f)
	}
	name, ok := accountName(f.Name)
	if !ok {
		again(http.StatusUnprocessableEntity, "name", "A name has 2 to 32 letters a–z, digits, dots, dashes or underscores.")
		return
	}
	if fault := passwordFault(password, name); fault != "" {
		again(http.StatusUnprocessableEntity, "password", fault)
		return
	}
	if wait := a.byAddress.Take(address(r)); wait > 0 {
		again(tooMany(w, wait))
		return
	}
	hash, err := a.passwords.Hash(r.Context(), password)
	if err != nil {
		a.failed(w, r, err)
		return
	}
	account, err := a.accounts.Create(r.Context(), name, hash)
	if errors.Is(err, errNameTaken) {
		again(http.StatusUnprocessableEntity, "name", "This name is taken.")
		return
	}
	if err != nil {
		a.failed(w, r, err)
		return
	}
	a.login(w, r, s, account, f, "Welcome, "+account.Name+". Your account is ready.")
}

func (a *App) signInPage(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
	name, _ := who.Get(s) // signed in already: this is to confirm who it is
	a.page(w, r, s, http.StatusOK, "signin", form{Name: name, Next: localPath(r.FormValue("next")), Remember: s.Facts().Remembered})
}

func (a *App) signIn(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
	f, password := readForm(r)
	account, wait, err := a.authenticate(r, f.Name, password)
	switch {
	case wait > 0:
		_, f.Field, f.Fault = tooMany(w, wait)
		a.page(w, r, s, http.StatusTooManyRequests, "signin", f)
	case errors.Is(err, errNoAccount):
		f.Field, f.Fault = "password", "Wrong name or password."
		a.page(w, r, s, http.StatusUnprocessableEntity, "signin", f)
	case err != nil:
		a.failed(w, r, err)
	default:
		a.login(w, r, s, account, f, "Welcome back, "+account.Name+".")
	}
}

// login makes account the session's owner. Of what the visitor collected only the cart stays: whatever else somebody may
// have planted before the login counts for nothing after it.
func (a *App) login(w http.ResponseWriter, r *http.Request, s *sojourn.Session, account Account, f form, welcome string) {
	s.Login(account.ID, string(cart))
	s.Remember(f.Remember)
	who.Set(s, account.Name)
	notice.Set(s, welcome)
	// Committed here and not with the response, so that the other pages find the new device when they look.
	if err := s.Commit(r.Context()); err != nil {
		sojourn.Error(w, r, err)
		return
	}
	a.hub.Tell(account.ID, "Signed in on another device: "+browser(r)+".")
	http.Redirect(w, r, f.Next, http.StatusSeeOther)
}

func (a *App) signOut(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
	subject := s.Subject()
	s.Logout()
	if err := s.Commit(r.Context()); err != nil {
		sojourn.Error(w, r, err)
		return
	}
	if subject != "" {
		a.hub.Tell(subject, "Signed out on another device: "+browser(r)+".")
	}
	http.Redirect(w, r, "/signedout", http.StatusSeeOther)
}

// signedOutPage is where a sign-out leads. A notice on another page would need a session, right after the one that ended.
func (a *App) signedOutPage(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
	if s.Subject() != "" {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	a.page(w, r, s, http.StatusOK, "message", message{"You are signed out",
		"The session is over. Its cookie is gone from this browser, and its row from the database."})
}

// authenticate finds the account of a name and password. Unknown name and wrong password are both errNoAccount and cost
// one hash each. A positive wait means that it did not look at all: too many have been tried.
func (a *App) authenticate(r *http.Request, typed, password string) (account Account, wait time.Duration, err error) {
	ctx := r.Context()
	if wait := a.byAddress.Take(address(r)); wait > 0 {
		return Account{}, wait, nil
	}
	name, ok := accountName(typed)
	if !ok || len(password) > maxPassword {
		return Account{}, 0, errNoAccount // no account can have these; nothing to find out from the time
	}
	if wait := a.byAccount.Take(name); wait > 0 {
		return Account{}, wait, nil
	}
	account, err = a.accounts.ByName(ctx, name)
	if errors.Is(err, errNoAccount) {
		if err := a.passwords.Mismatch(ctx, password); err != nil {
			return Account{}, 0, err
		}
		return Account{}, 0, errNoAccount
	}
	if err != nil {
		return Account{}, 0, err
	}
	if err := a.checkPassword(ctx, account, password); err != nil {
		return Account{}, 0, err
	}
	return account, 0, nil
}

// checkPassword answers errNoAccount for a wrong password, and gives a right one's attempt back.
func (a *App) checkPassword(ctx context.Context, account Account, password string) error {
	match, err := a.passwords.Match(ctx, account.Password, password)
	if err != nil {
		return err
	}
	if !match {
		return errNoAccount
	}
	a.byAccount.Return(account.Name)
	return nil
}

// readForm reads what the sign-up and sign-in pages send. The password stays out of form, so no page can show it.
func readForm(r *http.Request) (f form, password string) {
	return form{
		Name:     r.PostFormValue("name"),
		Next:     localPath(r.PostFormValue("next")),
		Remember: r.PostFormValue("remember") != "",
	}, r.PostFormValue("password")
}

// tooMany says how long to wait, to programs in a header and to people in a sentence.
func tooMany(w http.ResponseWriter, wait time.Duration) (status int, field, fault string) {
	seconds := int(wait/time.Second) + 1
	w.Header().Set("Retry-After", strconv.Itoa(seconds))
	return http.StatusTooManyRequests, "password", fmt.Sprintf("Too many attempts. Try again in %d seconds.", seconds)
}
