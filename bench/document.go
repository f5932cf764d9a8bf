package bench

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/sojourn-go/sojourn/bench/report"
)

// Document is a report: Markdown, and the pictures that it shows.
type Document struct {
	Markdown string
	Pictures map[string]string // file name → SVG
}

// Document writes the results down. Pictures are in folder, as seen from the Markdown; command is what made the report.
func (r *Results) Document(folder, command string) (*Document, error) {
	d := &Document{Pictures: make(map[string]string)}
	var b strings.Builder
	about, err := r.about(command)
	if err != nil {
		return nil, err
	}
	b.WriteString(about)

	goals, margins := goalTable(r.Goals())
	fmt.Fprintf(&b, "\n## Goals\n\n%s\n![%s](%s)\n", goals, margins.Title, d.picture(folder, margins))
	add := func(t *report.Table) {
		b.WriteString("\n" + t.Markdown(3, d.picture(folder, t)))
	}
	b.WriteString("\n## One request after the other\n\nProcessor time of the whole process, with garbage collection and, on Redis and PostgreSQL, with the server's; medians of " +
		fmt.Sprintf("%d rounds, in each of which every library had its turn.\n", r.Scale.Rounds))
	for _, s := range r.Serial {
		add(timeTable(s))
	}
	add(allocationTable(r.Serial))
	add(profileTable(r.Profile))
	b.WriteString("\n## To a database\n")
	add(tripTable(r.Trips))
	b.WriteString("\n## Many clients\n\nClients, libraries and servers share the processors, so a rate says how much work a request is; on PostgreSQL without waiting for the disk (`synchronous_commit=off`).\n")
	for _, l := range r.Load {
		add(loadTable(l, r.Scale.Clients))
	}
	b.WriteString("\n## Many sessions\n")
	add(storedTable(r.Stored, r.Scale.Sessions))
	add(sweepTable(r.Sweeps, r.Scale.Sessions))
	b.WriteString("\n## Behind a real server\n")
	add(servedTable(r.Served))
	d.Markdown = b.String()
	return d, nil
}

// about says what was measured, when, on what and how.
func (r *Results) about(command string) (string, error) {
	modules := map[string]string{
		"github.com/redis/rueidis": "", "github.com/redis/go-redis/v9": "", "github.com/jackc/pgx/v5": "", "modernc.org/sqlite": "",
		"github.com/boj/redistore": "", "github.com/wader/gormstore/v2": "", "github.com/gofiber/storage/redis/v3": "",
		"github.com/gofiber/storage/postgres/v3": "", "github.com/gofiber/storage/sqlite3/v2": "", "github.com/mattn/go-sqlite3": "",
		"github.com/alexedwards/scs/goredisstore": "", "github.com/alexedwards/scs/pgxstore": "", "github.com/alexedwards/scs/sqlite3store": "",
		"github.com/quasoft/memstore": "",
	}
	for _, s := range r.Serial {
		for i := range s.Subjects {
			if module := s.Subjects[i].Module; module != "" {
				modules[module] = ""
			}
		}
	}
	names := slices.Sorted(maps.Keys(modules))
	versions, err := report.Versions(names...)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Made by `%s` on %s in %v, on %s, with Redis %s and PostgreSQL %s on the same machine.\n\n", command,
		r.Began.UTC().Format(time.DateOnly), r.Took.Round(time.Second), report.Machine(), r.Setting.Redis.Version, r.Setting.Postgres.Version)
	var libraries []string
	for _, name := range names {
		libraries = append(libraries, strings.TrimPrefix(name, "github.com/")+" "+versions[name])
	}
	fmt.Fprintf(&b, "Libraries, their stores and clients: %s.\n\n", strings.Join(libraries, ", "))
	b.WriteString("gorilla's store in memory is quasoft/memstore, on Redis boj/redistore, and on SQLite and PostgreSQL gormstore. fiber's SQLite is the one in C " +
		"(mattn/go-sqlite3), everybody else's the one in Go. Not measured: stores of gorilla and gin that wrap the same ones. scs and fiber have no store in the cookie.\n")
	return b.String(), nil
}

// picture keeps a table's picture and returns its path.
func (d *Document) picture(folder string, t *report.Table) string {
	name := t.Name + ".svg"
	svg := t.SVG()
	if svg == "" {
		return ""
	}
	d.Pictures[name] = svg
	return folder + "/" + name
}

// Write puts the pictures into folder, and nothing else that ends in .svg.
func (d *Document) Write(folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	old, err := filepath.Glob(filepath.Join(folder, "*.svg"))
	if err != nil {
		return err
	}
	for _, path := range old {
		if _, still := d.Pictures[filepath.Base(path)]; !still {
			if err := os.Remove(path); err != nil {
				return err
			}
		}
	}
	for name, svg := range d.Pictures {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(svg), 0o644); err != nil {
			return err
		}
	}
	return nil
}
