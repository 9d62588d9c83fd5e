package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"tallygate/admin"
	"tallygate/licensing"
)

func notifyRecipientCmd(c *console) *cobra.Command {
	return group("recipient", "Recipients: who is told",
		recipientAddCmd(c), recipientListCmd(c), recipientRotateCmd(c), recipientRemoveCmd(c))
}

func recipientAddCmd(c *console) *cobra.Command {
	var r licensing.Recipient
	var email, webhook string
	language := string(licensing.LanguageEnglish)
	cmd := &cobra.Command{
		Use:   "add NAME --email ADDRESS | --webhook URL",
		Short: "Add a recipient: of everything, or of an Organization, a license, or some kinds",
		Long: `Adds somebody who is told of what happens from now on. A webhook is signed as Standard
Webhooks says; its secret (whsec_…) is drawn and printed this once, unless one is given.`,
		Example: `  tallygate notify recipient add reception --email it@hotel.example --language es
  tallygate notify recipient add support --webhook https://support.example/hooks --organization hotelsol --kinds "notice.*,license.*"`,
		Args: takes("NAME"),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, args []string) error {
			r.Name, r.Language = args[0], licensing.Language(language)
			r.Channel, r.Address = licensing.ChannelEmail, email
			if webhook != "" {
				r.Channel, r.Address = licensing.ChannelWebhook, webhook
			}
			if strings.HasPrefix(webhook, "http:") {
				c.warn("what goes to %s is signed, but anybody on the way can read it; use https:// where you can", webhook)
			}
			fresh, err := g.AddRecipient(ctx, c.change(), r)
			if err != nil {
				return err
			}
			if fresh.Secret != "" {
				return c.done(fresh, "added recipient %s: %s\nits secret, shown this once: %s", fresh.Name, fresh.Address, fresh.Secret)
			}
			return c.done(fresh, "added recipient %s: %s", fresh.Name, fresh.Address)
		}),
	}
	f := cmd.Flags()
	f.StringVar(&email, "email", "", "e-mail `ADDRESS`")
	f.StringVar(&webhook, "webhook", "", "`URL` that takes signed POST requests")
	f.StringVar(&r.Secret, "secret", "", "the webhook's `SECRET`, whsec_…; default: drawn")
	f.Var(choice[string]{&language, []string{"en", "es"}}, "language", "language of the mails")
	f.StringVar(&r.Organization, "organization", "", "only about this Organization, by its name or `REALM`")
	f.StringVar(&r.License, "license", "", "only about this license, by its `NUMBER`")
	f.StringSliceVar(&r.Kinds, "kinds", nil, "only these `KINDS`, e.g. notice.*,license.end (see notify preview --help)")
	cmd.MarkFlagsOneRequired("email", "webhook")
	cmd.MarkFlagsMutuallyExclusive("email", "webhook")
	cmd.MarkFlagsMutuallyExclusive("email", "secret")
	cmd.MarkFlagsMutuallyExclusive("organization", "license")
	return c.changes(cmd)
}

func recipientListCmd(c *console) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the recipients, oldest first",
		Args:  takes(),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, _ []string) error {
			all, err := g.Recipients(ctx)
			l := c.listing("nobody is told of anything; add somebody with `tallygate notify recipient add`",
				"NAME", "CHANNEL", "ADDRESS", "LANGUAGE", "ABOUT", "KINDS", "SWITCHED OFF")
			for _, r := range all {
				if err == nil {
					err = l.row(r, r.Name, string(r.Channel), r.Address, string(r.Language),
						or(r.Organization+r.License, "everything"), or(strings.Join(r.Kinds, " "), "all"), r.OffReason)
				}
			}
			return l.close(err)
		}),
	}
}

func recipientRotateCmd(c *console) *cobra.Command {
	return c.changes(&cobra.Command{
		Use:   "rotate NAME",
		Short: "Draw a new secret for a webhook; for a day the old one signs as well",
		Args:  takes("NAME"),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, args []string) error {
			fresh, err := g.RotateRecipient(ctx, c.change(), args[0])
			if err != nil {
				return err
			}
			return c.done(fresh, "the new secret of %s, shown this once: %s\nthe old one signs as well until %s", fresh.Name, fresh.Secret, stamp(fresh.OldUntil))
		}),
	})
}

func recipientRemoveCmd(c *console) *cobra.Command {
	return c.changes(&cobra.Command{
		Use:   "remove NAME",
		Short: "Remove a recipient; what waits for it is cancelled",
		Args:  takes("NAME"),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, args []string) error {
			if err := c.confirm("Remove recipient %s? It is told of nothing any more.", args[0]); err != nil {
				return err
			}
			if err := g.RemoveRecipient(ctx, c.change(), args[0]); err != nil {
				return err
			}
			return c.done(map[string]string{"name": args[0]}, "removed recipient %s", args[0])
		}),
	})
}
