package main

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tallygate/cmd/internal/distributor"
	"tallygate/cmd/internal/sheet"
	"tallygate/licensing"
)

func issuerGrantCmd(c *console) *cobra.Command {
	var s signing
	var out, request string
	var paper paper
	t := licensing.Terms{
		APs: licensing.Unlimited, Rooms: licensing.Unlimited,
		Threshold: licensing.DefaultThreshold, Start: licensing.StartFifthDevice,
	}
	cmd := &cobra.Command{
		Use:   "grant --dir DIR --organization NAME --realm REALM --years N --out FILE",
		Short: "Sign a license, or a pool of them",
		Long: `Signs a license and writes its activation key to FILE, which holds the key alone. Limits
left out are not limited. With --request, what a venue asked for (` + "`tallygate license request`" + `)
is granted, but for the flags that are given beside it. What was issued is kept in
DIR/register.jsonl: see ` + "`tallygate issuer list`" + `.`,
		Example: `  tallygate issuer grant --dir distributor --organization "Hotel Sol" --realm hotelsol \
      --years 3 --aps 20 --rooms 150 --out hotelsol.key --pdf hotelsol.pdf
  tallygate issuer grant --dir distributor --request hotelsol.json --out hotelsol.key`,
		Args: takes(),
	}
	s.flags(cmd)
	paper.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&out, "out", "", "`FILE` for the key")
	f.StringVar(&request, "request", "", "`FILE` that license request wrote, or - for standard input")
	grantFlags(f, &t)
	cmd.MarkFlagsOneRequired("organization", "request")
	cmd.MarkFlagsOneRequired("realm", "request")
	cmd.MarkFlagsOneRequired("years", "months", "days", "trial", "request")
	cmd.RunE = func(*cobra.Command, []string) error {
		d, err := c.openIssuer(s)
		if err != nil {
			return err
		}
		issue := c.issue(c.dryRun)
		if request != "" {
			if issue.Request, err = c.applyRequest(d, request, f, &t); err != nil {
				return err
			}
		}
		if t.Trial && t.Term == (licensing.Term{}) {
			t.Term = licensing.TrialTerm
		}
		return c.grant(d, t, issue, out, paper)
	}
	return c.changes(required(cmd, "dir", "out"))
}

// termFlags are the three ways to say how long.
func termFlags(f *pflag.FlagSet, t *licensing.Term) {
	f.IntVar(&t.Years, "years", 0, "length of the contract, 1-5")
	f.IntVar(&t.Months, "months", 0, "length in months")
	f.IntVar(&t.Days, "days", 0, "length in days")
}

// grantFlags are the terms that can be granted.
func grantFlags(f *pflag.FlagSet, t *licensing.Terms) {
	f.StringVar(&t.Organization, "organization", "", "`NAME` of the Organization")
	f.StringVar(&t.Realm, "realm", "", "its realm")
	f.StringVar(&t.Location, "location", "", "only for the Location with this `ID`")
	f.StringVar(&t.Gateway, "gateway", "", "only for the gateway with this `KEY` (see tallygate gateway id)")
	termFlags(f, &t.Term)
	f.Var(limitFlag{&t.APs}, "aps", "access points")
	f.Var(limitFlag{&t.Rooms}, "rooms", "rooms")
	f.StringSliceVar(&t.Modules, "modules", nil, "modules, separated by commas")
	f.IntVar(&t.Threshold, "threshold", t.Threshold, "distinct devices that start the contract")
	f.Var(startFlag{t}, "start", "what starts the contract: fifth-device, on-provision, fixed-date=YYYY-MM-DD, or confirm=HOURS: the fifth device, proposed to the operator for so long")
	f.StringVar(&t.Zone, "time-zone", "", "IANA `ZONE` of the contract (default: of the Location)")
	f.IntVar(&t.Quantity, "quantity", 1, "licenses in the pool")
	f.DurationVar(&t.CountWindow, "count-window", 0, "the devices must be seen within this time of each other, e.g. 24h")
	f.BoolVar(&t.IgnorePriv, "ignore-private-addresses", false, "randomised addresses do not count")
	f.BoolVar(&t.PrivateByUser, "private-addresses-by-user", false, "randomised addresses of one user name count as one device")
	f.BoolVar(&t.Trial, "trial", false, "a trial: three months, once per gateway")
	f.IntVar(&t.ConfirmEvery, "confirm-every", 0, "`DAYS` after which access is denied without a signed confirmation (monthly payment: 31)")
	f.StringVar(&t.Distributor, "distributor", "", "`NAME` of the distributor")
	f.StringVar(&t.Partner, "partner", "", "`NAME` of the partner that looks after the venue")
	f.Var(paymentFlag(&t.Payment), "payment", "how it is paid")
	f.Var(dateFlag{&t.ActivateBy}, "activate-by", "last day on which the key can be entered")
	f.Var(dateFlag{&t.LatestEnd}, "latest-end", "day after which the contract never runs")
	f.IntVar(&t.MaxExempt, "max-exempt", 0, "exempt devices per Location (default 10)")
	f.IntVar(&t.LabHours, "lab-hours", 0, "hours of lab mode per calendar month (default: not limited)")
	f.IntVar(&t.MaxAliases, "max-aliases", 0, "aliases per AP (default: not limited)")
}

func paymentFlag(payment *string) pflag.Value {
	return choice[string]{payment, []string{licensing.PaymentMonthly, licensing.PaymentAnnual}}
}

// grant signs t, enters it in the register, and writes the key and, if asked for, its
// sheet. The sheet is drawn before anything is signed for good: what cannot be drawn
// must not leave a license that nobody was given.
func (c *console) grant(d *distributor.Dir, t licensing.Terms, issue distributor.Issue, out string, paper paper) error {
	for _, file := range []string{out, paper.file} {
		if file != "" {
			if err := d.CheckOut(file); err != nil {
				return err
			}
		}
	}
	var drawn bytes.Buffer
	issue.Check = func(e distributor.Entry) error {
		drawn.Reset()
		if paper.file == "" {
			return nil
		}
		return sheet.License(&drawn, sheetOf(e), paper.language)
	}
	if err := c.confirm("Sign %s for %s?", termText(t.Term), t.Organization); err != nil {
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
		if err := paper.write(drawn.Bytes()); err != nil {
			return licensing.Errorf(licensing.CodeInternal, "license %s is signed, and its key is in %s, but %w", e.Numbers[0], out, err).
				WithHint("mend that, then draw the sheet with `tallygate issuer sheet %s --dir DIR --pdf FILE`; do not sign it again", e.Numbers[0])
		}
	}
	issued := reportGrant(e, out)
	issued.PDF = paper.file
	return c.done(issued, "%s", issued.text(c.dryRun))
}

// issuedGrant is what a command that grants reports.
type issuedGrant struct {
	Number  string   `json:"number"`  // of the first license
	Numbers []string `json:"numbers"` // of all
	GrantID string   `json:"grant_id"`
	Out     string   `json:"out"`
	PDF     string   `json:"pdf,omitempty"`
	Key     string   `json:"key"`
}

func reportGrant(e distributor.Entry, out string) issuedGrant {
	return issuedGrant{Number: e.Numbers[0], Numbers: e.Numbers, GrantID: e.ID, Out: out, Key: e.Key}
}

func (g issuedGrant) text(dryRun bool) string {
	if dryRun {
		return fmt.Sprintf("these terms can be signed; %d license(s) would be written to %s", len(g.Numbers), g.Out)
	}
	return strings.Join(g.Numbers, "\n")
}

// startFlag is a start policy, with the date of fixed-date=YYYY-MM-DD and the hours of
// confirm=HOURS.
type startFlag struct{ terms *licensing.Terms }

func (f startFlag) String() string {
	if f.terms == nil {
		return ""
	}
	return string(f.terms.Start)
}

func (f startFlag) Set(s string) error {
	policy, value, valued := strings.Cut(s, "=")
	t := f.terms
	t.Start, t.StartDate, t.ConfirmStart = licensing.StartPolicy(policy), licensing.Date{}, 0
	switch t.Start {
	case licensing.StartFifthDevice, licensing.StartOnProvision:
		if !valued {
			return nil
		}
	case licensing.StartFixedDate:
		date, err := licensing.ParseDate(value)
		t.StartDate = date
		return err
	case startConfirm:
		hours, err := strconv.ParseInt(value, 10, 16)
		t.Start, t.ConfirmStart = licensing.StartFifthDevice, time.Duration(hours)*time.Hour
		if err == nil && hours > 0 {
			return nil
		}
	}
	return errors.New("must be fifth-device, on-provision or fixed-date=YYYY-MM-DD, or confirm=HOURS")
}

// startConfirm is how --start writes Terms.ConfirmStart.
const startConfirm = "confirm"

func (f startFlag) Type() string { return "POLICY" }
