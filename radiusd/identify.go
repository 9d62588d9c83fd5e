package radiusd

import (
	"net/netip"

	"tallygate/macwatch"
	"tallygate/radiusd/dictionary"
)

// identity is who and where a packet is about. Its slices point into the packet,
// or into the identity itself: it is valid as long as both are, and must not be
// copied.
type identity struct {
	mac      macwatch.MAC // the guest's device, or its pseudonym; zero when the packet names none
	address  macwatch.MAC // the guest's address where mac is its pseudonym
	source   string       // which attribute named it
	macLogin bool         // it logs in by this address alone
	nameless bool         // the packet names no device: an earlier one may have (see joins.go)

	userName, calling []byte
	called            macwatch.Called // of the first Called-Station-Id that holds a MAC, else of the first
	ssid              []byte          // raw octets; nil when the packet names none
	ssidSource        string
	nas               []byte // scope of session ids
	ap                []byte // canonical identity of the AP, comparable with the name of a slot
	apSource          string // which attribute named it; "": none, the NAS stands for it
	slot              int    // of the AP in the Location's roster; -1: not known
	known             string // the identity that it has there
	folded            bool   // by the vendor's rule, for the first time
	joinedAP          bool   // ap is from an earlier packet
	room              string // "" when the packet names none

	vendor   vendorValues
	profile  *profile        // by which it was read
	detected macwatch.Vendor // what the packet itself shows
	rank     rank            // how surely

	aliases   [4]apName // what else names the AP, the best first
	aliased   int
	nasText   [64]byte
	apText    [maxValue]byte
	findText  [maxValue]byte
	ssidText  [maxValue]byte
	shownText [maxValue]byte
}

// maxValue is the longest value of an attribute.
const maxValue = 253

// manner is how packets of a client are read.
type manner struct {
	profile *profile // configured; nil: each packet shows by itself
	found   *profile // found out from earlier packets, for those that show nothing
	custom  *customRules
}

// read finds out. from is the sender's address, the last resort for a NAS that
// names itself in no attribute. The room is read later, once the Location is known.
func (id *identity) read(p *packet, from netip.Addr, how manner) {
	id.userName, id.calling = p.value(attrUserName), p.value(attrCallingStationID)
	id.called = calledStation(p)
	id.vendor.read(p)
	id.readNAS(p, from)
	id.room, id.joinedAP = "", false
	id.choose(p, how)
	id.readMAC(p)
	id.readSSID(p)
	id.readAP(p)
	if how.custom != nil {
		how.custom.apply(p, id)
	}
}

// choose settles the profile: the client's; else the packet's own; else what earlier
// packets have shown, but only where this one shows nothing at all: several makes may
// share a client.
func (id *identity) choose(p *packet, how manner) {
	id.detected, id.rank = "", rankNone
	if how.profile != nil {
		id.profile = how.profile
		return
	}
	id.detected, id.rank = id.detect(p)
	switch {
	case id.rank != rankNone:
		id.profile = profileOf(id.detected)
	case how.found != nil:
		id.profile = how.found
	default:
		id.profile = generic
	}
}

// readMAC finds the guest's device in what the packet says by itself.
func (id *identity) readMAC(p *packet) {
	id.mac, id.source = macwatch.GuestMAC(id.calling, id.userName)
	id.macLogin = macwatch.MACLogin(id.userName, id.calling)
	id.nameless, id.address = false, 0
	if id.mac != 0 || macwatch.HasAddress(id.calling) {
		return
	}
	for _, a := range [...]struct {
		kind   uint8
		source string
	}{{attrAcctSessionID, macwatch.SourceSessionID}, {attrAcctMultiSessionID, macwatch.SourceMultiSessionID}} {
		if m, ok := macwatch.SessionMAC(p.value(a.kind)); ok && m != id.called.MAC {
			id.mac, id.source = m, a.source
			return
		}
	}
	id.nameless = true
}

// veil puts the guest's pseudonym in the place of its address where addresses are not
// kept. From here on everything that knows the device knows it by that.
func (id *identity) veil(v *macwatch.Veil) {
	if v == nil || id.mac == 0 || id.mac.Veiled() { // from our own Class: its address is not known
		return
	}
	id.address, id.mac = id.mac, v.Name(id.mac)
	id.room = macwatch.HideRoom(id.room, id.address, id.mac)
}

// shown is a text of the packet as people may see it: without the guest's address, where
// addresses are not kept. It is overwritten by the next.
func (id *identity) shown(text []byte) []byte {
	return hide(id.shownText[:0], text, id.address, id.mac)
}

// hide is the text with a name in the place of an address (0: there is none to hide), in dst
// where it holds it.
func hide(dst, text []byte, address, name macwatch.MAC) []byte {
	if address == 0 || !address.In(text) {
		return text
	}
	return macwatch.Redacted(dst, text, address, name)
}

// calledStation is the Called-Station-Id to go by. A packet may hold several
// (packetfence issue 1142); the first with an address names the AP.
func calledStation(p *packet) macwatch.Called {
	first := p.value(attrCalledStationID)
	if first == nil {
		return macwatch.Called{}
	}
	called := macwatch.ParseCalled(first)
	if called.MAC.Device() {
		return called
	}
	for value := range p.attributes().each(attrCalledStationID) {
		if c := macwatch.ParseCalled(value); c.MAC.Device() {
			return c
		}
	}
	return called
}

// readNAS names the NAS: NAS-Identifier, else NAS-IP-Address or NAS-IPv6-Address,
// else the sender. 0.0.0.0, which some send, names nobody.
func (id *identity) readNAS(p *packet, from netip.Addr) {
	id.nas = p.value(attrNASIdentifier)
	if len(id.nas) > 0 {
		return
	}
	address := nasAddress(p)
	if !address.IsValid() {
		address = from
	}
	id.nas = address.AppendTo(id.nasText[:0])
}

// nasAddress is NAS-IP-Address or NAS-IPv6-Address; the zero address when there is none.
func nasAddress(p *packet) netip.Addr {
	if a, ok := netip.AddrFromSlice(p.value(attrNASIPAddress)); ok && a.Is4() && !a.IsUnspecified() {
		return a
	}
	if a, ok := netip.AddrFromSlice(p.value(attrNASIPv6Address)); ok && a.Is6() && !a.IsUnspecified() {
		return a
	}
	return netip.Addr{}
}

// readSSID prefers the make's own attribute to Called-Station-Id, which is not always
// set to hold it.
func (id *identity) readSSID(p *packet) {
	id.ssid, id.ssidSource = nil, ""
	switch text := id.vendor.text(id.profile.ssid); {
	case len(text) > 0:
		id.ssid, id.ssidSource = text, id.profile.ssid.String()
	case id.vendor.ssid != nil:
		id.ssid, id.ssidSource = id.vendor.ssid, dictionary.CiscoAVPair.String()
	case id.profile.noSSID:
	case id.called.HasSSID:
		id.ssid, id.ssidSource = id.called.SSID, sourceCalled
	case id.called.MAC != 0 || id.called.IP:
	default:
		if _, ssid := id.profile.splitCalled(id.called.Text); ssid != nil {
			id.ssid, id.ssidSource = ssid, sourceCalled
		}
	}
	if id.ssid == nil && id.vendor.profile != nil {
		id.ssid, id.ssidSource = id.vendor.profile, dictionary.CiscoAVPair.String()
	}
	if name := p.value(attrNASIdentifier); id.ssid == nil && id.profile.vendor == macwatch.VendorFortinet && fortinetName(name) {
		for i := range name {
			if name[i] == '/' {
				id.ssid, id.ssidSource = name[i+len("/5246-"):], sourceNASIdentifier
			}
		}
	}
}
