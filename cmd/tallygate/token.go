package main

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tallygate/admin"
	"tallygate/licensing"
)

func newTokenCmd(c *console) *cobra.Command {
	return group("token", "Access tokens: the API over TCP, for portals and other programs", tokenAddCmd(c), tokenListCmd(c), tokenRevokeCmd(c))
}

func tokenAddCmd(c *console) *cobra.Command {
	var v licensing.AccessToken
	expires := expiryFlag{now: time.Now}
	cmd := &cobra.Command{
		Use:   "add NAME --role ROLE [--organization REALM | --location ID] [--expires 90d]",
		Short: "Make a token, and show it this once",
		Long: `Makes a token for a program that uses the API over TCP, and prints it this once; the
gateway keeps a hash. What its holder does stands in the audit log under "token NAME".

  owner       everything, tokens included
  operator    runs venues: settings, devices, APs, rooms, guests, lab mode
  viewer      reads, but no credentials
  front-desk  guests' accounts, tickets and stays; who is online
  portal      asks for guests' credentials, and nothing else

Without --organization and --location it is for the whole gateway.`,
		Example: `  tallygate token add lobby-portal --role portal --location 28N2S004 --expires 365d`,
		Args:    takes("NAME"),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, args []string) (err error) {
			v.Name = args[0]
			if v.ExpiresAt, err = expires.end(time.UTC.String()); err != nil {
				return err
			}
			fresh, err := g.AddToken(ctx, c.change(), v)
			if err != nil {
				return err
			}
			if c.dryRun {
				return c.done(fresh, "token %s (%s, %s), %s", fresh.Name, fresh.Role, scopeText(fresh.AccessToken), until(fresh.ExpiresAt))
			}
			return c.done(fresh, "made token %s (%s, %s), %s\nshown this once: %s", fresh.Name, fresh.Role, scopeText(fresh.AccessToken), until(fresh.ExpiresAt), fresh.Secret)
		}),
	}
	f := cmd.Flags()
	f.Var(choice[licensing.Role]{&v.Role, licensing.Roles()}, "role", "what it may do")
	f.StringVar(&v.Organization, "organization", "", "only within this Organization, by its name or `REALM`")
	f.StringVar(&v.Location, "location", "", "only at this Location, by its `ID`")
	f.Var(&daysFlag{&expires}, "expires", "when it ends: 90d, 48h, 2027-01-31 or an RFC 3339 time (default: never)")
	required(cmd, "role")
	cmd.MarkFlagsMutuallyExclusive("organization", "location")
	return c.changes(cmd)
}

// daysFlag is an expiryFlag that knows days, too: 90d.
type daysFlag struct{ *expiryFlag }

func (f *daysFlag) Set(s string) error {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n > 0 && n <= 36_500 {
			*f.expiryFlag = expiryFlag{now: f.now, at: f.now().AddDate(0, 0, n).UTC().Truncate(time.Second)}
			return nil
		}
	}
	return f.expiryFlag.Set(s)
}

func scopeText(t licensing.AccessToken) string {
	switch {
	case t.Location != "":
		return "Location " + t.Location
	case t.Organization != "":
		return "Organization " + t.Organization
	}
	return "the whole gateway"
}

func tokenListCmd(c *console) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the tokens, oldest first, the revoked ones too",
		Args:  takes(),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, _ []string) error {
			all, err := g.Tokens(ctx)
			l := c.listing("there are no tokens: over TCP there is nothing but metrics and health", "NAME", "ROLE", "SCOPE", "SINCE", "EXPIRES", "LAST USED", "REVOKED")
			for _, t := range all {
				if err == nil {
					err = l.row(t, t.Name, string(t.Role), scopeText(t), stamp(t.CreatedAt), stamp(t.ExpiresAt), stamp(t.LastUsedAt), stamp(t.RevokedAt))
				}
			}
			return l.close(err)
		}),
	}
}

func tokenRevokeCmd(c *console) *cobra.Command {
	return c.changes(&cobra.Command{
		Use:   "revoke NAME",
		Short: "End a token at once, and for good",
		Args:  takes("NAME"),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, args []string) error {
			if err := c.confirm("Revoke token %s? What uses it is refused from now on.", args[0]); err != nil {
				return err
			}
			if err := g.RevokeToken(ctx, c.change(), args[0]); err != nil {
				return err
			}
			return c.done(map[string]string{"name": args[0]}, "revoked token %s", args[0])
		}),
	})
}
