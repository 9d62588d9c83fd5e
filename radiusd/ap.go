package radiusd

import (
	"tallygate/licensing"
	"tallygate/macwatch"
)

// apFacts is where the AP stands; limit is negative when there is none. An AP that is
// known, by whatever name, costs one look into the roster. Only an unknown address is
// held against the vendor's rule: a BSSID of a known AP stands where that stands, and the
// store is asked to keep it as an alias.
func (r *reader) apFacts(l *location, limit int) licensing.SlotFacts {
	aps := l.venue.APs
	at := aps.Index(string(r.id.ap))
	if at < 0 && r.vendor().Folds() {
		sight := r.sight()
		if at = aps.Fold(sight); at >= 0 {
			r.server.options.Claims.Learn(l.ID, sight)
			if l.room.Attribute == roomOfAP {
				r.id.room = l.room.findIn([]byte(aps.At(at).Name))
			}
		}
	}
	aps.Saw(at, r.now)
	if l.Settings.APs == licensing.APsDeclared && (at < 0 || !aps.At(at).Declared) {
		return licensing.SlotUnknown
	}
	return slotFacts(aps.StandAt(at, limit, r.now))
}

// vendor is the profile by which the client's packets are read.
func (r *reader) vendor() macwatch.Vendor { return r.client.Vendor }

// sight is the AP as the packet shows it, with memory of its own.
func (r *reader) sight() macwatch.APSight {
	return macwatch.APSight{
		Name: string(r.id.ap), Vendor: r.vendor(), Address: nasAddress(&r.packet), NAS: string(r.packet.value(attrNASIdentifier)),
	}
}
