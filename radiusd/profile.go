package radiusd

import (
	"tallygate/macwatch"
	"tallygate/radiusd/dictionary"
)

// profile is what one make puts where in its packets. The profiles stand in
// profiles.go; what reads packets by them, in identify.go and place.go.
type profile struct {
	vendor macwatch.Vendor

	// ap is where the AP's identity stands, the best first. Whatever else of these a
	// packet holds names the same AP: an AP that has its slot under one of them keeps it,
	// even when it was first read by another profile.
	ap []apSource
	// called is what a Called-Station-Id that begins with no address means.
	called calledText
	// ssid is the vendor attribute that holds the SSID, before Called-Station-Id.
	ssid dictionary.ID
	// noSSID: what follows the address in Called-Station-Id is none (a host name).
	noSSID bool
	// joins: accounting, or some of it, holds no address of the guest, so what his
	// Access-Request said is remembered.
	joins bool
	// sign is the Message-Authenticator policy that fits what the make is known to send.
	sign macwatch.RequireMA
	// quirk is what an operator should know; "" when there is nothing.
	quirk string
}

// apSource is a place where the identity of an AP may stand.
type apSource uint8

const (
	apNone        apSource = iota
	apCalled               // the address in Called-Station-Id
	apCalledElse           // the same, which may be a controller's: where nothing else names an AP
	apCalledName           // the name in Called-Station-Id, as profile.called reads it
	apNAS                  // NAS-Identifier, whatever it is
	apNASMAC               // the address in NAS-Identifier: "MAC" or "MAC:number"
	apNASName              // NAS-Identifier, unless it says nothing: where nothing else names an AP
	apPort                 // NAS-Port-Id: the interface of a router
	apArubaName            // Aruba-Location-Id
	apFortinet             // Fortinet-AP-Name
	apHuawei               // Huawei's attribute 141
	apMerakiName           // Meraki-Ap-Name, Meraki-Device-Name
	apRuckusBSSID          // Ruckus-BSSID
)

// calledText is what the text of a Called-Station-Id without an address is.
type calledText uint8

const (
	calledNameSSID calledText = iota // "name:SSID"; a name alone may be anything
	calledName                       // the same, and a name alone is an AP's as well
	calledSSID                       // "name:SSID", or the SSID alone
	calledServer                     // the name of a hotspot server: neither
)

// noAttribute stands where a profile has no vendor attribute.
const noAttribute = dictionary.ID(dictionary.Count)

// profileOf finds the profile of a vendor; nil for VendorAuto, whose packets decide
// themselves.
func profileOf(v macwatch.Vendor) *profile {
	for i := range profiles {
		if profiles[i].vendor == v {
			return &profiles[i]
		}
	}
	return nil
}

// Advice is what is known about a make, for who configures a client of it.
type Advice struct {
	Sign  macwatch.RequireMA // what fits its Message-Authenticator; "" when unknown
	Quirk string
}

// AdviceFor is that of a vendor.
func AdviceFor(v macwatch.Vendor) Advice {
	if p := profileOf(v); p != nil {
		return Advice{p.sign, p.quirk}
	}
	return Advice{}
}
