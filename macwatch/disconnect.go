package macwatch

import (
	"net/netip"
	"time"
)

// DisconnectSettings is what of a vendor's way to end sessions (RFC 5176) is different
// for one client. The zero value changes nothing.
type DisconnectSettings struct {
	Off     bool              `json:"off,omitempty"`     // never ask: Session-Timeout ends its sessions
	Port    uint16            `json:"port,omitempty"`    // 0: the vendor's
	Address DisconnectAddress `json:"address,omitempty"` // empty: DisconnectSource
}

// DisconnectAddress says where the requests go: one of the two words, or an IP address.
type DisconnectAddress string

const (
	DisconnectSource DisconnectAddress = "source" // who sent the session's packets
	DisconnectNAS    DisconnectAddress = "nas"    // NAS-IP-Address: for APs behind a controller that only relays
)

// Valid reports whether it is one of the words, an address, or empty.
func (a DisconnectAddress) Valid() bool {
	if a == "" || a == DisconnectSource || a == DisconnectNAS {
		return true
	}
	ip, err := netip.ParseAddr(string(a))
	return err == nil && !ip.IsUnspecified() && !ip.IsMulticast()
}

// Of is the address for a session; invalid when its packets named none.
func (a DisconnectAddress) Of(o Origin) netip.Addr {
	switch a {
	case "", DisconnectSource:
		return o.Source
	case DisconnectNAS:
		return o.NASAddress
	}
	ip, _ := netip.ParseAddr(string(a))
	return ip
}

// DisconnectState is how far it has come with ending a session. That it has ended only
// the Stop says that follows.
type DisconnectState string

const (
	DisconnectPlanned      DisconnectState = "planned"      // a rehearsal: it would be asked for
	DisconnectRequested    DisconnectState = "requested"    // it waits to be sent, or for an answer
	DisconnectAcknowledged DisconnectState = "acknowledged" // Disconnect-ACK or CoA-ACK
	DisconnectRefused      DisconnectState = "refused"      // Disconnect-NAK or CoA-NAK
	DisconnectUnanswered   DisconnectState = "unanswered"   // nothing came back
	DisconnectImpossible   DisconnectState = "not-possible" // nobody can be asked, or in no words that he understands
	DisconnectDropped      DisconnectState = "not-sent"     // the gateway stopped, or it was no longer wanted
)

// Disconnect is what became of ending one session.
type Disconnect struct {
	State      DisconnectState `json:"state"`
	Why        string          `json:"why"`                   // operator, or what must not be: access-denied …
	ErrorCause string          `json:"error_cause,omitempty"` // of a refusal, by name (RFC 5176 section 3.5)
	Detail     string          `json:"detail,omitempty"`      // a sentence
	To         string          `json:"to,omitempty"`          // address and port that were asked
	At         time.Time       `json:"at"`
	Rounds     int             `json:"rounds,omitempty"` // how often it was begun anew
}

// SessionSelector says which open sessions are meant: those that fit all that is given.
type SessionSelector struct {
	SessionID string `json:"session_id,omitempty"`
	MAC       MAC    `json:"mac,omitempty"`
	AP        string `json:"ap,omitempty"` // any name of it
	All       bool   `json:"all,omitempty"`
}

// Empty reports whether nothing is said, not even that all are meant.
func (s SessionSelector) Empty() bool { return s == SessionSelector{} }

// EndedSession is a session that was to be ended, and what became of it.
type EndedSession struct {
	SessionID  string     `json:"session_id"`
	MAC        string     `json:"mac"`
	AP         string     `json:"ap"`
	UserName   string     `json:"user_name"`
	Disconnect Disconnect `json:"disconnect"`
}
