package disconnect

import (
	"strings"
	"time"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// Why sessions are ended, beside the labels of licensing.Reason: access-denied,
// contract-finalized, device-blocked, credential-expired.
const (
	whyOperator = "operator"
	whyLab      = "lab-ended"
	whyRemoved  = "credential-removed"
)

// place is a Location with what its sessions are judged by.
type place struct {
	*licensing.Location
	venue *macwatch.Venue // never nil
}

func (v *Snapshot) place(id int64) (place, bool) {
	l := v.Locations[id]
	if l == nil {
		return place{}, false
	}
	venue := v.Venues[id]
	if venue == nil {
		venue = &macwatch.Venue{}
	}
	return place{l, venue}, true
}

// closed is why nobody may be on the network there at now: ReasonAccessDenied,
// ReasonContractFinalized, or ReasonNone. A Location that has no license, or not yet,
// lets nobody in; but whoever is there came under other rules, and is left alone.
func (p place) closed(now time.Time) licensing.Reason {
	f := licensing.Facts{License: licensing.Governing(p.Licenses, now), Unallotted: p.Unallotted, AP: licensing.SlotNotNeeded, Room: licensing.SlotNotNeeded}
	if lab, ok := p.LabAt(now); ok {
		f.Lab, f.LabUntil = true, lab.End
	}
	switch r := licensing.Decide(f, now).Reason; r {
	case licensing.ReasonAccessDenied, licensing.ReasonContractFinalized:
		return r
	default:
		return licensing.ReasonNone
	}
}

// why is what stands against an open session at now; empty when it may stay. closed is
// that of the place.
func (p place) why(s *macwatch.Session, closed licensing.Reason, now time.Time) string {
	if _, blocked := p.venue.Blocked[s.MAC]; blocked && s.MAC != 0 {
		return licensing.ReasonDeviceBlocked.String()
	}
	if closed != licensing.ReasonNone {
		return closed.String()
	}
	if _, lab := p.LabAt(now); lab {
		return ""
	}
	if s.Lab {
		return whyLab
	}
	if p.Settings.Guests == licensing.GuestsLocal {
		return p.credential(s, now)
	}
	return ""
}

// credential is what stands against the guest's account, or MAC input. One that is not
// known proves nothing: User-Name in accounting is not always what was logged in with.
func (p place) credential(s *macwatch.Session, now time.Time) string {
	if macwatch.MACLogin([]byte(s.UserName), []byte(s.Calling)) {
		if input, ok := p.venue.Inputs[s.MAC]; ok {
			return expired(input.ExpiresAt, now)
		}
		return removed(p.venue.RetiredInputs[s.MAC], s)
	}
	name := accountName(s.UserName)
	if account, ok := p.venue.Accounts[name]; ok {
		return expired(account.ExpiresAt, now)
	}
	if at, ok := p.venue.RetiredAccounts[name]; ok {
		return removed(at, s)
	}
	// Tickets and portals' credentials that were revoked are kept by their folded names, and
	// so are rooms that nobody has any more.
	room, _ := macwatch.ParseStayLogin(s.UserName)
	for _, name := range [...]string{string(macwatch.PassKey(nil, []byte(s.UserName))), macwatch.RetiredRoom(room)} {
		if at, ok := p.venue.RetiredAccounts[name]; ok {
			return removed(at, s)
		}
	}
	return ""
}

// accountName is a User-Name as accounts are named.
func accountName(userName string) string { return strings.ToLower(userName) }

func expired(at, now time.Time) string {
	if at.IsZero() || now.Before(at) {
		return ""
	}
	return licensing.ReasonCredentialExpired.String()
}

// removed: whoever came before that came by the account that is gone.
func removed(at time.Time, s *macwatch.Session) string {
	if at.IsZero() || s.StartedAt.After(at) {
		return ""
	}
	return whyRemoved
}
