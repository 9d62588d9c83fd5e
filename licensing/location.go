package licensing

import (
	"cmp"
	"time"
)

// Organization owns Locations and has one RADIUS realm.
type Organization struct {
	ID        int64     `json:"-"`
	Name      string    `json:"name"`
	Realm     string    `json:"realm"` // 6-12 characters, unique on the gateway, compared without case
	Code      string    `json:"code"`  // three characters, unique; middle part of Location ids
	CreatedAt time.Time `json:"created_at"`
}

// Guests is how a Location checks credentials.
type Guests string

const (
	GuestsOpen  Guests = "open"  // the portal or controller already knows the guest
	GuestsLocal Guests = "local" // accounts, tickets and MAC inputs kept here
)

// Count is which sightings count at a Location.
type Count string

const (
	CountAccounting Count = "accounting" // every accounting record of a guest MAC
	CountAccepted   Count = "accepted"   // only devices that this gateway also accepted
)

// APPolicy is how APs get their slot.
type APPolicy string

const (
	APsFirstCome APPolicy = "first-come" // the first accepted request of an AP claims
	APsDeclared  APPolicy = "declared"   // only APs that an operator declared
)

// AutoRenewal is whether, when the last license of a Location ends, the next one of
// the Organization's pool follows by itself.
type AutoRenewal string

const (
	AutoRenewalOn  AutoRenewal = "on"
	AutoRenewalOff AutoRenewal = "off"
)

// RoomRule finds the room in a request. The zero value finds none.
type RoomRule struct {
	Attribute string            `json:"attribute,omitempty"` // one of Attributes, or cisco-avpair:KEY
	Pattern   string            `json:"pattern,omitempty"`   // regular expression; first group, else the whole match
	Map       map[string]string `json:"map,omitempty"`       // normalised text to room
	Required  bool              `json:"required,omitempty"`  // a request without a room is refused (room-unknown)
	Declared  bool              `json:"declared,omitempty"`  // closed list: only declared rooms
}

// Reply holds the attributes that an Access-Accept of this Location carries.
// A zero field is left out, but for InterimInterval and IdleTimeout, whose
// defaults DefaultReply gives.
type Reply struct {
	SessionTimeout  int    `json:"session_timeout,omitempty"`  // seconds; capped at the contract's end
	IdleTimeout     int    `json:"idle_timeout,omitempty"`     // seconds
	InterimInterval int    `json:"interim_interval,omitempty"` // seconds, 60 or more (RFC 2869 section 5.16)
	VLAN            int    `json:"vlan,omitempty"`             // 1-4094
	BandwidthUp     int    `json:"bandwidth_up,omitempty"`     // WISPr, bit/s
	BandwidthDown   int    `json:"bandwidth_down,omitempty"`   // WISPr, bit/s
	FilterID        string `json:"filter_id,omitempty"`
}

// DefaultReply is what a new Location answers with.
func DefaultReply() Reply { return Reply{IdleTimeout: 900, InterimInterval: 600} }

// Settings is what an operator may change at a Location at any time.
type Settings struct {
	Guests   Guests            `json:"guests"`
	Count    Count             `json:"count"`
	APs      APPolicy          `json:"ap_policy"`
	Room     RoomRule          `json:"room"`
	Reply    Reply             `json:"reply"`
	Modules  map[string]string `json:"ssid_modules,omitempty"` // SSID to the module that it requires
	Timezone string            `json:"time_zone"`              // IANA name

	AutoRenewal AutoRenewal  `json:"auto_renewal"`
	Stays       StaySettings `json:"stays,omitzero"`

	// APReleaseAfter is how long an AP may be unseen before its slot is released by itself,
	// seconds, a day or more; 0: never.
	APReleaseAfter int `json:"ap_release_after,omitempty"`

	// StaleAfter is how many seconds a session may be silent before it is closed; 0: see
	// macwatch.Session.Silence.
	StaleAfter int `json:"stale_after,omitempty"`
	// GuestSessions is how many devices of one guest account may be online at once; 0: any
	// number. An account may have a number of its own.
	GuestSessions int `json:"guest_sessions,omitempty"`
}

// StaySettings is how guests' stays let them in (room and surname), and how long their
// surnames are kept.
type StaySettings struct {
	CheckOut string `json:"check_out,omitempty"` // HH:MM on the day of departure; empty: DefaultCheckOut
	KeepDays int    `json:"keep_days,omitempty"` // after the departure, 1-365; 0: DefaultKeepStays
}

const (
	DefaultCheckOut  = "12:00"
	DefaultKeepStays = 7 // days
)

// Hour is the check-out, as a time since midnight.
func (s StaySettings) Hour() (time.Duration, error) {
	at, err := time.Parse("15:04", cmp.Or(s.CheckOut, DefaultCheckOut))
	if err != nil {
		return 0, Errorf(CodeInvalid, "%.20q is not a time of check-out", s.CheckOut).WithHint("write HH:MM, for example 11:00")
	}
	return time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute, nil
}

func (s StaySettings) check() error {
	if _, err := s.Hour(); err != nil {
		return err
	}
	if s.KeepDays < 0 || s.KeepDays > 365 {
		return Errorf(CodeInvalid, "stays cannot be kept for %d days after the departure", s.KeepDays).WithHint("1 to 365, or 0 for %d", DefaultKeepStays)
	}
	return nil
}

// LabPeriod is one stretch of lab mode: [Start, End). Stopped early, End is the stop.
type LabPeriod struct {
	Start time.Time `json:"started_at"`
	End   time.Time `json:"ends_at"`
}

// Covers reports whether t lies in the period.
func (p LabPeriod) Covers(t time.Time) bool { return !t.Before(p.Start) && t.Before(p.End) }

// Location is a venue: what it is, how it is set, and the licenses that may
// govern it. A Location in a snapshot is never changed; a change makes a new one.
type Location struct {
	ID           int64       `json:"-"`
	Code         string      `json:"id"` // e.g. 28N2S004
	Name         string      `json:"name"`
	Organization string      `json:"organization"`
	Realm        string      `json:"realm"`
	Sector       string      `json:"sector,omitempty"`
	Settings     Settings    `json:"settings"`
	Labs         []LabPeriod `json:"-"` // recent and running, oldest first
	// Licenses allotted here, in the order in which they came here, whatever their state;
	// then what Plan has taken from the pool.
	Licenses []*License `json:"-"`
	// Unallotted: the Organization holds a license that is not allotted here.
	Unallotted bool      `json:"-"`
	CreatedAt  time.Time `json:"created_at"`
}

// LabAt returns the lab period that covers t, if one does.
func (l *Location) LabAt(t time.Time) (LabPeriod, bool) {
	for i := len(l.Labs) - 1; i >= 0; i-- {
		if l.Labs[i].Covers(t) {
			return l.Labs[i], true
		}
	}
	return LabPeriod{}, false
}

// Change says who asks for a change, and whether it is a rehearsal: carried out
// in full, reported, and rolled back.
type Change struct {
	By     string // for the audit log, e.g. "root@console"
	DryRun bool
}
