package macwatch

import "slices"

// Vendor names a profile: what the access points or the controller of one make put
// where in their packets, how they are told to disconnect a guest, and their quirks.
type Vendor string

// The profiles. VendorAuto stands for "found out from the first packets"; VendorGeneric
// for a make that none of the others fits.
const (
	VendorAuto            Vendor = "auto"
	VendorGeneric         Vendor = "generic"
	VendorAerohive        Vendor = "aerohive"
	VendorAlcatel         Vendor = "alcatel"
	VendorArubaController Vendor = "aruba-controller"
	VendorArubaInstant    Vendor = "aruba-instant"
	VendorCambium         Vendor = "cambium"
	VendorCisco9800       Vendor = "cisco-9800"
	VendorCiscoAireOS     Vendor = "cisco-aireos"
	VendorCoovaChilli     Vendor = "coovachilli"
	VendorDrayTek         Vendor = "draytek"
	VendorExtremeCampus   Vendor = "extreme-campus"
	VendorExtremeWiNG     Vendor = "extreme-wing"
	VendorFortinet        Vendor = "fortinet"
	VendorGrandstream     Vendor = "grandstream"
	VendorHostapd         Vendor = "hostapd"
	VendorHuawei          Vendor = "huawei"
	VendorLANCOM          Vendor = "lancom"
	VendorMeraki          Vendor = "meraki"
	VendorMikroTikHotspot Vendor = "mikrotik-hotspot"
	VendorMikroTikWiFi    Vendor = "mikrotik-wifi"
	VendorOmada           Vendor = "omada"
	VendorOPNsense        Vendor = "opnsense"
	VendorPfSense         Vendor = "pfsense"
	VendorRuckusSmartZone Vendor = "ruckus-smartzone"
	VendorRuckusUnleashed Vendor = "ruckus-unleashed" // ZoneDirector and Unleashed
	VendorUniFiAP         Vendor = "unifi-ap"
	VendorUniFiController Vendor = "unifi-controller"
	VendorUspot           Vendor = "uspot"
)

var vendors = [...]Vendor{
	VendorAuto, VendorGeneric, VendorAerohive, VendorAlcatel, VendorArubaController, VendorArubaInstant, VendorCambium,
	VendorCisco9800, VendorCiscoAireOS, VendorCoovaChilli, VendorDrayTek, VendorExtremeCampus, VendorExtremeWiNG,
	VendorFortinet, VendorGrandstream, VendorHostapd, VendorHuawei, VendorLANCOM, VendorMeraki, VendorMikroTikHotspot,
	VendorMikroTikWiFi, VendorOmada, VendorOPNsense, VendorPfSense, VendorRuckusSmartZone, VendorRuckusUnleashed,
	VendorUniFiAP, VendorUniFiController, VendorUspot,
}

// Vendors lists the profiles: auto and generic, then the others by name.
func Vendors() []Vendor { return slices.Clone(vendors[:]) }

// Known reports whether there is such a profile.
func (v Vendor) Known() bool { return slices.Contains(vendors[:], v) }
