package radiusd

import (
	"bytes"
	"net/netip"
	"unicode/utf8"

	"tallygate/macwatch"
	"tallygate/radiusd/dictionary"
)

// Attributes that name an AP, as they are shown.
const (
	sourceCalled        = "Called-Station-Id"
	sourceNASIdentifier = "NAS-Identifier"
	sourceNASPortID     = "NAS-Port-Id"
)

// apName is one name of an AP: an address, or a text.
type apName struct {
	mac    macwatch.MAC
	text   []byte
	source string
}

// append writes the name as macwatch.SlotName spells what an operator declares.
func (n apName) append(dst []byte) []byte {
	return macwatch.APKey(dst, macwatch.Called{MAC: n.mac}, n.text)
}

// nameOf reads a text: an address in any spelling, or a name without white space around
// it. An address that no device can have is nobody's name.
func nameOf(text []byte, source string) (apName, bool) {
	text = trimmed(text)
	if len(text) == 0 {
		return apName{}, false
	}
	if m, ok := macwatch.ParseMAC(text); ok {
		return apName{mac: m, source: source}, m.Device()
	}
	if !utf8.Valid(text) {
		text = bytes.ToValidUTF8(text, []byte("?"))
	}
	return apName{text: text, source: source}, true
}

// readAP names the AP as the profile says; where the packet names none, the NAS stands
// for it (DESIGN 2.4).
func (id *identity) readAP(p *packet) {
	id.aliased = 0
	for _, source := range id.profile.ap {
		// NAS-Identifier may be the same on every AP, and an address a controller's: they
		// serve where nothing else names an AP, and are no aliases.
		if id.aliased > 0 && (source == apNASName || source == apCalledElse) {
			continue
		}
		if name, ok := id.nameAt(p, source); ok {
			id.alias(name)
		}
	}
	if text := id.called.Text; id.aliased == 0 && id.profile == generic && id.called.MAC == 0 && !id.called.IP && !p.has(attrNASIdentifier) {
		if name, ok := nameOf(text, sourceCalled); ok {
			id.alias(name)
		}
	}
	if id.aliased > 0 {
		id.setAP(id.aliases[0])
		return
	}
	if name, ok := nameOf(id.nas, ""); ok {
		id.setAP(name)
		return
	}
	id.ap, id.apSource = append(id.apText[:0], macwatch.SlotName(macwatch.KindAP, string(id.nas))...), ""
}

func (id *identity) setAP(n apName) {
	id.ap, id.apSource = n.append(id.apText[:0]), n.source
}

// alias notes a name of the AP.
func (id *identity) alias(n apName) {
	for _, known := range id.aliases[:id.aliased] {
		if known.mac == n.mac && bytes.Equal(known.text, n.text) {
			return
		}
	}
	if id.aliased < len(id.aliases) {
		id.aliases[id.aliased] = n
		id.aliased++
	}
}

// nameAt is what stands in one place.
func (id *identity) nameAt(p *packet, source apSource) (apName, bool) {
	switch source {
	case apCalled, apCalledElse:
		return apName{mac: id.called.MAC, source: sourceCalled}, id.called.MAC.Device()
	case apCalledName:
		if id.called.MAC != 0 || id.called.IP {
			return apName{}, false
		}
		name, _ := id.profile.splitCalled(id.called.Text)
		return nameOf(name, sourceCalled)
	case apNAS:
		return nameOf(p.value(attrNASIdentifier), sourceNASIdentifier)
	case apNASMAC:
		m := macwatch.ParseCalled(p.value(attrNASIdentifier)).MAC
		return apName{mac: m, source: sourceNASIdentifier}, m.Device()
	case apNASName:
		name := p.value(attrNASIdentifier)
		if id.called.IP || !namesAP(name) {
			return apName{}, false
		}
		return nameOf(name, sourceNASIdentifier)
	case apPort:
		return nameOf(p.value(attrNASPortID), sourceNASPortID)
	case apArubaName:
		return id.vendorName(dictionary.ArubaLocationId)
	case apFortinet:
		return id.vendorName(dictionary.FortinetAPName)
	case apHuawei:
		return id.huaweiName()
	case apMerakiName:
		if name, ok := id.vendorName(dictionary.MerakiApName); ok {
			return name, true
		}
		return id.vendorName(dictionary.MerakiDeviceName)
	case apRuckusBSSID:
		return id.octetName(dictionary.RuckusBSSID)
	case apNone:
	}
	return apName{}, false
}

func (id *identity) vendorName(attribute dictionary.ID) (apName, bool) {
	return nameOf(id.vendor.text(attribute), attribute.String())
}

// huaweiName is an address, maybe with the IP address of the AP after it.
func (id *identity) huaweiName() (apName, bool) {
	text, _, _ := bytes.Cut(id.vendor.text(dictionary.HuaweiLoopbackAddress), []byte{' '})
	m, ok := macwatch.ParseMAC(text)
	return apName{mac: m, source: dictionary.HuaweiLoopbackAddress.String()}, ok && m.Device()
}

// octetName is an address of six octets.
func (id *identity) octetName(attribute dictionary.ID) (apName, bool) {
	m := macwatch.MAC(0)
	value := id.vendor.first[attribute]
	for _, b := range value {
		m = m<<8 | macwatch.MAC(b)
	}
	return apName{mac: m, source: attribute.String()}, len(value) == 6 && m.Device()
}

// splitCalled takes a Called-Station-Id without an address apart, at the first colon: an
// SSID may hold more.
func (f *profile) splitCalled(text []byte) (name, ssid []byte) {
	if f.called == calledServer {
		return nil, nil
	}
	before, after, divided := bytes.Cut(text, []byte{':'})
	switch {
	case divided && len(before) > 0:
		return before, after
	case divided || len(text) == 0:
		return nil, nil
	case f.called == calledName:
		return text, nil
	case f.called == calledSSID:
		return nil, text
	}
	return nil, nil
}

// namesAP reports whether a NAS-Identifier can be the name of an AP: not a constant, not
// the id of something, not an IP address.
func namesAP(name []byte) bool {
	switch {
	case len(name) == 0, macwatch.UUID(name), configID(name), fortinetName(name):
		return false
	case string(name) == "TP-Link", string(name) == "Cisco Meraki cloud RADIUS client", string(name) == "FOURIPNET":
		return false
	case len(name) >= 7 && len(name) <= 39 && (digits(name[:1]) && bytes.IndexByte(name, '.') > 0 || bytes.Count(name, []byte{':'}) >= 2):
		_, err := netip.ParseAddr(string(name))
		return err != nil
	}
	return true
}

// settle makes the AP's identity that of its slot, where a name other than the best
// has one: an AP that was read otherwise before, by another profile or without one,
// keeps it. One that holds a slot goes before one that is only known.
func (id *identity) settle(aps *macwatch.Roster) {
	if aps == nil || id.aliased < 2 {
		return
	}
	chosen, best := -1, 0
	for i := range id.aliased {
		slot, ok := aps.Find(string(id.aliases[i].append(id.findText[:0])))
		switch {
		case !ok:
		case !slot.ClaimedAt.IsZero() && slot.ReleasedAt.IsZero():
			if best < 2 {
				chosen, best = i, 2
			}
		case best < 1:
			chosen, best = i, 1
		}
	}
	if chosen > 0 {
		id.setAP(id.aliases[chosen])
	}
}

// enter completes the identity with what the Location knows.
func (id *identity) enter(p *packet, l *location) {
	id.settle(l.venue.APs)
	id.locate(p, l.venue.APs)
	id.room = l.room.find(p, id)
	id.veil(l.venue.Veil)
}
