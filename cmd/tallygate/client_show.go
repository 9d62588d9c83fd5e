package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"tallygate/admin"
	"tallygate/licensing"
	"tallygate/macwatch"
	"tallygate/radiusd"
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
				if strings.EqualFold(p.Name, args[0]) {
					return c.describe(p, clientFields(p)...)
				}
			}
			return licensing.Errorf(licensing.CodeNotFound, "there is no client %q", args[0]).WithHint("`tallygate client list` shows them")
		}),
	}
}

// make is the vendor, as far as it is known.
func (p clientRow) make() macwatch.Vendor {
	if p.Vendor == macwatch.VendorAuto && p.Detected != "" {
		return p.Detected
	}
	return p.Vendor
}

func clientFields(p clientRow) []field {
	signed := make([]string, len(p.Signed))
	for i, a := range p.Signed {
		signed[i] = a.String()
	}
	fields := []field{
		{"name", p.Name},
		{"known by", clientKnownBy(p.Client)},
		{"Location", p.Location},
		{"Message-Authenticator", string(p.RequireMA)},
		{"has signed", strings.Join(signed, ", ")},
		{"vendor", vendorText(p.Client)},
		{"good to know", radiusd.AdviceFor(p.make()).Quirk},
		{"Disconnect", disconnectText(p.Client)},
		{"AP from", ruleText(p.AP)},
		{"SSID from", ruleText(p.SSID)},
		{"guest's address from", ruleText(p.GuestMAC)},
		{"since", stamp(p.CreatedAt)},
	}
	for _, r := range p.Locations {
		fields = append(fields, field{"Location rule", string(r.By) + " " + r.Value + " is " + r.Location})
	}
	for _, d := range p.SecretDiffers {
		fields = append(fields, field{"shared secret", fmt.Sprintf("%s, latest %s: %s", differs(d), stamp(d.Last), d.Evidence)})
	}
	if len(p.SecretDiffers) > 0 {
		fields = append(fields, field{"what to do", "make it the same on both sides, then send a packet that proves it: an authentic one clears the entry"})
	}
	return fields
}
