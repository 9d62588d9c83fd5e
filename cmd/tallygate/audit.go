package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"tallygate/admin"
)

func newAuditCmd(c *console) *cobra.Command {
	return group("audit", "Audit log: every change, chained", auditListCmd(c), auditVerifyCmd(c))
}

func auditVerifyCmd(c *console) *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "Check the whole audit chain; exit status 1 when it is broken",
		Args:  takes(),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, _ []string) error {
			r, err := g.VerifyAudit(ctx)
			if err != nil {
				return err
			}
			verdict := "whole"
			if !r.OK {
				verdict = "BROKEN: it was altered outside Tallygate, or restored from a copy"
			}
			fields := []field{{"chain", verdict}, {"entries", fmt.Sprint(r.Entries)}, {"head", r.Head}}
			for _, p := range r.Problems {
				fields = append(fields, field{"problem", p})
			}
			if err := c.describe(r, fields...); err != nil {
				return err
			}
			if !r.OK {
				return silentFailure{}
			}
			return nil
		}),
	}
}
