package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"tallygate/admin"
	"tallygate/licensing"
)

func licenseActivateCmd(c *console) *cobra.Command {
	var location string
	cmd := &cobra.Command{
		Use:   "activate KEY|@FILE|-",
		Short: "Enter a signed key or order (\"Send Key\")",
		Long: `Enters what the distributor signed: a key, or an order that upgrades, renews, denies,
restores, confirms, transfers or mends. With --location the license of a key is allotted
wholly to that Location; a key that names its Location needs no flag.

On a terminal it shows what will change and asks first; --dry-run only shows it.`,
		Example: `  tallygate license activate @key.txt --location 28N2S004
  tallygate license activate --dry-run - < order.txt`,
		Args: takes("KEY"),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, args []string) error {
			key, err := c.readKey(args[0])
			if err != nil {
				return err
			}
			enter := func(ch licensing.Change) (licensing.Activation, error) { return g.Activate(ctx, ch, key, location) }
			a, err := preview(c, enter, func(a licensing.Activation) string { return activationText(a, "Enter this "+string(a.Kind)+"?") })
			if err != nil {
				return err
			}
			return c.done(a, "%s", activationText(a, ""))
		}),
	}
	cmd.Flags().StringVar(&location, "location", "", "`ID` of the Location that gets the license")
	return c.changes(cmd)
}

// preview carries a change out; a person at a terminal sees first what it will do, and
// is asked.
func preview[T any](c *console, do func(licensing.Change) (T, error), text func(T) string) (T, error) {
	if c.asks() {
		ch := c.change()
		ch.DryRun = true
		would, err := do(ch)
		if err != nil {
			return would, err
		}
		if err := c.confirm("%s", text(would)); err != nil {
			return would, err
		}
	}
	return do(c.change())
}

// activationText says what an activation did, or would do, and then the question.
func activationText(a licensing.Activation, question string) string {
	lines := append([]string{}, a.Summary...)
	lines = append(lines, changeLines(a.Changes, a.CutOff)...)
	if question != "" {
		lines = append(lines, question)
	}
	return strings.Join(lines, "\n")
}

// changeLines lists who would be cut off, and then what changes.
func changeLines(changes []licensing.ChangeLine, cut licensing.CutOff) (lines []string) {
	if cut.Any() {
		lines = append(lines, fmt.Sprintf("Not served any more: %s, %s, %d open sessions.",
			named("APs", cut.APs), named("rooms", cut.Rooms), cut.Sessions))
	}
	for _, l := range changes {
		lines = append(lines, "  "+l.String())
	}
	return lines
}

// named is how many there are, and which.
func named(what string, names []string) string {
	if len(names) == 0 {
		return "0 " + what
	}
	return fmt.Sprintf("%d %s (%s)", len(names), what, strings.Join(names, ", "))
}
