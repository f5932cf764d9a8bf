// Command mutants breaks the core on purpose, in one small way at a time, and says which breaks no test noticed.
//
//	go run -C tools ./mutants -dir .. -report docs/mutants.txt
//
// All mutants are compiled into one test binary, through an overlay that leaves the source alone, and an environment variable
// chooses one; so a run costs the tests and no compiler. A first pass notes which test reaches which mutant, a second runs for
// each mutant the tests that reach it, the fastest first, until one fails.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("mutants: ")
	dir := flag.String("dir", ".", "folder of the package to break")
	tests := flag.String("tests", ".", "packages whose tests shall notice, separated by commas, relative to dir")
	skip := flag.String("skip", "", "tests not to run, as go test -skip has it")
	report := flag.String("report", "", "file to write the survivors to, relative to dir; else standard output")
	slow := flag.Duration("slow", 500*time.Millisecond, "tests that take longer are run at the end, for the mutants that are left")
	limit := flag.Duration("limit", 0, "stop after this time and say how far it came; 0: never")
	only := flag.String("only", "", "an earlier report: try the mutants that are in it, and no others")
	list := flag.Bool("list", false, "only list the mutants")
	jobs := flag.Int("jobs", runtime.NumCPU(), "mutants to try at once")
	flag.Parse()
	if err := run(*dir, strings.Split(*tests, ","), *skip, *report, *only, *slow, *limit, *list, *jobs); err != nil {
		log.Fatal(err)
	}
}

func run(dir string, packages []string, skip, report, only string, slow, limit time.Duration, list bool, jobs int) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	tmp, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	src, err := mutate(dir, tmp)
	if err != nil {
		return err
	}
	if list {
		for _, m := range src.mutants {
			fmt.Println(m)
		}
		return nil
	}
	if only != "" {
		if src.mutants, err = chosen(src.mutants, only); err != nil {
			return err
		}
	}
	ctx := context.Background()
	if limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	b := bench{dir: dir, tmp: tmp, overlay: src.overlay, skip: skip}
	if err := b.build(ctx, packages); err != nil {
		return err
	}
	if err := b.trace(ctx, src.mutants); err != nil {
		return err
	}
	// In a random order, the same each time: what a limit leaves is a fair sample.
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(src.mutants), func(i, j int) {
		src.mutants[i], src.mutants[j] = src.mutants[j], src.mutants[i]
	})
	pass := func(tests func(took time.Duration) bool) {
		alive := slices.DeleteFunc(slices.Clone(src.mutants), func(m *mutant) bool { return m.outcome == killed || m.outcome == timedOut })
		for some := range slices.Chunk(alive, 50) {
			if ctx.Err() != nil {
				return
			}
			b.tryAll(ctx, some, tests, jobs)
			log.Print(summary(src.mutants))
			if err := save(dir, report, src.mutants); err != nil {
				log.Print(err)
			}
		}
	}
	pass(func(took time.Duration) bool { return took <= slow })
	log.Print("now the slow tests")
	pass(func(took time.Duration) bool { return took > slow })
	fmt.Println(summary(src.mutants))
	if report == "" {
		fmt.Print("\n", survivors(src.mutants))
		return nil
	}
	return save(dir, report, src.mutants)
}

// chosen are the mutants whose numbers begin the lines of a report.
func chosen(all []*mutant, report string) ([]*mutant, error) {
	text, err := os.ReadFile(report)
	if err != nil {
		return nil, err
	}
	lines := strings.Split(string(text), "\n")
	return slices.DeleteFunc(all, func(m *mutant) bool {
		return !slices.ContainsFunc(lines, func(line string) bool { return strings.HasPrefix(line, strconv.Itoa(m.n)+" ") })
	}), nil
}

func save(dir, report string, all []*mutant) error {
	if report == "" {
		return nil
	}
	return os.WriteFile(filepath.Join(dir, report), []byte(summary(all)+"\n\n"+survivors(all)), 0o644)
}

func summary(all []*mutant) string {
	count := map[outcome]int{}
	for _, m := range all {
		count[m.outcome]++
	}
	dead, tried := count[killed]+count[timedOut], len(all)-count[untried]
	return fmt.Sprintf("%d mutants, %d tried, %d killed (%.1f %%; %d by the time limit), %d survived, of which %d no test reaches",
		len(all), tried, dead, 100*float64(dead)/float64(max(tried, 1)), count[timedOut], tried-dead, count[unreached])
}

func survivors(all []*mutant) string {
	var b strings.Builder
	left := slices.DeleteFunc(slices.Clone(all), func(m *mutant) bool { return m.outcome != survived && m.outcome != unreached })
	slices.SortFunc(left, func(a, b *mutant) int { return cmp.Compare(a.n, b.n) })
	for _, m := range left {
		fmt.Fprintf(&b, "%s%s\n", m, map[bool]string{true: " (unreached)"}[m.outcome == unreached])
	}
	return b.String()
}
