package disconnect

import (
	"cmp"
	"encoding/binary"
	"net/netip"
	"time"

	"tallygate/macwatch"
)

// field is something that names a session. All go out exactly as they came in: a NAS
// compares strings.
type field uint8

const (
	callingStationID field = iota
	userName
	sessionID     // Acct-Session-Id
	sessionIDHex  // Acct-Session-Id where it is one of hostapd: 16 hexadecimal digits; it refuses another length as an invalid value
	framedAddress // Framed-IP-Address
	nasAddress    // NAS-IP-Address or NAS-IPv6-Address
	nasIdentifier
	nasPort
	auditSession // audit-session-id in a cisco-avpair
)

var fieldNames = [...]string{
	callingStationID: "Calling-Station-Id", userName: "User-Name", sessionID: "Acct-Session-Id", sessionIDHex: "Acct-Session-Id",
	framedAddress: "Framed-IP-Address", nasAddress: "NAS-IP-Address", nasIdentifier: "NAS-Identifier", nasPort: "NAS-Port",
	auditSession: "audit-session-id",
}

func (f field) String() string { return fieldNames[f] }

// stamped says which transmissions of a request carry Event-Timestamp (RFC 5176
// section 3.3).
type stamped uint8

const (
	never stamped = iota
	always
	// alternately: every other one. Some want it, others drop requests silently for it,
	// since their own clock is wrong: silence is no answer to learn from.
	alternately
)

func (s stamped) at(transmission int) bool {
	return s == always || s == alternately && transmission%2 == 0
}

// step is one way to ask.
type step struct {
	code   code     // default Disconnect-Request
	port   uint16   // default the recipe's
	needs  []field  // without one of them this step is left out
	also   []field  // where the session has them
	avPair string   // further cisco-avpair: what a CoA-Request is to do
	signed bool     // Message-Authenticator
	stamp  stamped  // Event-Timestamp
	_      struct{} // by names only
}

func (t step) kind() code { return cmp.Or(t.code, disconnectRequest) }

// recipe is how the NAS of one make is asked to end a session: the steps are tried in
// order while it answers that it does not understand.
type recipe struct {
	port  uint16
	steps []step
	// none says, where there are no steps, what ends sessions instead.
	none string
	// turn is what to switch on in the NAS.
	turn string
}

// recipeOf picks the first of these makes that has one: what the operator says of the
// client, else whose packets the session's, and then the client's, were taken for.
func recipeOf(vendors ...macwatch.Vendor) recipe {
	for i, v := range vendors {
		if r, ok := recipes[v]; ok && (i == 0 || v != macwatch.VendorGeneric) {
			return r
		}
	}
	return recipes[macwatch.VendorGeneric]
}

// usable are the steps for which the session has all that they need, else the name of
// what is missing.
func (r recipe) usable(s *macwatch.Session) (steps []step, missing string) {
	for _, t := range r.steps {
		lack := ""
		for _, f := range t.needs {
			if !has(s, f) {
				lack = f.String()
			}
		}
		if lack == "" {
			steps = append(steps, t)
		} else {
			missing = cmp.Or(missing, lack)
		}
	}
	return steps, missing
}

// has reports whether the session's packets held it.
func has(s *macwatch.Session, f field) bool {
	switch f {
	case callingStationID:
		return s.Calling != ""
	case userName:
		return s.UserName != ""
	case sessionID:
		return s.SessionID != ""
	case sessionIDHex:
		return hexID(s.SessionID)
	case framedAddress:
		return s.FramedIP != 0
	case nasAddress:
		return s.Origin.NASAddress.IsValid()
	case nasIdentifier:
		// Where it sent none, an address stands in its place.
		_, err := netip.ParseAddr(s.NAS)
		return s.NAS != "" && err != nil
	case nasPort:
		return s.Origin.NASPort != 0
	case auditSession:
		return len(s.Origin.AuditID) > 0
	}
	return false
}

func hexID(id string) bool {
	for i := range len(id) {
		c := id[i]
		if digit := '0' <= c && c <= '9' || 'A' <= c && c <= 'F' || 'a' <= c && c <= 'f'; !digit {
			return false
		}
	}
	return len(id) == 16
}

// encode makes the request of a step; now is the time for Event-Timestamp.
func (t step) encode(s *macwatch.Session, identifier byte, transmission int, now time.Time, secret []byte) []byte {
	r := newRequest(t.kind(), identifier, t.signed)
	for _, f := range t.needs {
		r.name(s, f)
	}
	for _, f := range t.also {
		if has(s, f) {
			r.name(s, f)
		}
	}
	if t.avPair != "" {
		r.avPair(t.avPair)
	}
	if t.stamp.at(transmission) {
		r.number(attrEventTimestamp, uint32(now.Unix()))
	}
	return r.sign(secret)
}

// name appends what names the session.
func (r *request) name(s *macwatch.Session, f field) {
	switch f {
	case callingStationID:
		r.text(attrCallingStationID, s.Calling)
	case userName:
		r.text(attrUserName, s.UserName)
	case sessionID, sessionIDHex:
		r.text(attrAcctSessionID, s.SessionID)
	case framedAddress:
		r.number(attrFramedIPAddress, s.FramedIP)
	case nasAddress:
		if a := s.Origin.NASAddress; a.Is4() {
			b := a.As4()
			r.number(attrNASIPAddress, binary.BigEndian.Uint32(b[:]))
		} else {
			r.octets(attrNASIPv6Address, a.AsSlice())
		}
	case nasIdentifier:
		r.text(attrNASIdentifier, s.NAS)
	case nasPort:
		r.number(attrNASPort, s.Origin.NASPort)
	case auditSession:
		r.avPair("audit-session-id=" + string(s.Origin.AuditID))
	}
}
