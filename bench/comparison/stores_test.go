package comparison

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	scsmem "github.com/alexedwards/scs/v2/memstore"
	ginmem "github.com/gin-contrib/sessions/memstore"
	"github.com/gorilla/sessions"

	"github.com/sojourn-go/sojourn"
)

// Stores that count their calls.

type countedSojourn struct {
	sojourn.Store
	calls *atomic.Int64
}

func (s *countedSojourn) Unwrap() sojourn.Store { return s.Store }

func (s *countedSojourn) Load(ctx context.Context, key sojourn.Key) (sojourn.State, error) {
	s.calls.Add(1)
	return s.Store.Load(ctx, key)
}

type countedSCS struct {
	*scsmem.MemStore
	calls atomic.Int64
}

func (s *countedSCS) Find(token string) ([]byte, bool, error) {
	s.calls.Add(1)
	return s.MemStore.Find(token)
}

type countedGorilla struct {
	sessions.Store
	calls atomic.Int64
}

func (s *countedGorilla) Get(r *http.Request, name string) (*sessions.Session, error) {
	s.calls.Add(1)
	return s.Store.Get(r, name)
}

type countedGin struct {
	ginmem.Store
	calls atomic.Int64
}

func (s *countedGin) Get(r *http.Request, name string) (*sessions.Session, error) {
	s.calls.Add(1)
	return s.Store.Get(r, name)
}

// fiberStorage is a fiber.Storage over a map.
type fiberStorage struct {
	calls atomic.Int64
	mu    sync.Mutex
	m     map[string][]byte
}

func newFiberStorage() *fiberStorage { return &fiberStorage{m: make(map[string][]byte)} }

func (s *fiberStorage) dump(*testing.T) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	for key, value := range s.m {
		b.WriteString(key)
		b.Write(value)
	}
	return b.String()
}

func (s *fiberStorage) Get(key string) ([]byte, error) {
	s.calls.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.m[key], nil
}

func (s *fiberStorage) Set(key string, value []byte, _ time.Duration) error {
	s.calls.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.m[strings.Clone(key)] = append([]byte(nil), value...)
	return nil
}

func (s *fiberStorage) Delete(key string) error {
	s.calls.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.m, key)
	return nil
}

func (s *fiberStorage) Reset() error { return nil }
func (s *fiberStorage) Close() error { return nil }

func (s *fiberStorage) GetWithContext(_ context.Context, key string) ([]byte, error) {
	return s.Get(key)
}
func (s *fiberStorage) DeleteWithContext(_ context.Context, key string) error { return s.Delete(key) }
func (s *fiberStorage) ResetWithContext(context.Context) error                { return nil }
func (s *fiberStorage) SetWithContext(_ context.Context, key string, value []byte, ttl time.Duration) error {
	return s.Set(key, value, ttl)
}
