package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// report is what the index tells of a report in OSV form (https://ossf.github.io/osv-schema/).
type report struct {
	ID       string    `json:"id"`
	Modified time.Time `json:"modified"`
	Aliases  []string  `json:"aliases"`
	Affected []struct {
		Package struct {
			Name      string `json:"name"`
			Ecosystem string `json:"ecosystem"`
		} `json:"package"`
	} `json:"affected"`
}

// The index, as https://go.dev/doc/security/vuln/database#api has it.
type (
	databaseEntry struct {
		Modified time.Time `json:"modified"`
	}
	moduleEntry struct {
		Path  string       `json:"path"`
		Vulns []moduleVuln `json:"vulns"`
	}
	// moduleVuln goes without the optional field "fixed", the version that no later one is affected by. With it govulncheck
	// saves reading a report whose own ranges say the same; with a wrong one it would be silent.
	moduleVuln struct {
		ID       string    `json:"id"`
		Modified time.Time `json:"modified"`
	}
	vulnEntry struct {
		ID       string    `json:"id"`
		Modified time.Time `json:"modified"`
		Aliases  []string  `json:"aliases,omitempty"`
	}
)

// makeDatabase writes a database of all reports, files <ID>.json, to dir, which is created or is empty, and returns how many
// there are. Reports are copied byte by byte. Withdrawn ones are among them, as in the database online: who reads a report
// sees that it is withdrawn. modified is the date of the database, and of reports that do not tell theirs.
func makeDatabase(dir string, reports fs.FS, modified time.Time) (n int, err error) {
	if err := makeEmpty(dir, "ID", "index"); err != nil {
		return 0, err
	}
	files, err := fs.Glob(reports, "*.json")
	if err != nil {
		return 0, err
	}
	var vulns []vulnEntry
	modules := map[string][]moduleVuln{}
	for _, name := range files {
		text, err := fs.ReadFile(reports, name)
		if err != nil {
			return 0, err
		}
		r, err := parseReport(name, text)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", name, err)
		}
		if r.Modified.IsZero() {
			r.Modified = modified
		}
		vulns = append(vulns, vulnEntry{r.ID, r.Modified, r.Aliases})
		for _, path := range r.modules() {
			modules[path] = append(modules[path], moduleVuln{r.ID, r.Modified})
		}
		if err := os.WriteFile(filepath.Join(dir, "ID", name), text, 0o644); err != nil {
			return 0, err
		}
	}
	if len(vulns) == 0 {
		// govulncheck would find nothing, and all would look well.
		return 0, errors.New("no reports")
	}
	index := make([]moduleEntry, 0, len(modules))
	for _, path := range slices.Sorted(maps.Keys(modules)) {
		index = append(index, moduleEntry{path, modules[path]})
	}
	return len(vulns), cmp.Or(
		writeJSON(filepath.Join(dir, "index", "db.json"), databaseEntry{modified}),
		writeJSON(filepath.Join(dir, "index", "vulns.json"), vulns),
		writeJSON(filepath.Join(dir, "index", "modules.json"), index),
	)
}

func parseReport(name string, text []byte) (report, error) {
	var r report
	if err := json.Unmarshal(text, &r); err != nil {
		return report{}, err
	}
	if r.ID+".json" != name {
		return report{}, fmt.Errorf("has the ID %q", r.ID)
	}
	if len(r.Affected) == 0 {
		return report{}, errors.New("affects no module")
	}
	for _, a := range r.Affected {
		if a.Package.Name == "" || a.Package.Ecosystem != "Go" {
			return report{}, fmt.Errorf("affects %q of %q, which is no Go module", a.Package.Name, a.Package.Ecosystem)
		}
	}
	return r, nil
}

// modules returns the module paths that the report is about, each once: one with several ranges of versions may stand in it
// several times.
func (r report) modules() []string {
	var paths []string
	for _, a := range r.Affected {
		paths = append(paths, a.Package.Name)
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// makeEmpty creates dir with the folders below it, and refuses one with anything in it: old reports would mix with new ones.
func makeEmpty(dir string, below ...string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	if len(entries) > 0 {
		return fmt.Errorf("folder %s is not empty", dir)
	}
	for _, name := range below {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			return err
		}
	}
	return nil
}

func writeJSON(path string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o644)
}
