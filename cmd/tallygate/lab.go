package main

import (
	"context"

	"github.com/spf13/cobra"

	"tallygate/admin"
	"tallygate/licensing"
)

func newLabCmd(c *console) *cobra.Command {
	return group("lab", "Lab mode: serve everybody for 8 hours, count nothing",
		labStartCmd(c), labStopCmd(c), labStatusCmd(c))
}

func labStartCmd(c *console) *cobra.Command {
	var location string
	cmd := &cobra.Command{
		Use:   "start --location ID",
		Short: "Begin lab mode; it ends by itself after 8 hours",
		Args:  takes(),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, _ []string) error {
			p, err := g.StartLab(ctx, c.change(), location)
			return c.doneLab(p, err, "lab mode is on at Location "+location)
		}),
	}
	return c.changes(atLocation(cmd, &location))
}

func labStopCmd(c *console) *cobra.Command {
	var location string
	cmd := &cobra.Command{
		Use:   "stop --location ID",
		Short: "End lab mode now",
		Args:  takes(),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, _ []string) error {
			p, err := g.StopLab(ctx, c.change(), location)
			return c.doneLab(p, err, "lab mode is off at Location "+location)
		}),
	}
	return c.changes(atLocation(cmd, &location))
}

func (c *console) doneLab(p licensing.LabPeriod, err error, what string) error {
	if err != nil {
		return err
	}
	return c.done(p, "%s: from %s to %s", what, stamp(p.Start), stamp(p.End))
}

func labStatusCmd(c *console) *cobra.Command {
	var location string
	cmd := &cobra.Command{
		Use:   "status --location ID",
		Short: "Say whether lab mode is on, and when it was",
		Args:  takes(),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, _ []string) error {
			status, err := g.Lab(ctx, location)
			if err != nil {
				return err
			}
			fields := []field{{"lab mode", "off"}}
			if status.Active {
				fields[0].value = "on until " + stampOf(status.EndsAt)
			}
			for _, p := range status.Periods {
				fields = append(fields, field{"period", stamp(p.Start) + " to " + stamp(p.End)})
			}
			return c.describe(status, fields...)
		}),
	}
	return atLocation(cmd, &location)
}
