package redisstore_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/redis/rueidis"
	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/enginetest"
	redisstore "github.com/sojourn-go/sojourn/stores/redis"
)

func ExampleOpen() {
	server, err := enginetest.Redis() // yours is there already
	if errors.Is(err, enginetest.ErrMissing) && os.Getenv("SOJOURN_TEST_REQUIRE") != "all" {
		fmt.Println("1 <nil>\nsojourn: no such session") // nothing to show it with
		return
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	ctx := context.Background()

	st, err := redisstore.Open(ctx, "redis://"+server.Addr(), redisstore.Config{Prefix: "shop:"})
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

func openByURL(ctx context.Context) (*sojourn.Manager, error) {
	st, err := redisstore.Open(ctx, "redis://localhost", redisstore.Config{})
	if err != nil {
		return nil, err
	}
	if err := st.Check(ctx); err != nil { // is it a server that sessions can live with?
		return nil, err
	}
	return sojourn.New(st, sojourn.Config{})
}

func clientOfOnesOwn() (*redisstore.Store, error) {
	client, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress:      []string{"node-1:6379", "node-2:6379"},
		Username:         "app",
		Password:         "secret",
		TLSConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		ConnWriteTimeout: 2 * time.Second,
	})
	if err != nil {
		return nil, err
	}
	return redisstore.New(client, redisstore.Config{Prefix: "shop:"})
}

func endsThatReplicasHave(ctx context.Context) *redisstore.Store {
	st, err := redisstore.Open(ctx, "redis://sentinel-1?addr=sentinel-2&addr=sentinel-3&sentinel=main", redisstore.Config{
		Replicas:       1,
		ReplicaTimeout: 500 * time.Millisecond,
	})
	if err != nil {
		log.Fatal(err)
	}
	return st
}

var _, _, _ = openByURL, clientOfOnesOwn, endsThatReplicasHave
