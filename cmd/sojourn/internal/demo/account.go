package demo

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Account is somebody who can sign in.
type Account struct {
	ID       string // the subject of sessions: random, never used again, and not the name, which may change
	Name     string
	Password string // as Passwords.Hash made it
}

var (
	errNoAccount = errors.New("no such account")
	errNameTaken = errors.New("name is taken")
)

// Accounts keeps accounts in a table of their own.
type Accounts struct {
	db  *sql.DB
	now func() time.Time
}

// Migrate creates the table if it is missing.
func (ac *Accounts) Migrate(ctx context.Context) error {
	_, err := ac.db.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS demo_accounts (
		id       TEXT PRIMARY KEY,
		name     TEXT NOT NULL UNIQUE,
		password TEXT NOT NULL,
		created  INTEGER NOT NULL
	) STRICT`)
	if err != nil {
		return fmt.Errorf("create accounts: %w", err)
	}
	return nil
}

// Create adds an account. The unique name decides between two who want it at the same moment: errNameTaken.
func (ac *Accounts) Create(ctx context.Context, name, password string) (Account, error) {
	account := Account{ID: rand.Text(), Name: name, Password: password}
	result, err := ac.db.ExecContext(ctx,
		`INSERT INTO demo_accounts (id, name, password, created) VALUES (?, ?, ?, ?) ON CONFLICT (name) DO NOTHING`,
		account.ID, account.Name, account.Password, ac.now().UnixMilli())
	if err != nil {
		return Account{}, fmt.Errorf("create account: %w", err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return Account{}, fmt.Errorf("create account: %w", err)
	}
	if n == 0 {
		return Account{}, errNameTaken
	}
	return account, nil
}

// ByName finds an account: errNoAccount if there is none.
func (ac *Accounts) ByName(ctx context.Context, name string) (Account, error) {
	return ac.find(ctx, `SELECT id, name, password FROM demo_accounts WHERE name = ?`, name)
}

// ByID finds the account of a session's subject: errNoAccount if there is none.
func (ac *Accounts) ByID(ctx context.Context, id string) (Account, error) {
	return ac.find(ctx, `SELECT id, name, password FROM demo_accounts WHERE id = ?`, id)
}

func (ac *Accounts) find(ctx context.Context, query, arg string) (account Account, err error) {
	err = ac.db.QueryRowContext(ctx, query, arg).Scan(&account.ID, &account.Name, &account.Password)
	if errors.Is(err, sql.ErrNoRows) {
		return Account{}, errNoAccount
	}
	if err != nil {
		return Account{}, fmt.Errorf("find account: %w", err)
	}
	return account, nil
}

// SetPassword replaces the account's password if it is still the one that account has: of two changes at once the second
// was checked against a password that is no longer valid, and is errNoAccount.
func (ac *Accounts) SetPassword(ctx context.Context, account Account, password string) error {
	result, err := ac.db.ExecContext(ctx,
		`UPDATE demo_accounts SET password = ? WHERE id = ? AND password = ?`, password, account.ID, account.Password)
	if err != nil {
		return fmt.Errorf("set password: %w", err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return fmt.Errorf("set password: %w", err)
	}
	if n == 0 {
		return errNoAccount
	}
	return nil
}

// accountName brings a name to its one spelling. Plain ASCII, so that no two names look alike.
func accountName(typed string) (name string, ok bool) {
	name = strings.ToLower(strings.TrimSpace(typed))
	if len(name) < 2 || len(name) > 32 {
		return "", false
	}
	for _, c := range []byte(name) {
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '.' || c == '-' || c == '_') {
			return "", false
		}
	}
	return name, true
}
