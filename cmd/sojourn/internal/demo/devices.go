package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/sojourn-go/sojourn"
)

// device is one session of the account as the page shows it.
type device struct {
	ID         sojourn.ID
	Label      string
	SignedIn   time.Time
	Seen       time.Time
	Remembered bool
	Current    bool
}

// deviceList is the part of the page that is fetched again when something happened.
type deviceList struct {
	Name    string
	Devices []device
	Others  int
}

func (a *App) devicesPage(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
	list, err := a.devices(r, s)
	if err != nil {
		sojourn.Error(w, r, err)
		return
	}
	a.page(w, r, s, http.StatusOK, "devices", list)
}

// devicesList is for an open page: what its account's devices are now, 401 if its session has ended, or 409 if only its
// token was replaced. It takes no notice away from the page that is to show it.
func (a *App) devicesList(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
	if s.Subject() == "" {
		// Another page of this browser may be getting a new token at this moment: then this one has it the next time.
		s.Renew()
		if err := s.Commit(r.Context()); err != nil {
			sojourn.Error(w, r, err)
			return
		}
		http.Error(w, "signed out", http.StatusUnauthorized)
		return
	}
	list, err := a.devices(r, s)
	if err != nil {
		sojourn.Error(w, r, err)
		return
	}
	a.pages.write(w, http.StatusOK, "devices", "list", list)
}

func (a *App) devices(r *http.Request, s *sojourn.Session) (deviceList, error) {
	entries, err := a.sessions.Sessions(r.Context(), s.Subject())
	if err != nil {
		return deviceList{}, err
	}
	name, _ := who.Get(s)
	list := deviceList{Name: name}
	for _, e := range entries {
		d := device{
			ID:         e.ID,
			Label:      e.Facts.Label,
			SignedIn:   e.Facts.Authenticated,
			Seen:       e.Seen,
			Remembered: e.Facts.Remembered,
			Current:    e.ID == s.ID(),
		}
		if d.Current {
			list.Devices = append([]device{d}, list.Devices...)
			continue
		}
		list.Devices = append(list.Devices, d)
		list.Others++
	}
	return list, nil
}

// revoke ends one session. The ID is public and comes from the client; that the session is the subject's own is checked by
// Revoke, and another's is as unknown as one that never was.
func (a *App) revoke(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
	id, err := sojourn.ParseID(r.PathValue("id"))
	if err != nil {
		a.notFoundPage(w, r, s)
		return
	}
	switch err := a.sessions.Revoke(r.Context(), s.Subject(), id); {
	case errors.Is(err, sojourn.ErrNotFound):
		a.notFoundPage(w, r, s)
	case err != nil:
		sojourn.Error(w, r, err)
	default:
		a.hub.Tell(s.Subject(), "Another device was signed out.")
		notice.Set(s, "The device is signed out.")
		http.Redirect(w, r, "/devices", http.StatusSeeOther)
	}
}

func (a *App) revokeOthers(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
	n, err := a.endOthers(r.Context(), s)
	if errors.Is(err, errNobodyStays) {
		notice.Set(s, "All devices are signed out, this one too. Please sign in again.")
		http.Redirect(w, r, "/signin", http.StatusSeeOther)
		return
	}
	if err != nil {
		sojourn.Error(w, r, err)
		return
	}
	if n > 0 {
		a.hub.Tell(s.Subject(), "All other devices were signed out.")
	}
	notice.Set(s, othersNotice(n))
	http.Redirect(w, r, "/devices", http.StatusSeeOther)
}

// errNobodyStays is the answer of endOthers when it has ended this session too.
var errNobodyStays = errors.New("demo: all sessions are ended")

// endOthers ends all sessions of the account but s, and says how many. It does so whether or not the client stays to hear
// of it.
//
// s gets a new secret first. Whoever has a copy of the old one could renew it himself between the two calls, and would be
// the one who is spared. If he was faster, nobody is.
func (a *App) endOthers(ctx context.Context, s *sojourn.Session) (int, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	account := s.Subject() // known no more once the commit has failed
	// Renew and not Login: a Login would count as one that was under way when the others were ended.
	s.Renew()
	if err := s.Commit(ctx); err != nil {
		if _, err := a.sessions.RevokeAll(ctx, account); err != nil {
			return 0, err
		}
		s.Logout()
		return 0, errNobodyStays
	}
	return a.sessions.RevokeOthers(ctx, account, s.ID())
}

func othersNotice(n int) string {
	switch n {
	case 0:
		return "No other device was signed in."
	case 1:
		return "One other device is signed out."
	}
	return fmt.Sprintf("%d other devices are signed out.", n)
}
