package postgresstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/sojourn-go/sojourn"
)

const (
	// watchProof is how long a notification may take that shows whether notifications arrive.
	watchProof = 5 * time.Second

	// watchAsk is how long a connection may say nothing before it is asked whether it still is one, and watchAnswer how
	// long the answer may take: a firewall forgets connections without a word.
	watchAsk, watchAnswer = 15 * time.Second, 10 * time.Second
)

// Watch implements [sojourn.Watcher] with LISTEN, on a connection of its own beside the pool. Of what it tells, see
// [Notify]. Before it says that it listens, it sends itself a notification through the pool and waits for it, so that
// it never seems to listen where a pooler swallows all: that is [errors.ErrUnsupported], and Config.Direct helps. A
// connection that was lost is noticed within half a minute.
func (st *Store) Watch(ctx context.Context, notify func(sojourn.ID)) error {
	if st.cfg.Notify == NotifyNothing {
		return fmt.Errorf("postgresstore: watch: Config.Notify is NotifyNothing: %w", errors.ErrUnsupported)
	}
	conn, err := st.listen(ctx)
	if err != nil {
		return failure(ctx, "watch", err)
	}
	defer hangUp(conn)
	if err := st.prove(ctx, conn); err != nil {
		return err
	}
	notify(sojourn.ID{})
	for {
		payload, err := receive(ctx, conn, watchAsk)
		if errors.Is(err, errSilent) {
			err = ask(ctx, conn)
		}
		if err != nil {
			return failure(ctx, "watch", err)
		}
		// Anyone who may connect to the database may send something here: at worst a session is looked at in vain.
		if id, err := sojourn.ParseID(payload); err == nil && !id.IsZero() {
			notify(id)
		}
	}
}

// listen connects as the pool does, or directly, and listens.
func (st *Store) listen(ctx context.Context) (*pgx.Conn, error) {
	settings := st.pool.Config()
	cfg := settings.ConnConfig
	if st.cfg.Direct != nil {
		cfg = st.cfg.Direct.Copy()
	} else if settings.BeforeConnect != nil { // where passwords come from that do not last
		if err := settings.BeforeConnect(ctx, cfg); err != nil {
			return nil, err
		}
	}
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if _, err := conn.Exec(ctx, st.sql.listen, pgx.QueryExecModeExec); err != nil {
		hangUp(conn)
		return nil, err
	}
	return conn, nil
}

// prove sends a notification of no session and waits until it comes. What comes before it was told before we listened.
func (st *Store) prove(ctx context.Context, conn *pgx.Conn) error {
	proof := "proof " + sojourn.NewID().String()
	// One too many does no harm, so it is repeated like a read.
	err := st.do(ctx, "watch", reading, func() error {
		_, err := st.pool.Exec(ctx, st.sql.tell, proof)
		return err
	})
	if err != nil {
		return err
	}
	for end := time.Now().Add(watchProof); ; {
		payload, err := receive(ctx, conn, time.Until(end))
		if errors.Is(err, errSilent) {
			err = pooled(ctx, conn)
		}
		if err != nil {
			return failure(ctx, "watch", err)
		}
		if payload == proof {
			return nil
		}
	}
}

// pooled says why no notification came: a pooler makes up the process that it says a client is connected to.
func pooled(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, watchAnswer)
	defer cancel()
	var pid uint32
	if err := conn.QueryRow(ctx, "SELECT pg_backend_pid()", pgx.QueryExecModeExec).Scan(&pid); err != nil {
		return err
	}
	if pid != conn.PgConn().PID() {
		return fmt.Errorf("a pooler swallows notifications, and Config.Direct does not lead round it: %w", errors.ErrUnsupported)
	}
	return errors.New("no notification arrives")
}

var errSilent = errors.New("postgresstore: nothing came in time")

// receive waits for a notification, and returns errSilent if none comes for so long.
func receive(ctx context.Context, conn *pgx.Conn, patience time.Duration) (payload string, err error) {
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	n, err := conn.WaitForNotification(limited)
	switch {
	case err == nil:
		return n.Payload, nil
	case ctx.Err() == nil && limited.Err() != nil && !conn.IsClosed():
		return "", errSilent
	}
	return "", err
}

// ask finds out whether the server still is there.
func ask(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, watchAnswer)
	defer cancel()
	return conn.Ping(ctx)
}

// hangUp closes a connection, in good order if that goes quickly.
func hangUp(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	conn.Close(ctx)
}
