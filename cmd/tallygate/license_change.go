package main

import (
	"context"
	"os"

	"github.com/spf13/cobra"

	"tallygate/admin"
	"tallygate/licensing"
)

func readBoundedFile(name string) ([]byte, error) {
	f, err := os.Open(name) //nolint:gosec // G703: the operator names the file, also in an environment variable
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
