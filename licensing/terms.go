package licensing

import (
	"cmp"
	"encoding/hex"
	"slices"
	"strings"
	"time"
)

// DefaultThreshold is how many distinct devices start a license, unless its key
// says otherwise.
const DefaultThreshold = 5

// What a grant may hold at most. A key that asks for more is a slip of the keyboard.
const (
	maxQuantity    = 1000
	minCountWindow = time.Minute
	maxCountWindow = 366 * 24 * time.Hour
	maxConfirm     = 366                 // days between two confirmations
	maxProposal    = 30 * 24 * time.Hour // for an operator to say no to a start
)

// Validate reports what cannot be right in t: an *Error with CodeInvalid and a
// hint. Quantity 0 is read as 1, a single license.
func (t Terms) Validate() error {
	return cmp.Or(t.checkOwner(), t.Term.check(), t.checkLimits(), t.checkStart(), t.checkDays(), t.checkForm())
}

// Licenses makes the licenses of the grant, one per member of its pool, activated
// but not provisioned yet.
func (t Terms) Licenses(activatedAt time.Time) []*License {
	pool := make([]*License, t.size())
	for i := range pool {
		member := t
		member.Index = i
		member.Modules = slices.Clone(t.Modules)
		pool[i] = &License{Number: LicenseNumber(t.GrantID, i), Terms: member, ActivatedAt: activatedAt}
	}
	return pool
}

func (t Terms) size() int { return max(t.Quantity, 1) }

func (t Terms) checkOwner() error {
	if id, err := hex.DecodeString(t.GrantID); err != nil || len(id) != 16 {
		return Errorf(CodeInvalid, "the grant id %q is not 16 octets in hexadecimal", t.GrantID).
			WithHint("the issuer draws a new one for every grant")
	}
	if err := cmp.Or(checkName("Organization", t.Organization), checkRealm(t.Realm)); err != nil {
		return err
	}
	if t.Location != "" {
		return checkLocationCode(t.Location)
	}
	return nil
}

func (t Term) check() error {
	set := 0
	for _, part := range []struct {
		n, most int
		unit    string
	}{{t.Years, 5, "years"}, {t.Months, 60, "months"}, {t.Days, 1830, "days"}} {
		if part.n < 0 || part.n > part.most {
			return Errorf(CodeInvalid, "a term of %d %s is not possible", part.n, part.unit).
				WithHint("a term is 1 to %d %s", part.most, part.unit)
		}
		if part.n > 0 {
			set++
		}
	}
	if set != 1 {
		return Errorf(CodeInvalid, "a license needs exactly one term, in years, months or days; %d are given", set).
			WithHint("give one of --years 1-5, --months 1-60, --days 1-1830")
	}
	return nil
}

func (t Terms) checkLimits() error {
	switch {
	case t.APs < Unlimited || t.Rooms < Unlimited:
		return Errorf(CodeInvalid, "a limit of %d APs and %d rooms is not possible", t.APs, t.Rooms).
			WithHint("a limit is a number from 0 up; leave it out for not limited")
	case t.Quantity < 0 || t.Quantity > maxQuantity:
		return Errorf(CodeInvalid, "a pool of %d licenses is not possible", t.Quantity).
			WithHint("a pool has 1 to %d licenses", maxQuantity)
	case t.Index < 0 || t.Index >= t.size():
		return Errorf(CodeInvalid, "a pool of %d has no license %d", t.size(), t.Index).
			WithHint("licenses of a pool are numbered from 0")
	case t.MaxExempt < 0 || t.LabHours < 0 || t.MaxAliases < 0:
		return Errorf(CodeInvalid, "a cap on exempt devices, lab hours or aliases is below zero").
			WithHint("leave it out for the default")
	}
	return checkModules(t.Modules)
}

func checkModules(modules []string) error {
	for i, module := range modules {
		if module == "" || strings.TrimSpace(module) != module || slices.Contains(modules[:i], module) {
			return Errorf(CodeInvalid, "module %q is empty, has spaces around it, or stands twice", module).
				WithHint("separate modules by commas: --modules guest,business")
		}
	}
	return nil
}

func (t Terms) checkStart() error {
	switch {
	case t.Threshold < 1:
		return Errorf(CodeInvalid, "a threshold of %d devices is not possible", t.Threshold).
			WithHint("it is 1 or more; the default is %d", DefaultThreshold)
	case !slices.Contains([]StartPolicy{StartFifthDevice, StartOnProvision, StartFixedDate}, t.Start):
		return Errorf(CodeInvalid, "start policy %q is not known", t.Start).
			WithHint("use %s, %s or %s=YYYY-MM-DD", StartFifthDevice, StartOnProvision, StartFixedDate)
	case t.Start == StartFixedDate && t.StartDate.IsZero():
		return Errorf(CodeInvalid, "a start on a fixed date needs the date").
			WithHint("write --start %s=YYYY-MM-DD", StartFixedDate)
	case t.Start != StartFixedDate && !t.StartDate.IsZero():
		return Errorf(CodeInvalid, "start policy %s takes no date", t.Start).
			WithHint("write --start %s=%s to start on that day", StartFixedDate, t.StartDate)
	case t.IgnorePriv && t.PrivateByUser:
		return Errorf(CodeInvalid, "private addresses cannot be ignored and counted by user as well").
			WithHint("give --ignore-private-addresses or --private-addresses-by-user")
	case t.CountWindow != 0 && (t.CountWindow < minCountWindow || t.CountWindow > maxCountWindow):
		return Errorf(CodeInvalid, "a count window of %s is not possible", t.CountWindow).
			WithHint("it is 1 minute to 366 days; leave it out to count without a window")
	}
	return nil
}

func (t Terms) checkDays() error {
	if t.Zone != "" {
		if _, err := LoadZone(t.Zone); err != nil {
			return err
		}
	}
	for _, d := range []Date{t.StartDate, t.ActivateBy, t.LatestEnd} {
		if !d.IsZero() && dateOf(d.utc()) != d {
			return Errorf(CodeInvalid, "there is no day %s", d).WithHint("write year-month-day, for example 2026-09-30")
		}
	}
	if !t.LatestEnd.IsZero() && t.LatestEnd.Before(t.StartDate) {
		return Errorf(CodeInvalid, "the latest end, %s, lies before the start, %s", t.LatestEnd, t.StartDate).
			WithHint("choose a latest end after the start")
	}
	return nil
}

// checkForm checks what kind of contract it is: a trial, one that is paid and
// confirmed in pieces, one that follows another, one whose start an operator sees first.
func (t Terms) checkForm() error {
	switch {
	case t.Trial && (t.Term != TrialTerm || t.size() != 1 || t.Renews != ""):
		return Errorf(CodeInvalid, "a trial is one license for three months, and renews nothing").
			WithHint("write --trial --months 3, or leave --trial out")
	case t.ConfirmEvery < 0 || t.ConfirmEvery > maxConfirm:
		return Errorf(CodeInvalid, "a confirmation every %d days is not possible", t.ConfirmEvery).
			WithHint("it is 1 to %d days; for monthly payment 31", maxConfirm)
	case t.ConfirmStart != 0 && (t.ConfirmStart < time.Hour || t.ConfirmStart > maxProposal):
		return Errorf(CodeInvalid, "%s to confirm a start is not possible", t.ConfirmStart).
			WithHint("write --start confirm=HOURS, 1 to %d hours", maxProposal/time.Hour)
	case t.ConfirmStart != 0 && t.Start != StartFifthDevice:
		return Errorf(CodeInvalid, "only a start by counting is proposed to an operator, not one %s", t.Start).
			WithHint("write --start confirm=HOURS, without another start policy")
	case t.Payment != "" && t.Payment != PaymentMonthly && t.Payment != PaymentAnnual:
		return Errorf(CodeInvalid, "payment %.40q is not known", t.Payment).
			WithHint("use %s or %s, or leave it out", PaymentMonthly, PaymentAnnual)
	}
	for _, party := range []struct{ what, name string }{{"distributor", t.Distributor}, {"partner", t.Partner}} {
		if party.name == "" {
			continue
		}
		if err := checkName(party.what, party.name); err != nil {
			return err
		}
	}
	return t.checkRenews()
}

// checkRenews: a late renewal runs from the day it is applied, whoever is there.
func (t Terms) checkRenews() error {
	if t.Renews == "" {
		return nil
	}
	if number, err := ParseNumber(t.Renews); err != nil || number != t.Renews {
		return Errorf(CodeInvalid, "the license that this one renews is no license number: %.40q", t.Renews).
			WithHint("write it as `tallygate license list` shows it")
	}
	if t.Start != StartOnProvision || t.size() != 1 {
		return Errorf(CodeInvalid, "a license that renews %s is a single one that starts on-provision", t.Renews).
			WithHint("write --start %s, and no --quantity", StartOnProvision)
	}
	return nil
}
