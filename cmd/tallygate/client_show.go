package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"tallygate/admin"
	"tallygate/licensing"
	"tallygate/macwatch"
)

// clientRow is a client, with those of its sources that have another shared secret.
type clientRow struct {
	macwatch.Client
	SecretDiffers []macwatch.SecretDiffers `json:"secret_differs,omitempty"`
}

// clientsWithSecrets lists all clients with what is known of their secrets.
func clientsWithSecrets(ctx context.Context, g *admin.Client) ([]clientRow, error) {
	all, err := g.Clients(ctx)
	if err != nil {
		return nil, err
	}
	differing, err := g.SecretsThatDiffer(ctx)
	rows := make([]clientRow, len(all))
	for i, p := range all {
		rows[i].Client = p
		for _, d := range differing {
			if d.Client == p.Name {
				rows[i].SecretDiffers = append(rows[i].SecretDiffers, d)
			}
		}
	}
	return rows, err
}

// secretCell says in a few words whether the shared secret differs.
func (p clientRow) secretCell() string {
	switch n := len(p.SecretDiffers); n {
	case 0:
		return ""
	case 1:
		return differs(p.SecretDiffers[0])
	default:
		return fmt.Sprintf("%s; and %d more sources", differs(p.SecretDiffers[0]), n-1)
	}
}

func differs(d macwatch.SecretDiffers) string {
	packets := "1 packet"
	if d.Packets != 1 {
		packets = fmt.Sprintf("%d packets", d.Packets)
	}
	return fmt.Sprintf("shared secret differs at %s (since %s, %s)", d.Source, stamp(d.Since), packets)
}

func clientShowCmd(c *console) *cobra.Command {
	return &cobra.Command{
		Use:   "show NAME",
		Short: "Show a client, and which of its sources have another shared secret",
		Args:  takes("NAME"),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, args []string) error {
			all, err := clientsWithSecrets(ctx, g)
			if err != nil {
				return err
			}
			for _, p := range all {
				if p.Name == args[0] {
					return c.describe(p, clientFields(p)...)
				}
			}
			return licensing.Errorf(licensing.CodeNotFound, "there is no client %q", args[0]).WithHint("`tallygate client list` shows them")
		}),
	}
}

func clientFields(p clientRow) []field {
	signed := make([]string, len(p.Signed))
	for i, a := range p.Signed {
		signed[i] = a.String()
	}
	fields := []field{
		{"name", p.Name},
		{"address", p.Prefix.String()},
		{"Location", p.Location},
		{"Message-Authenticator", string(p.RequireMA)},
		{"has signed", strings.Join(signed, ", ")},
		{"vendor", string(p.Vendor)},
		{"since", stamp(p.CreatedAt)},
	}
	for _, d := range p.SecretDiffers {
		fields = append(fields, field{"shared secret", fmt.Sprintf("%s, latest %s: %s", differs(d), stamp(d.Last), d.Evidence)})
	}
	if len(p.SecretDiffers) > 0 {
		fields = append(fields, field{"what to do", "make it the same on both sides, then send a packet that proves it: an authentic one clears the entry"})
	}
	return fields
}
