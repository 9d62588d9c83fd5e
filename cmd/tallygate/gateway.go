package main

import (
	"context"

	"github.com/spf13/cobra"

	"tallygate/admin"
)

func newGatewayCmd(c *console) *cobra.Command {
	return group("gateway", "This gateway", gatewayIDCmd(c))
}

func gatewayIDCmd(c *console) *cobra.Command {
	return &cobra.Command{
		Use:   "id",
		Short: "Print the gateway's public key, which a grant can be bound to",
		Args:  takes(),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, _ []string) error {
			id, err := g.Gateway(ctx)
			if err != nil {
				return err
			}
			return c.done(id, "%s", id.Key)
		}),
	}
}
