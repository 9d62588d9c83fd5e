package radiusd

import (
	"tallygate/macwatch"
	"tallygate/radiusd/dictionary"
)

// Lists of places that several makes share.
var (
	apByAddress = []apSource{apCalled, apCalledName, apNASName}
	apByName    = []apSource{apNAS, apCalled}
)

// generic is for a make that none of the others fits, and for packets that show none.
var generic = &profiles[0]

// profiles are the makes. What stands here was seen in captures, read in the senders'
// source, or documented by them; see DESIGN.md beside this file.
var profiles = [...]profile{
	{vendor: macwatch.VendorGeneric, ap: apByAddress, ssid: noAttribute, joins: true, sign: macwatch.RequireAuto},

	// Access points, and controllers that speak for them.
	{
		vendor: macwatch.VendorUniFiAP, ap: []apSource{apNASMAC, apCalled}, ssid: noAttribute, sign: macwatch.RequireAuto,
		quirk: "each network of an access point has an address of its own; NAS-Identifier is the same in all of them. Old firmware repeats session ids after a reboot and sends no Message-Authenticator",
	},
	{
		vendor: macwatch.VendorUniFiController, ap: []apSource{apCalled}, ssid: noAttribute, joins: true, sign: macwatch.RequireAuto,
		quirk: "its accounting does not name the guest's device: it is joined with the Access-Request, so authentication must come here as well",
	},
	{vendor: macwatch.VendorHostapd, ap: apByAddress, ssid: noAttribute, sign: macwatch.RequireAuto, quirk: "sends Message-Authenticator with MAC authentication since the middle of 2024 only"},
	{vendor: macwatch.VendorUspot, ap: apByAddress, ssid: noAttribute, sign: macwatch.RequireYes},
	{
		vendor: macwatch.VendorArubaInstant, ap: []apSource{apArubaName, apCalled}, ssid: dictionary.ArubaEssidName, sign: macwatch.RequireYes,
		quirk: "Interim-Updates must be switched on",
	},
	{
		// Called-Station-Id is the controller's own address, unless it is told otherwise.
		vendor: macwatch.VendorArubaController, ap: []apSource{apArubaName, apCalledName, apCalledElse}, ssid: dictionary.ArubaEssidName, sign: macwatch.RequireYes,
		quirk: "Interim-Updates must be switched on",
	},
	{
		vendor: macwatch.VendorCiscoAireOS, ap: []apSource{apCalled, apCalledName}, ssid: noAttribute, joins: true, sign: macwatch.RequireAuto,
		quirk: "may send IP addresses as station ids; set `config radius callStationIdType macaddr` and `ap-macaddr-ssid`",
	},
	{vendor: macwatch.VendorCisco9800, ap: []apSource{apCalled, apCalledName}, ssid: noAttribute, sign: macwatch.RequireYes},
	{
		vendor: macwatch.VendorMeraki, ap: []apSource{apCalled, apNASMAC, apMerakiName}, ssid: noAttribute, sign: macwatch.RequireAuto,
		quirk: "splash sign-on requests come from Meraki's cloud, not from the access points, which a gateway behind NAT cannot serve; MAC-based access control comes from them",
	},
	{vendor: macwatch.VendorRuckusSmartZone, ap: []apSource{apNASMAC, apCalled, apRuckusBSSID}, ssid: dictionary.RuckusSSID, sign: macwatch.RequireYes},
	{
		vendor: macwatch.VendorRuckusUnleashed, ap: []apSource{apNASMAC, apCalled, apRuckusBSSID}, ssid: dictionary.RuckusSSID, sign: macwatch.RequireYes,
		quirk: "open networks account for passers-by before any login; set the Location's count to accepted if they should not count",
	},
	{vendor: macwatch.VendorCambium, ap: apByName, ssid: noAttribute, sign: macwatch.RequireAuto},
	{vendor: macwatch.VendorAerohive, ap: apByName, ssid: noAttribute, sign: macwatch.RequireAuto},
	{vendor: macwatch.VendorExtremeWiNG, ap: apByName, ssid: dictionary.SymbolCurrentESSID, sign: macwatch.RequireAuto},
	{vendor: macwatch.VendorExtremeCampus, ap: []apSource{apCalled, apCalledName}, called: calledName, ssid: noAttribute, sign: macwatch.RequireAuto},
	{
		vendor: macwatch.VendorOmada, ap: []apSource{apCalled}, ssid: noAttribute, sign: macwatch.RequireYes,
		quirk: "NAS-Identifier is the constant TP-Link",
	},
	{
		vendor: macwatch.VendorFortinet, ap: []apSource{apFortinet, apCalled}, ssid: dictionary.FortinetSSID, joins: true, sign: macwatch.RequireAuto,
		quirk: "sends Message-Authenticator in recent versions only",
	},
	{vendor: macwatch.VendorGrandstream, ap: []apSource{apCalled}, ssid: noAttribute, sign: macwatch.RequireNo, quirk: "sends neither Message-Authenticator nor the SSID"},
	{
		vendor: macwatch.VendorHuawei, ap: []apSource{apCalled, apHuawei, apCalledName}, called: calledSSID, ssid: noAttribute, sign: macwatch.RequireNo,
		quirk: "access points send no Message-Authenticator",
	},
	{vendor: macwatch.VendorAlcatel, ap: []apSource{apCalled}, ssid: noAttribute, sign: macwatch.RequireNo, quirk: "sends no Message-Authenticator; NAS-Identifier is the SSID"},
	{
		vendor: macwatch.VendorMikroTikWiFi, ap: []apSource{apCalled, apPort}, called: calledSSID, ssid: noAttribute, sign: macwatch.RequireAuto,
		quirk: "the controller remembers answers to MAC authentication: a guest may come without a new request",
	},

	// Gateways: the NAS is a router, which does not see the access points.
	{
		vendor: macwatch.VendorMikroTikHotspot, ap: []apSource{apPort, apNASName}, called: calledServer, ssid: noAttribute, sign: macwatch.RequireAuto,
		quirk: "Called-Station-Id is the name of the hotspot server; the interface (NAS-Port-Id) stands for the access point. Interfaces of two routers need different names, or rules: client set --ap-from nas-identifier",
	},
	{
		vendor: macwatch.VendorCoovaChilli, ap: []apSource{apCalled, apNASName}, ssid: noAttribute, sign: macwatch.RequireYes,
		quirk: "it does not name the access points: the gateway stands for them",
	},
	{
		vendor: macwatch.VendorPfSense, ap: []apSource{apCalled, apNASName}, noSSID: true, ssid: noAttribute, sign: macwatch.RequireYes,
		quirk: "it does not name the access points: the gateway stands for them. With re-authentication every minute a Stop is not the end of the guest",
	},
	{
		vendor: macwatch.VendorOPNsense, ap: []apSource{apCalled, apCalledName}, called: calledName, ssid: noAttribute, joins: true, sign: macwatch.RequireYes,
		quirk: "its accounting does not name the guest's device: it is joined with the Access-Request, so authentication must come here as well",
	},
	{vendor: macwatch.VendorDrayTek, ap: []apSource{apCalled}, ssid: noAttribute, sign: macwatch.RequireNo, quirk: "sends no Message-Authenticator"},
	{vendor: macwatch.VendorLANCOM, ap: apByAddress, ssid: noAttribute, sign: macwatch.RequireAuto},
}
