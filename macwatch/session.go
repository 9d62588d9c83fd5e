package macwatch

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"time"
)

// Ident identifies an accounting session: the client and NAS that report it, its
// Acct-Session-Id and the device. Never the Acct-Session-Id alone: two APs use the
// same, and an AP uses it again after a reboot.
type Ident [16]byte

// Ident computes the identity of the record's session. It allocates nothing.
func (r *Record) Ident() Ident {
	var b [640]byte
	p := binary.BigEndian.AppendUint64(b[:0], uint64(r.Client))
	p = binary.BigEndian.AppendUint64(p, uint64(r.MAC))
	p = append(p, byte(len(r.NAS)))
	p = append(p, r.NAS...)
	p = append(p, r.SessionID...)
	sum := sha256.Sum256(p)
	return Ident(sum[:16])
}

// Key tells the records of one session (or of one NAS, for Accounting-On/Off)
// apart. A NAS that repeats a record changes Identifier, authenticators and
// Acct-Delay-Time (RFC 2866 section 4.1), so none of them is in it, nor anything
// computed from the arrival.
func (r *Record) Key() uint64 {
	const offset, prime = 14695981039346656037, 1099511628211 // FNV-1a
	h := uint64(offset)
	mix := func(v uint64) {
		for range 8 {
			h = (h ^ v&0xff) * prime
			v >>= 8
		}
	}
	stamp := uint64(0)
	if r.HasEventTimestamp {
		stamp = 1<<32 | uint64(r.EventTimestamp)
	}
	mix(uint64(r.Status))
	mix(stamp)
	mix(uint64(r.SessionTime))
	mix(r.Input)
	mix(r.Output)
	mix(uint64(r.InputPackets)<<32 | uint64(r.OutputPackets))
	mix(uint64(r.TerminateCause))
	mix(uint64(r.CalledMAC))
	h &^= stampedKey
	if r.HasEventTimestamp {
		h |= stampedKey
	}
	return h
}

// stampedKey is set in the key of a record with Event-Timestamp: nothing but a repeat
// of it has the same key, in whatever leg.
const stampedKey = 1

// MaxKeys is how many record keys a session keeps. A repeat that arrives more than
// this many records late changes nothing either, since counters are maxima; only
// Records would count it again.
const MaxKeys = 32

// Session is one accounting session, or one leg of it.
type Session struct {
	ID    int64 // row; 0 until stored
	Ident Ident
	Leg   int   // 0, then one more for each Start after a Stop
	Prior int64 // row of the leg before; 0: none

	Location, Client int64
	NAS, SessionID   string
	MAC, CalledMAC   MAC
	Address          MAC // of the device, where MAC is its pseudonym and the session is open
	AP, SSID, Room   string
	UserName         string
	Calling, Called  string
	Class            []byte
	FramedIP         uint32
	Origin           Origin // of its latest record; its texts are the session's own

	StartedAt, UpdatedAt time.Time
	Begun                bool      // its Start came: StartedAt is exact
	EndedAt              time.Time // zero while open
	Stopped              bool      // ended by its own Stop; else see Closed
	TerminateCause       uint32    // RFC 2866 section 5.10

	Input, Output               uint64 // octets
	InputPackets, OutputPackets uint32
	SessionTime                 uint32 // seconds
	Gigawords                   bool   // its NAS sends them: a counter that falls has not wrapped

	HeardAt time.Time // arrival of its latest record
	Gap     uint32    // seconds: the longest between two of its reports

	Sealed []byte // while it is read: its texts as the store keeps them (see Hide)

	Lab     bool // began in lab mode
	Records int  // distinct records
	Keys    []uint64
}

// Outcome is what a record did to its session.
type Outcome uint8

const (
	Applied   Outcome = iota // it was new
	Duplicate                // it was there already: nothing changed
	NextLeg                  // it is the Start of a new leg: make one with OpenSession
	PriorLeg                 // it belongs to the leg before: apply it there
)

// OpenSession makes the session (or the leg after prior, when that is not nil) that
// the record is the first of. A session first seen by an Interim-Update or Stop
// began Acct-Session-Time earlier.
func OpenSession(r *Record, ident Ident, event time.Time, prior *Session) *Session {
	return OpenSessionInto(new(Session), new(Names), r, ident, event, prior)
}

// OpenSessionInto is OpenSession into one that nobody uses any more, with its memory, and
// with the texts that others have, too.
func OpenSessionInto(s *Session, names *Names, r *Record, ident Ident, event time.Time, prior *Session) *Session {
	if s.Keys == nil {
		s.Keys = make([]uint64, 0, 4) // a Start, two reports and a Stop
	}
	*s = Session{
		Ident: ident, Location: r.Location, Client: r.Client, MAC: r.MAC, SessionID: string(r.SessionID),
		NAS: names.Of(r.NAS), AP: names.Of(r.AP), SSID: names.Of(r.SSID), Room: names.Of(r.Room), Called: names.Of(r.Called),
		StartedAt: startOf(r, event), Keys: s.Keys[:0],
	}
	if prior != nil {
		s.Leg = prior.Leg + 1
		// In one second a leg ends and the next begins: then only its key tells a
		// repeated Stop of the one from a Stop of the other.
		for _, k := range prior.Keys {
			if k&stampedKey != 0 {
				s.Keys = append(s.Keys, k)
			}
		}
	}
	s.take(r, event, r.Key())
	return s
}

func startOf(r *Record, event time.Time) time.Time {
	if r.Status == StatusStart {
		return event
	}
	return event.Add(-time.Duration(r.SessionTime) * time.Second)
}

// Apply folds a later record into the session. Order does not matter: counters are
// cumulative and take the maximum (RFC 2869 section 2.1), the earliest start and
// the first Stop stand, and nothing reopens what a Stop has ended but another leg.
func (s *Session) Apply(r *Record, event time.Time) Outcome {
	key := r.Key()
	known := slices.Contains(s.Keys, key)
	switch {
	case s.begunAnew(r, event, known):
		return NextLeg
	case known:
		return Duplicate
	case s.Leg > 0 && s.precedes(event):
		return PriorLeg
	}
	s.take(r, event, key)
	return Applied
}

// Take folds in a record that belongs to no other leg, whatever Apply would say.
func (s *Session) Take(r *Record, event time.Time) { s.take(r, event, r.Key()) }

func (s *Session) take(r *Record, event time.Time, key uint64) {
	if r.MAC.Veiled() && r.Address != 0 {
		s.Address = r.Address
	}
	if len(s.Keys) == MaxKeys {
		s.Keys = s.Keys[:copy(s.Keys, s.Keys[1:])]
	}
	s.Keys = append(s.Keys, key)
	s.Records++
	s.hear(r, event)
	// The Start itself knows best when it was; Acct-Session-Time is only close.
	if r.Status == StatusStart && (!s.Begun || event.Before(s.StartedAt)) {
		s.Begun, s.StartedAt = true, event
	} else if start := startOf(r, event); !s.Begun && start.Before(s.StartedAt) {
		s.StartedAt = start
	}
	// The latest record's view of where the device is stands.
	if !event.Before(s.UpdatedAt) {
		s.UpdatedAt = event
		set(&s.AP, r.AP)
		set(&s.SSID, r.SSID)
		set(&s.Room, r.Room)
		set(&s.SessionID, r.SessionID) // one that was hidden when only the gateway had ended it
		set(&s.UserName, r.UserName)
		set(&s.Calling, r.Calling)
		set(&s.Called, r.Called)
		if len(r.Class) > 0 && !bytes.Equal(r.Class, s.Class) {
			s.Class = append([]byte(nil), r.Class...)
		}
		if r.FramedIP != 0 {
			s.FramedIP = r.FramedIP
		}
		if r.CalledMAC != 0 {
			s.CalledMAC = r.CalledMAC
		}
		s.Origin.follow(&r.Origin)
	}
	s.count(r)
	s.InputPackets = max(s.InputPackets, r.InputPackets)
	s.OutputPackets = max(s.OutputPackets, r.OutputPackets)
	if r.Status == StatusStop && !s.Stopped {
		s.Stopped, s.EndedAt, s.TerminateCause = true, event, r.TerminateCause
	}
}

// follow takes over what a later record says; where it says nothing, the old stands.
func (o *Origin) follow(r *Origin) {
	if r.Source.IsValid() {
		o.Source = r.Source
	}
	if r.NASAddress.IsValid() {
		o.NASAddress = r.NASAddress
	}
	if r.NASPort != 0 {
		o.NASPort = r.NASPort
	}
	if len(r.MultiID) > 0 && !bytes.Equal(r.MultiID, o.MultiID) {
		o.MultiID = bytes.Clone(r.MultiID)
	}
	if len(r.AuditID) > 0 && !bytes.Equal(r.AuditID, o.AuditID) {
		o.AuditID = bytes.Clone(r.AuditID)
	}
	if r.Vendor != "" && (r.Vendor != VendorGeneric || o.Vendor == "") { // a packet may show nothing
		o.Vendor = r.Vendor
	}
}

// set replaces *to by what a packet says, unless it says nothing or the same.
func set(to *string, from []byte) {
	if len(from) > 0 && string(from) != *to {
		*to = string(from)
	}
}

// Connection names what the session is part of: where its NAS links the hops of a roaming
// guest (Acct-Multi-Session-Id, RFC 2866 section 5.11) all of them, else all legs of its id.
func (s *Session) Connection() string {
	id := s.Ident
	if len(s.Origin.MultiID) > 0 {
		b := binary.BigEndian.AppendUint64(nil, uint64(s.Location))
		b = binary.BigEndian.AppendUint64(b, uint64(s.MAC))
		sum := sha256.Sum256(append(b, s.Origin.MultiID...))
		id = Ident(sum[:16])
	}
	return hex.EncodeToString(id[:6])
}

// Clone copies the session, so that a transaction that fails leaves the original as it was.
func (s *Session) Clone() *Session { return s.CloneInto(new(Session)) }

// CloneInto is Clone into a session that nobody uses any more, with its memory.
func (s *Session) CloneInto(c *Session) *Session {
	keys := append(c.Keys[:0], s.Keys...)
	*c = *s
	c.Keys = keys
	return c
}
