// Command vulndb says which vulnerability database govulncheck shall ask, and makes one where none can be reached.
//
//	go run -C tools ./vulndb -dir /an/empty/folder [URL]
//
// That is URL if there is one, else https://vuln.go.dev if it answers, else a database that the command makes in dir from the
// module golang.org/x/vulndb, which any proxy of Go modules has. Standard output gets the argument of govulncheck's -db, and
// standard error one line that says which database it is and of what date.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"time"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("vulndb: ")
	dir := flag.String("dir", "", "folder for a database made from the module; it is created, or is empty")
	online := flag.String("online", "https://vuln.go.dev", "database to ask if none is given")
	flag.Parse()
	if flag.NArg() > 1 {
		log.Fatalf("one URL at most, not %q", flag.Args())
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	url, err := choose(ctx, flag.Arg(0), *online, *dir)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(url)
}

// choose returns the URL of the database and logs what it is.
func choose(ctx context.Context, given, online, dir string) (string, error) {
	if given != "" {
		modified, err := lastModified(ctx, given)
		if err != nil {
			return "", fmt.Errorf("%s is no vulnerability database: %w", given, err)
		}
		log.Printf("%s of %s, as given", given, date(modified))
		return given, nil
	}
	modified, unreachable := lastModified(ctx, online)
	if unreachable == nil {
		log.Printf("%s of %s", online, date(modified))
		return online, nil
	}
	if dir == "" {
		return "", fmt.Errorf("%w; -dir names a folder for a database made from %s", unreachable, modulePath)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	m, err := downloadModule(ctx)
	if err != nil {
		return "", fmt.Errorf("no vulnerability database: neither %s: %w; nor %s: %w", online, unreachable, modulePath, err)
	}
	n, err := makeDatabase(dir, os.DirFS(m.reports()), m.Time)
	if err != nil {
		return "", fmt.Errorf("%s@%s: %w", modulePath, m.Version, err)
	}
	log.Printf("%s@%s of %s, %d reports, as there is no answer from %s: %v",
		modulePath, m.Version, date(m.Time), n, online, unreachable)
	return fileURL(dir), nil
}

func date(t time.Time) string { return t.UTC().Format(time.DateOnly) }
