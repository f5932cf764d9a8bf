package redisstore_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/sojourn-go/sojourn"
	redisstore "github.com/sojourn-go/sojourn/stores/redis"
)

func TestNew_namesEachFieldThatIsWrong(t *testing.T) {
	client := connect(t, singleAddr(t))
	for _, tt := range []struct {
		cfg  redisstore.Config
		want []string
	}{
		{redisstore.Config{}, nil},
		{redisstore.Config{Prefix: "shop:sessions/*?[]"}, nil},
		{redisstore.Config{Prefix: "{shop}"}, []string{"Prefix"}},
		{redisstore.Config{Prefix: "shop}:"}, []string{"Prefix"}},
		{redisstore.Config{Prefix: "{"}, []string{"Prefix"}},
		{redisstore.Config{Prefix: strings.Repeat("p", 256)}, []string{"Prefix"}},
		{redisstore.Config{Replicas: -1, ReplicaTimeout: -1, Timeout: -1}, []string{"Replicas", "ReplicaTimeout", "Timeout"}},
	} {
		_, err := redisstore.New(client, tt.cfg)
		if got := fields(err); !slices.Equal(got, tt.want) {
			t.Errorf("%+v: got fields %q, want %q", tt.cfg, got, tt.want)
		}
	}
	if _, err := redisstore.New(nil, redisstore.Config{}); err == nil {
		t.Error("New without a client: got no error")
	}
}

// fields are the fields that an error names.
func fields(err error) (all []string) {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return nil
	}
	for _, err := range joined.Unwrap() {
		var wrong *sojourn.ConfigError
		if errors.As(err, &wrong) {
			all = append(all, wrong.Field)
		}
	}
	return all
}

// Prefixes that hold what SCAN takes for a pattern are texts like others, and keep stores apart.
func TestPrefix_isAText(t *testing.T) {
	client := connect(t, singleAddr(t))
	stores := make(map[string]*redisstore.Store)
	keys := make(map[string]sojourn.Key)
	for _, prefix := range []string{"p*", "p?", "p[a]", "pa", `p\`, "p^", "", "sojourn:s:", "p"} {
		st, err := redisstore.New(client, redisstore.Config{Prefix: prefix})
		if err != nil {
			t.Fatal(err)
		}
		stores[prefix], keys[prefix] = st, save(t, st, member("ada", start.Add(time.Hour)))
	}
	for prefix, st := range stores {
		listed := 0
		for cursor := ""; ; {
			page, next, err := st.List(t.Context(), cursor, 1000)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range page {
				if e.ID == keys[prefix].ID() {
					listed++
				}
				for other, key := range keys {
					if other != prefix && e.ID == key.ID() {
						t.Errorf("prefix %q lists a session of prefix %q", prefix, other)
					}
				}
			}
			if cursor = next; next == "" {
				break
			}
		}
		if listed == 0 {
			t.Errorf("prefix %q does not list its session", prefix)
		}
		entries, err := st.ListSubject(t.Context(), "app", "ada")
		if err != nil || !slices.ContainsFunc(entries, func(e sojourn.Entry) bool { return e.ID == keys[prefix].ID() }) {
			t.Errorf("prefix %q: the subject's list lacks its session: %v, %v", prefix, entries, err)
		}
	}
}

func TestParseURL_readsWhatItDocuments(t *testing.T) {
	for _, tt := range []struct {
		url  string
		want func(o rueidis.ClientOption) bool
	}{
		{"redis://localhost", func(o rueidis.ClientOption) bool { return o.InitAddress[0] == "localhost:6379" && o.TLSConfig == nil }},
		{"valkey://localhost:7000/3", func(o rueidis.ClientOption) bool { return o.InitAddress[0] == "localhost:7000" && o.SelectDB == 3 }},
		{"redis://localhost?db=4", func(o rueidis.ClientOption) bool { return o.SelectDB == 4 }},
		{"redis://:pass%40word@h", func(o rueidis.ClientOption) bool { return o.Username == "" && o.Password == "pass@word" }},
		{"redis://user:p@[::1]:7000", func(o rueidis.ClientOption) bool { return o.Username == "user" && o.InitAddress[0] == "[::1]:7000" }},
		{"redis://a:1?addr=b:2&addr=c", func(o rueidis.ClientOption) bool {
			return slices.Equal(o.InitAddress, []string{"a:1", "b:2", "c:6379"})
		}},
		{"rediss://cache.example", func(o rueidis.ClientOption) bool { return o.TLSConfig.ServerName == "cache.example" }},
		{"valkeys://10.0.0.1?server_name=cache", func(o rueidis.ClientOption) bool { return o.TLSConfig.ServerName == "cache" }},
		{"redis://s1?addr=s2:26380&sentinel=main&sentinel_user=u&sentinel_password=p", func(o rueidis.ClientOption) bool {
			return o.Sentinel.MasterSet == "main" && o.Sentinel.Username == "u" && o.Sentinel.Password == "p" &&
				slices.Equal(o.InitAddress, []string{"s1:26379", "s2:26380"})
		}},
		{"rediss://s1?sentinel=main", func(o rueidis.ClientOption) bool { return o.Sentinel.TLSConfig != nil }},
		{"unix:///run/redis.sock?db=2&client_name=app", func(o rueidis.ClientOption) bool {
			return o.InitAddress[0] == "/run/redis.sock" && o.SelectDB == 2 && o.DialCtxFn != nil && o.ClientName == "app"
		}},
	} {
		o, err := redisstore.ParseURL(tt.url)
		if err != nil || !tt.want(o) {
			t.Errorf("%s: got %+v, %v", tt.url, o.InitAddress, err)
		}
		if err == nil && (!o.DisableCache || o.SendToReplicas != nil || o.ConnLifetime != 0 || o.ConnWriteTimeout > 5*time.Second) {
			t.Errorf("%s: options that do not suit sessions", tt.url)
		}
	}
}

func TestParseURL_refusesTheRest(t *testing.T) {
	const secret = "hunter2"
	for _, url := range []string{
		"", "localhost:6379", "http://localhost", "redis://", "redis://:" + secret + "@", "redis://h/x", "redis://h/-1", "redis://h/1?db=2",
		"redis://h?max_retries=3", "redis://h?replica=yes", "redis://h?addr=", "redis://h?sentinel=", "redis://h?ca=x.pem", "redis://:" + secret + "@h:port",
		"rediss://h?ca=/does/not/exist", "rediss://h?cert=/does/not/exist", "unix://host/path", "unix://", "unix:///s?addr=h",
		"redis://u:" + secret + "@h?nonsense=1", "redis://u:" + secret + "%zz@h",
	} {
		if _, err := redisstore.ParseURL(url); err == nil {
			t.Errorf("%s: got no error", url)
		} else if strings.Contains(err.Error(), secret) {
			t.Errorf("%s: the error tells the password: %v", url, err)
		}
	}
}
