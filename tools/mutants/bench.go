package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

type outcome int

const (
	untried outcome = iota
	unreached
	survived
	killed
	timedOut
)

// test is one test function of one binary.
type test struct {
	binary, dir, name string
	took              time.Duration
}

// bench has the test binaries and runs them.
type bench struct {
	dir, tmp, overlay, skip string
	tests                   []test
}

// environment is ours without what chooses a workspace: the packages under test have their own.
func environment(more ...string) []string {
	env := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "GOWORK=") })
	return append(env, more...)
}

// build compiles the tests of packages with all mutants in them, and lists them.
func (b *bench) build(ctx context.Context, packages []string) error {
	skip := regexp.MustCompile("^$")
	if b.skip != "" {
		var err error
		if skip, err = regexp.Compile(b.skip); err != nil {
			return err
		}
	}
	for i, pkg := range packages {
		dir := filepath.Join(b.dir, pkg)
		binary := filepath.Join(b.tmp, strconv.Itoa(i)+".test")
		build := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-overlay", b.overlay, "-o", binary, ".")
		build.Dir, build.Env = dir, environment()
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", pkg, err, out)
		}
		list := exec.CommandContext(ctx, binary, "-test.list", "^(Test|Fuzz|Example)")
		list.Dir = dir
		out, err := list.Output()
		if err != nil {
			return err
		}
		for name := range strings.Lines(string(out)) {
			if name = strings.TrimSpace(name); name != "" && name != "PASS" && !skip.MatchString(name) {
				b.tests = append(b.tests, test{binary: binary, dir: dir, name: name})
			}
		}
	}
	return nil
}

// trace runs each test alone, with no mutant chosen, and notes which it reaches. A test that fails so is left out.
func (b *bench) trace(ctx context.Context, all []*mutant) error {
	byNumber := map[int]*mutant{}
	for _, m := range all {
		byNumber[m.n] = m
	}
	for _, t := range b.tests {
		file := filepath.Join(b.tmp, "trace")
		_ = os.Remove(file)
		begun := time.Now()
		if _, err := b.start(ctx, []test{t}, 5*time.Minute, "MUTANT_TRACE="+file); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			log.Printf("%s fails without a mutant, and is left out", t.name)
			continue
		}
		t.took = time.Since(begun)
		reached, err := os.ReadFile(file)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		for line := range strings.Lines(string(reached)) {
			n, err := strconv.Atoi(strings.TrimSpace(line))
			if err != nil {
				return err
			}
			if m := byNumber[n]; m != nil {
				m.tests = append(m.tests, t)
			}
		}
	}
	for _, m := range all {
		slices.SortStableFunc(m.tests, func(a, b test) int { return int(a.took - b.took) })
	}
	return nil
}

// tryAll tries several mutants, jobs at once.
func (b *bench) tryAll(ctx context.Context, some []*mutant, wanted func(took time.Duration) bool, jobs int) {
	var wg sync.WaitGroup
	next := make(chan *mutant)
	for range max(jobs, 1) {
		wg.Go(func() {
			for m := range next {
				b.try(ctx, m, wanted)
			}
		})
	}
	for _, m := range some {
		next <- m
	}
	close(next)
	wg.Wait()
}

// try runs those of the wanted tests that reach m, first the fast ones, and notes whether any failed.
func (b *bench) try(ctx context.Context, m *mutant, wanted func(took time.Duration) bool) {
	if len(m.tests) == 0 {
		m.outcome = unreached
		return
	}
	was := m.outcome
	m.outcome = survived
	defer func() {
		if ctx.Err() != nil {
			m.outcome = was // the end of the time was no verdict
		}
	}()
	tests := slices.DeleteFunc(slices.Clone(m.tests), func(t test) bool { return !wanted(t.took) })
	for rest := tests; len(rest) > 0; {
		n, took := 0, time.Duration(0)
		for n < len(rest) && rest[n].binary == rest[0].binary && (n == 0 || took < time.Second) {
			took += rest[n].took
			n++
		}
		exceeded, err := b.start(ctx, rest[:n], 20*time.Second+10*took, "MUTANT="+strconv.Itoa(m.n))
		switch {
		case exceeded:
			m.outcome = timedOut
			return
		case err != nil:
			m.outcome = killed
			return
		}
		rest = rest[n:]
	}
}

// start runs tests of one binary; exceeded tells that they took too long.
func (b *bench) start(ctx context.Context, tests []test, limit time.Duration, env string) (exceeded bool, err error) {
	names := make([]string, len(tests))
	for i, t := range tests {
		names[i] = t.name
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, tests[0].binary, "-test.failfast", "-test.short", "-test.run", "^("+strings.Join(names, "|")+")$")
	cmd.Dir, cmd.Env = tests[0].dir, environment(env)
	cmd.WaitDelay = time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err = cmd.Run()
	return ctx.Err() != nil && err != nil, err
}
