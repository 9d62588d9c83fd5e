package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tallygate/licensing"
)

func issuerGrantCmd(c *console) *cobra.Command {
	var dir, out string
	t := licensing.Terms{
		APs: licensing.Unlimited, Rooms: licensing.Unlimited,
		Threshold: licensing.DefaultThreshold, Start: licensing.StartFifthDevice,
	}
	cmd := &cobra.Command{
		Use:   "grant --dir DIR --organization NAME --realm REALM --years N --out FILE",
		Short: "Sign a license, or a pool of them",
		Long: `Signs a license and writes its activation key to FILE, which holds the key alone. Limits
left out are not limited. What was issued is kept in DIR/grants.jsonl.`,
		Example: `  tallygate issuer grant --dir distributor --organization "Hotel Sol" --realm hotelsol \
      --years 3 --aps 20 --rooms 150 --out hotelsol.key`,
		Args: takes(),
		RunE: func(*cobra.Command, []string) error {
			issued, err := grant(dir, out, t, c.dryRun)
			if err != nil {
				return err
			}
			return c.done(issued, "%s", issued.text(c.dryRun))
		},
	}
	f := cmd.Flags()
	f.StringVar(&dir, "dir", "", "directory that `issuer init` made")
	f.StringVar(&out, "out", "", "`FILE` for the key")
	f.StringVar(&t.Organization, "organization", "", "`NAME` of the Organization")
	f.StringVar(&t.Realm, "realm", "", "its realm")
	f.StringVar(&t.Location, "location", "", "only for the Location with this `ID`")
	f.StringVar(&t.Gateway, "gateway", "", "only for the gateway with this `KEY` (`tallygate gateway id`)")
	f.IntVar(&t.Term.Years, "years", 0, "length of the contract, 1-5")
	f.IntVar(&t.Term.Months, "months", 0, "length in months")
	f.IntVar(&t.Term.Days, "days", 0, "length in days")
	f.Var(limitFlag{&t.APs}, "aps", "access points")
	f.Var(limitFlag{&t.Rooms}, "rooms", "rooms")
	f.StringSliceVar(&t.Modules, "modules", nil, "modules, separated by commas")
	f.IntVar(&t.Threshold, "threshold", t.Threshold, "distinct devices that start the contract")
	f.Var(startFlag{&t}, "start", "what starts the contract: fifth-device, on-provision or fixed-date=YYYY-MM-DD")
	f.StringVar(&t.Zone, "time-zone", "", "IANA `ZONE` of the contract (default: of the Location)")
	f.IntVar(&t.Quantity, "quantity", 1, "licenses in the pool")
	f.DurationVar(&t.CountWindow, "count-window", 0, "the devices must be seen within this time of each other, e.g. 24h")
	f.BoolVar(&t.IgnorePriv, "ignore-private-addresses", false, "randomised addresses do not count")
	f.Var(dateFlag{&t.ActivateBy}, "activate-by", "last day on which the key can be entered")
	f.Var(dateFlag{&t.LatestEnd}, "latest-end", "day after which the contract never runs")
	f.IntVar(&t.MaxExempt, "max-exempt", 0, "exempt devices per Location (default 10)")
	f.IntVar(&t.LabHours, "lab-hours", 0, "hours of lab mode per calendar month (default: not limited)")
	f.IntVar(&t.MaxAliases, "max-aliases", 0, "aliases per AP (default: not limited)")
	cmd.MarkFlagsOneRequired("years", "months", "days")
	return c.changes(required(cmd, "dir", "out", "organization", "realm"))
}

// issuedGrant is what `issuer grant` reports.
type issuedGrant struct {
	Number  string   `json:"number"`  // of the first license
	Numbers []string `json:"numbers"` // of all
	GrantID string   `json:"grant_id"`
	Out     string   `json:"out"`
	Key     string   `json:"key"`
}

func (g issuedGrant) text(dryRun bool) string {
	if dryRun {
		return fmt.Sprintf("these terms can be signed; %d license(s) would be written to %s", len(g.Numbers), g.Out)
	}
	return strings.Join(g.Numbers, "\n")
}

// grant signs t with the key in dir, enters it in the register, and writes out.
func grant(dir, out string, t licensing.Terms, dryRun bool) (issuedGrant, error) {
	key, err := readIssuer(dir)
	if err != nil {
		return issuedGrant{}, err
	}
	t.GrantID, t.Issuer, t.IssuedAt = licensing.NewGrantID(), key.Public(), time.Now().UTC().Truncate(time.Second)
	if t.Quantity < 1 {
		return issuedGrant{}, licensing.Errorf(licensing.CodeInvalid, "a quantity of %d licenses is not possible", t.Quantity).
			WithHint("it is 1 or more")
	}
	text, err := key.SignGrant(t)
	if err != nil {
		return issuedGrant{}, err
	}
	issued := issuedGrant{GrantID: t.GrantID, Out: out, Key: text}
	for i := range t.Quantity {
		issued.Numbers = append(issued.Numbers, licensing.LicenseNumber(t.GrantID, i))
	}
	issued.Number = issued.Numbers[0]
	if dryRun {
		return issued, nil
	}
	if err := register(dir, grantEntry{IssuedAt: t.IssuedAt, Numbers: issued.Numbers, Terms: t, Key: text}); err != nil {
		return issuedGrant{}, err
	}
	if err := replaceFile(out, text+"\n", 0o600); err != nil {
		return issuedGrant{}, cannotWrite(out, err)
	}
	return issued, nil
}

// startFlag is a start policy, with the date of fixed-date=YYYY-MM-DD.
type startFlag struct{ terms *licensing.Terms }

func (f startFlag) String() string {
	if f.terms == nil {
		return ""
	}
	return string(f.terms.Start)
}

func (f startFlag) Set(s string) error {
	policy, day, dated := strings.Cut(s, "=")
	f.terms.Start, f.terms.StartDate = licensing.StartPolicy(policy), licensing.Date{}
	switch f.terms.Start {
	case licensing.StartFifthDevice, licensing.StartOnProvision:
		if !dated {
			return nil
		}
	case licensing.StartFixedDate:
		date, err := licensing.ParseDate(day)
		f.terms.StartDate = date
		return err
	}
	return errors.New("must be fifth-device, on-provision or fixed-date=YYYY-MM-DD")
}

func (f startFlag) Type() string { return "POLICY" }
