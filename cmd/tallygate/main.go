// Command tallygate is the gateway and everything around it: the daemon (serve), the
// commands that talk to a running one over its admin socket, the distributor's tool
// (issuer), and a venue to play against it (simulate).
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// run is main without the process: it returns the exit status.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := untilSignal()
	defer stop()
	c := &console{in: stdin, out: stdout, err: stderr}
	root := newRootCmd(c)
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	return c.exit(cmd, err, args)
}

// untilSignal makes a context that ends with the first SIGINT or SIGTERM, which asks for
// an orderly end. By then signals have their usual effect again, so that a second one
// ends the process now: signal.NotifyContext would give it back a moment too late.
func untilSignal() (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	first, ended := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(first, os.Interrupt, syscall.SIGTERM)
	go func() {
		defer close(ended)
		select {
		case <-first:
		case <-ctx.Done():
		}
		signal.Stop(first)
		cancel()
	}()
	return ctx, func() { cancel(); <-ended }
}
