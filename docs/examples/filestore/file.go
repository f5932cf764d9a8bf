package filestore

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sojourn-go/sojourn"
)

// format is raised with any change of record: one release reads the new one, and a later one writes it.
const format = 1

// record is what a file holds. The texts of values are JSON strings: read as JSON, 1.00 would come back as 1.
type record struct {
	Format  int               `json:"format"`
	Version uint64            `json:"version"`
	Expires time.Time         `json:"expires"`
	Facts   []byte            `json:"facts"` // the binary form, with its own format and checksum
	Values  map[string]string `json:"values"`
}

// read returns a session that lives at now.
func (s *Store) read(ctx context.Context, id sojourn.ID, now time.Time) (sojourn.State, error) {
	if err := ctx.Err(); err != nil {
		return sojourn.State{}, err
	}
	text, err := s.root.ReadFile(id.String())
	if errors.Is(err, fs.ErrNotExist) {
		return sojourn.State{}, sojourn.ErrNotFound
	}
	if err != nil {
		return sojourn.State{}, err
	}
	state, err := decode(text, now)
	if err == nil && state.TTL <= 0 {
		return sojourn.State{}, sojourn.ErrNotFound
	}
	return state, err
}

// write replaces a session's file at once: a crash leaves the old one or the new one.
func (s *Store) write(id sojourn.ID, state sojourn.State, now time.Time) error {
	const draft = "draft" // no ID is spelled like it
	text, err := encode(state, now)
	if err == nil {
		err = s.root.WriteFile(draft, text, 0o600)
	}
	if err == nil {
		err = s.root.Rename(draft, id.String())
	}
	return err
}

func encode(state sojourn.State, now time.Time) ([]byte, error) {
	facts, err := state.Facts.MarshalBinary()
	if err != nil {
		return nil, err
	}
	values := make(map[string]string)
	for name, text := range state.Values.All() {
		values[armor(name)] = armor(text)
	}
	return json.MarshalIndent(record{format, state.Version, now.Add(state.TTL).UTC(), facts, values}, "", "\t")
}

// decode returns the state with the version and the TTL that remains, which is not positive if the session has expired.
func decode(text []byte, now time.Time) (sojourn.State, error) {
	var r record
	err := json.Unmarshal(text, &r) // reads on after a field that it cannot use, so the format is known
	if r.Format > format {
		return sojourn.State{}, sojourn.ErrNewer
	}
	if err != nil || r.Format < format || r.Version == 0 {
		return sojourn.State{}, sojourn.ErrCorrupt
	}
	facts, err := sojourn.ParseFacts(string(r.Facts))
	if err != nil {
		return sojourn.State{}, err // ErrCorrupt or ErrNewer
	}
	values := make(map[string]string)
	for name, text := range r.Values {
		values[disarm(name)] = disarm(text)
	}
	return sojourn.State{
		Facts: facts, Values: sojourn.CollectValues(maps.All(values)), TTL: r.Expires.Sub(now), Version: r.Version,
	}, nil
}

// inBase64 marks a name or a text that is not UTF-8: encoding/json would replace its bytes.
const inBase64 = "base64:"

func armor(s string) string {
	if utf8.ValidString(s) && !strings.HasPrefix(s, inBase64) {
		return s
	}
	return inBase64 + base64.StdEncoding.EncodeToString([]byte(s))
}

func disarm(s string) string {
	if code, ok := strings.CutPrefix(s, inBase64); ok {
		if b, err := base64.StdEncoding.DecodeString(code); err == nil {
			return string(b)
		}
	}
	return s
}
