package main

import (
	"context"

	"github.com/spf13/cobra"

	"tallygate/admin"
	"tallygate/licensing"
	"tallygate/macwatch"
)

func guestCredentialCmd(c *console) *cobra.Command {
	return group("credential", "Credentials that portals asked for: who, for whom, and which device used them",
		credentialListCmd(c), credentialRevokeCmd(c))
}

func credentialListCmd(c *console) *cobra.Command {
	var location string
	cmd := &cobra.Command{
		Use:   "list --location ID",
		Short: "List the portals' credentials, oldest first; passwords are not shown",
		Args:  takes(),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, _ []string) error {
			l := c.listing("no portal has asked for credentials at this Location", "USER", "STATE", "USED BY", "ROOM", "FOR", "ASKED BY", "SINCE", "FIRST LOG-IN", "EXPIRES", "NOTE")
			return l.close(g.Credentials(ctx, location, func(i macwatch.PassInfo) error {
				return l.row(i, i.UserName, string(i.State), ticketCells(i)[4], i.Room, i.UserID, i.CreatedBy, stamp(i.CreatedAt), stampOf(i.FirstUseAt), stampOf(i.ExpiresAt), i.Note)
			}))
		}),
	}
	return atLocation(cmd, &location)
}

func credentialRevokeCmd(c *console) *cobra.Command {
	var location string
	cmd := &cobra.Command{
		Use:   "revoke --location ID USER",
		Short: "Take a portal's credential back",
		Long:  "Takes a portal's credential back. Who is online with it stays so until the session ends.",
		Args:  takes("USER"),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, args []string) error {
			if err := c.confirm("Revoke credential %s?", args[0]); err != nil {
				return err
			}
			if err := g.RevokeCredential(ctx, c.change(), location, args[0]); err != nil {
				return err
			}
			return c.done(map[string]string{"user_name": args[0]}, "revoked credential %s", args[0])
		}),
	}
	return c.changes(atLocation(cmd, &location))
}

func noUnused(batch int64, location string) error {
	return licensing.Errorf(licensing.CodeNotFound, "batch %d at %s has no unused tickets", batch, location).
		WithHint("`tallygate ticket batch list --location %s` shows the batches", location)
}
