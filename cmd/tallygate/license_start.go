package main

import (
	"context"

	"github.com/spf13/cobra"

	"tallygate/admin"
)

func licenseConfirmStartCmd(c *console) *cobra.Command {
	return c.changes(&cobra.Command{
		Use:   "confirm-start NUMBER",
		Short: "Start a license whose start is proposed, now",
		Args:  takes("NUMBER"),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, args []string) error {
			if err := c.confirm("Start the contract of license %s?", args[0]); err != nil {
				return err
			}
			s, err := g.ConfirmStart(ctx, c.change(), args[0])
			return c.doneLicense(s, err)
		}),
	})
}

func licenseDeclineStartCmd(c *console) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:   "decline-start NUMBER --reason TEXT",
		Short: "Decline a proposed start, once: what was sighted so far does not count",
		Args:  takes("NUMBER"),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, args []string) error {
			if err := c.confirm("Decline the start of license %s? It can be declined once.", args[0]); err != nil {
				return err
			}
			s, err := g.DeclineStart(ctx, c.change(), args[0], reason)
			return c.doneLicense(s, err)
		}),
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the audit log")
	return c.changes(required(cmd, "reason"))
}
