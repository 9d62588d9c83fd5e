package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"tallygate/admin"
	"tallygate/licensing"
)

func newOrganizationCmd(c *console) *cobra.Command {
	return group("organization", "Organizations: who owns Locations and a RADIUS realm",
		organizationAddCmd(c), organizationListCmd(c), organizationShowCmd(c))
}

func organizationAddCmd(c *console) *cobra.Command {
	var o licensing.Organization
	cmd := &cobra.Command{
		Use:     "add NAME --realm REALM --code CODE",
		Short:   "Add an Organization",
		Example: `  tallygate organization add "Hotel Sol" --realm hotelsol --code N2S`,
		Args:    takes("NAME"),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, args []string) error {
			o.Name = args[0]
			added, err := g.AddOrganization(ctx, c.change(), o)
			if err != nil {
				return err
			}
			return c.done(added, "added Organization %s, realm %s", added.Name, added.Realm)
		}),
	}
	cmd.Flags().StringVar(&o.Realm, "realm", "", "RADIUS realm, 6-12 characters")
	cmd.Flags().StringVar(&o.Code, "code", "", "three characters, the middle of its Locations' ids")
	return c.changes(required(cmd, "realm", "code"))
}

func organizationListCmd(c *console) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List Organizations, oldest first",
		Args:  takes(),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, _ []string) error {
			all, err := g.Organizations(ctx)
			l := c.listing("no Organizations yet; add one with `tallygate organization add`", "NAME", "REALM", "CODE", "SINCE")
			for _, o := range all {
				if err == nil {
					err = l.row(o, o.Name, o.Realm, o.Code, stamp(o.CreatedAt))
				}
			}
			return l.close(err)
		}),
	}
}

func organizationShowCmd(c *console) *cobra.Command {
	return &cobra.Command{
		Use:   "show NAME",
		Short: "Show an Organization and its Locations",
		Args:  takes("NAME"),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, args []string) error {
			o, err := g.Organization(ctx, args[0])
			if err != nil {
				return err
			}
			all, err := g.Locations(ctx)
			if err != nil {
				return err
			}
			shown := struct {
				licensing.Organization
				Locations []string `json:"locations"`
			}{o, []string{}}
			for _, l := range all {
				if l.Organization == o.Name {
					shown.Locations = append(shown.Locations, l.Code)
				}
			}
			return c.describe(shown,
				field{"name", o.Name}, field{"realm", o.Realm}, field{"code", o.Code},
				field{"since", stamp(o.CreatedAt)}, field{"Locations", fmt.Sprint(shown.Locations)})
		}),
	}
}
