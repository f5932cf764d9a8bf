package redisstore_test

import (
	"encoding/binary"
	"os"
	"testing"

	"github.com/redis/rueidis"
	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/storetest"
)

func TestRun_redis(t *testing.T) {
	onEach(t, func(t *testing.T, d *deployment) {
		storetest.Run(t, d.open, storetest.Options{
			Rounds: rounds(t, 5),
			Rewrite: func(tb testing.TB, key sojourn.Key, change func([]byte) []byte) {
				rewriteFacts(tb, d.client(tb), key, change)
			},
		})
	})
}

func TestManager_keepsItsPromises(t *testing.T) {
	onEach(t, func(t *testing.T, d *deployment) { storetest.RunManager(t, d.open, storetest.ManagerOptions{}) })
}

func TestManager_keepsItsPromisesUnderFaults(t *testing.T) {
	var opts storetest.FaultOptions
	if os.Getenv("SOJOURN_TEST_OPERATIONS") == "" {
		opts.Operations = 3000 // of each deployment
	}
	onEach(t, func(t *testing.T, d *deployment) { storetest.RunFaults(t, d.open, opts) })
}

// nameOf is a session's key in the database, with the default prefix.
func nameOf(key sojourn.Key) string { return "sojourn:s:" + key.String() }

// rewriteFacts changes the facts within a record, and nothing beside them but their length.
func rewriteFacts(tb testing.TB, client rueidis.Client, key sojourn.Key, change func([]byte) []byte) {
	tb.Helper()
	record, err := do(tb, client, "GET", nameOf(key)).AsBytes()
	if err != nil {
		tb.Fatal(err)
	}
	at := 22 + int(record[21])
	end := at + 2 + int(binary.BigEndian.Uint16(record[at:]))
	facts := change(record[at+2 : end])
	next := binary.BigEndian.AppendUint16(record[:at:at], uint16(len(facts)))
	next = append(append(next, facts...), record[end:]...)
	do(tb, client, "SET", nameOf(key), string(next), "KEEPTTL")
}
