package main

import (
	"context"
	"flag"
	"fmt"
	"io"

	"github.com/sojourn-go/sojourn/cmd/sojourn/internal/demo"
)

func runDemo(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("sojourn demo", flag.ContinueOnError)
	flags.SetOutput(stderr)
	addr := flags.String("addr", "", "listen on `host:port` of this machine (default "+demo.DefaultAddr+", or the next free port)")
	file := flags.String("db", "sojourn-demo.db", "SQLite `file` for sessions and accounts; created if missing")
	insecure := flags.Bool("insecure-cookie", false, "send the cookie without Secure: for Safari, which keeps no Secure cookie on http://localhost")
	flags.Usage = func() {
		fmt.Fprint(stderr, "Runs a small web application whose sessions live in SQLite.\n\nUsage:\n\n\tsojourn demo [flags]\n\nFlags:\n\n")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		if err == flag.ErrHelp {
			return err
		}
		return errUsage
	}
	if flags.NArg() > 0 {
		fmt.Fprintf(stderr, "sojourn demo: unexpected argument %q\n", flags.Arg(0))
		return errUsage
	}

	l, err := demo.Listen(*addr)
	if err != nil {
		return err
	}
	defer l.Close()
	db, err := demo.Open(ctx, *file)
	if err != nil {
		return err
	}
	defer db.Close()
	app, err := demo.New(ctx, demo.Config{Store: db.Sessions, DB: db.Accounts, InsecureCookie: *insecure})
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "The demo is at %s (sessions and accounts in %s). Stop it with Ctrl-C: it loses nothing.\n", demo.URL(l), *file)
	return app.Serve(ctx, l)
}
