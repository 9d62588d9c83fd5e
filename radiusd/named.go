package radiusd

import (
	"encoding/binary"
	"net/netip"
	"strings"

	"tallygate/radiusd/dictionary"
)

// named is an attribute that a rule names: of a Location's rooms, of a client.
type named struct {
	word     string        // one of those in words
	standard uint8         // of RFC 2865 and its successors
	form     byte          // of a standard one
	vendor   dictionary.ID // noAttribute: none
	pair     string        // "KEY=" of a Cisco-AVPair
}

// Forms of standard attributes.
const (
	formText    = 't'
	formNumber  = 'n'
	formAddress = 'a'
)

// standardNames are the standard attributes that may be named. licensing.Attributes
// lists the same names.
var standardNames = map[string]named{
	"nas-port-id":             {standard: attrNASPortID, form: formText, vendor: noAttribute},
	"user-name":               {standard: attrUserName, form: formText, vendor: noAttribute},
	"nas-identifier":          {standard: attrNASIdentifier, form: formText, vendor: noAttribute},
	"called-station-id":       {standard: attrCalledStationID, form: formText, vendor: noAttribute},
	"calling-station-id":      {standard: attrCallingStationID, form: formText, vendor: noAttribute},
	"acct-session-id":         {standard: attrAcctSessionID, form: formText, vendor: noAttribute},
	"acct-multi-session-id":   {standard: attrAcctMultiSessionID, form: formText, vendor: noAttribute},
	"tunnel-private-group-id": {word: wordTunnel, vendor: noAttribute},
	"connect-info":            {standard: attrConnectInfo, form: formText, vendor: noAttribute},
	"nas-port":                {standard: attrNASPort, form: formNumber, vendor: noAttribute},
	"nas-ip-address":          {standard: attrNASIPAddress, form: formAddress, vendor: noAttribute},
	"framed-ip-address":       {standard: attrFramedIPAddress, form: formAddress, vendor: noAttribute},
	wordVLAN:                  {word: wordVLAN, vendor: noAttribute},
	wordAP:                    {word: wordAP, vendor: noAttribute},
	wordSSID:                  {word: wordSSID, vendor: noAttribute},
}

// Words for what several attributes may hold.
const (
	wordVLAN   = "vlan"
	wordAP     = "ap"
	wordSSID   = "ssid"
	wordTunnel = "tunnel-private-group-id"
)

// findNamed finds an attribute by the name that an operator writes; ok is false when there
// is none (licensing.CheckAttribute says so to him).
func findNamed(name string) (a named, ok bool) {
	name = strings.ToLower(strings.TrimSpace(name))
	if a, ok = standardNames[name]; ok {
		return a, true
	}
	if key, ok := strings.CutPrefix(name, "cisco-avpair:"); ok && key != "" {
		return named{vendor: dictionary.CiscoAVPair, pair: key + "="}, true
	}
	id, ok := dictionary.ByName(name)
	return named{vendor: id}, ok
}

// text is the attribute's value as text; nil when the packet has none. scratch is where
// numbers are written.
func (a *named) text(p *packet, id *identity, scratch []byte) []byte {
	switch {
	case a.word == wordVLAN:
		if v := id.vlan(p, scratch); v != nil {
			return v
		}
		return untagged(p.value(attrTunnelPrivateGroupID)) // a VLAN may have a name (RFC 3580 section 3.31)
	case a.word == wordTunnel:
		return untagged(p.value(attrTunnelPrivateGroupID))
	case a.word == wordAP:
		return id.roomKey()
	case a.word == wordSSID:
		return id.ssid
	case a.pair != "":
		return pairOf(p, a.pair)
	case a.vendor != noAttribute:
		return formed(id.vendor.text(a.vendor), vendorForm(a.vendor), scratch, id.vendor.first[a.vendor])
	}
	value := p.value(a.standard)
	return formed(value, a.form, scratch, value)
}

func vendorForm(id dictionary.ID) byte {
	switch dictionary.Attributes[id].Form {
	case dictionary.Number:
		return formNumber
	case dictionary.Address:
		return formAddress
	case dictionary.Text, dictionary.Octets:
	}
	return formText
}

func formed(text []byte, form byte, scratch, raw []byte) []byte {
	switch form {
	case formNumber:
		if len(raw) == 4 {
			return appendNumber(scratch[:0], binary.BigEndian.Uint32(raw))
		}
		return nil
	case formAddress:
		if a, ok := netip.AddrFromSlice(raw); ok {
			return a.AppendTo(scratch[:0])
		}
		return nil
	}
	return text
}

// pairOf is the value of a Cisco-AVPair.
func pairOf(p *packet, key string) []byte {
	for value := range p.attributes().each(attrVendorSpecific) {
		for a := range vendorAttributes(value) {
			if id, ok := dictionary.Find(a.vendor, a.kind); ok && id == dictionary.CiscoAVPair {
				if len(a.value) >= len(key) && strings.EqualFold(string(a.value[:len(key)]), key) {
					return a.value[len(key):]
				}
			}
		}
	}
	return nil
}

// AttributeText is what a datagram holds under a name that a rule may use, and the AP,
// as the gateway reads it; ok is false where the packet has no such attribute or is none.
// It is for trying rules on packets, not for the hot path.
func AttributeText(datagram []byte, name string) (text string, ok bool) {
	a, ok := findNamed(name)
	if !ok {
		return "", false
	}
	var p packet
	if p.parse(datagram) != nil {
		return "", false
	}
	var id identity
	id.read(&p, netip.Addr{}, manner{})
	var scratch [16]byte
	value := a.text(&p, &id, scratch[:])
	return strings.ToValidUTF8(string(value), "?"), value != nil
}
