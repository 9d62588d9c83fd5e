package radiusd

import (
	"bytes"
	"encoding/binary"
	"net/netip"

	"tallygate/macwatch"
	"tallygate/radiusd/dictionary"
)

// rank is how good the evidence for a make is.
type rank = uint8

const (
	rankNone  rank = iota
	rankHint       // the maker's part of an address, the usual spelling: may be another's
	rankShape      // constants and forms that no other make is known to send
	rankOwn        // an attribute of the make's own
)

const (
	portEthernet = 15
	portWireless = 19
)

// detect finds out whose packet this is from the packet alone, so that the same packet
// is always read the same way, whatever came before. The identity has read its
// attributes by then.
func (id *identity) detect(p *packet) (macwatch.Vendor, rank) {
	if id.vendor.known {
		if v := id.detectOwn(); v != "" {
			return v, rankOwn
		}
	}
	if v := id.detectShape(p); v != "" {
		return v, rankShape
	}
	if v := id.detectHint(p); v != "" {
		return v, rankHint
	}
	return "", rankNone
}

// detectOwn goes by the vendor's attributes. Those of WISPr are everybody's.
func (id *identity) detectOwn() macwatch.Vendor {
	v := &id.vendor
	any := func(from, to dictionary.ID) bool {
		for i := from; i <= to; i++ {
			if v.first[i] != nil {
				return true
			}
		}
		return false
	}
	switch {
	case any(dictionary.ArubaUserRole, dictionary.ArubaDeviceType):
		return id.arubaKind()
	case any(dictionary.RuckusStaRSSI, dictionary.RuckusWlanName):
		if v.first[dictionary.RuckusZoneName] != nil || v.first[dictionary.RuckusWlanName] != nil {
			return macwatch.VendorRuckusSmartZone
		}
		return macwatch.VendorRuckusUnleashed
	case any(dictionary.MerakiDeviceName, dictionary.MerakiApTags):
		return macwatch.VendorMeraki
	case any(dictionary.MikrotikRealm, dictionary.MikrotikHostIP):
		if id.called.MAC.Device() {
			return macwatch.VendorMikroTikWiFi
		}
		return macwatch.VendorMikroTikHotspot
	case any(dictionary.ChilliSpotVersion, dictionary.ChilliSpotLocation):
		return macwatch.VendorCoovaChilli
	case any(dictionary.FortinetVdomName, dictionary.FortinetWirelessControllerWTPID):
		return macwatch.VendorFortinet
	case any(dictionary.HuaweiConnectID, dictionary.HuaweiProductID):
		return macwatch.VendorHuawei
	case any(dictionary.CambiumAuthRole, dictionary.CambiumVLANPoolId):
		return macwatch.VendorCambium
	case any(dictionary.AerohiveUserVlan, dictionary.AerohiveAVPair):
		return macwatch.VendorAerohive
	case any(dictionary.SymbolCurrentESSID, dictionary.SymbolWLANIndex):
		return macwatch.VendorExtremeWiNG
	case any(dictionary.ExtremeUserLocation, dictionary.ExtremeNetloginVlan):
		return macwatch.VendorExtremeCampus
	case any(dictionary.LCSMacAddress, dictionary.LCSOrigNASIdentifier):
		return macwatch.VendorLANCOM
	case any(dictionary.XylanAuthGroup, dictionary.XylanSlotPort):
		return macwatch.VendorAlcatel
	case v.ssid != nil || v.profile != nil:
		return macwatch.VendorCisco9800
	case any(dictionary.AirespaceWlanId, dictionary.AirespaceInterfaceName):
		return macwatch.VendorCiscoAireOS
	}
	return ""
}

// arubaKind tells the access points, which name themselves in Called-Station-Id and
// write addresses in lower case, from the controllers, which do neither.
func (id *identity) arubaKind() macwatch.Vendor {
	name := id.vendor.text(dictionary.ArubaLocationId)
	own, named := macwatch.ParseMAC(name)
	switch {
	case bytes.HasPrefix(id.vendor.text(dictionary.ArubaAPGroup), []byte("InstantOn-")):
		return macwatch.VendorArubaInstant
	case named && id.called.MAC != own, !id.called.MAC.Device(), bytes.ContainsAny(id.calling, "ABCDEF"):
		return macwatch.VendorArubaController
	}
	return macwatch.VendorArubaInstant
}

// detectShape goes by constants and by forms that only one make is known to use.
func (id *identity) detectShape(p *packet) macwatch.Vendor {
	name := p.value(attrNASIdentifier)
	port := p.value(attrNASPortID)
	switch {
	case string(name) == "TP-Link":
		return macwatch.VendorOmada
	case string(name) == "Cisco Meraki cloud RADIUS client", id.called.MAC != 0 && merakiName(name, id.called.MAC), string(id.userName) == merakiProbe:
		return macwatch.VendorMeraki
	case bytes.HasPrefix(name, []byte("CaptivePortal-")), id.called.MAC.Device() && id.called.HasSSID && portType(p) == portEthernet:
		return macwatch.VendorPfSense
	case configID(name) && !id.called.MAC.Device():
		return macwatch.VendorOPNsense
	case macwatch.UUID(name):
		return macwatch.VendorUniFiController
	case fortinetName(name):
		return macwatch.VendorFortinet
	case bytes.HasPrefix(name, []byte("AH-")) && len(name) == 9:
		return macwatch.VendorAerohive
	case cambiumName(name):
		return macwatch.VendorCambium
	case wingName(name):
		return macwatch.VendorExtremeWiNG
	case bytes.Contains(port, []byte("vlanid=")):
		return macwatch.VendorHuawei
	case bytes.HasPrefix(port, []byte("wifi-")) && id.called.HasSSID && bytes.Equal(name, id.called.SSID):
		return macwatch.VendorAlcatel
	case bytes.HasPrefix(port, []byte("radio")) && len(port) == 6 && id.called.MAC.Device():
		return macwatch.VendorExtremeWiNG
	case routerOS(p):
		if id.called.MAC.Device() {
			return macwatch.VendorMikroTikWiFi
		}
		return macwatch.VendorMikroTikHotspot
	case airespaceID(p.value(attrAcctSessionID)):
		return macwatch.VendorCiscoAireOS
	case len(port) > 0 && id.called.MAC == 0 && !id.called.IP && len(id.called.Text) > 0 && id.capsman():
		return macwatch.VendorMikroTikWiFi
	}
	if own, ok := macwatch.ParseMAC(name); ok && own.Device() {
		switch {
		case ubiquiti(own) || ubiquiti(id.called.MAC):
			return macwatch.VendorUniFiAP
		case len(name) == 17 && own == id.called.MAC && bytes.HasPrefix(id.called.Text, name):
			return macwatch.VendorRuckusUnleashed
		}
	}
	return ""
}

// detectHint goes by what may also be another's: it serves where nothing else speaks.
func (id *identity) detectHint(p *packet) macwatch.Vendor {
	switch oui := id.called.MAC >> 24; {
	case oui == 0xc074ad || oui == 0x000b82 || oui == 0xec74d7:
		return macwatch.VendorGrandstream
	case oui == 0x1449bc || oui == 0x001daa || oui == 0x00507f:
		return macwatch.VendorDrayTek
	case oui == 0x00a057:
		return macwatch.VendorLANCOM
	case ubiquiti(id.called.MAC) && id.called.HasSSID && !p.has(attrNASIdentifier):
		return macwatch.VendorUniFiAP
	}
	switch {
	case !id.called.MAC.Device():
		return ""
	case bytes.HasPrefix(p.value(attrConnectInfo), []byte("CONNECT ")) && len(id.called.Text) > 17 && id.called.Text[2] == '-':
		return macwatch.VendorHostapd
	case id.vendor.first[dictionary.WISPrLocationName] != nil && portType(p) == portWireless:
		return macwatch.VendorUspot
	}
	return ""
}

// merakiProbe is the user that Meraki's devices try a server with.
const merakiProbe = "meraki_8021x_test"

// merakiName is an address and the number of a network: 88-15-44-50-0F-1C:1.
func merakiName(name []byte, ap macwatch.MAC) bool {
	if len(name) < 14 {
		return false
	}
	c := macwatch.ParseCalled(name)
	return c.MAC == ap && digits(c.SSID)
}

// configID is what OPNsense calls itself: an id of its configuration, made by PHP's
// uniqid from the time, thirteen hexadecimal digits.
func configID(name []byte) bool {
	if len(name) != 13 || name[0] < '4' || name[0] > '9' {
		return false
	}
	for _, c := range name {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// fortinetName is the address of an access point, a CAPWAP port and the SSID: 10.1.1.9/5246-Guest.
func fortinetName(name []byte) bool {
	at := bytes.IndexByte(name, '/')
	if at < 7 || at > 15 || !bytes.HasPrefix(name[at:], []byte("/5246-")) && !bytes.HasPrefix(name[at:], []byte("/5247-")) {
		return false
	}
	_, err := netip.ParseAddr(string(name[:at]))
	return err == nil
}

// cambiumName is a model and the end of the address: E410-AF7FA2, XV2-2-AF7FA2.
func cambiumName(name []byte) bool {
	at := len(name) - 7
	if at < 3 || name[at] != '-' || !upperHex(name[at+1:]) {
		return false
	}
	model := name[:at]
	return len(model) == 4 && model[0] == 'E' && digits(model[1:]) || bytes.HasPrefix(model, []byte("XV")) ||
		bytes.HasPrefix(model, []byte("XE")) || bytes.HasPrefix(model, []byte("cnPilot"))
}

// wingName is a model and the end of the address: ap6532-70D5A4.
func wingName(name []byte) bool {
	at := len(name) - 7
	return at >= 5 && name[at] == '-' && bytes.HasPrefix(name, []byte("ap")) && digits(name[2:6]) && upperHex(name[at+1:])
}

func upperHex(b []byte) bool {
	for _, c := range b {
		if (c < '0' || c > '9') && (c < 'A' || c > 'F') {
			return false
		}
	}
	return true
}

// capsman knows MikroTik's access points by how they write one address: with colons in
// User-Name, with dashes in Calling-Station-Id, in upper case.
func (id *identity) capsman() bool {
	return macwatch.MACLogin(id.userName, id.calling) && len(id.userName) == 17 && id.userName[2] == ':' && len(id.calling) == 17 && id.calling[2] == '-' &&
		!bytes.ContainsAny(id.userName, "abcdef") && !bytes.ContainsAny(id.calling, "abcdef")
}

// routerOS knows MikroTik by its session ids: they and NAS-Port count from the same
// start, in the upper half of 32 bits.
func routerOS(p *packet) bool {
	session, port := p.value(attrAcctSessionID), p.value(attrNASPort)
	if len(session) != 8 || session[0] != '8' || len(port) != 4 || port[0] < 0x80 || !p.has(attrNASPortID) {
		return false
	}
	upper := uint64(0)
	for _, c := range session[:4] {
		switch {
		case c >= '0' && c <= '9':
			upper = upper<<4 | uint64(c-'0')
		case c >= 'a' && c <= 'f':
			upper = upper<<4 | uint64(c-'a'+10)
		default:
			return false
		}
	}
	return upper == uint64(binary.BigEndian.Uint16(port))
}

// airespaceID is time, address and counter: 646f26a4/f6:ff:cc:5f:51:68/911.
func airespaceID(session []byte) bool {
	return len(session) > 26 && session[8] == '/' && session[26] == '/' && session[11] == ':'
}

func portType(p *packet) uint32 {
	value := p.value(attrNASPortType)
	if len(value) != 4 {
		return 0
	}
	return binary.BigEndian.Uint32(value)
}

func digits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0
}

// ubiquiti reports whether Ubiquiti made the device with this address, or with the one
// that it is derived from: further networks get the local bit, and the bits above it.
func ubiquiti(m macwatch.MAC) bool {
	if m == 0 {
		return false
	}
	oui := uint32(m >> 24)
	for _, known := range ubiquitiOUIs {
		if oui == known || oui&0x020000 != 0 && oui&0xffff == known&0xffff {
			return true
		}
	}
	return false
}

// ubiquitiOUIs are Ubiquiti's blocks of addresses, as registered with the IEEE.
var ubiquitiOUIs = [...]uint32{
	0x00156d, 0x002722, 0x0418d6, 0x0cea14, 0x1c6a1b, 0x18e829, 0x245a4c, 0x24a43c, 0x28704e, 0x44d9e7, 0x58d61f, 0x602232,
	0x687251, 0x68d79a, 0x6c63f8, 0x70a741, 0x7483c2, 0x74acb9, 0x74f92c, 0x74fa29, 0x784558, 0x788a20, 0x802aa8, 0x847848,
	0x8c3066, 0x8cede1, 0x9041b2, 0x942a6f, 0x9c05d6, 0xa4f8ff, 0xa89c6c, 0xac8ba9, 0xb4fbe4, 0xcc35d9, 0xd021f9, 0xd489c1,
	0xd8b370, 0xdc9fdb, 0xe063da, 0xe43883, 0xf09fc2, 0xf492bf, 0xf4e2c6, 0xfcecda,
}
