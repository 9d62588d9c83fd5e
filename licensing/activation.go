package licensing

import (
	"strings"
	"time"
)

// DefaultMaxExempt is how many devices may be exempt at a Location, unless its key
// says otherwise.
const DefaultMaxExempt = 10

// Target is where and when a grant is about to be activated.
type Target struct {
	Gateway           string    // this gateway's key
	Location          *Location // nil: none was chosen
	OrganizationRealm string    // of the Organization that would receive it
	OrganizationName  string
	Now               time.Time
}

// CheckActivation reports whether t may be activated at a target: an *Error with
// CodeRefused when it is bound to another gateway, Organization or Location, or
// comes too late.
func CheckActivation(t Terms, target Target) error {
	if t.Gateway != "" && t.Gateway != target.Gateway {
		return Errorf(CodeRefused, "the key is for another gateway: %s", t.Gateway).
			WithHint("enter it there, or send your distributor this gateway's key: %s", target.Gateway)
	}
	if err := t.checkOrganization(target); err != nil {
		return err
	}
	if t.Location != "" && target.Location == nil {
		return Errorf(CodeRefused, "the key is for Location %s, and none is chosen", t.Location).
			WithHint("activate it with --location %s", t.Location)
	}
	if t.Location != "" && t.Location != target.Location.Code {
		return Errorf(CodeRefused, "the key is for Location %s, not %s", t.Location, target.Location.Code).
			WithHint("activate it with --location %s", t.Location)
	}
	return t.checkTime(target)
}

// checkOrganization compares realm and name: the realm is what is unique on a
// gateway, the name is what the distributor meant.
func (t Terms) checkOrganization(target Target) error {
	name, realm := target.OrganizationName, target.OrganizationRealm
	if sameName(t.Realm, realm) && sameName(t.Organization, name) {
		if l := target.Location; l == nil || sameName(l.Realm, realm) {
			return nil
		}
		name, realm = target.Location.Organization, target.Location.Realm
	}
	return Errorf(CodeRefused, "the key is for Organization %q (realm %s), not %q (realm %s)", t.Organization, t.Realm, name, realm).
		WithHint("choose one of its Locations, or ask the distributor for a key for %q", name)
}

// checkTime refuses what is too late to be worth its key: it would be used up
// without a day of service.
func (t Terms) checkTime(target Target) error {
	trial := License{Terms: t, ActivatedAt: target.Now, ProvisionedAt: target.Now, Zone: t.Zone}
	if trial.Zone == "" && target.Location != nil {
		trial.Zone = target.Location.Settings.Timezone
	}
	today := DateIn(target.Now, trial.location())
	if !t.ActivateBy.IsZero() && today.After(t.ActivateBy) {
		return Errorf(CodeRefused, "the key had to be activated by %s; today is %s", t.ActivateBy, today).
			WithHint("ask your distributor for a new key; if today's date is wrong, set the clock")
	}
	if trial.StateAt(target.Now) == ContractFinalized {
		return Errorf(CodeRefused, "the contract of this key is over before it begins; today is %s", today).
			WithHint("ask your distributor for a new key; if today's date is wrong, set the clock")
	}
	return nil
}

// CheckRenewal reports whether a grant that renews l late may be activated now: an
// *Error with CodeConflict while l is not over, with CodeRefused when it is another
// Organization's.
func (l *License) CheckRenewal(t Terms, now time.Time) error {
	if !sameName(l.Terms.Realm, t.Realm) {
		return Errorf(CodeRefused, "the key renews %s, which is of another Organization: %s", l.Number, l.Terms.Organization).
			WithHint("ask your distributor for a key for %q", t.Organization)
	}
	if state := l.StateAt(now); state != ContractFinalized {
		return Errorf(CodeConflict, "the key renews %s after its end, and that is not over: %s", l.Number, state).
			WithHint("ask your distributor for a renewal order, which extends it, or enter this key when the contract is over")
	}
	return nil
}

// ExemptCap is how many devices may be exempt at a Location under these terms.
func (t Terms) ExemptCap() int {
	if t.MaxExempt > 0 {
		return t.MaxExempt
	}
	return DefaultMaxExempt
}

func sameName(a, b string) bool {
	return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b))
}
