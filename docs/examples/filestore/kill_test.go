package filestore_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/docs/examples/filestore"
)

// childVar makes the test binary a process that counts in the session of this ID until it is killed.
const childVar = "FILESTORE_TEST_COUNT"

func TestMain(m *testing.M) {
	if id := os.Getenv(childVar); id != "" {
		count(id)
	}
	os.Exit(m.Run())
}

// count says each number once it is acknowledged. A pipe keeps what was written to it when the writer dies.
func count(text string) {
	must := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	id, err := sojourn.ParseID(text)
	must(err)
	root, err := os.OpenRoot(".")
	must(err)
	st, ctx := filestore.New(root, filestore.Config{}), context.Background()
	for {
		state, err := st.Load(ctx, id.Key())
		must(err)
		n, err := strconv.Atoi(state.Values.Get("n"))
		must(err)
		state.Values = sojourn.CollectValues(func(yield func(name, text string) bool) { yield("n", strconv.Itoa(n+1)) })
		_, err = st.Update(ctx, id.Key(), state, time.Hour)
		must(err)
		fmt.Println(n + 1)
	}
}

// Whoever is killed in the middle of a write has lost nothing that was acknowledged, and the next one goes on.
func TestStore_killedProcessLosesNothing(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	st := filestore.New(root, filestore.Config{})
	key := save(t, st, map[string]string{"n": "0"})
	last := 0
	for range 20 {
		child := exec.CommandContext(t.Context(), os.Args[0])
		child.Dir, child.Env, child.Stderr = dir, append(os.Environ(), childVar+"="+key.String()), os.Stderr
		said, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(said)
		for kill := last + 1 + rand.IntN(40); lines.Scan(); {
			if last, err = strconv.Atoi(lines.Text()); err != nil {
				t.Fatal(err)
			}
			if last == kill {
				if err := child.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		_ = child.Wait() // it was killed
		state, err := st.Load(t.Context(), key)
		if err != nil {
			t.Fatalf("after %d acknowledged writes: %v", last, err)
		}
		n, _ := strconv.Atoi(state.Values.Get("n"))
		if n != last && n != last+1 {
			t.Fatalf("got n = %d after %d was acknowledged", n, last)
		}
		last = n
	}
	t.Logf("%d writes, 20 of them killed", last)
}
