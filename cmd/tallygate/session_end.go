package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"tallygate/admin"
	"tallygate/macwatch"
)

func sessionEndCmd(c *console) *cobra.Command {
	var location, mac string
	var which macwatch.SessionSelector
	cmd := &cobra.Command{
		Use:   "end [SESSION] --location ID",
		Short: "Ask access points to end open sessions now (RFC 5176)",
		Long: `Asks the access point or controller of each session that is meant to end it, and shows
what came back: acknowledged, refused (with the Error-Cause), unanswered, or not possible.
A session has ended when its Stop has come: ` + "`tallygate session list`" + ` shows that.

A guest who may log in does so again at once: block the device, or remove the account,
to keep him out. Those do the same by themselves.`,
		Example: `  tallygate session end --location 28N2S004 --mac 02:11:22:33:44:55
  tallygate session end --location 28N2S004 --ap lobby --dry-run`,
		Args: cobra.MaximumNArgs(1),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, args []string) (err error) {
			which.SessionID = strings.Join(args, "")
			if mac != "" {
				if which.MAC, err = parseMAC(mac); err != nil {
					return err
				}
			}
			if which.Empty() {
				return &usageError{message: "which sessions?", hint: "give a SESSION of `tallygate session list`, --mac, --ap or --all"}
			}
			if err := c.confirm("Ask for %s at %s to end?", meant(which), location); err != nil {
				return err
			}
			return c.endSessions(ctx, g, location, which)
		}),
	}
	f := cmd.Flags()
	f.StringVar(&mac, "mac", "", "the sessions of this device")
	f.StringVar(&which.AP, "ap", "", "the sessions at this access point, by any of its names")
	f.BoolVar(&which.All, "all", false, "every open session of the Location")
	return c.changes(atLocation(cmd, &location))
}

// meant says which sessions, for the question.
func meant(which macwatch.SessionSelector) string {
	var parts []string
	if which.All {
		return "EVERY open session"
	}
	if which.SessionID != "" {
		parts = append(parts, "session "+which.SessionID)
	}
	if which.MAC != 0 {
		parts = append(parts, "the sessions of "+which.MAC.String())
	}
	if which.AP != "" {
		parts = append(parts, "the sessions at "+which.AP)
	}
	return strings.Join(parts, ", ")
}

// endSessions lists the results. That a NAS did not do it is shown, and is no failure
// of the command when at least one did, or it was a rehearsal.
func (c *console) endSessions(ctx context.Context, g *admin.Client, location string, which macwatch.SessionSelector) error {
	l := c.listing("no such session is open", "SESSION", "MAC", "AP", "USER", "RESULT", "NAS", "WHAT TO DO")
	failed, rows := 0, 0
	err := l.close(g.EndSessions(ctx, c.change(), location, which, func(e macwatch.EndedSession) error {
		rows++
		d := e.Disconnect
		if d.State != macwatch.DisconnectAcknowledged && d.State != macwatch.DisconnectPlanned {
			failed++
		}
		return l.row(e, e.SessionID, e.MAC, e.AP, e.UserName, outcome(&d), d.To, d.Detail)
	}))
	if err == nil && failed == rows && !c.dryRun {
		return silentFailure{}
	}
	return err
}

// outcome is the cell of a list.
func outcome(d *macwatch.Disconnect) string {
	switch {
	case d == nil:
		return ""
	case d.ErrorCause != "":
		return fmt.Sprintf("%s (%s)", d.State, d.ErrorCause)
	}
	return string(d.State)
}
