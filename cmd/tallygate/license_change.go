package main

import (
	"context"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"tallygate/admin"
	"tallygate/licensing"
)

func licenseActivateCmd(c *console) *cobra.Command {
	var location string
	cmd := &cobra.Command{
		Use:   "activate KEY|@FILE|-",
		Short: "Enter a signed key (\"Send Key\")",
		Long: `Enters what the distributor signed. With --location the license is allotted wholly to
that Location; a key that names its Location needs no flag.`,
		Example: `  tallygate license activate @key.txt --location 28N2S004
  tallygate license activate --dry-run - < key.txt`,
		Args: takes("KEY"),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, args []string) error {
			key, err := c.readKey(args[0])
			if err != nil {
				return err
			}
			if err := c.confirm("Enter this key%s?", where(location)); err != nil {
				return err
			}
			a, err := g.Activate(ctx, c.change(), key, location)
			if err != nil {
				return err
			}
			return c.done(a, "%s", strings.Join(a.Changes, "\n"))
		}),
	}
	cmd.Flags().StringVar(&location, "location", "", "`ID` of the Location that gets the license")
	return c.changes(cmd)
}

func where(location string) string {
	if location == "" {
		return ""
	}
	return " for Location " + location
}

func readBoundedFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return readBounded(f)
}

func licenseDenyCmd(c *console) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:     "deny NUMBER --reason TEXT",
		Short:   "Deny access: no guest is served until it is restored",
		Example: `  tallygate license deny TG-XXXX-XXXX-XXXX --reason "invoice 4711 unpaid"`,
		Args:    takes("NUMBER"),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, args []string) error {
			if err := c.confirm("Deny access under license %s? No guest will be served.", args[0]); err != nil {
				return err
			}
			s, err := g.DenyLicense(ctx, c.change(), args[0], reason)
			return c.doneLicense(s, err)
		}),
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the log and for whoever asks")
	return c.changes(required(cmd, "reason"))
}

func licenseRestoreCmd(c *console) *cobra.Command {
	return c.changes(&cobra.Command{
		Use:   "restore NUMBER",
		Short: "Lift the operator's denial; the distributor's stays",
		Args:  takes("NUMBER"),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, args []string) error {
			s, err := g.RestoreLicense(ctx, c.change(), args[0])
			return c.doneLicense(s, err)
		}),
	})
}

func licenseUnassignCmd(c *console) *cobra.Command {
	return c.changes(&cobra.Command{
		Use:   "unassign NUMBER",
		Short: "Take a key back that was entered at the wrong Location, while nothing has been counted",
		Args:  takes("NUMBER"),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, args []string) error {
			if err := c.confirm("Take license %s away from its Location? Guests there will be refused.", args[0]); err != nil {
				return err
			}
			s, err := g.UnassignLicense(ctx, c.change(), args[0])
			return c.doneLicense(s, err)
		}),
	})
}

// doneLicense reports what a change has made of a license.
func (c *console) doneLicense(s licensing.Summary, err error) error {
	if err != nil {
		return err
	}
	state := s.State.String()
	if s.Reason != "" {
		state += " (" + s.Reason + ")"
	}
	return c.done(s, "license %s is now: %s", s.Number, state)
}
