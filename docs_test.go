package sojourn_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every Go snippet of the README and the docs stands, line for line, in a file that is compiled and tested.
func TestDocs_everySnippetIsCompiledSomewhere(t *testing.T) {
	sources := goSources(t)
	for _, page := range pages(t) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for i, snippet := range snippets(string(text)) {
			if !strings.Contains(sources, snippet) {
				t.Errorf("%s: snippet %d stands in no Go file:\n%s", page, i+1, snippet)
			}
		}
	}
}

// Every relative link of the README and the docs leads to a file.
func TestDocs_linksLeadSomewhere(t *testing.T) {
	for _, page := range pages(t) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, after := range strings.Split(prose(string(text)), "](")[1:] {
			link, _, _ := strings.Cut(after, ")")
			link, _, _ = strings.Cut(link, "#")
			if link == "" || strings.Contains(link, "://") || strings.HasPrefix(link, "mailto:") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), link)); err != nil {
				t.Errorf("%s: link %q: %v", page, link, err)
			}
		}
	}
}

func pages(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/adr/*.md", "stores/*/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, found...)
	}
	return all
}

// goSources is all Go code of the repository, without leading white space in its lines.
func goSources(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".go" {
			return err
		}
		text, err := os.ReadFile(path)
		b.WriteString(flush(string(text)))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func snippets(page string) []string {
	var all []string
	for _, after := range strings.Split(page, "\n```go\n")[1:] {
		code, _, _ := strings.Cut(after, "\n```")
		all = append(all, flush(code))
	}
	return all
}

// prose is a page without its code.
func prose(page string) string {
	var b strings.Builder
	for i, part := range strings.Split(page, "`") {
		if i%2 == 0 {
			b.WriteString(part)
		}
	}
	return b.String()
}

// flush takes the indentation from every line.
func flush(code string) string {
	var b strings.Builder
	for line := range strings.Lines(code) {
		b.WriteString(strings.TrimSpace(line))
		b.WriteByte('\n')
	}
	return b.String()
}
