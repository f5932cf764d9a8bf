package main

import (
	"strings"
	"sync"
	"testing"

	"github.com/sojourn-go/sojourn/enginetest"
)

var redisServer = sync.OnceValues(func() (*enginetest.Server, error) {
	return started(enginetest.Redis("user ada on >" + hunter + " ~* &* +@all"))
})

func redisAddress(t *testing.T) string {
	t.Helper()
	s, err := redisServer()
	enginetest.Require(t, err)
	return "redis://ada:" + escaped + "@" + s.Addr()
}

func TestDemo_overRedis(t *testing.T) { checkDemo(t, demoEngine{"Redis", redisAddress, true}) }

func TestDemo_redisUnreachable(t *testing.T)        { checkUnreachable(t, "redis") }
func TestDemo_redisUnreachableOverTLS(t *testing.T) { checkUnreachable(t, "rediss") }

func TestDemo_redisThatFails(t *testing.T) {
	checkWrongPassword(t, redisAddress(t))
	for address, name := range map[string]string{
		"redis://:hunter2@":                   "redis://: ",
		"redis://:hunter2@localhost/x":        "redis://localhost/x: ",
		"redis://:hunter2@localhost?nosuch=1": "redis://localhost: ",
		"redis://:hunt%zzer2@localhost":       "redis://localhost: ",
		"redis://:hunter2@local host":         "redis://local host: ",
		"redis://hunter2?@localhost":          "redis://…: ",
	} {
		wantRefusal(t, address, name)
	}
}

func TestMigrate_redisHasNoTables(t *testing.T) {
	address := redisAddress(t)
	_, host, _ := strings.Cut(address, "@")
	for _, args := range [][]string{{"migrate", "--store", address}, {"migrate", "--store", address, "--print"}} {
		if status, _, stderr := runCommand(t, args...); status != 1 || stderr != "sojourn migrate: redis://"+host+": this engine has no tables\n" {
			t.Errorf("got %d, %q", status, stderr)
		}
	}
}
