package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"tallygate/admin"
	"tallygate/licensing"
)

// licenseTransferCmd requests a transfer by itself, and holds the other steps.
func licenseTransferCmd(c *console) *cobra.Command {
	var to string
	var who consenting
	cmd := &cobra.Command{
		Use:   "transfer NUMBER --to PARTNER-ID --partner OWN-ID --secret-file FILE",
		Short: "Give a license to another partner, who must agree; list, approve, refuse, withdraw",
		Long: `Requests, in the name of the partner that holds a license, that another partner takes it.
The license then shows "Pending import approval" until that partner approves or refuses, the
giver withdraws, or 30 days have passed. Nobody moves a license alone: each step needs the
secret of the partner whose step it is. State, term and count stay as they are.`,
		Example: `  tallygate license transfer TG-XXXX-XXXX-XXXX --to norte --partner sur --secret-file sur.secret
  tallygate license transfer approve TG-XXXX-XXXX-XXXX --partner norte --secret-file norte.secret`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				if _, err := licensing.ParseNumber(args[0]); err != nil {
					return unknownCommand(cmd, args[0])
				}
			}
			return takes("NUMBER")(cmd, args)
		},
		RunE: c.ask(func(ctx context.Context, g *admin.Client, args []string) error {
			number, err := licensing.ParseNumber(args[0])
			if err != nil {
				return err
			}
			from, err := g.Partner(ctx, who.partner)
			if err != nil {
				return err
			}
			receiver, err := g.Partner(ctx, to)
			if err != nil {
				return err
			}
			return c.consent(ctx, g, who, licensing.Consent{
				Step: licensing.StepRequest, ID: licensing.NewTransferID(), License: number, From: from.ID, To: receiver.ID,
			})
		}),
	}
	cmd.Flags().StringVar(&to, "to", "", "`ID` of the partner that is to take it")
	who.flags(cmd)
	c.changes(required(cmd, "to", "partner", "secret-file"))
	cmd.AddCommand(transferListCmd(c),
		transferStepCmd(c, licensing.StepApprove, "Take a license that another partner gives"),
		transferStepCmd(c, licensing.StepRefuse, "Refuse a license that another partner gives"),
		transferStepCmd(c, licensing.StepWithdraw, "Take a request back, before it is approved"))
	return cmd
}

// consenting is the partner in whose name a step is taken.
type consenting struct{ partner, file string }

func (w *consenting) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&w.partner, "partner", "", "`ID` of the partner in whose name this is done")
	cmd.Flags().StringVar(&w.file, "secret-file", "", "`FILE` that holds that partner's secret, or - for standard input")
}

// transferStepCmd is an answer to a request that waits.
func transferStepCmd(c *console, step licensing.TransferStep, short string) *cobra.Command {
	var who consenting
	var reason string
	cmd := &cobra.Command{
		Use:   string(step) + " NUMBER --partner ID --secret-file FILE",
		Short: short,
		Args:  takes("NUMBER"),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, args []string) error {
			r, err := latestTransfer(ctx, g, args[0])
			if err != nil {
				return err
			}
			return c.consent(ctx, g, who, licensing.Consent{
				Step: step, ID: r.ID, License: r.License, From: r.From, To: r.To, Reason: strings.TrimSpace(reason),
			})
		}),
	}
	who.flags(cmd)
	needed := []string{"partner", "secret-file"}
	if step == licensing.StepRefuse {
		cmd.Use += " --reason TEXT"
		cmd.Flags().StringVar(&reason, "reason", "", "why, for the other partner")
		needed = append(needed, "reason")
	}
	return c.changes(required(cmd, needed...))
}

// latestTransfer is what an answer to a transfer of a license can mean.
func latestTransfer(ctx context.Context, g *admin.Client, text string) (latest licensing.TransferRequest, err error) {
	number, err := licensing.ParseNumber(text)
	if err != nil {
		return latest, err
	}
	all, err := g.Transfers(ctx)
	for _, r := range all {
		if r.License == number {
			latest = r
		}
	}
	if err == nil && latest.ID == "" {
		return latest, licensing.Errorf(licensing.CodeConflict, "no transfer of %s waits for approval", number).
			WithHint("the partner that holds it requests one with `tallygate license transfer %s --to PARTNER-ID`", number)
	}
	return latest, err
}

// consent proves and takes one step.
func (c *console) consent(ctx context.Context, g *admin.Client, who consenting, consent licensing.Consent) error {
	secret, err := c.readSecret(who.file)
	if err != nil {
		return err
	}
	if err := c.confirm("In the name of partner %s, %s the transfer of license %s from %s to %s?",
		who.partner, consent.Step, consent.License, consent.From, consent.To); err != nil {
		return err
	}
	consent.Partner = who.partner
	r, err := g.Consent(ctx, c.change(), consent.Prove(secret))
	if err != nil {
		return err
	}
	return c.done(r, "%s", transferText(r))
}

// transferText is a transfer in a line.
func transferText(r licensing.TransferRequest) string {
	text := fmt.Sprintf("license %s from partner %s to partner %s: %s", r.License, r.From, r.To, r.State)
	switch {
	case r.Reason != "":
		return text + ": " + r.Reason
	case r.State == licensing.TransferPending:
		return text + ", until " + stamp(r.ExpiresAt)
	}
	return text
}

func transferListCmd(c *console) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List transfers between partners, oldest first, and what became of each",
		Args:  takes(),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, _ []string) error {
			all, err := g.Transfers(ctx)
			l := c.listing("no transfers yet; a partner requests one with `tallygate license transfer`",
				"LICENSE", "FROM", "TO", "STATE", "REQUESTED", "EXPIRES", "DECIDED", "REASON")
			for _, r := range all {
				if err == nil {
					err = l.row(r, r.License, r.From, r.To, string(r.State), stamp(r.RequestedAt), stamp(r.ExpiresAt), stamp(r.DecidedAt), r.Reason)
				}
			}
			return l.close(err)
		}),
	}
}
