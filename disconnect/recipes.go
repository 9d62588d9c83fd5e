package disconnect

import "tallygate/macwatch"

// The two ports that are in use: RFC 5176 section 6.1, and the one of Cisco and Meraki.
const (
	portRFC   = 3799
	portCisco = 1700
)

// What to switch on, where nothing more special is known.
const turnOn = "switch CoA/RFC 5176 (dynamic authorization) on in the AP or controller, port 3799, this gateway's address as its client, the same secret"

// recipes say how each make is asked. The evidence differs: hostapd is tested with the
// real program, uspot and CoovaChilli were read in their sources, most others come from
// integrators' code that works against the device. Where a make is not listed, or auto, the generic one serves.
var recipes = map[macwatch.Vendor]recipe{
	// From much to little, and at last one that holds nothing but names.
	macwatch.VendorGeneric: {port: portRFC, turn: turnOn, steps: []step{
		{needs: []field{sessionID}, also: []field{callingStationID, userName, nasAddress, nasIdentifier}, signed: true, stamp: alternately},
		{needs: []field{callingStationID}, also: []field{nasAddress}, signed: true, stamp: alternately},
		{needs: []field{sessionID}, also: []field{userName}},
		{needs: []field{callingStationID}},
		{needs: []field{userName}, also: []field{framedAddress}},
	}},
	macwatch.VendorUniFiAP: {port: portRFC, turn: "switch RADIUS DAS/CoA on in the WLAN's RADIUS profile (firmware 5.13 or later), port 3799, the same secret", steps: []step{
		// The AP hands the request to one of its radios by NAS-Identifier, and sometimes
		// finds none ("dispatchee not found").
		{needs: []field{callingStationID, nasIdentifier}, signed: true, stamp: alternately},
		{needs: []field{callingStationID}, signed: true, stamp: alternately},
	}},
	macwatch.VendorHostapd: {port: portRFC, turn: "set radius_das_port=3799 and radius_das_client=ADDRESS-OF-THIS-GATEWAY SECRET in hostapd.conf", steps: []step{
		// User-Name is compared with an EAP identity, which a MAC login has not; what it
		// does not list, it refuses.
		{needs: []field{callingStationID, sessionIDHex}, signed: true, stamp: alternately},
		{needs: []field{callingStationID}, signed: true, stamp: alternately},
		{needs: []field{sessionIDHex}, signed: true, stamp: alternately},
	}},
	macwatch.VendorUspot: {port: portRFC, turn: "set das_secret in the uspot configuration", steps: []step{
		// Everything must equal the saved request, so no Event-Timestamp either; it
		// refuses Message-Authenticator.
		{needs: []field{sessionID}, also: []field{callingStationID}},
		{needs: []field{callingStationID}, also: []field{userName}},
	}},
	macwatch.VendorCoovaChilli: {port: portRFC, turn: "set coaport 3799 (it is off by default); requests are taken only from the addresses of radiusserver1 and radiusserver2", steps: []step{
		{needs: []field{userName, sessionID}, signed: true},
		{needs: []field{userName}, signed: true},
	}},
	macwatch.VendorMikroTikHotspot: {port: portRFC, turn: "/radius incoming set accept=yes port=3799", steps: []step{
		{needs: []field{userName, sessionID}, also: []field{framedAddress}},
		{needs: []field{userName}, also: []field{framedAddress}},
		{needs: []field{sessionID}},
	}},
	macwatch.VendorMikroTikWiFi: {port: portRFC, turn: "/radius incoming set accept=yes port=3799", steps: []step{
		{needs: []field{userName, callingStationID}, also: []field{sessionID}},
		{needs: []field{userName}},
		{needs: []field{callingStationID}},
	}},
	macwatch.VendorArubaInstant:    aruba,
	macwatch.VendorArubaController: aruba,
	macwatch.VendorCiscoAireOS: {port: portRFC, turn: "allow Support for CoA (RFC 3576) on the RADIUS server entry of the WLC; Disconnect on 3799, CoA on 1700", steps: []step{
		{needs: []field{callingStationID, nasAddress}, also: []field{nasPort}},
		{needs: []field{callingStationID}},
		// Some releases end sessions by CoA only, and on the other port only: a
		// re-authentication, which is then refused.
		{code: coaRequest, port: portCisco, needs: []field{auditSession}, avPair: "subscriber:command=reauthenticate"},
	}},
	macwatch.VendorCisco9800: {port: portCisco, turn: "aaa server radius dynamic-author, client ADDRESS-OF-THIS-GATEWAY server-key SECRET (port 1700)", steps: []step{
		{needs: []field{auditSession, callingStationID}},
		{needs: []field{callingStationID}, also: []field{nasAddress}},
		{code: coaRequest, needs: []field{auditSession}, also: []field{callingStationID}, avPair: "subscriber:command=reauthenticate"},
	}},
	macwatch.VendorMeraki: {port: portCisco, turn: "switch RADIUS CoA support on in the SSID's access control (not in repeater mode); splash sessions can be ended through the Meraki cloud only", steps: []step{
		{needs: []field{callingStationID, auditSession}},
		{needs: []field{callingStationID}},
		{code: coaRequest, needs: []field{callingStationID, auditSession}, avPair: "subscriber:command=reauthenticate"},
	}},
	macwatch.VendorRuckusSmartZone: ruckus,
	macwatch.VendorRuckusUnleashed: ruckus,
	macwatch.VendorCambium: {port: portRFC, turn: "switch Dynamic Authorization on in the WLAN's RADIUS settings, port 3799, the same secret", steps: []step{
		{needs: []field{callingStationID, userName}},
		{needs: []field{callingStationID}},
	}},
	macwatch.VendorFortinet: {port: portRFC, turn: "config user radius: set radius-coa enable for this server; port 3799", steps: []step{
		{needs: []field{sessionID, userName, framedAddress}},
		{needs: []field{sessionID, userName}},
		{needs: []field{userName}, also: []field{framedAddress}},
	}},
	macwatch.VendorAerohive:      extreme,
	macwatch.VendorExtremeCampus: extreme,
	macwatch.VendorExtremeWiNG:   extreme,
	macwatch.VendorHuawei: {port: portRFC, turn: "radius-server authorization ADDRESS-OF-THIS-GATEWAY shared-key cipher SECRET; port 3799", steps: []step{
		{needs: []field{sessionID}},
		{needs: []field{callingStationID}, also: []field{userName}},
	}},
	macwatch.VendorPfSense:  {none: "pfSense takes no Disconnect-Request; with re-authentication every minute switched on the next one is refused, otherwise Session-Timeout ends the session"},
	macwatch.VendorOPNsense: {none: "OPNsense takes no Disconnect-Request: Session-Timeout ends the session"},
}

var (
	// Newer controllers refuse Acct-Session-Id.
	aruba = recipe{port: portRFC, turn: "add this gateway as RFC 3576 server (Instant: RADIUS server, RFC 3576 on), port 3799, the same secret", steps: []step{
		{needs: []field{callingStationID, nasAddress}},
		{needs: []field{callingStationID}, also: []field{userName}},
	}}
	// NAS-IP-Address is the AP, the request goes to the controller.
	ruckus = recipe{port: portRFC, turn: "the controller takes requests on port 3799 from its RADIUS servers, with the same secret", steps: []step{
		{needs: []field{callingStationID, nasAddress}},
		{needs: []field{callingStationID}},
	}}
	extreme = recipe{port: portRFC, turn: turnOn, steps: []step{
		{needs: []field{callingStationID, nasAddress}},
		{needs: []field{callingStationID}, also: []field{userName}},
	}}
)
