package sqlitestore_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	"github.com/sojourn-go/sojourn"
	sqlitestore "github.com/sojourn-go/sojourn/stores/sqlite"
)

// A server whose sessions outlive it: it is stopped and started again between two requests of one browser.
func Example() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	r := httptest.NewRequest("GET", "https://localhost/", nil)
	for range 2 {
		w := httptest.NewRecorder()
		ctx, stop := context.WithCancel(context.Background())
		if err := serve(ctx, dir, func(app http.Handler) error {
			app.ServeHTTP(w, r)
			stop()
			return nil
		}); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Print(w.Body)
		for _, cookie := range w.Result().Cookies() {
			r.AddCookie(cookie)
		}
	}
	// Output:
	// visit number 1
	// visit number 2
}

const views = sojourn.Field[int]("views")

// serve opens the file and calls listen, which returns when ctx has ended and the server has stopped.
func serve(ctx context.Context, dir string, listen func(app http.Handler) error) error {
	st, err := sqlitestore.Open(ctx, sqlitestore.Config{
		Path: filepath.Join(dir, "sessions.db"), // created if it is not there; the folder must be
	})
	if err != nil {
		return err
	}
	defer st.Close() // last: the server has stopped, and ctx has ended
	m, err := sojourn.New(st, sojourn.Config{})
	if err != nil {
		return err
	}
	go m.Run(ctx) // removes expired sessions from the file
	return listen(m.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		fmt.Fprintln(w, "visit number", views.Update(s, func(n int) int { return n + 1 }))
	}))
}

// What the manager asks of the store.
func ExampleOpen() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	st, err := sqlitestore.Open(ctx, sqlitestore.Config{Path: filepath.Join(dir, "sessions.db")})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer st.Close()

	key, err := st.Save(ctx, sojourn.State{Facts: sojourn.Facts{Realm: "app", Subject: "ada"}}, time.Hour)
	if err != nil {
		fmt.Println(err)
		return
	}
	ended, err := st.DeleteSubject(ctx, "app", "ada", sojourn.ID{})
	fmt.Println(ended, err)
	_, err = st.Load(ctx, key)
	fmt.Println(err)
	// Output:
	// 1 <nil>
	// sojourn: no such session
}
