//go:build linux

package enginetest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Redis starts one Redis server that keeps its data in memory. Directives are lines of its configuration file, such as
// "maxmemory 10mb"; they come last.
func Redis(directives ...string) (*Server, error) {
	path, err := program("redis-server", "redis-server")
	if err != nil {
		return nil, err
	}
	s, err := newServer("redis", "")
	if err != nil {
		return nil, err
	}
	s.ready = s.pong
	lines := append([]string{
		"bind " + s.host,
		"port " + strconv.Itoa(s.port),
		"dir " + s.dir,
		`save ""`,
		"appendonly no",
		"daemonize no",
		"repl-diskless-sync-delay 0", // a replica that asks for the data gets them at once
	}, directives...)
	return s.configured(path, lines)
}

// configured starts a server of Redis's family with a configuration file.
func (s *Server) configured(path string, lines []string, args ...string) (*Server, error) {
	file := filepath.Join(s.dir, "redis.conf")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.command = append([]string{path, file}, args...)
	return s.start()
}

// SentinelGroup is a primary, a replica, and three sentinels that watch them and fail over.
type SentinelGroup struct {
	Name      string // of the primary, as the sentinels know it
	Nodes     []*Server
	Sentinels []*Server
}

// Sentinel starts a primary (the first node), a replica and three sentinels, which take a silent primary for dead after a
// second. Directives go to the two nodes.
func Sentinel(directives ...string) (g *SentinelGroup, err error) {
	path, err := program("redis-sentinel", "redis-sentinel")
	if err != nil {
		return nil, err
	}
	g = &SentinelGroup{Name: "sojourn"}
	defer func() {
		if err != nil {
			err = errors.Join(err, g.Close())
			g = nil
		}
	}()
	primary, err := Redis(directives...)
	if err != nil {
		return g, err
	}
	g.Nodes = append(g.Nodes, primary)
	replica, err := Redis(append([]string{fmt.Sprintf("replicaof %s %d", primary.host, primary.port)}, directives...)...)
	if err != nil {
		return g, err
	}
	g.Nodes = append(g.Nodes, replica)
	for range 3 {
		s, err := newServer("sentinel", "")
		if err != nil {
			return g, err
		}
		s.ready = s.pong
		s, err = s.configured(path, []string{
			"bind " + s.host,
			"port " + strconv.Itoa(s.port),
			"dir " + s.dir,
			fmt.Sprintf("sentinel monitor %s %s %d 2", g.Name, primary.host, primary.port),
			"sentinel down-after-milliseconds " + g.Name + " 1000",
			"sentinel failover-timeout " + g.Name + " 5000",
		})
		if err != nil {
			return g, err
		}
		g.Sentinels = append(g.Sentinels, s)
	}
	return g, wait("the sentinels know of each other and of the replica", func(ctx context.Context) error {
		if info, err := primary.ask(ctx, "INFO replication"); err != nil || !strings.Contains(info, "state=online") {
			return fmt.Errorf("no replica yet: %w", errors.Join(err, errors.New(info)))
		}
		for _, s := range g.Sentinels {
			answer, err := s.ask(ctx, "INFO sentinel")
			if err != nil || !strings.Contains(answer, "slaves=1,sentinels=3") {
				return fmt.Errorf("sentinel %s: %w", s.Addr(), errors.Join(err, errors.New(answer)))
			}
		}
		return nil
	})
}

// Close ends all.
func (g *SentinelGroup) Close() error { return closeAll(append(g.Sentinels, g.Nodes...)) }

// RedisCluster is a Redis Cluster of three primaries with a replica each.
type RedisCluster struct {
	Nodes []*Server
}

// Cluster starts a Redis Cluster of six nodes. A silent node is taken for dead after two seconds.
func Cluster(directives ...string) (c *RedisCluster, err error) {
	cli, err := program("redis-cli", "redis-tools")
	if err != nil {
		return nil, err
	}
	c = new(RedisCluster)
	defer func() {
		if err != nil {
			err = errors.Join(err, c.Close())
			c = nil
		}
	}()
	args := []string{"--cluster", "create"}
	for range 6 {
		bus, err := freePort()
		if err != nil {
			return c, err
		}
		s, err := Redis(append([]string{
			"cluster-enabled yes",
			"cluster-config-file nodes.conf",
			"cluster-node-timeout 2000",
			"cluster-port " + strconv.Itoa(bus),
		}, directives...)...)
		if err != nil {
			return c, err
		}
		c.Nodes = append(c.Nodes, s)
		args = append(args, s.Addr())
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	args = append(args, "--cluster-replicas", "1", "--cluster-yes")
	if err := c.Nodes[0].run(ctx, cli, args...); err != nil {
		return c, err
	}
	return c, wait("every node knows of the whole cluster, and the replicas follow", func(ctx context.Context) error {
		replicas := 0
		for _, s := range c.Nodes {
			info, err := s.ask(ctx, "CLUSTER INFO")
			if err != nil || !strings.Contains(info, "cluster_state:ok") || !strings.Contains(info, "cluster_known_nodes:6") {
				return fmt.Errorf("node %s: %w", s.Addr(), errors.Join(err, errors.New(info)))
			}
			role, err := s.ask(ctx, "INFO replication")
			if err != nil {
				return err
			}
			if strings.Contains(role, "master_link_status:up") {
				replicas++
			}
		}
		if replicas != 3 {
			return fmt.Errorf("%d replicas follow", replicas)
		}
		return nil
	})
}

// Close ends all nodes.
func (c *RedisCluster) Close() error { return closeAll(c.Nodes) }

func closeAll(servers []*Server) error {
	var errs []error
	for _, s := range servers {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}

func wait(what string, holds func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		err := holds(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("enginetest: waited in vain until %s: %w", what, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (s *Server) pong(ctx context.Context) error {
	answer, err := s.ask(ctx, "PING")
	if err == nil && answer != "PONG" {
		err = errors.New(answer)
	}
	return err
}

// ask sends one inline command on a connection of its own and returns the text of a simple or a bulk answer.
func (s *Server) ask(ctx context.Context, command string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", s.Addr())
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		conn.SetDeadline(deadline)
	}
	if _, err := fmt.Fprintf(conn, "%s\r\n", command); err != nil {
		return "", err
	}
	r := bufio.NewReader(conn)
	line, err := r.ReadString('\n')
	if err != nil {
		return "", err
	}
	line = strings.TrimRight(line, "\r\n")
	if line == "" || line[0] == '-' {
		return "", fmt.Errorf("redis: %q", line)
	}
	if line[0] != '$' {
		return line[1:], nil
	}
	n, err := strconv.Atoi(line[1:])
	if err != nil || n < 0 {
		return "", fmt.Errorf("redis: %q", line)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(r, text); err != nil {
		return "", err
	}
	return string(text), nil
}
