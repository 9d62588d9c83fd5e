package licensing

import "time"

// LabDuration is how long lab mode runs, unless something ends it earlier.
const LabDuration = 8 * time.Hour

// CheckLab reports whether lab mode may start at l: an *Error with CodeConflict
// while it runs already, access is denied or the contract is over, and with
// CodeRefused when the hours that the key grants for this month are used up.
// l.Labs must reach back to the beginning of the month.
func CheckLab(l *Location, now time.Time) error {
	if p, running := l.LabAt(now); running {
		return Errorf(CodeConflict, "lab mode runs at %s until %s", l.Code, p.End.UTC().Format(time.RFC3339)).
			WithHint("stop it with `tallygate lab stop --location %s`", l.Code)
	}
	license := Governing(l.Licenses, now)
	if license == nil {
		return nil
	}
	if state := license.StateAt(now); !labPermitted(state) {
		return Errorf(CodeConflict, "lab mode is not available at %s: %s", l.Code, state).
			WithHint("`tallygate license show %s` tells why", license.Number)
	}
	if left, capped := labLeft(l, license, now); capped && left <= 0 {
		return Errorf(CodeRefused, "the %d lab hours of this month are used up at %s", license.Terms.LabHours, l.Code).
			WithHint("wait for the next month, or ask your distributor for an upgrade of %s", license.Number)
	}
	return nil
}

// LabEnd is when lab mode that starts at now ends by itself: after LabDuration, or
// earlier when the month's hours or the contract end. It is meant for after
// CheckLab.
func LabEnd(l *Location, now time.Time) time.Time {
	end := now.Add(LabDuration)
	license := Governing(l.Licenses, now)
	if license == nil {
		return end
	}
	if left, capped := labLeft(l, license, now); capped && now.Add(left).Before(end) {
		end = now.Add(left)
	}
	if over, known := license.until(); known && over.Before(end) {
		end = over
	}
	return end
}

// labPermitted: lab mode must not be a way around a denial or an ended contract.
func labPermitted(s State) bool { return s != AccessDenied && s != ContractFinalized }

// labLeft is what remains of the key's lab hours in the calendar month of now.
func labLeft(l *Location, license *License, now time.Time) (left time.Duration, capped bool) {
	if license.Terms.LabHours == 0 {
		return 0, false
	}
	zone := license.location()
	today := DateIn(now, zone)
	month := Date{today.Year, today.Month, 1}.Start(zone)
	left = time.Duration(license.Terms.LabHours) * time.Hour
	for _, p := range l.Labs {
		start := p.Start
		if start.Before(month) {
			start = month
		}
		if p.End.After(start) {
			left -= p.End.Sub(start)
		}
	}
	return left, true
}
