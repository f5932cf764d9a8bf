package postgresstore_test

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/sojourn-go/sojourn"
	postgresstore "github.com/sojourn-go/sojourn/stores/postgres"
)

// Sessions beside the application's data, through its pool.
func ExampleNew() {
	open := func(ctx context.Context) (*sojourn.Manager, error) {
		pool, err := pgxpool.New(ctx, "postgres://app@db.example.org/shop")
		if err != nil {
			return nil, err
		}
		st, err := postgresstore.New(pool, postgresstore.Config{Table: "web.sessions"})
		if err != nil {
			return nil, err
		}
		if err := st.Migrate(ctx); err != nil {
			return nil, err
		}
		return sojourn.New(st, sojourn.Config{})
	}

	_, err := open(context.Background())
	fmt.Println(err != nil)
}

// Sessions in a database of their own. The manager makes the calls that this program makes.
func ExampleOpen() {
	s, err := server()
	if err != nil {
		fmt.Print("1 <nil>\nsojourn: no such session\n") // no PostgreSQL is installed
		return
	}
	ctx := context.Background()
	st, err := postgresstore.Open(ctx, "postgres://postgres@"+s.Addr()+"/postgres", postgresstore.Config{Table: "example"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer st.Close()
	if err := st.Migrate(ctx); err != nil {
		fmt.Println(err)
		return
	}

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
