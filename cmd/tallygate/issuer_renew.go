package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"tallygate/cmd/internal/distributor"
	"tallygate/licensing"
)

func issuerRenewCmd(c *console) *cobra.Command {
	var term licensing.Term
	var late bool
	var s signing
	var out, gateway string
	cmd := &cobra.Command{
		Use:   "renew NUMBER --dir DIR --years N --out FILE",
		Short: "Sign an order that extends a contract before it is over, or with --late a license that follows one",
		Long: `In time, a renewal moves the last day of service by the term, keeping the day of the month.
A contract that is over stays so: --late signs a new license with the terms of the old one,
which is In Use from the day it is entered, without counting, and has a number of its own.`,
		Example: `  tallygate issuer renew TG-XXXX-XXXX-XXXX --dir distributor --years 1 --out renewal.key
  tallygate issuer renew TG-XXXX-XXXX-XXXX --dir distributor --years 1 --late --out license.key`,
		Args: takes("NUMBER"),
		RunE: func(_ *cobra.Command, args []string) error {
			d, err := c.openIssuer(s)
			if err != nil {
				return err
			}
			if err := d.CheckOut(out); err != nil {
				return err
			}
			if late {
				return c.renewLate(d, args[0], term, gateway, out)
			}
			return c.issueOrder(out, func(dryRun bool) (distributor.Entry, []string, error) {
				e, err := d.Order(args[0], c.issue(dryRun), func(l distributor.License, o *licensing.Order) error {
					o.Kind, o.Gateway, o.Renewal = licensing.OrderRenewal, gateway, &licensing.Renewal{Term: term}
					if l.Grant.Terms.Trial {
						return licensing.Errorf(licensing.CodeRefused, "license %s is a trial, which is not renewed", l.Number).
							WithHint("sign a license of its own with `tallygate issuer grant`")
					}
					return nil
				})
				return e, []string{"the last day moves by " + termText(term)}, err
			})
		},
	}
	s.flags(cmd)
	f := cmd.Flags()
	termFlags(f, &term)
	f.BoolVar(&late, "late", false, "the contract is over: sign a new license that follows it")
	f.StringVar(&out, "out", "", "`FILE` for what is signed")
	f.StringVar(&gateway, "gateway", "", "only for the gateway with this `KEY` (default: whichever holds the license; with --late as the old one)")
	cmd.MarkFlagsOneRequired("years", "months", "days")
	return c.changes(required(cmd, "dir", "out"))
}

// renewLate signs a license with the terms that number has now, after its upgrades.
func (c *console) renewLate(d *distributor.Dir, number string, term licensing.Term, gateway, out string) error {
	old, err := d.Register().License(number)
	if err != nil {
		return err
	}
	t := old.Terms()
	// Whatever bound the old contract to days would end or refuse the new one.
	t.Renews, t.Term, t.Index, t.Quantity = old.Number, term, 0, 1
	t.Start, t.StartDate, t.CountWindow, t.ConfirmStart, t.Trial = licensing.StartOnProvision, licensing.Date{}, 0, 0, false
	t.ActivateBy, t.LatestEnd = licensing.Date{}, licensing.Date{}
	t.Gateway = or(gateway, t.Gateway)
	issue := c.issue(c.dryRun)
	issue.Request = old.Grant.Request
	if err := c.confirm("Sign a new license of %s that follows %s?", termText(term), old.Number); err != nil {
		return err
	}
	e, err := d.Grant(t, issue)
	if err != nil {
		return err
	}
	if !c.dryRun {
		if err := writeKey(out, e); err != nil {
			return err
		}
	}
	issued := reportGrant(e, out)
	return c.done(issued, "%s", issued.text(c.dryRun))
}

// termText is a term in words.
func termText(t licensing.Term) string {
	for _, part := range []struct {
		n    int
		unit string
	}{{t.Years, "year"}, {t.Months, "month"}, {t.Days, "day"}} {
		switch {
		case part.n == 1:
			return "1 " + part.unit
		case part.n != 0:
			return fmt.Sprintf("%d %ss", part.n, part.unit)
		}
	}
	return "no time"
}
