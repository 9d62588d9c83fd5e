package radiusd

import (
	"regexp"
	"strings"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// roomRule is a Location's RoomRule, compiled once per Snapshot.
type roomRule struct {
	licensing.RoomRule
	aps     *macwatch.Roster
	pattern *regexp.Regexp // nil: the whole text
	broken  bool           // the pattern does not compile: no room is ever found
}

func compileRoom(r licensing.RoomRule, aps *macwatch.Roster) roomRule {
	rule := roomRule{RoomRule: r, aps: aps}
	if r.Pattern != "" {
		var err error
		rule.pattern, err = regexp.Compile(r.Pattern)
		rule.broken = err != nil
	}
	return rule
}

// roomOfAP is the attribute of a rule that finds the room by the AP.
const roomOfAP = "ap"

// find is the room that a packet names, normalised and mapped; "" when it names
// none. ap is the identity of the AP it came through.
func (r *roomRule) find(p *packet, ap []byte) string {
	return r.findIn(r.text(p, ap))
}

func (r *roomRule) findIn(text []byte) string {
	if len(text) == 0 || r.broken {
		return ""
	}
	if r.pattern != nil {
		at := r.pattern.FindSubmatchIndex(text)
		switch {
		case at == nil:
			return ""
		case len(at) > 2 && at[2] < 0: // the group took no part in the match
			return ""
		case len(at) > 2:
			text = text[at[2]:at[3]]
		default:
			text = text[at[0]:at[1]]
		}
	}
	// Rooms are shown and stored as text; APs send what they like.
	room := macwatch.NormalizeRoom(strings.ToValidUTF8(string(text), "?"))
	if mapped, ok := r.Map[room]; ok {
		return mapped
	}
	return room
}

// text is the value that the rule looks at.
func (r *roomRule) text(p *packet, ap []byte) []byte {
	switch r.Attribute {
	case "nas-port-id":
		return p.value(attrNASPortID)
	case "vlan":
		return untagged(p.value(attrTunnelPrivateGroupID))
	case "user-name":
		return p.value(attrUserName)
	case "nas-identifier":
		return p.value(attrNASIdentifier)
	case "called-station-id":
		return p.value(attrCalledStationID)
	case roomOfAP:
		// The room of an AP is the same, whichever of its BSSIDs a guest is on.
		if at := r.aps.Index(string(ap)); at >= 0 {
			return []byte(r.aps.At(at).Name)
		}
		return ap
	}
	return nil
}

// untagged cuts the tag off a tunnel attribute: a first octet of at most 0x1f is
// one (RFC 2868 section 3.6).
func untagged(value []byte) []byte {
	if len(value) > 0 && value[0] <= 0x1f {
		return value[1:]
	}
	return value
}
