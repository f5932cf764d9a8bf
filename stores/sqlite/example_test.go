package sqlitestore_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/sojourn-go/sojourn"
	sqlitestore "github.com/sojourn-go/sojourn/stores/sqlite"
)

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

	// The manager makes these calls.
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
