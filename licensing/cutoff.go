package licensing

import "time"

// CutOffPreview is what would be cut off if a license ended now: `license cutoff`.
type CutOffPreview struct {
	Number    string           `json:"number"`
	At        time.Time        `json:"at"`
	State     State            `json:"state"`
	Locations []CutOffLocation `json:"locations"`
	APs       int              `json:"aps"`
	Rooms     int              `json:"rooms"`
	Sessions  int              `json:"sessions"`
	Guests    int              `json:"guests"` // distinct devices with an open session
}

// CutOffLocation is one Location's part of it.
type CutOffLocation struct {
	Location string          `json:"location"`
	Next     string          `json:"next,omitempty"` // number of the license that would go on there; empty: none
	Why      string          `json:"why"`            // a sentence
	APs      []string        `json:"aps"`
	Rooms    []string        `json:"rooms"`
	Guests   int             `json:"guests"`
	Sessions []CutOffSession `json:"sessions"`
}

// CutOffSession is an open session whose access would end.
type CutOffSession struct {
	SessionID string    `json:"session_id"`
	MAC       string    `json:"mac"`
	AP        string    `json:"ap"`
	Room      string    `json:"room,omitempty"`
	UserName  string    `json:"user_name"`
	StartedAt time.Time `json:"started_at"`
}

// Without is who would govern at a Location at now if l were not there, and in a
// sentence what that means for its guests. The license is nil when they would be cut
// off; served is false when they are cut off, or not let in, already.
func (l *License) Without(at *Location, now time.Time) (next *License, why string, served bool) {
	governing := Governing(at.Licenses, now)
	if governing == nil || governing.ID != l.ID {
		return governing, "Another license governs there: nothing depends on this one.", false
	}
	if state := l.StateAt(now); !state.serves() {
		return nil, "Nobody is served there now: " + state.String() + ".", false
	}
	others := make([]*License, 0, len(at.Licenses))
	for _, o := range at.Licenses {
		if o.ID != l.ID && !o.AutoRenewal() {
			others = append(others, o)
		}
	}
	next = Governing(others, now)
	if next == nil || !next.StateAt(now).serves() {
		return nil, "No other license is assigned there: everybody would be cut off.", true
	}
	return next, next.Number + " would go on there, as far as its limits reach.", true
}
