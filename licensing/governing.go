package licensing

import "time"

// Governing picks, of a Location's licenses, the one that decides there at now:
// one that is In Use or denied, else the first that is Pending Start, else the
// last whose contract is finalized, so that a refusal can say what happened.
// It is nil when there is none of these. The licenses come in the order in which
// they came to the Location, as Location.Licenses holds them. One that was released to
// another gateway decides nothing here any more.
//
// Nothing is stored about who governs, so the next license in the queue takes
// over at the very instant at which the one before it ends.
func Governing(ls []*License, now time.Time) *License {
	var waiting, finalized *License
	for _, l := range ls {
		if l.Released(now) {
			continue // another gateway serves under it
		}
		switch l.StateAt(now) {
		case InUse, AccessDenied:
			return l
		case PendingStart:
			if waiting == nil {
				waiting = l
			}
		case ContractFinalized:
			finalized = l
		case PendingProvision:
		}
	}
	if waiting != nil {
		return waiting
	}
	return finalized
}
