package licensing

import "time"

// Governing picks, of a Location's licenses, the one that decides there at now:
// one that is In Use or denied, else the oldest that is Pending Start, else the
// newest whose contract is finalized, so that a refusal can say what happened.
// It is nil when there is none of these. A license is as old as its
// provisioning; equals are told apart by ID.
//
// Nothing is stored about who governs, so the next license in the queue takes
// over at the very instant at which the one before it ends.
func Governing(ls []*License, now time.Time) *License {
	var running, waiting, finalized *License
	for _, l := range ls {
		switch l.StateAt(now) {
		case InUse, AccessDenied:
			running = older(running, l)
		case PendingStart:
			waiting = older(waiting, l)
		case ContractFinalized:
			if finalized == nil || older(finalized, l) == finalized {
				finalized = l
			}
		case PendingProvision:
		}
	}
	switch {
	case running != nil:
		return running
	case waiting != nil:
		return waiting
	}
	return finalized
}

// older is the license that was provisioned first; a may be nil.
func older(a, b *License) *License {
	if a == nil {
		return b
	}
	if c := b.ProvisionedAt.Compare(a.ProvisionedAt); c < 0 || c == 0 && b.ID < a.ID {
		return b
	}
	return a
}
