package subject_test

import (
	"testing"

	"github.com/sojourn-go/sojourn/bench/subject"
	"github.com/sojourn-go/sojourn/enginetest"
)

// Every subject does the work that it is measured at, however it is configured.
func TestSubjects_doTheirWork(t *testing.T) {
	for _, store := range []struct {
		name string
		open func(t *testing.T) []subject.Subject
	}{
		{"memory", func(*testing.T) []subject.Subject { return subject.Memory() }},
		{"cookie", func(*testing.T) []subject.Subject { return subject.Cookie() }},
		{"SQLite", func(t *testing.T) []subject.Subject { return subject.SQLite(t.TempDir()) }},
		{"Redis", func(t *testing.T) []subject.Subject {
			return subject.Redis(start(t, func() (*enginetest.Server, error) { return enginetest.Redis() }))
		}},
		{"PostgreSQL", func(t *testing.T) []subject.Subject {
			return subject.Postgres(start(t, func() (*enginetest.Server, error) { return enginetest.Postgres("fsync = off") }))
		}},
	} {
		t.Run(store.name, func(t *testing.T) {
			for _, s := range store.open(t) {
				for _, o := range []subject.Options{{}, {Sliding: true}, {Eager: true}} {
					if err := subject.Check(&s, o); err != nil {
						t.Errorf("%+v: %v", o, err)
					}
				}
			}
		})
	}
}

func start(t *testing.T, server func() (*enginetest.Server, error)) string {
	t.Helper()
	s, err := server()
	enginetest.Require(t, err)
	t.Cleanup(func() { s.Close() })
	return s.Addr()
}
