package radiusd

import (
	"bytes"

	"tallygate/radiusd/dictionary"
)

// vlanAttributes hold a VLAN as a number.
var vlanAttributes = [...]dictionary.ID{
	dictionary.ArubaUserVlan, dictionary.RuckusVLANID, dictionary.ChilliSpotVLANId, dictionary.NomadixNetVLAN, dictionary.AerohiveUserVlan,
}

// vlan is the VLAN that the guest's device is in, as digits; nil when the packet does
// not say. A number in the name of an interface is none.
func (id *identity) vlan(p *packet, text []byte) []byte {
	for value := range p.attributes().each(attrTunnelPrivateGroupID) {
		if v := vlanDigits(untagged(value)); v != nil {
			return v
		}
	}
	if v := vlanDigits(id.vendor.vlan); v != nil {
		return v
	}
	for _, attribute := range vlanAttributes {
		if n, ok := id.vendor.number(attribute); ok && n >= 1 && n <= maxVLAN {
			return appendNumber(text[:0], n)
		}
	}
	return portVLAN(p.value(attrNASPortID))
}

const maxVLAN = 4094

// portVLAN reads Huawei's two forms of NAS-Port-Id: "slot=0;subslot=0;port=0;vlanid=1412;…",
// and sixteen digits, of which the last nine are the VLAN.
func portVLAN(port []byte) []byte {
	const key = "vlanid="
	if at := bytes.Index(port, []byte(key)); at >= 0 {
		value, _, _ := bytes.Cut(port[at+len(key):], []byte{';'})
		return vlanDigits(value)
	}
	if len(port) == 16 && digits(port) {
		return vlanDigits(port[7:])
	}
	return nil
}

// vlanDigits is a number of a VLAN without leading zeros; nil when it is none.
func vlanDigits(text []byte) []byte {
	text = bytes.TrimLeft(trimmed(text), "0")
	if len(text) > 4 || !digits(text) {
		return nil
	}
	n := 0
	for _, c := range text {
		n = n*10 + int(c-'0')
	}
	if n > maxVLAN {
		return nil
	}
	return text
}

func appendNumber(dst []byte, n uint32) []byte {
	var b [10]byte
	at := len(b)
	for first := true; first || n > 0; n /= 10 {
		first = false
		at--
		b[at] = '0' + byte(n%10)
	}
	return append(dst, b[at:]...)
}

// roomHint is what in the packet looks like a room, for who sets up a Location's rule;
// the gateway itself goes by that rule alone. First a room by its word or letter, in a
// name that somebody gave (an interface, an AP, a place); then a login that is a room;
// then a place that is a text of its own.
func (id *identity) roomHint(p *packet) []byte {
	v := &id.vendor
	names := [...][]byte{
		v.text(dictionary.RuckusLocation), v.text(dictionary.ArubaLocationId), v.text(dictionary.FortinetAPName),
		v.text(dictionary.MerakiApName), v.text(dictionary.MerakiDeviceName), v.text(dictionary.MerakiApTags),
		p.value(attrNASPortID), id.calledName(), p.value(attrNASIdentifier), v.text(dictionary.ChilliSpotLocation),
		v.text(dictionary.WISPrLocationName), v.text(dictionary.ExtremeUserLocation),
	}
	for _, name := range names {
		if room := roomIn(name); room != nil {
			return room
		}
	}
	if room := roomLogin(id.userName); room != nil {
		return room
	}
	for _, place := range [...][]byte{
		v.text(dictionary.RuckusLocation), v.text(dictionary.WISPrLocationName), v.text(dictionary.ChilliSpotLocation), v.text(dictionary.ExtremeUserLocation),
	} {
		if len(place) > 0 {
			return place
		}
	}
	for _, name := range names[:6] {
		if bytes.Contains(bytes.ToLower(name), []byte("floor")) {
			return name
		}
	}
	return nil
}

// calledName is the text of Called-Station-Id that is a name.
func (id *identity) calledName() []byte {
	if id.called.MAC != 0 || id.called.IP {
		return nil
	}
	name, _ := id.profile.splitCalled(id.called.Text)
	return name
}

// roomIn finds the number after room, rm, hab, zimmer, suite, apt or a single r:
// "vlan1412-room412", "HTL1-R412-AP".
func roomIn(name []byte) []byte {
	lower := bytes.ToLower(name)
	for _, word := range [...]string{"room", "zimmer", "suite", "hab", "apt", "rm", "r"} {
		for from := 0; ; {
			at := bytes.Index(lower[from:], []byte(word))
			if at < 0 {
				break
			}
			at += from
			from = at + len(word)
			if at > 0 && isLetter(lower[at-1]) {
				continue
			}
			start := from
			for start < len(lower) && bytes.IndexByte([]byte(" -_.#"), lower[start]) >= 0 {
				start++
			}
			end := start
			for end < len(lower) && lower[end] >= '0' && lower[end] <= '9' {
				end++
			}
			if n := end - start; n < 2 || n > 5 || word == "r" && start > from {
				continue
			}
			if end < len(lower) && isLetter(lower[end]) {
				if end++; end < len(lower) && isLetter(lower[end]) {
					continue // the number of something else: room5ghz
				}
			}
			return name[start:end]
		}
	}
	return nil
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' }

// roomLogin reads the logins that hotels use: the room alone, or "surname/room@site".
func roomLogin(user []byte) []byte {
	if n := len(user); n >= 2 && n <= 5 && digits(user) {
		return user
	}
	_, rest, ok := bytes.Cut(user, []byte{'/'})
	if !ok {
		return nil
	}
	room, _, _ := bytes.Cut(rest, []byte{'@'})
	if n := len(room); n >= 1 && n <= 6 && digits(room[:1]) {
		return room
	}
	return nil
}
