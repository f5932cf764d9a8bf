package main

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// patience is how long a database online may take to tell its date.
const patience = 10 * time.Second

// lastModified asks a database for its date, in the way in which govulncheck will ask: files as they are, servers for what is
// compressed.
func lastModified(ctx context.Context, database string) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	text, err := readIndex(ctx, database)
	if err != nil {
		return time.Time{}, err
	}
	var entry databaseEntry
	if err := json.Unmarshal(text, &entry); err != nil {
		return time.Time{}, fmt.Errorf("index/db: %w", err)
	}
	if entry.Modified.IsZero() {
		return time.Time{}, errors.New("index/db has no date")
	}
	return entry.Modified, nil
}

func readIndex(ctx context.Context, database string) ([]byte, error) {
	u, err := url.Parse(strings.TrimRight(database, "/"))
	if err != nil {
		return nil, err
	}
	switch u.Scheme {
	case "https", "http":
		return getCompressed(ctx, u.JoinPath("index", "db.json.gz").String())
	case "file":
		if u.Host != "" {
			return nil, fmt.Errorf("a URL of a folder has three slashes, file:///%s%s", u.Host, u.Path)
		}
		return os.ReadFile(filepath.Join(filepath.FromSlash(u.Path), "index", "db.json"))
	}
	return nil, errors.New("its URL begins with https:// or file:///")
}

func getCompressed(ctx context.Context, address string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET %s: %s", address, resp.Status)
	}
	plain, err := gzip.NewReader(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("GET %s: %w", address, err)
	}
	return io.ReadAll(io.LimitReader(plain, 1<<20))
}

func fileURL(dir string) string {
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(dir)}).String()
}
