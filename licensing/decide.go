package licensing

import (
	"slices"
	"time"
)

// SlotFacts says how an AP or a room stands to the slots of its Location.
type SlotFacts uint8

const (
	SlotHeld      SlotFacts = iota // it has its slot
	SlotFree                       // it has none yet, and one is free
	SlotFull                       // it has none, and none is free
	SlotUnknown                    // only declared ones may have a slot, and it is not declared
	SlotNotNeeded                  // the packet names none, and none is required
)

// Facts is what Decide needs to know about one Access-Request.
type Facts struct {
	License    *License  // the governing one; nil: the Location has none
	Standing   *Standing // of License at this instant, where it is at hand; nil: Decide works it out
	Unallotted bool      // the Organization holds a license, but not for this Location
	Lab        bool      // lab mode runs
	LabUntil   time.Time // its end
	Blocked    bool      // the device is on the blocked list
	Module     string    // what the SSID requires; "": nothing
	AP, Room   SlotFacts
}

// Verdict is what the license says to one Access-Request. Credentials are another
// matter, and checked after it.
type Verdict struct {
	Allowed bool
	Reason  Reason    // ReasonNone when allowed
	State   State     // of the license; PendingProvision without one
	Until   time.Time // when service ends at the latest; zero: not known yet
	Lab     bool      // allowed by lab mode: nothing counts, no slot is claimed

	// The slots to claim, durably, before the request is accepted.
	ClaimAP, ClaimRoom bool
}

// Decide says whether the license lets a guest in. The order is: blocked device,
// license, module, AP, room; the first that refuses gives the Reason. Lab mode
// passes everything but blocked devices, unless access is denied or the contract
// is over. Decide reads nothing but its arguments, and allocates nothing once the
// license's zone is resolved.
func Decide(f Facts, now time.Time) Verdict {
	var v Verdict
	if f.Standing != nil {
		v.State, v.Until = f.Standing.State, f.Standing.Until
	} else {
		s := standingOf(f.License, now)
		v.State, v.Until = s.State, s.Until
	}
	if f.Blocked {
		v.Reason = ReasonDeviceBlocked
		return v
	}
	if f.labAt(now) && labPermitted(v.State) {
		if v.Until.IsZero() || f.LabUntil.Before(v.Until) && !f.LabUntil.IsZero() {
			v.Until = f.LabUntil
		}
		v.Allowed, v.Lab = true, true
		return v
	}
	v.Reason = f.refusal(v.State)
	v.Allowed = v.Reason == ReasonNone
	v.ClaimAP = v.Allowed && f.AP == SlotFree
	v.ClaimRoom = v.Allowed && f.Room == SlotFree
	return v
}

func (f Facts) labAt(now time.Time) bool {
	return f.Lab && (f.LabUntil.IsZero() || now.Before(f.LabUntil))
}

// refusal is the first Reason to refuse, outside lab mode.
func (f Facts) refusal(s State) Reason {
	switch {
	case f.License == nil && f.Unallotted:
		return ReasonPendingProvision
	case f.License == nil:
		return ReasonNoLicense
	case s.refusal() != ReasonNone:
		return s.refusal()
	case f.Module != "" && !slices.Contains(f.License.Terms.Modules, f.Module):
		return ReasonModuleNotLicensed
	case f.AP == SlotFull:
		return ReasonAPLimit
	case f.AP == SlotUnknown:
		return ReasonAPUnknown
	case f.Room == SlotFull:
		return ReasonRoomLimit
	case f.Room == SlotUnknown:
		return ReasonRoomUnknown
	}
	return ReasonNone
}

// refusal is why a license in this state neither serves nor counts; ReasonNone in
// the two states that do.
func (s State) refusal() Reason {
	switch s {
	case PendingProvision:
		return ReasonPendingProvision
	case AccessDenied:
		return ReasonAccessDenied
	case ContractFinalized:
		return ReasonContractFinalized
	case PendingStart, InUse:
	}
	return ReasonNone
}
