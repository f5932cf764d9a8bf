package redisstore

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

// The limits of a client that [ParseURL] describes. A server that hangs is noticed within the sum of the last two, and
// its connections are made anew.
const (
	dialTimeout = 2 * time.Second
	keepAlive   = time.Second
	connTimeout = 2 * time.Second
)

// ParseURL reads an address into the options of a client that suits sessions; change them and hand the client to [New].
// Among them is DialCtxFn, by which calls that many requests make at once are written together.
//
//	redis://[[user][:password]@]host[:port][/database][?option=value&…]
//	rediss://…                    the same over TLS
//	unix://[user[:password]@]/path/to/socket[?db=database]
//
// valkey:// and valkeys:// are other words for the first two. The options:
//
//	addr=host:port                another server of the same Cluster, or another Sentinel; any number of times
//	sentinel=NAME                 the servers named are Sentinels, and this is their name for the primary
//	sentinel_user, sentinel_password   to log in to the Sentinels
//	db=N                          the database, as after the slash; Cluster has only 0
//	client_name=NAME              for CLIENT LIST
//	ca=FILE                       over TLS: trust these certificates (PEM) and no others
//	cert=FILE, key=FILE           over TLS: the client's own certificate and key (PEM)
//	server_name=NAME              over TLS: the name in the servers' certificates; by default the host
//
// That a server belongs to a Cluster needs no word: it says so itself. An option that is not known is an error. Errors
// do not repeat the address, which may hold a password.
func ParseURL(text string) (rueidis.ClientOption, error) {
	option, err := parseURL(text)
	if err != nil {
		return rueidis.ClientOption{}, fmt.Errorf("redisstore: address: %w", err)
	}
	gathered(&option)
	return option, nil
}

func parseURL(text string) (option rueidis.ClientOption, err error) {
	u, err := url.Parse(text)
	if err != nil {
		return option, errors.New("not a URL") // what url.Parse says has the password in it
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return option, errors.New("a query that cannot be read")
	}
	option = rueidis.ClientOption{
		Dialer:           net.Dialer{Timeout: dialTimeout, KeepAlive: keepAlive},
		ConnWriteTimeout: connTimeout,
		DisableCache:     true, // sessions are never read from a cache, and the servers need not know CLIENT TRACKING
		ClientName:       query.Get("client_name"),
		Username:         u.User.Username(),
	}
	option.Password, _ = u.User.Password()
	option.ClusterOption.ShardsRefreshInterval = 5 * time.Second
	database := query.Get("db")
	secure := false
	switch u.Scheme {
	case "redis", "valkey":
	case "rediss", "valkeys":
		secure = true
	case "unix":
		return option, unixSocket(u, query, &option)
	default:
		return option, fmt.Errorf("scheme %q, want redis, rediss or unix", u.Scheme)
	}
	if path := strings.Trim(u.Path, "/"); path != "" {
		if database != "" {
			return option, errors.New("the database is named twice")
		}
		database = path
	}
	if option.SelectDB, err = number(database); err != nil {
		return option, err
	}
	port := "6379"
	if query.Has("sentinel") {
		port = "26379"
	}
	for _, host := range append([]string{u.Host}, query["addr"]...) {
		addr, err := hostPort(host, port)
		if err != nil {
			return option, err
		}
		option.InitAddress = append(option.InitAddress, addr)
	}
	known := []string{"addr", "sentinel", "sentinel_user", "sentinel_password", "db", "client_name"}
	if secure {
		known = append(known, "ca", "cert", "key", "server_name")
		if option.TLSConfig, err = secured(u.Hostname(), query); err != nil {
			return option, err
		}
	}
	if query.Has("sentinel") {
		option.Sentinel = rueidis.SentinelOption{
			MasterSet: query.Get("sentinel"), Username: query.Get("sentinel_user"), Password: query.Get("sentinel_password"),
			Dialer: option.Dialer, TLSConfig: option.TLSConfig,
			// A Sentinel that is missed when it tells of a failover would leave us with a replica.
			TopologyRefreshInterval: 5 * time.Second,
		}
		if option.Sentinel.MasterSet == "" {
			return option, errors.New("sentinel= needs the name of the primary")
		}
	}
	return option, unknown(query, known)
}

func unixSocket(u *url.URL, query url.Values, option *rueidis.ClientOption) (err error) {
	if u.Host != "" || u.Path == "" {
		return errors.New("unix:// needs the path of a socket")
	}
	socket, err := rueidis.ParseURL("unix://" + u.Path)
	if err != nil {
		return err
	}
	option.InitAddress, option.DialCtxFn = socket.InitAddress, socket.DialCtxFn
	if option.SelectDB, err = number(query.Get("db")); err != nil {
		return err
	}
	return unknown(query, []string{"db", "client_name"})
}

func unknown(query url.Values, known []string) error {
	for name := range query {
		if !slices.Contains(known, name) {
			return fmt.Errorf("option %q is not known here", name)
		}
	}
	return nil
}

func number(database string) (int, error) {
	if database == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(database)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("database %q, want a number", database)
	}
	return n, nil
}

// hostPort completes what may be a host alone.
func hostPort(text, port string) (string, error) {
	u := url.URL{Host: text}
	host := u.Hostname()
	if host == "" {
		return "", errors.New("no host")
	}
	if u.Port() != "" {
		port = u.Port()
	}
	return net.JoinHostPort(host, port), nil
}

func secured(host string, query url.Values) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host}
	if name := query.Get("server_name"); name != "" {
		config.ServerName = name
	}
	if file := query.Get("ca"); file != "" {
		pem, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("no certificate in %q", file)
		}
	}
	if query.Has("cert") || query.Has("key") {
		pair, err := tls.LoadX509KeyPair(query.Get("cert"), query.Get("key"))
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}
