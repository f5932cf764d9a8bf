package main

import (
	"context"
	"flag"
	"fmt"
	"io"

	"github.com/sojourn-go/sojourn/cmd/sojourn/internal/engine"
)

func runMigrate(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("sojourn migrate", flag.ContinueOnError)
	flags.SetOutput(stderr)
	store := flags.String("store", "", "`address` of the database (default: that of "+storeVariable+")")
	table := flags.String("table", "", "`name` of the sessions' table, with or without a schema (default sojourn_sessions)")
	printed := flags.Bool("print", false, "print the SQL for an empty database, for migrations of your own, and connect to nothing")
	flags.Usage = func() {
		fmt.Fprint(stderr, "Creates the tables of sessions, or brings those of an older release up to date. Run it as often as you like.\n\nUsage:\n\n\tsojourn migrate --store address [flags]\n\nFlags:\n\n")
		flags.PrintDefaults()
		fmt.Fprint(stderr, "\nAddresses of stores:\n\n"+engine.Forms())
	}
	if err := parse(flags, args, stderr); err != nil {
		return err
	}
	if *store = storeAddress(*store); *store == "" {
		fmt.Fprint(stderr, "sojourn migrate: --store is missing\n\n")
		flags.Usage()
		return errUsage
	}
	if *printed {
		schema, err := engine.Schema(*store, *table)
		if err != nil {
			return err
		}
		_, err = io.WriteString(stdout, schema)
		return err
	}
	st, err := engine.Open(ctx, *store, *table)
	if err != nil {
		return err
	}
	defer st.Close()
	if st.Migrate == nil {
		return fmt.Errorf("%s: %w", st.Name, engine.ErrNoTables)
	}
	if err := st.Migrate(ctx); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "The tables in %s are up to date.\n", st.Name)
	return nil
}
