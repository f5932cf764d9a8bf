package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/sojourn-go/sojourn/cmd/sojourn/internal/demo"
	"github.com/sojourn-go/sojourn/cmd/sojourn/internal/engine"
)

const demoFile = "sojourn-demo.db"

// storeVariable is another place for an address: what stands in a command line every user of the machine can read.
const storeVariable = "SOJOURN_STORE"

func storeAddress(flag string) string {
	if flag == "" {
		return os.Getenv(storeVariable)
	}
	return flag
}

func runDemo(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("sojourn demo", flag.ContinueOnError)
	flags.SetOutput(stderr)
	addr := flags.String("addr", "", "listen on `host:port` of this machine (default "+demo.DefaultAddr+", or the next free port)")
	store := flags.String("store", "", "keep the sessions at `address` (default: that of "+storeVariable+", else the file of --db)")
	file := flags.String("db", "", "SQLite `file` for the accounts, and for the sessions without --store; created if missing (default "+demoFile+"; with --store sqlite:FILE that file, with --store memory none: the accounts are in memory too)")
	insecure := flags.Bool("insecure-cookie", false, "send the cookie without Secure: for Safari, which keeps no Secure cookie on http://localhost")
	flags.Usage = func() {
		fmt.Fprint(stderr, "Runs a small web application whose sessions live in SQLite, or where you say.\n\nUsage:\n\n\tsojourn demo [flags]\n\nFlags:\n\n")
		flags.PrintDefaults()
		fmt.Fprint(stderr, "\nAddresses of stores:\n\n"+engine.Forms()+"\nTables are created where they are missing. Carts are values of the sessions; accounts are in SQLite always.\n")
	}
	if err := parse(flags, args, stderr); err != nil {
		return err
	}

	l, err := demo.Listen(*addr)
	if err != nil {
		return err
	}
	defer l.Close()
	p := placeOf(storeAddress(*store), *file)
	st, err := engine.Open(ctx, p.store, "")
	if err != nil {
		return err
	}
	defer st.Close()
	if st.Check != nil {
		if err := st.Check(ctx); err != nil {
			fmt.Fprintf(stderr, "sojourn demo: warning: %v\n", err)
		}
	}
	if st.Migrate != nil {
		if err := st.Migrate(ctx); err != nil {
			return err
		}
	}
	accounts, err := demo.OpenAccounts(ctx, p.accountsFile(st))
	if err != nil {
		return err
	}
	defer accounts.Close()
	app, err := demo.New(ctx, demo.Config{
		Store: st.Sessions, DB: accounts, Kept: p.forVisitors(st), Forgets: st.Engine == engine.Memory, InsecureCookie: *insecure,
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "The demo is at %s (%s). Stop it with Ctrl-C: %s.\n", demo.URL(l), p.forOperators(st), p.afterwards(st))
	return app.Serve(ctx, l)
}

// parse reads the flags of a command that takes no other arguments.
func parse(flags *flag.FlagSet, args []string, stderr io.Writer) error {
	if err := flags.Parse(args); err != nil {
		if err == flag.ErrHelp {
			return err
		}
		return errUsage
	}
	if flags.NArg() > 0 {
		fmt.Fprintf(stderr, "%s: unexpected argument %q\n", flags.Name(), flags.Arg(0))
		return errUsage
	}
	return nil
}
