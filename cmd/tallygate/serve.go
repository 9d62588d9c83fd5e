package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

func newServeCmd(c *console) *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Run the gateway",
		Long: `Runs the gateway until SIGTERM or SIGINT: what was received is finished and stored first; a
second signal ends it at once. SIGHUP re-reads log level, issuers and certificates. One line on
standard output tells the addresses, which are also in data_dir/addresses.json; the log
goes to standard error.`,
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error { return c.serve(cmd) },
	}
}

func (c *console) serve(cmd *cobra.Command) error {
	path := findConfig(c.config)
	config, err := loadConfig(path)
	if err != nil {
		return err
	}
	// From here on SIGHUP must not end the process, or a reload during a slow start would.
	reload := make(chan os.Signal, 1)
	signal.Notify(reload, syscall.SIGHUP)
	defer signal.Stop(reload)

	useProcessors()
	garbage := newGarbage()
	look := time.NewTicker(garbageLook)
	defer look.Stop()
	a, err := newApp(config, c.err)
	if err != nil {
		return err
	}
	a.serve()
	if err := c.announce(a.addresses(), config.Admin.TLS.on()); err != nil {
		a.log.Warn("cannot write to standard output")
	}
	for {
		select {
		case <-reload:
			a.reload(path)
		case <-look.C:
			garbage.adapt()
		case <-cmd.Context().Done():
			a.log.Info("stopping")
			err := a.stop()
			a.log.Info("stopped")
			return err
		}
	}
}

// announce writes the one line that serve writes to standard output.
func (c *console) announce(at addresses, secured bool) error {
	if c.json {
		return json.NewEncoder(c.out).Encode(at)
	}
	radsec := ""
	if len(at.RadSec) > 0 {
		radsec = ", RadSec " + strings.Join(at.RadSec, " ")
	}
	console := ""
	if at.Admin != "" {
		console = ", metrics and health http://" + at.Admin
		if secured {
			console = ", metrics and health https://" + at.Admin
		}
	}
	_, err := fmt.Fprintf(c.out, "tallygate %s: authentication %s, accounting %s%s%s\n", buildVersion(),
		strings.Join(at.Auth, " "), strings.Join(at.Acct, " "), radsec, console)
	return err
}
