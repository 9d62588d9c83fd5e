package radiusd

import (
	"tallygate/licensing"
	"tallygate/macwatch"
)

// locate finds the AP in the Location's roster. One that is known, by whatever name, costs
// one look into it. Only an unknown address is held against the vendor's rule: a BSSID of
// a known AP is that AP.
func (id *identity) locate(p *packet, aps *macwatch.Roster) {
	id.known, id.folded = "", false
	id.slot = aps.Index(string(id.ap))
	if id.slot < 0 && aps.Len() > 0 && id.profile.vendor.Folds() {
		id.slot = aps.Fold(id.sight(p))
		id.folded = id.slot >= 0
	}
	if id.slot >= 0 {
		id.known = aps.NameAt(id.slot)
	}
}

// sight is the AP as the packet shows it, with memory of its own.
func (id *identity) sight(p *packet) macwatch.APSight {
	return macwatch.APSight{
		Name: string(id.ap), Vendor: id.profile.vendor, Address: nasAddress(p), NAS: string(p.value(attrNASIdentifier)),
	}
}

// roomKey is the AP for a rule that finds rooms by it: the same, whichever of its names or
// BSSIDs a guest is on.
func (id *identity) roomKey() []byte {
	if id.known != "" && id.known != string(id.ap) {
		return []byte(id.known)
	}
	return id.ap
}

// apFacts is where the AP stands; limit is negative when there is none. What was folded
// the store is asked to keep as an alias.
func (r *reader) apFacts(l *location, limit int) licensing.SlotFacts {
	aps, at := l.venue.APs, r.id.slot
	if r.id.folded {
		r.server.options.Claims.Learn(l.ID, r.id.sight(&r.packet))
	}
	if !r.server.staged {
		aps.Saw(at, r.now)
	}
	if l.Settings.APs == licensing.APsDeclared && (at < 0 || !aps.At(at).Declared) {
		return licensing.SlotUnknown
	}
	return slotFacts(aps.StandAt(at, limit, r.now))
}
