package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"tallygate/admin"
	"tallygate/macwatch"
)

func newGuestCmd(c *console) *cobra.Command {
	return group("guest", "Guests: credentials of a Location with `guests: local`",
		guestAddCmd(c), guestListCmd(c), guestRemoveCmd(c),
		group("mac-input", "Devices that log in by MAC address alone", macInputAddCmd(c), macInputListCmd(c), macInputRemoveCmd(c)),
		guestCredentialCmd(c), guestStayCmd(c))
}

func guestAddCmd(c *console) *cobra.Command {
	var location string
	var a macwatch.Account
	expires := expiryFlag{now: time.Now}
	cmd := &cobra.Command{
		Use:     "add --location ID USER --password P",
		Short:   "Add a guest account",
		Example: `  tallygate guest add --location 28N2S004 room412 --password k7-blue-river --expires 72h`,
		Args:    takes("USER"),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, args []string) (err error) {
			a.UserName = args[0]
			if a.ExpiresAt, err = endAt(ctx, g, location, &expires); err != nil {
				return err
			}
			if err := g.AddAccount(ctx, c.change(), location, a); err != nil {
				return err
			}
			added := struct {
				UserName  string    `json:"user_name"`
				ExpiresAt time.Time `json:"expires_at,omitzero"`
				Sessions  int       `json:"sessions,omitempty"`
				Note      string    `json:"note,omitempty"`
			}{a.UserName, a.ExpiresAt, a.Sessions, a.Note}
			return c.done(added, "added guest %s, %s", a.UserName, until(a.ExpiresAt))
		}),
	}
	cmd.Flags().StringVar(&a.Password, "password", "", "the guest's password; CHAP needs it in clear, so it is kept so")
	cmd.Flags().IntVar(&a.Sessions, "sessions", 0, "`N` devices online at once; 0 for what the Location says")
	required(cmd, "password")
	addCredentialFlags(cmd, &expires, &a.Note)
	return c.changes(atLocation(cmd, &location))
}

// addCredentialFlags adds what accounts and MAC inputs have in common.
func addCredentialFlags(cmd *cobra.Command, expires *expiryFlag, note *string) {
	cmd.Flags().Var(expires, "expires", "when it ends: 48h, 2027-01-31 (with the end of that day at the Location) or an RFC 3339 time (default: never)")
	cmd.Flags().StringVar(note, "note", "", "who it is for")
}

// endAt is when a credential ends at a Location, whose day it is.
func endAt(ctx context.Context, g *admin.Client, location string, expires *expiryFlag) (time.Time, error) {
	l, err := g.Location(ctx, location)
	if err != nil {
		return time.Time{}, err
	}
	return expires.end(l.Settings.Timezone)
}

func until(t time.Time) string {
	if t.IsZero() {
		return "without an end"
	}
	return "until " + stamp(t)
}

func guestListCmd(c *console) *cobra.Command {
	var location string
	cmd := &cobra.Command{
		Use:   "list --location ID",
		Short: "List guest accounts, oldest first; passwords are not shown",
		Args:  takes(),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, _ []string) error {
			all, err := g.Accounts(ctx, location)
			l := c.listing("no guest accounts at this Location", "USER", "EXPIRES", "DEVICES", "SINCE", "NOTE")
			for _, a := range all {
				if err == nil {
					err = l.row(a, a.UserName, stamp(a.ExpiresAt), number(a.Sessions, ""), stamp(a.CreatedAt), a.Note)
				}
			}
			return l.close(err)
		}),
	}
	return atLocation(cmd, &location)
}

func guestRemoveCmd(c *console) *cobra.Command {
	var location string
	cmd := &cobra.Command{
		Use:   "remove --location ID USER",
		Short: "Remove a guest account",
		Args:  takes("USER"),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, args []string) error {
			if err := c.confirm("Remove guest %s?", args[0]); err != nil {
				return err
			}
			if err := g.RemoveAccount(ctx, c.change(), location, args[0]); err != nil {
				return err
			}
			return c.done(removed{args[0]}, "removed guest %s", args[0])
		}),
	}
	return c.changes(atLocation(cmd, &location))
}

func macInputAddCmd(c *console) *cobra.Command {
	var location string
	var m macwatch.MACInput
	expires := expiryFlag{now: time.Now}
	cmd := &cobra.Command{
		Use:   "add --location ID MAC",
		Short: "Let a device in by its MAC address alone",
		Args:  takes("MAC"),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, args []string) (err error) {
			if m.MAC, err = parseMAC(args[0]); err != nil {
				return err
			}
			if m.ExpiresAt, err = endAt(ctx, g, location, &expires); err != nil {
				return err
			}
			if err := g.AddMACInput(ctx, c.change(), location, m); err != nil {
				return err
			}
			added := struct {
				MAC       macwatch.MAC `json:"mac"`
				ExpiresAt time.Time    `json:"expires_at,omitzero"`
				Note      string       `json:"note,omitempty"`
			}{m.MAC, m.ExpiresAt, m.Note}
			return c.done(added, "added MAC input %s, %s", m.MAC, until(m.ExpiresAt))
		}),
	}
	addCredentialFlags(cmd, &expires, &m.Note)
	return c.changes(atLocation(cmd, &location))
}

func macInputListCmd(c *console) *cobra.Command {
	var location string
	cmd := &cobra.Command{
		Use:   "list --location ID",
		Short: "List MAC inputs, oldest first",
		Args:  takes(),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, _ []string) error {
			all, err := g.MACInputs(ctx, location)
			l := c.listing("no MAC inputs at this Location", "MAC", "EXPIRES", "SINCE", "NOTE")
			for _, m := range all {
				if err == nil {
					err = l.row(m, m.MAC.String(), stamp(m.ExpiresAt), stamp(m.CreatedAt), m.Note)
				}
			}
			return l.close(err)
		}),
	}
	return atLocation(cmd, &location)
}

func macInputRemoveCmd(c *console) *cobra.Command {
	var location string
	cmd := &cobra.Command{
		Use:   "remove --location ID MAC",
		Short: "Remove a MAC input",
		Args:  takes("MAC"),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, args []string) error {
			mac, err := parseMAC(args[0])
			if err != nil {
				return err
			}
			if err := c.confirm("Remove MAC input %s?", mac); err != nil {
				return err
			}
			if err := g.RemoveMACInput(ctx, c.change(), location, mac); err != nil {
				return err
			}
			return c.done(removed{mac.String()}, "removed MAC input %s", mac)
		}),
	}
	return c.changes(atLocation(cmd, &location))
}
