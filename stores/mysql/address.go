package mysqlstore

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/go-sql-driver/mysql"
)

// lockWait is how long, in seconds, a statement waits for a lock before the store tries it again. A server does not notice
// that a call has given up: what the call asked for may still happen so long afterwards. The server's own default is 50.
const lockWait = "2"

// smallestPacket is the least that the driver must be ready to send: the default of it and of servers.
const smallestPacket = 64 << 20

// parse reads an address and sets what sessions want. Its errors hold neither name nor password.
func parse(address string) (*mysql.Config, error) {
	settings, err := parseAddress(address)
	if err != nil {
		return nil, fmt.Errorf("mysqlstore: address: %w", err)
	}
	if settings.DBName == "" {
		return nil, errors.New("mysqlstore: address: names no database")
	}
	settings.ClientFoundRows = true
	settings.RejectReadOnly = true
	settings.CheckConnLiveness = true
	settings.MultiStatements = false
	settings.InterpolateParams = false
	settings.ParseTime = false
	settings.AllowAllFiles = false
	settings.MaxAllowedPacket = max(settings.MaxAllowedPacket, smallestPacket)
	settings.Logger = &mysql.NopLogger{} // what goes wrong is returned
	if settings.Params == nil {
		settings.Params = map[string]string{}
	}
	settings.Params["autocommit"] = "1"
	if _, ok := settings.Params["innodb_lock_wait_timeout"]; !ok {
		settings.Params["innodb_lock_wait_timeout"] = lockWait
	}
	return settings, nil
}

func parseAddress(address string) (*mysql.Config, error) {
	if scheme, rest, ok := strings.Cut(address, "://"); ok && isScheme(scheme) {
		return parseURL(scheme, rest)
	}
	settings, err := mysql.ParseDSN(address)
	if err == nil {
		return settings, nil
	}
	// The driver's errors may repeat a piece of what it did not understand. So they are told of what has no password.
	slash := strings.LastIndexByte(address, '/')
	if slash >= 0 {
		public := address[strings.LastIndexByte(address[:slash], '@')+1:]
		network, _, _ := strings.Cut(public, "(")
		if !strings.ContainsAny(network[:min(len(network), slash)], ":@") {
			if _, err := mysql.ParseDSN(public); err != nil {
				return nil, err
			}
		}
	}
	return nil, errors.New("neither a URL, mysql://user:password@host:port/database, nor a DSN of the driver's")
}

func isScheme(text string) bool {
	return strings.Trim(strings.ToLower(text), "abcdefghijklmnopqrstuvwxyz0123456789+-.") == ""
}

func parseURL(scheme, rest string) (*mysql.Config, error) {
	if scheme = strings.ToLower(scheme); scheme != "mysql" && scheme != "mariadb" {
		return nil, fmt.Errorf("scheme %q, want mysql or mariadb", scheme)
	}
	u, err := url.Parse("mysql://" + rest)
	if err != nil {
		return nil, errors.New("no URL; escape what is special in name and password, as in %40 for @")
	}
	switch {
	case u.Hostname() == "":
		return nil, errors.New("names no host")
	case u.Fragment != "":
		return nil, errors.New("has a fragment; escape # as %23")
	}
	port := u.Port()
	if port == "" {
		port = "3306"
	}
	dsn := "tcp(" + net.JoinHostPort(u.Hostname(), port) + ")/" + url.PathEscape(strings.TrimPrefix(u.Path, "/"))
	if u.RawQuery != "" {
		dsn += "?" + u.RawQuery
	}
	settings, err := mysql.ParseDSN(dsn)
	if err != nil {
		return nil, err
	}
	if u.User != nil {
		settings.User = u.User.Username()
		settings.Passwd, _ = u.User.Password()
	}
	return settings, nil
}
