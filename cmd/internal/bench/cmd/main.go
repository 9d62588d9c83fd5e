// Command bench measures the gateway against its goals and against FreeRADIUS, and
// writes what comes of it to docs/benchmarks.md: see `make bench`.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"tallygate/cmd/internal/bench"
)

func main() {
	if len(os.Args) == 3 && os.Args[1] == bench.ResponderArg {
		fail(bench.Respond(os.Args[2]))
	}
	var o bench.Options
	flag.StringVar(&o.Program, "program", "bin/tallygate", "the gateway to measure")
	flag.StringVar(&o.Dir, "dir", "", "folder on the disk to measure (default: the system's temporary one)")
	flag.BoolVar(&o.Quick, "quick", false, "a few minutes, for a first impression")
	flag.BoolVar(&o.Install, "install", false, "install FreeRADIUS if it is missing (Debian, as root)")
	flag.StringVar(&o.Only, "only", "", "regular expression: take only these steps, such as 'accounting|overload'")
	document := flag.String("out", "", "write the result to this file, as Markdown")
	command := flag.String("command", "make bench", "what the document is to say that made it")
	flag.Parse()

	o.Say = os.Stderr
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	fail(run(ctx, o, *document, *command))
}

func run(ctx context.Context, o bench.Options, document, command string) (err error) {
	if o.Program, err = filepath.Abs(o.Program); err != nil {
		return err
	}
	result, err := bench.Run(ctx, o)
	if err != nil {
		return err
	}
	if err := result.WriteMarkdown(os.Stdout, command); err != nil {
		return err
	}
	if document == "" {
		return nil
	}
	file, err := os.Create(document)
	if err != nil {
		return err
	}
	if err := result.WriteMarkdown(file, command); err != nil {
		_ = file.Close()
		return err
	}
	return file.Close()
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}
