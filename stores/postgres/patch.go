package postgresstore

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/sojourn-go/sojourn"
)

// Patch implements [sojourn.Patcher]: the engine checks and changes the row. Only the patch is sent, and nothing of the
// session comes back. Many at once share round trips and commits. A patch that is refused, or comes in a session's last ten
// seconds or while another node changes it, takes a second round trip.
func (st *Store) Patch(ctx context.Context, key sojourn.Key, p sojourn.Patch, ttl time.Duration) error {
	args, err := patchArguments(key, p, ttl)
	if err != nil {
		return err
	}
	var quick *write
	if st.cfg.Notify != NotifyChanges && !p.Clear {
		quick = &write{sql: st.sql.quickPatch, args: quickArguments(args, p), id: uuid(key.ID()), bytes: p.Set.Size() + p.Expect.Size()}
	}
	return st.do(ctx, "patch", writing, func() error {
		if quick != nil {
			if err := st.write(ctx, quick); err != nil || quick.changed {
				return err
			}
		}
		var v verdict
		err := st.pool.QueryRow(ctx, st.sql.patch, args...).Scan(&v, nil)
		return v.orElse(err)
	})
}

// quickArguments are those of the quick statement. A jsonb value of strings takes no less room than its names and texts, and
// 8 bytes more for each name.
func quickArguments(args []any, p sojourn.Patch) []any {
	size, names := int64(math.MaxInt64), int64(math.MaxInt64/8)
	if p.MaxSize > 0 {
		size = int64(p.MaxSize)
	}
	if p.MaxNames > 0 {
		names = int64(min(p.MaxNames, math.MaxInt64/8))
	}
	certain := min(size, 8*names) - int64(p.Set.Size()) - 8*int64(p.Set.Len())
	return append(slices.Clone(args[:5]), args[7], args[8], certain, size, names)
}

func patchArguments(key sojourn.Key, p sojourn.Patch, ttl time.Duration) ([]any, error) {
	life, err := lifeOf(ttl)
	if err != nil {
		return nil, err
	}
	if p.Set.Size() > maxSize {
		return nil, sojourn.ErrTooLarge
	}
	// The empty text is no text: expecting it expects that the name is absent, and setting it removes the name.
	expected, absent, err := split(p.Expect)
	if err != nil {
		return nil, err
	}
	set, unset, err := split(p.Set)
	if err != nil {
		return nil, err
	}
	remove := append(storable(p.Remove), unset...)
	return []any{
		uuid(key.ID()), life, int64(p.Generation), expected, absent, p.Clear, storable(p.Keep), remove, set,
		int64(p.MaxSize), int64(p.MaxNames),
	}, nil
}

// split returns the names with a text as the engine keeps them, and those without.
func split(v sojourn.Values) (object string, empty []string, err error) {
	empty = []string{} // nil would be NULL
	object, err = encodeValues(func(yield func(name, text string) bool) {
		for name, text := range v.All() {
			if text == "" {
				empty = append(empty, name)
			} else if !yield(name, text) {
				return
			}
		}
	})
	return object, storable(empty), err
}

// storable returns those names that the engine can hold, for where it does not matter that no session has the others.
func storable(names []string) []string {
	kept := make([]string, 0, len(names))
	for _, name := range names {
		if isText(name) {
			kept = append(kept, name)
		}
	}
	return kept
}
