// Command canary runs tests with secrets that can be recognised, and looks for them wherever they must not be: in what the
// tests print, which is logs, errors and events, and in the files they leave in their temporary folders, which is databases.
//
//	go run -C tools ./canary -dir .. . ./memstore ./stores/sqlite
//
// The core is compiled through an overlay in which half of each secret is the same 16 bytes; source and tests stay as they are.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("canary: ")
	dir := flag.String("dir", ".", "folder of the core")
	skip := flag.String("skip", "^TestToken_isRandomInEveryBit$", "tests that cannot pass so, as go test -skip has it")
	flag.Parse()
	packages := flag.Args()
	if len(packages) == 0 {
		packages = []string{"."}
	}
	if err := run(*dir, *skip, packages); err != nil {
		log.Fatal(err)
	}
}

func run(dir, skip string, packages []string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	tmp, err := os.MkdirTemp("", "canary")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	overlay, err := plant(dir, tmp)
	if err != nil {
		return err
	}
	look := newSearch(canary)
	if err := look.check(); err != nil {
		return err
	}
	left := filepath.Join(tmp, "left")
	if err := os.Mkdir(left, 0o700); err != nil {
		return err
	}

	ended, watched := make(chan struct{}), make(chan scan)
	go func() { watched <- watch(left, look, ended) }()
	var hits []string
	bytesOut := 0
	for _, pkg := range packages {
		out, err := test(dir, pkg, overlay, skip, left)
		bytesOut += len(out)
		for _, form := range look.in(out) {
			hits = append(hits, fmt.Sprintf("the output of %s: %s: %q", pkg, form.name, around(out, form.at)))
		}
		if err != nil {
			return fmt.Errorf("%s: %w\n%s", pkg, err, tail(out))
		}
	}
	close(ended)
	files := <-watched
	hits = append(hits, files.hits...)
	fmt.Printf("%d packages, %d bytes of output, %d looks at %d files of %d bytes in all: %d hits\n",
		len(packages), bytesOut, files.looks, len(files.seen), files.bytes, len(hits))
	for _, hit := range hits {
		fmt.Println(hit)
	}
	if files.looks == 0 || len(hits) > 0 {
		return fmt.Errorf("%d hits in %d looks", len(hits), files.looks)
	}
	return nil
}

// canary is what half of each secret is: bytes that no source has in any form.
var canary = []byte{0x9e, 0xc1, 0x37, 0xd8, 0x52, 0xf4, 0x0b, 0x6d, 0xe3, 0x28, 0xb5, 0x7a, 0x91, 0x4f, 0xc6, 0x1c}

// plant writes an overlay in which the core makes its secrets so.
func plant(dir, tmp string) (overlay string, err error) {
	path := filepath.Join(dir, "token.go")
	source, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	const old = "\trand.Read(secret[:])\n"
	if bytes.Count(source, []byte(old)) != 1 {
		return "", fmt.Errorf("%s does not make a secret as it did", path)
	}
	planted := strings.Replace(string(source), old, old+fmt.Sprintf("\tcopy(secret[8:], %q)\n", canary), 1)
	changed := filepath.Join(tmp, "token.go")
	if err := os.WriteFile(changed, []byte(planted), 0o600); err != nil {
		return "", err
	}
	b, err := json.Marshal(map[string]any{"Replace": map[string]string{path: changed}})
	if err != nil {
		return "", err
	}
	overlay = filepath.Join(tmp, "overlay.json")
	return overlay, os.WriteFile(overlay, b, 0o600)
}

func test(dir, pkg, overlay, skip, left string) ([]byte, error) {
	cmd := exec.Command("go", "test", "-v", "-count=1", "-overlay", overlay, "-skip", skip, pkg)
	cmd.Dir = dir
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "GOWORK=") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, "TMPDIR="+left)
	return cmd.CombinedOutput()
}

// scan is what was looked at in files.
type scan struct {
	looks int
	bytes int64
	seen  map[string]bool
	hits  []string
}

// watch looks at the files below dir, which come and go with the tests, until ended.
func watch(dir string, look search, ended <-chan struct{}) scan {
	s := scan{seen: map[string]bool{}}
	told := map[string]bool{}
	for {
		over := false
		select {
		case <-ended:
			over = true
		case <-time.After(50 * time.Millisecond):
		}
		_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				if d != nil && d.IsDir() && strings.HasPrefix(d.Name(), "go-build") {
					return filepath.SkipDir // the compiler's: the overlay's own text
				}
				return nil
			}
			info, err := d.Info()
			if err != nil || !info.Mode().IsRegular() || info.Size() > 64<<20 {
				return nil
			}
			b, err := os.ReadFile(path)
			if err != nil {
				return nil
			}
			s.looks++
			s.bytes += int64(len(b))
			s.seen[path] = true
			for _, form := range look.in(b) {
				if hit := fmt.Sprintf("file %s: %s", path, form.name); !told[hit] {
					told[hit] = true
					s.hits = append(s.hits, hit)
				}
			}
			return nil
		})
		if over {
			return s
		}
	}
}

func around(b []byte, at int) []byte { return b[max(0, at-60):min(len(b), at+60)] }

func tail(b []byte) []byte { return b[max(0, len(b)-4000):] }
