package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"tallygate/admin"
	"tallygate/licensing"
)

// console is what every command works with: where it reads and writes, and the flags
// that many share.
type console struct {
	in       io.Reader
	out, err io.Writer

	config string // --config
	json   bool   // --json
	dryRun bool   // --dry-run
	yes    bool   // --yes

	began bool // a command has begun: what fails from here on is not wrong usage
}

// change is who asks, and whether it is a rehearsal.
func (c *console) change() licensing.Change {
	return licensing.Change{By: c.user() + "@console", DryRun: c.dryRun}
}

// user is who runs the command, as the system knows them.
func (c *console) user() string {
	u, err := user.Current()
	if err != nil {
		return "unknown"
	}
	return u.Username
}

// changes gives a command the flags of those that change something.
func (c *console) changes(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().BoolVar(&c.dryRun, "dry-run", false, "rehearse: say what would happen, and change nothing")
	cmd.Flags().BoolVar(&c.yes, "yes", false, "do not ask for confirmation")
	return cmd
}

// ask makes a RunE of a function that talks to the running gateway.
func (c *console) ask(do func(ctx context.Context, g *admin.Client, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		cfg, err := loadConfig(findConfig(c.config))
		if err != nil {
			return err
		}
		socket, err := filepath.Abs(cfg.socket())
		if err != nil {
			return fmt.Errorf("cannot tell the working directory: %w", err)
		}
		g := admin.NewClient(socket)
		defer g.Close()
		return do(cmd.Context(), g, args)
	}
}

// asks reports whether there is a person to be asked.
func (c *console) asks() bool { return !c.yes && !c.dryRun && isTerminal(c.in) }

// confirm asks before something that is hard to take back, but only a person at a
// terminal. Scripts are not asked: they would hang.
func (c *console) confirm(format string, args ...any) error {
	if !c.asks() {
		return nil
	}
	_, _ = fmt.Fprintf(c.err, format+" [y/N] ", args...)
	answer, _ := bufio.NewReader(c.in).ReadString('\n')
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return licensing.Errorf(licensing.CodeRefused, "not confirmed: nothing was changed").
		WithHint("answer y, or use --yes; --dry-run shows what would happen")
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// done reports a change: the value as JSON, or the sentence.
func (c *console) done(value any, format string, args ...any) error {
	if c.json {
		return c.printJSON(value)
	}
	prefix := ""
	if c.dryRun {
		prefix = "rehearsal, nothing was changed: "
	}
	_, err := fmt.Fprintf(c.out, prefix+format+"\n", args...)
	return err
}

// warn tells of something that works but should not stay so.
func (c *console) warn(format string, args ...any) {
	_, _ = fmt.Fprintf(c.err, "warning: "+format+"\n", args...)
}

func (c *console) printJSON(value any) error { return writeJSON(c.out, value) }

func writeJSON(w io.Writer, value any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(value)
}
