package main

import (
	"context"
	"net/netip"
	"strings"

	"github.com/spf13/cobra"

	"tallygate/admin"
	"tallygate/macwatch"
)

// goodSecret is how long a shared secret should be (RFC 2865 section 3: at least 16
// octets). Shorter ones can be found from one captured packet.
const goodSecret = 16

func newClientCmd(c *console) *cobra.Command {
	return group("client", "Clients: the RADIUS peers (APs, controllers) and their shared secrets",
		clientAddCmd(c), clientListCmd(c), clientShowCmd(c), clientUnknownCmd(c), clientSetCmd(c), clientRemoveCmd(c))
}

var requirements = []macwatch.RequireMA{macwatch.RequireYes, macwatch.RequireNo, macwatch.RequireAuto}

const requireUsage = "drop Access-Requests without it; auto: once a source has sent it, always from that source"

func clientAddCmd(c *console) *cobra.Command {
	p := macwatch.Client{RequireMA: macwatch.RequireYes}
	var address string
	var more clientFlags
	cmd := &cobra.Command{
		Use:   "add NAME --address CIDR --secret S --location ID",
		Short: "Add a client: who may send from an address or prefix, for which Location",
		Long: `Adds a client. Over UDP it is known by its address, and proves itself by the secret. Over
RadSec it is known by its certificate: --radsec-name or --certificate, without --secret. An
--address then restricts where it may come from; without one it may come from anywhere. With
--radsec-name, --address and --secret it is served both ways.`,
		Example: `  tallygate client add controller --address 10.20.0.0/16 --secret "$SECRET" --location 28N2S004
  tallygate client add ap1 --radsec-name ap1.example --location 28N2S004
  tallygate client add gateway --address 10.20.0.1 --secret "$SECRET" --location 28N2S004 --vendor opnsense`,
		Args: takes("NAME"),
	}
	f := cmd.Flags()
	f.StringVar(&address, "address", "", "source address or `CIDR` prefix")
	f.StringVar(&p.Secret, "secret", "", "shared secret, 16 characters or more")
	f.StringVar(&p.RadSecName, "radsec-name", "", "RadSec: DNS `NAME` in its certificate, or *.NAME")
	f.StringVar(&p.Certificate, "certificate", "", "RadSec: `SHA256` of its certificate, in place of a name")
	f.StringVar(&p.Location, "location", "", "`ID` of its Location")
	f.Var(choice[macwatch.RequireMA]{&p.RequireMA, requirements}, "require-message-authenticator", requireUsage)
	more.add(f)
	cmd.RunE = c.ask(func(ctx context.Context, g *admin.Client, args []string) error {
		overUDP := !p.RadSec() || p.Secret != ""
		if overUDP && (address == "" || p.Secret == "") {
			return &usageError{message: "a client needs --address and --secret, or over RadSec --radsec-name or --certificate"}
		}
		if address != "" {
			prefix, err := parsePrefix(address)
			if err != nil {
				return err
			}
			p.Prefix = prefix
		}
		patch, err := more.patch(f)
		if err != nil {
			return err
		}
		p = patch.Apply(p)
		p.Name = args[0]
		added, err := g.AddClient(ctx, c.change(), p)
		if err != nil {
			return err
		}
		if overUDP {
			c.warnSecret(p.Secret)
			c.warnSigning(added)
		}
		return c.done(added, "added client %s: %s for Location %s", added.Name, clientKnownBy(added), added.Location)
	})
	cmd.MarkFlagsMutuallyExclusive("radsec-name", "certificate")
	return c.changes(required(cmd, "location"))
}

// clientKnownBy is what a client is known by, in one phrase.
func clientKnownBy(p macwatch.Client) string {
	known := "certificate " + p.RadSecName
	switch {
	case !p.RadSec():
		return p.Prefix.String()
	case p.Certificate != "":
		known += p.Certificate[:min(16, len(p.Certificate))] + "…"
	}
	switch {
	case !p.RadSecOnly:
		return p.Prefix.String() + ", " + known
	case p.Prefix.IsValid():
		return known + " from " + p.Prefix.String()
	}
	return known
}

// parsePrefix reads a prefix, or an address, which is a prefix of full length.
func parsePrefix(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return p, &usageError{
			message: "--address: \"" + text + "\" is neither an IP address nor a prefix",
			hint:    "write 10.20.0.7, 10.20.0.0/16 or 2001:db8::/64",
		}
	}
	return p, nil
}

// weakSecret says what is weak about a shared secret; "" when nothing is.
func weakSecret(secret string) string {
	kinds := map[rune]bool{}
	for _, r := range secret {
		kinds[r] = true
	}
	switch {
	case len(secret) < goodSecret:
		return "the shared secret is short"
	case len(kinds) < goodSecret/2:
		return "the shared secret repeats few characters"
	case strings.Contains(strings.ToLower(secret), "testing123"), strings.Contains(strings.ToLower(secret), "password"):
		return "the shared secret holds a word that everybody tries first"
	}
	return ""
}

func clientListCmd(c *console) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List clients, oldest first; secrets are not shown",
		Args:  takes(),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, _ []string) error {
			all, err := clientsWithSecrets(ctx, g)
			l := c.listing("no clients yet: every packet is dropped; add one with `tallygate client add`",
				"NAME", "KNOWN BY", "LOCATION", "VENDOR", "MESSAGE-AUTHENTICATOR", "SINCE", "SHARED SECRET")
			for _, p := range all {
				if err == nil {
					err = l.row(p, p.Name, clientKnownBy(p.Client), p.Location, vendorText(p.Client), string(p.RequireMA), stamp(p.CreatedAt), p.secretCell())
				}
			}
			return l.close(err)
		}),
	}
}

func clientRemoveCmd(c *console) *cobra.Command {
	return c.changes(&cobra.Command{
		Use:   "remove NAME",
		Short: "Remove a client: its packets are dropped from then on",
		Args:  takes("NAME"),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, args []string) error {
			if err := c.confirm("Remove client %s? Its packets will be dropped.", args[0]); err != nil {
				return err
			}
			if err := g.RemoveClient(ctx, c.change(), args[0]); err != nil {
				return err
			}
			return c.done(removed{args[0]}, "removed client %s", args[0])
		}),
	})
}

// removed is what JSON says of something that is gone.
type removed struct {
	Removed string `json:"removed"`
}
