// Package sqlitestore keeps Sojourn's sessions in a SQLite file: nothing to install, nothing to run, and a file that the
// sqlite3 command can read and change while the application serves.
//
//	st, err := sqlitestore.Open(ctx, sqlitestore.Config{Path: "sessions.db"})
//	if err != nil {
//		return err
//	}
//	defer st.Close()
//	manager, err := sojourn.New(st, sojourn.Config{})
//
// It is package sqlstore, where the tables and their promises are described, over the driver modernc.org/sqlite (pure
// Go, no cgo), with the file opened as sessions want it: write-ahead logging, so that readers and the writer never wait
// for each other; one connection that writes and several that read; a wait of up to 5 seconds for the lock that another
// process holds. To put sessions into a database that the application has open already, or to use another driver, take
// sqlstore itself.
//
// # Durability
//
// A killed process loses nothing that was acknowledged. After a power cut the file is whole, but with the default
// synchronous=NORMAL the last commits may be gone, and a logout with them: the session would be there again until it
// expires. Config.FullSync makes every commit wait for the disk, at a price that the disk sets.
//
// # Sharing
//
// Processes of one machine may share the file. A network file system may not hold it: SQLite's locks and its shared
// memory do not work there. No process learns of another's changes by itself (there is no [sojourn.Watcher]); the manager
// re-checks live sessions now and then. Do not open and close the file with anything but SQLite within a process that has
// the store open: on POSIX systems that drops SQLite's locks (https://www.sqlite.org/howtocorrupt.html, §2.2).
//
// A backup of the live file: sqlite3 sessions.db "VACUUM INTO 'backup.db'". Copying the file alone misses what is still in
// the log beside it (-wal). Expired sessions leave free pages that new ones take; the file shrinks only by VACUUM.
package sqlitestore
