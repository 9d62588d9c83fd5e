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
	from    named
	named   bool           // from is an attribute that can be read
	pattern *regexp.Regexp // nil: the whole text
	broken  bool           // the pattern does not compile: no room is ever found
}

func compileRoom(r licensing.RoomRule) roomRule {
	rule := roomRule{RoomRule: r}
	rule.from, rule.named = findNamed(r.Attribute)
	if r.Pattern != "" {
		var err error
		rule.pattern, err = regexp.Compile(r.Pattern)
		rule.broken = err != nil
	}
	return rule
}

// find is the room that a packet names, normalised and mapped; "" when it names none.
func (r *roomRule) find(p *packet, id *identity) string {
	if !r.named || r.broken {
		return ""
	}
	var scratch [16]byte
	text := r.from.text(p, id, scratch[:])
	if len(text) > 0 && r.pattern != nil {
		text = matched(r.pattern, text)
	}
	if len(text) == 0 {
		return ""
	}
	// Rooms are shown and stored as text; APs send what they like.
	room := macwatch.NormalizeRoom(strings.ToValidUTF8(string(text), "?"))
	if mapped, ok := r.Map[room]; ok {
		return mapped
	}
	return room
}

// untagged cuts the tag off a tunnel attribute: a first octet of at most 0x1f is
// one (RFC 2868 section 3.6).
func untagged(value []byte) []byte {
	if len(value) > 0 && value[0] <= 0x1f {
		return value[1:]
	}
	return value
}
