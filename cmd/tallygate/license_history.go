package main

import (
	"context"

	"github.com/spf13/cobra"

	"tallygate/admin"
)

func licenseHistoryCmd(c *console) *cobra.Command {
	var asCSV bool
	cmd := &cobra.Command{
		Use:   "history NUMBER",
		Short: "Tell the life of a license: what was done, by whom, and what came by itself",
		Long: `Tells the life of a license from the audit log, oldest first: orders, changes and
who made them, and between them what the calendar did (by "calendar"). STATE is the
state from then on.`,
		Args: takes("NUMBER"),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, args []string) error {
			all, err := g.History(ctx, args[0])
			if asCSV && err == nil {
				out, err := c.csvList("at", "by", "kind", "state", "order", "text")
				for _, e := range all {
					if err == nil {
						err = out.row(csvTime(e.At), e.By, e.Kind, e.State.String(), e.Order, e.Text)
					}
				}
				return out.close(err)
			}
			l := c.listing("nothing is known of this license", "TIME", "BY", "STATE", "WHAT")
			for _, e := range all {
				text := e.Text
				if e.Order != "" {
					text += " (order " + e.Order + ")"
				}
				if err == nil {
					err = l.row(e, stamp(e.At), e.By, e.State.String(), text)
				}
			}
			return l.close(err)
		}),
	}
	return c.orCSV(cmd, &asCSV)
}
