package macwatch

import (
	"net/netip"
	"strconv"
	"time"
)

// Status is an Acct-Status-Type (RFC 2866 section 5.1).
type Status uint32

const (
	StatusStart   Status = 1
	StatusStop    Status = 2
	StatusInterim Status = 3
	StatusOn      Status = 7
	StatusOff     Status = 8
)

// Known reports whether the gateway acts on this status; every other is kept raw.
func (s Status) Known() bool {
	return s >= StatusStart && s <= StatusInterim || s == StatusOn || s == StatusOff
}

// OfNAS reports whether it is about the NAS itself, not about a session.
func (s Status) OfNAS() bool { return s == StatusOn || s == StatusOff }

// String is the name as RFC 2866 spells it; a number for those that it does not name.
func (s Status) String() string {
	switch s {
	case StatusStart:
		return "Start"
	case StatusStop:
		return "Stop"
	case StatusInterim:
		return "Interim-Update"
	case StatusOn:
		return "Accounting-On"
	case StatusOff:
		return "Accounting-Off"
	}
	return strconv.FormatUint(uint64(s), 10)
}

// Record is one Accounting-Request on its way to the store. Whoever makes it owns
// it again when it comes back through Done; the store keeps no reference to any
// of its byte slices, which may point into a reused packet buffer.
type Record struct {
	Location int64
	Client   int64
	Arrival  time.Time // when the datagram was read

	Status Status
	// Ignored says why the record can only be kept raw (no status, no session id …).
	// Empty for an ordinary one.
	Ignored string

	MAC       MAC    // guest device, or its pseudonym; zero when the packet holds none
	Address   MAC    // the guest device's address where MAC is its pseudonym; it is not kept
	NAS       []byte // scope of session ids: NAS-Identifier, else NAS-IP-Address or NAS-IPv6-Address as text, else the source address
	AP        []byte // canonical identity of the AP (see APKey); the NAS where no AP is named
	CalledMAC MAC    // AP address in Called-Station-Id; zero when it names none. Narrows Accounting-On/Off
	SSID      []byte
	Room      []byte // normalised; empty when none
	SessionID []byte // Acct-Session-Id
	UserName  []byte
	Calling   []byte // Calling-Station-Id as sent, for Disconnect
	Called    []byte // Called-Station-Id as sent
	Class     []byte // first Class attribute as sent
	FramedIP  uint32 // IPv4, 0 when absent
	Origin    Origin

	HasEventTimestamp bool
	EventTimestamp    uint32 // raw, seconds since 1970
	Delay             uint32 // Acct-Delay-Time, seconds
	SessionTime       uint32 // Acct-Session-Time, seconds
	Input             uint64 // octets from the guest, with gigawords
	Output            uint64 // octets to the guest, with gigawords
	InputPackets      uint32
	OutputPackets     uint32
	TerminateCause    uint32
	Gigawords         bool // the packet has Acct-Input-Gigawords or Acct-Output-Gigawords

	// Accepted: the device was accepted by this gateway (Class token, or memory).
	Accepted bool

	Packet []byte // the whole datagram, for what is kept raw

	// Done receives the record back, exactly once, after it is committed (Err nil)
	// or when it could not be stored.
	Done Answerer
	Err  error
	// Reply is the maker's own business; the store never touches it.
	Reply any
}

// Origin is how to reach the NAS of a session again, and what else the NAS may know it
// by: what a Disconnect-Request is made from (RFC 5176). The texts of a record point into its packet.
type Origin struct {
	Source     netip.Addr // who sent the packet
	NASAddress netip.Addr // NAS-IP-Address or NAS-IPv6-Address as sent; zero when absent
	NASPort    uint32     // NAS-Port as sent
	MultiID    []byte     // Acct-Multi-Session-Id
	AuditID    []byte     // audit-session-id of a cisco-avpair
	Vendor     Vendor     // by whose profile the packet was read
}

// Answerer takes records back in the order in which they were stored. It is called
// on a goroutine of the store's, must not block, and does not keep the list.
type Answerer interface {
	Answered(records []*Record)
}

// Event time bounds (DESIGN 2.3): an Event-Timestamp is believed within them.
const (
	MaxEventAge  = 24 * time.Hour
	MaxEventLead = 5 * time.Minute
)

// Event is when the record's event happened, as far as it can be believed: the
// Event-Timestamp if within [Arrival-24h, Arrival+5min], else Arrival less
// Acct-Delay-Time (if within 24 h), else Arrival; never later than Arrival. Whole seconds
// from the wire stay whole; the result is UTC.
func (r *Record) Event() time.Time {
	return EventTime(r.Arrival, r.HasEventTimestamp, r.EventTimestamp, r.Delay)
}

// Moment sharpens an event time of whole seconds for a comparison with what an
// operator did: an event of the very second of its arrival happened just before
// that. Otherwise a guest who comes in the second in which a key was entered would
// seem to have come before it.
func (r *Record) Moment(event time.Time) time.Time {
	if r.HasEventTimestamp && event.Equal(r.Arrival.Truncate(time.Second)) {
		return r.Arrival
	}
	return event
}

// EventTime is the rule behind Record.Event.
func EventTime(arrival time.Time, has bool, stamp, delay uint32) time.Time {
	arrival = arrival.UTC()
	if has {
		t := time.Unix(int64(stamp), 0).UTC()
		if !t.Before(arrival.Add(-MaxEventAge)) && !t.After(arrival.Add(MaxEventLead)) {
			if t.After(arrival) {
				return arrival
			}
			return t
		}
	}
	if d := time.Duration(delay) * time.Second; d <= MaxEventAge {
		return arrival.Add(-d)
	}
	return arrival
}
