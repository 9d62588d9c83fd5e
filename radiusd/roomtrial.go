package radiusd

import (
	"net/netip"
	"strings"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// RoomFinding is what a rule for rooms makes of one packet, step by step; null means that
// it came to nothing there.
type RoomFinding struct {
	Code      string  `json:"code,omitempty"`
	AP        string  `json:"ap,omitempty"`
	Attribute string  `json:"attribute"`
	Text      *string `json:"text"`       // what stands there
	Match     *string `json:"match"`      // what the pattern takes of it
	Plain     *string `json:"normalized"` // without white space and leading zeros, in upper case
	Mapped    bool    `json:"mapped"`     // by the map of the rule
	Room      *string `json:"room"`
	Why       string  `json:"why,omitempty"` // there is no room, or it is not served
}

// RoomTrial tries a rule on packets, one after the other, as a Server would apply it. It
// is for people who write rules, not for the hot path.
type RoomTrial struct {
	rule    roomRule
	decoder *Decoder
	aps     *macwatch.Roster
	rooms   *macwatch.Roster
}

// NewRoomTrial makes one for the APs and rooms that a Location knows.
func NewRoomTrial(rule licensing.RoomRule, aps, rooms []macwatch.Slot) *RoomTrial {
	return &RoomTrial{compileRoom(rule), NewDecoder(""), macwatch.NewRoster(aps), macwatch.NewRoster(rooms)}
}

// Try is what the rule makes of a packet that came from there; the zero address is no address.
func (t *RoomTrial) Try(datagram []byte, from netip.AddrPort) RoomFinding {
	f := RoomFinding{Attribute: t.rule.Attribute}
	var p packet
	if err := p.parse(datagram); err != nil {
		f.Why = "no RADIUS packet: " + err.Error()
		return f
	}
	f.Code = codeName(p.code())
	switch {
	case p.code() != accessRequest && p.code() != accountingRequest:
		f.Why = "no request of a guest"
		return f
	case statusOf(&p).OfNAS():
		f.Why = "it is about the NAS itself"
		return f
	}
	var id identity
	_ = t.decoder.read(&id, &p, from.Addr())
	id.settle(t.aps)
	id.locate(&p, t.aps)
	f.AP = showText(id.roomKey())
	t.find(&f, &p, &id)
	return f
}

func (t *RoomTrial) find(f *RoomFinding, p *packet, id *identity) {
	rule := &t.rule
	var scratch [16]byte
	var text []byte
	if rule.named {
		text = rule.from.text(p, id, scratch[:])
	}
	if text != nil {
		f.Text = pointTo(showText(text))
	}
	match := text
	if len(text) > 0 && rule.pattern != nil {
		match = matched(rule.pattern, text)
	}
	if len(match) > 0 {
		f.Match = pointTo(showText(match))
	}
	refused := ""
	if rule.Required {
		refused = "; the request would be refused (room-unknown)"
	}
	switch {
	case rule.Attribute == "":
		f.Why = "no rule is set: nothing says where the room stands"
		return
	case !rule.named:
		f.Why = "there is no attribute " + rule.Attribute + refused
		return
	case rule.broken:
		f.Why = "the pattern is not a regular expression" + refused
		return
	case len(text) == 0:
		f.Why = "the packet has no " + rule.Attribute + refused
		return
	case len(match) == 0:
		f.Why = "the pattern does not match" + refused
		return
	}
	plain := macwatch.NormalizeRoom(strings.ToValidUTF8(string(match), "?"))
	f.Plain = &plain
	room := rule.find(p, id)
	if room == "" {
		f.Why = "nothing is left of it but white space" + refused
		return
	}
	_, f.Mapped = rule.Map[plain]
	f.Room = &room
	if slot, known := t.rooms.Find(room); rule.Declared && (!known || !slot.Declared) {
		f.Why = "the room is not on the closed list; the request would be refused (room-unknown)"
	}
}

func pointTo(s string) *string { return &s }
