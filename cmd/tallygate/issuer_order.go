package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tallygate/cmd/internal/distributor"
	"tallygate/cmd/internal/durable"
	"tallygate/licensing"
)

// issuedOrder is what a command that signs an order reports.
type issuedOrder struct {
	Number   string   `json:"number,omitempty"`   // none for a clock-reset
	Sequence int      `json:"sequence,omitempty"` // the license's order, from 1
	Kind     string   `json:"kind"`
	ID       string   `json:"id"`
	Gateway  string   `json:"gateway,omitempty"`
	Changes  []string `json:"changes"`
	Out      string   `json:"out"`
	Key      string   `json:"key"`
}

func (o issuedOrder) text() string {
	title := o.Kind
	if o.Number != "" {
		title = fmt.Sprintf("%s order %d: %s", o.Number, o.Sequence, o.Kind)
	}
	return title + "\n  " + strings.Join(o.Changes, "\n  ")
}

// draftOrder sets an order's kind and part for a license, and says in sentences what
// it will change.
type draftOrder func(distributor.License, *licensing.Order) (changes []string, err error)

// orderCmd makes a command that signs an order for a license: cmd brings its name, its
// help and its own flags; draft fills the order. It rehearses first, so that the person
// at a terminal sees what is signed before it is.
func (c *console) orderCmd(cmd *cobra.Command, draft draftOrder) *cobra.Command {
	var s signing
	var out, gateway string
	cmd.Args = takes("NUMBER")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		d, err := c.openIssuer(s)
		if err != nil {
			return err
		}
		if err := d.CheckOut(out); err != nil {
			return err
		}
		return c.issueOrder(out, func(dryRun bool) (distributor.Entry, []string, error) {
			var changes []string
			e, err := d.Order(args[0], c.issue(dryRun), func(l distributor.License, o *licensing.Order) (err error) {
				o.Gateway = gateway
				changes, err = draft(l, o)
				return err
			})
			return e, changes, err
		})
	}
	s.flags(cmd)
	cmd.Flags().StringVar(&out, "out", "", "`FILE` for the signed order")
	cmd.Flags().StringVar(&gateway, "gateway", "", "only for the gateway with this `KEY` (default: whichever holds the license)")
	return c.changes(required(cmd, "dir", "out"))
}

// issueOrder rehearses, asks, signs, and writes what was signed to out.
func (c *console) issueOrder(out string, sign func(dryRun bool) (distributor.Entry, []string, error)) error {
	e, changes, err := sign(true)
	if err != nil {
		return err
	}
	if !c.dryRun {
		if err := c.confirm("%s\nSign this?", reportOrder(e, changes, out).text()); err != nil {
			return err
		}
		if e, changes, err = sign(false); err != nil {
			return err
		}
		if err := writeKey(out, e); err != nil {
			return err
		}
	}
	o := reportOrder(e, changes, out)
	return c.done(o, "%s", o.text())
}

func reportOrder(e distributor.Entry, changes []string, out string) issuedOrder {
	o := issuedOrder{Sequence: e.Sequence, Kind: e.Kind, ID: e.ID, Gateway: e.Order.Gateway, Changes: changes, Out: out, Key: e.Key}
	if len(e.Numbers) > 0 {
		o.Number = e.Numbers[0]
	}
	return o
}

// issue is who signs, and when.
func (c *console) issue(dryRun bool) distributor.Issue {
	return distributor.Issue{Now: time.Now(), By: c.user(), DryRun: dryRun}
}

// writeKey writes the file of a signed text, which holds it alone.
func writeKey(out string, e distributor.Entry) error {
	err := durable.WriteFile(out, []byte(e.Key+"\n"), 0o600)
	if err == nil || len(e.Numbers) == 0 {
		return err
	}
	return licensing.Errorf(licensing.CodeInternal, "it is signed and registered, but %w", err).
		WithHint("mend that, then write it with `tallygate issuer show %s --sequence %d --dir DIR --out FILE`; do not sign it again", e.Numbers[0], e.Sequence)
}
