package radiusd

import (
	"bytes"
	"net/netip"
	"unicode/utf8"

	"tallygate/macwatch"
)

// identity is who and where a packet is about. Its slices point into the packet,
// or into the identity itself: it is valid as long as both are, and must not be
// copied.
type identity struct {
	mac      macwatch.MAC // the guest's device, or its pseudonym; zero when the packet names none
	address  macwatch.MAC // the guest's address where mac is its pseudonym
	source   string       // which attribute named it
	macLogin bool         // it logs in by this address alone

	userName, calling []byte
	called            macwatch.Called // of the first Called-Station-Id that holds a MAC, else of the first
	nas               []byte          // scope of session ids
	ap                []byte          // canonical identity of the AP, comparable with the name of a slot
	room              string          // "" when the packet names none

	nasText [64]byte
	apText  [maxValue]byte
}

// maxValue is the longest value of an attribute.
const maxValue = 253

// read finds out. from is the sender's address, the last resort for a NAS that
// names itself in no attribute.
func (id *identity) read(p *packet, from netip.Addr, rule *roomRule) {
	id.userName, id.calling = p.value(attrUserName), p.value(attrCallingStationID)
	id.mac, id.source = macwatch.GuestMAC(id.calling, id.userName)
	id.macLogin = macwatch.MACLogin(id.userName, id.calling)
	id.called = calledStation(p)
	id.readNAS(p, from)
	id.readAP()
	id.room = ""
	if rule != nil {
		id.room = rule.find(p, id.ap)
	}
}

// veil puts the guest's pseudonym in the place of its address where addresses are not
// kept. From here on everything that knows the device knows it by that.
func (id *identity) veil(l *location) {
	id.address = 0
	v := l.venue.Veil
	if v == nil || id.mac == 0 {
		return
	}
	id.address, id.mac = id.mac, v.Name(id.mac)
	id.room = macwatch.HideRoom(id.room, id.address, id.mac)
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

// readAP names the AP: by address where Called-Station-Id holds one, by name where
// it holds "name:SSID", as controllers can be told to send it; else the NAS is the
// AP. A name is spelled as macwatch.SlotName spells what an operator declares.
func (id *identity) readAP() {
	called, name := id.called, id.nas
	if before, ssid, ok := bytes.Cut(called.Text, []byte{':'}); ok && len(before) > 0 && called.MAC == 0 && !called.IP {
		name, id.called.SSID, id.called.HasSSID = before, ssid, true
	}
	if !called.MAC.Device() {
		name = bytes.TrimSpace(name)
		if !utf8.Valid(name) {
			name = bytes.ToValidUTF8(name, []byte("?"))
		}
		if m, ok := macwatch.ParseMAC(name); ok && m.Device() {
			called.MAC = m
		}
	}
	id.ap = macwatch.APKey(id.apText[:0], called, name)
}
