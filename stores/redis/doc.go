// Package redisstore keeps Sojourn's sessions in Redis 7.0 or later, or in Valkey: on one server, behind Sentinel, or in a
// Cluster. It is for teams with more than one node.
//
//	st, err := redisstore.Open(ctx, "redis://localhost", redisstore.Config{})
//	if err != nil {
//		return err
//	}
//	defer st.Close()
//	if err := st.Check(ctx); err != nil { // is it a server that sessions can live with?
//		return err
//	}
//	manager, err := sojourn.New(st, sojourn.Config{})
//
// An application that has a rueidis client hands it to [New] instead. docs/redis.md has addresses, settings of the server,
// sizes, rights, and what a failover can undo.
//
// # Promises
//
// All capabilities but [sojourn.Sweeper] are there: the server expires by itself. Each method is one round trip once the
// server knows the scripts, with these exceptions: where it ends something, TrimSubject is 2, and DeleteSubject and a
// list are 2. In a Cluster, where a session and its subject's index are in different slots, a Save with a subject is 2, an
// Update that logs in is 3, DeleteSubject is 3, and TrimSubject is 5 where it ends something.
//
// A method ends with its context's deadline or Config.Timeout, whatever the server does. A write whose answer was lost is
// not repeated. Sessions live and die by the server's clock, in milliseconds.
//
// On one server, or behind Sentinel, each method takes effect at one moment. In a Cluster that is so for each session;
// the calls of [sojourn.SubjectIndex] are each right against any other, and no session survives or escapes them, but
// three that overlap can be seen in an order that no single order explains (docs/adr/0013).
//
// What a return value acknowledges is what the primary acknowledges: see docs/redis.md, and Config.Replicas.
package redisstore
