package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"tallygate/admin"
	"tallygate/licensing"
	"tallygate/macwatch"
)

func newSessionCmd(c *console) *cobra.Command {
	return group("session", "Sessions: RADIUS accounting, open and closed", sessionListCmd(c), sessionShowCmd(c), sessionEndCmd(c))
}

func sessionListCmd(c *console) *cobra.Command {
	var f macwatch.SessionFilter
	var mac macFlag
	var all bool
	cmd := &cobra.Command{
		Use:   "list --location ID | --all-locations",
		Short: "List sessions, oldest first: who is online, and the history of a device, an AP, a room or a guest",
		Example: `  tallygate session list --location 28N2S004 --online
  tallygate session list --location 28N2S004 --mac 02:11:22:33:44:55
  tallygate session list --location 28N2S004 --room 412 --since 2026-11-20 --until 2026-11-22
  tallygate session list --all-locations --user room412`,
		Args: takes(),
	}
	cmd.RunE = c.ask(func(ctx context.Context, g *admin.Client, _ []string) error {
		f.MAC = mac.mac
		empty := "no sessions have been recorded at this Location"
		switch {
		case f != macwatch.SessionFilter{Location: f.Location}:
			empty = "no session meets this"
		case all:
			empty = "no sessions have been recorded"
		}
		l := c.listing(empty, "SESSION", "MAC", "AP", "ROOM", "USER", "STARTED", "ENDED", "IN", "OUT", "CAUSE", "DISCONNECT")
		return l.close(g.Sessions(ctx, f, func(s macwatch.SessionInfo) error {
			return l.row(s, s.SessionID, s.MAC, s.AP, s.Room, s.UserName, stamp(s.StartedAt), stampOf(s.EndedAt),
				octets(s.InputOctets), octets(s.OutputOctets), causeOf(&s), outcome(s.Disconnect))
		}))
	})
	flags := cmd.Flags()
	flags.StringVar(&f.Location, "location", "", "`ID` of the Location")
	flags.BoolVar(&all, "all-locations", false, "of every Location")
	flags.BoolVar(&f.Online, "online", false, "only those that are open: who is online")
	flags.Var(&mac, "mac", "only of this device, in any notation")
	flags.StringVar(&f.AP, "ap", "", "only on this `AP`, by any of its names")
	flags.StringVar(&f.Room, "room", "", "only of this `ROOM`")
	flags.StringVar(&f.User, "user", "", "only of this user `NAME`")
	flags.Var(pastFlag{&f.Since, time.Now}, "since", "only those that were not over by then: a day in UTC, a time, or a time span back from now such as 24h")
	flags.Var(pastFlag{&f.Until, time.Now}, "until", "only those that began before then")
	cmd.MarkFlagsOneRequired("location", "all-locations")
	cmd.MarkFlagsMutuallyExclusive("location", "all-locations")
	return cmd
}

// causeOf is why a session ended, for people.
func causeOf(s *macwatch.SessionInfo) string {
	if s.ClosedBy == macwatch.ClosedByGateway {
		return "nothing more was heard"
	}
	return s.TerminateCause
}

// connection is what `session show` tells: everything that is one connection of a guest.
type connection struct {
	MAC          string                 `json:"mac"`
	UserName     string                 `json:"user_name"`
	Online       bool                   `json:"online"`
	StartedAt    time.Time              `json:"started_at"`
	EndedAt      *time.Time             `json:"ended_at"`
	InputOctets  uint64                 `json:"input_octets"`
	OutputOctets uint64                 `json:"output_octets"`
	Sessions     []macwatch.SessionInfo `json:"sessions"`
}

func sessionShowCmd(c *console) *cobra.Command {
	f := macwatch.SessionFilter{}
	var mac macFlag
	cmd := &cobra.Command{
		Use:   "show --location ID SESSION",
		Short: "Show a session with everything that is one connection with it: legs of its id, hops of a roaming guest",
		Long: `Shows a session by its Acct-Session-Id, or a connection by the name that session list
--json gives it. Where the access points link the hops of a roaming guest (Acct-Multi-Session-Id),
they are shown together, with their sum. Session ids come again: give --mac where several have it.`,
		Args: takes("SESSION"),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, args []string) error {
			f.Session, f.MAC = args[0], mac.mac
			names := []string{}
			seen := map[string]*connection{}
			gather := func(s macwatch.SessionInfo) error {
				if seen[s.Connection] == nil {
					names = append(names, s.Connection)
					seen[s.Connection] = &connection{}
				}
				return nil
			}
			if err := g.Sessions(ctx, f, gather); err != nil {
				return err
			}
			switch len(names) {
			case 0:
				return licensing.Errorf(licensing.CodeNotFound, "there is no session %q at %s", args[0], f.Location).
					WithHint("`tallygate session list --location %s` shows them", f.Location)
			case 1:
			default:
				return licensing.Errorf(licensing.CodeConflict, "%d connections have had the session id %q", len(names), args[0]).
					WithHint("say which: --mac, or a connection as `tallygate session list --json` names it")
			}
			f.Session = names[0]
			all := seen[names[0]]
			if err := g.Sessions(ctx, f, all.add); err != nil {
				return err
			}
			return c.describe(all, all.fields()...)
		}),
	}
	cmd.Flags().Var(&mac, "mac", "of this device, in any notation")
	return atLocation(cmd, &f.Location)
}

// add takes in one of its sessions, which come oldest first.
func (a *connection) add(s macwatch.SessionInfo) error {
	if len(a.Sessions) == 0 {
		a.MAC, a.StartedAt = s.MAC, s.StartedAt
	}
	a.UserName = or(s.UserName, a.UserName)
	a.Online = a.Online || s.EndedAt == nil
	switch {
	case a.Online:
		a.EndedAt = nil
	case a.EndedAt == nil || s.EndedAt.After(*a.EndedAt):
		a.EndedAt = s.EndedAt
	}
	a.InputOctets += s.InputOctets
	a.OutputOctets += s.OutputOctets
	a.Sessions = append(a.Sessions, s)
	return nil
}

func (a *connection) fields() []field {
	fields := []field{
		{"device", a.MAC}, {"user", a.UserName}, {"online", yesNo(a.Online)}, {"started", stamp(a.StartedAt)}, {"ended", stampOf(a.EndedAt)},
		{"from the guest", octets(a.InputOctets)}, {"to the guest", octets(a.OutputOctets)},
	}
	for i := range a.Sessions {
		s := &a.Sessions[i]
		text := fmt.Sprintf("%s on %s, %s to %s, %s in, %s out", s.SessionID, s.AP, stamp(s.StartedAt), stampOf(s.EndedAt),
			octets(s.InputOctets), octets(s.OutputOctets))
		if cause := causeOf(s); cause != "" {
			text += " (" + cause + ")"
		}
		fields = append(fields, field{"session " + strconv.Itoa(i+1), text})
	}
	return fields
}

// macFlag is the address of a device, in any notation.
type macFlag struct{ mac macwatch.MAC }

func (f *macFlag) String() string {
	if f.mac == 0 {
		return ""
	}
	return f.mac.String()
}

func (f *macFlag) Set(s string) (err error) {
	f.mac, err = parseMAC(s)
	return err
}

func (f *macFlag) Type() string { return "MAC" }

// octets is an amount of data for people.
func octets(n uint64) string {
	const units = "kMGTPE"
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	v, unit := float64(n)/1000, 0
	for v >= 999.95 && unit < len(units)-1 {
		v, unit = v/1000, unit+1
	}
	return fmt.Sprintf("%.1f %cB", v, units[unit])
}
