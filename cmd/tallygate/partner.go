package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"tallygate/admin"
	"tallygate/licensing"
)

func newPartnerCmd(c *console) *cobra.Command {
	return group("partner", "Partners: who licenses belong to, and the secrets with which they agree to a transfer",
		partnerAddCmd(c), partnerListCmd(c), partnerShowCmd(c), partnerRemoveCmd(c))
}

func partnerAddCmd(c *console) *cobra.Command {
	var p licensing.Partner
	var file string
	var generate bool
	cmd := &cobra.Command{
		Use:   "add NAME --id ID --secret-file FILE|- | --generate",
		Short: "Add a partner, with the secret that it agrees to transfers with",
		Long: `Adds a partner. NAME is what the licenses' keys call it. Its secret is read from a file, or
made here and printed once, for the partner alone: whoever has it can give away and accept
licenses in the partner's name. It is never shown again.`,
		Example: `  tallygate partner add "WiFi del Sur" --id sur --generate
  tallygate partner add "Norte Redes" --id norte --secret-file norte.secret`,
		Args: takes("NAME"),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, args []string) (err error) {
			p.Name = args[0]
			if generate {
				p.Secret = licensing.NewPartnerSecret()
			} else if p.Secret, err = c.readSecret(file); err != nil {
				return err
			}
			added, err := g.AddPartner(ctx, c.change(), p)
			if err != nil {
				return err
			}
			if !generate || c.dryRun {
				return c.done(added, "added partner %s (%s)", added.ID, added.Name)
			}
			created := struct {
				licensing.Partner
				Secret string `json:"secret"`
			}{added, p.Secret}
			return c.done(created, "added partner %s (%s); its secret, which is not shown again:\n%s", added.ID, added.Name, p.Secret)
		}),
	}
	f := cmd.Flags()
	f.StringVar(&p.ID, "id", "", "short id of the partner: letters, digits, dots, hyphens")
	f.StringVar(&file, "secret-file", "", "`FILE` that holds its secret, or - for standard input")
	f.BoolVar(&generate, "generate", false, "make a secret, and print it once")
	cmd.MarkFlagsOneRequired("secret-file", "generate")
	cmd.MarkFlagsMutuallyExclusive("secret-file", "generate")
	return c.changes(required(cmd, "id"))
}

// readSecret reads a partner's secret: the file's text, without the line's end.
func (c *console) readSecret(file string) (string, error) {
	var text []byte
	var err error
	if file == "-" {
		text, err = readBounded(c.in)
	} else {
		text, err = readBoundedFile(file)
	}
	if err != nil {
		return "", licensing.Errorf(licensing.CodeInvalid, "cannot read the partner's secret: %w", err).
			WithHint("give the file that holds it, or - for standard input")
	}
	return strings.TrimSpace(string(text)), nil
}

func partnerListCmd(c *console) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List partners, oldest first; secrets are not shown",
		Args:  takes(),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, _ []string) error {
			all, err := g.Partners(ctx)
			l := c.listing("no partners yet; add one with `tallygate partner add`", "ID", "NAME", "SINCE")
			for _, p := range all {
				if err == nil {
					err = l.row(p, p.ID, p.Name, stamp(p.CreatedAt))
				}
			}
			return l.close(err)
		}),
	}
}

func partnerShowCmd(c *console) *cobra.Command {
	return &cobra.Command{
		Use:   "show PARTNER",
		Short: "Show a partner, its licenses and its transfers",
		Args:  takes("PARTNER"),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, args []string) error {
			d, err := g.Partner(ctx, args[0])
			if err != nil {
				return err
			}
			fields := []field{{"id", d.ID}, {"name", d.Name}, {"since", stamp(d.CreatedAt)}, {"licenses", strings.Join(d.Licenses, " ")}}
			for _, r := range d.Requests {
				fields = append(fields, field{"transfer", transferText(r)})
			}
			return c.describe(d, fields...)
		}),
	}
}

func partnerRemoveCmd(c *console) *cobra.Command {
	return c.changes(&cobra.Command{
		Use:   "remove PARTNER",
		Short: "Remove a partner that holds no license",
		Args:  takes("PARTNER"),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, args []string) error {
			if err := c.confirm("Remove partner %s?", args[0]); err != nil {
				return err
			}
			if err := g.RemovePartner(ctx, c.change(), args[0]); err != nil {
				return err
			}
			return c.done(removed{args[0]}, "removed partner %s", args[0])
		}),
	})
}
