package radiusd

import (
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"

	"tallygate/macwatch"
)

// Decoded is what the gateway finds in a packet. The first keys are relied on outside
// (DESIGN section 7); null means that there is nothing.
type Decoded struct {
	GuestMAC       *macwatch.MAC `json:"guest_mac"`
	GuestMACSource string        `json:"guest_mac_source"` // an attribute, "join" or "none"
	PrivateAddress *bool         `json:"private_address"`
	AP             *string       `json:"ap"` // as the packet names it
	APSource       *string       `json:"ap_source"`
	SSID           *string       `json:"ssid"`
	VLAN           *int          `json:"vlan"`
	RoomHint       *string       `json:"room_hint"`
	MACAuth        *bool         `json:"mac_auth"`
	SessionID      *string       `json:"session_id"`
	StatusType     *string       `json:"status_type"`

	Code       string          `json:"code,omitempty"`
	SSIDSource *string         `json:"ssid_source"`
	Vendor     macwatch.Vendor `json:"vendor,omitempty"` // profile by which it was read
	NAS        string          `json:"nas,omitempty"`    // who sends, as the packet says it
	APIdentity string          `json:"ap_identity,omitempty"`
	UserName   string          `json:"user_name,omitempty"`
	JoinedBy   string          `json:"joined_by,omitempty"` // the attribute that an earlier packet has as well
	Names      []string        `json:"ap_names,omitempty"`  // what else names the AP
	Notes      []string        `json:"notes,omitempty"`
	Error      string          `json:"error,omitempty"` // why it is no packet
}

// Decoder reads packets one after the other as a Server does that knows nothing of their
// senders: the profile is found out from each, and from what its NAS has sent before;
// accounting that names no device is joined with the login before it.
type Decoder struct {
	secret *secret // nil: nothing is checked
	hash   *hasher
	joins  *joins
	found  map[string]macwatch.Vendor // by NAS
	asked  map[exchange]asked
}

// exchange is what an answer has in common with its request.
type exchange struct {
	client, server netip.AddrPort
	identifier     byte
}

// asked is an Access-Request whose answer may give the session a Class.
type asked struct {
	nas   string
	entry joinEntry
}

// maxAsked bounds the requests that wait: a capture may hold no answers at all.
const maxAsked = 1 << 14

// NewDecoder makes a Decoder. With a secret, passwords and authenticators are tried with it.
func NewDecoder(sharedSecret string) *Decoder {
	d := &Decoder{hash: newHasher(nil), joins: newJoins(), found: map[string]macwatch.Vendor{}, asked: map[exchange]asked{}}
	if sharedSecret != "" {
		s := newSecret(sharedSecret)
		d.secret = &s
	}
	return d
}

// Undecoded stands for what cannot be decoded.
func Undecoded(why string) Decoded { return Decoded{GuestMACSource: macwatch.SourceNone, Error: why} }

// Decode reads the next packet, with the addresses that it went from and to; they are
// zero where that is not known.
func (d *Decoder) Decode(datagram []byte, from, to netip.AddrPort) Decoded {
	var p packet
	if err := p.parse(datagram); err != nil {
		return Undecoded("no RADIUS packet: " + err.Error())
	}
	out := Decoded{GuestMACSource: macwatch.SourceNone, Code: codeName(p.code())}
	switch p.code() {
	case accessRequest, accountingRequest:
	case accessAccept:
		d.accepted(&p, exchange{to, from, p.identifier()})
		return out
	default:
		return out
	}
	var id identity
	nas := d.read(&id, &p, from.Addr())
	login := p.code() == accessRequest
	status := statusOf(&p)
	about := login || !status.OfNAS()
	if !about {
		id.mac, id.source, id.nameless = 0, macwatch.SourceNone, false // of the NAS, whatever else it holds
	}
	d.describe(&out, &p, &id, login, status)
	if !login && about && id.mayJoin() {
		var found joined
		if d.joins.find(0, &p, &id, status == macwatch.StatusStart, &found) {
			id.take(&found, true)
			out.JoinedBy = found.by
			out.APIdentity = showText(id.ap)
		}
	}
	if about {
		d.joins.learn(0, &p, &id, login)
	}
	if login && id.mac != 0 && from.IsValid() && len(d.asked) < maxAsked {
		d.asked[exchange{from, to, p.identifier()}] = asked{nas, entryOf(&id)}
	}
	out.GuestMACSource = id.source
	if id.mac != 0 {
		private := id.mac.Private()
		out.GuestMAC, out.PrivateAddress = &id.mac, &private
	}
	d.check(&out, &p, login)
	return out
}

// read finds out who and where, with what the NAS, whose name it returns, has shown before.
func (d *Decoder) read(id *identity, p *packet, from netip.Addr) (nas string) {
	how := manner{}
	id.readNAS(p, from)
	nas = string(id.nas)
	if v, ok := d.found[nas]; ok && nas != "" {
		how.found = profileOf(v)
	}
	id.read(p, from, how)
	if id.rank >= rankShape {
		d.found[nas] = id.detected
	}
	return nas
}

// accepted notes the Class that a login was given: accounting may return it. Ours is
// one like any other here, where the key to it is not known.
func (d *Decoder) accepted(p *packet, key exchange) {
	q, ok := d.asked[key]
	delete(d.asked, key)
	if class := p.value(attrClass); ok && len(class) > 0 {
		d.joins.put(d.joins.key(joinClass, 0, []byte(q.nas), class), q.entry)
	}
}

// describe fills in what the packet says by itself.
func (d *Decoder) describe(out *Decoded, p *packet, id *identity, login bool, status macwatch.Status) {
	out.Vendor, out.NAS, out.APIdentity, out.UserName = id.profile.vendor, showText(id.nas), showText(id.ap), showText(id.userName)
	if id.apSource != "" {
		ap, source := showText(id.ap), id.apSource
		out.AP, out.APSource = &ap, &source
	}
	for _, n := range id.aliases[:id.aliased] {
		if name := showText(n.append(nil)); name != out.APIdentity {
			out.Names = append(out.Names, name)
		}
	}
	if id.ssid != nil {
		ssid, source := showText(id.ssid), id.ssidSource
		out.SSID, out.SSIDSource = &ssid, &source
	}
	var scratch [16]byte
	if v := id.vlan(p, scratch[:]); v != nil {
		if n, err := strconv.Atoi(string(v)); err == nil {
			out.VLAN = &n
		}
	}
	if hint := id.roomHint(p); len(hint) > 0 {
		room := showText(hint)
		out.RoomHint = &room
	}
	if session := p.value(attrAcctSessionID); len(session) > 0 {
		s := showText(session)
		out.SessionID = &s
	}
	if login {
		out.MACAuth = &id.macLogin
	} else if p.has(attrAcctStatusType) {
		name := status.String()
		out.StatusType = &name
	}
	if user, ok := macwatch.ParseMAC(id.userName); ok && user.Device() && id.source == macwatch.SourceCalling && user != id.mac && !macwatch.Voucher(id.userName) {
		out.Notes = append(out.Notes, "User-Name is another address than Calling-Station-Id, which is taken")
	}
	if string(id.userName) == merakiProbe {
		out.Notes = append(out.Notes, "a probe of Meraki's, not a guest")
	}
}

// check tries the secret.
func (d *Decoder) check(out *Decoded, p *packet, login bool) {
	note := func(text string) { out.Notes = append(out.Notes, text) }
	if login && !p.has(attrMessageAuthenticator) {
		note("no Message-Authenticator: a client that requires it (the default) drops this packet")
	}
	if d.secret == nil {
		return
	}
	switch {
	case !login && !d.hash.authentic(p, d.secret):
		note("the Request Authenticator does not fit the secret: the sender has another")
	case login && p.has(attrMessageAuthenticator) && !d.hash.signed(p, d.secret):
		note("the Message-Authenticator does not fit the secret: the sender has another")
	}
	if p.has(attrUserPassword) {
		plain, ok := d.hash.reveal(p.value(attrUserPassword), p.authenticator(), d.secret)
		if !ok || !printable(plain) {
			note("the password is no text under this secret: the sender has another")
		}
	}
}

// printable reports whether a revealed password can be one that somebody typed: under a
// wrong secret it is random octets.
func printable(b []byte) bool {
	if !utf8.Valid(b) {
		return false
	}
	for _, c := range b {
		if c < ' ' || c == 0x7f {
			return false
		}
	}
	return true
}

func showText(b []byte) string { return strings.ToValidUTF8(string(b), "?") }

// laterCodes are those of RFC 5176 and others, which are decoded no further.
var laterCodes = map[code]string{
	11: "Access-Challenge", 40: "Disconnect-Request", 41: "Disconnect-ACK", 42: "Disconnect-NAK", 43: "CoA-Request", 44: "CoA-ACK", 45: "CoA-NAK",
}

func codeName(c code) string {
	if name, ok := laterCodes[c]; ok {
		return name
	}
	if name := c.String(); name != "other" {
		return name
	}
	return "code " + strconv.Itoa(int(c))
}
