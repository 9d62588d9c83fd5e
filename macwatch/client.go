package macwatch

import (
	"net/netip"
	"time"
)

// RequireMA is a client's Message-Authenticator policy against BlastRADIUS.
type RequireMA string

const (
	RequireYes  RequireMA = "yes"  // Access-Requests without it are dropped
	RequireNo   RequireMA = "no"   // accepted without it, unless they carry Proxy-State
	RequireAuto RequireMA = "auto" // as no, until a source address has once sent it; then yes for that address
)

// ClientSettings is what may be said of a client beside who it is; it is stored as JSON.
type ClientSettings struct {
	Vendor     Vendor             `json:"vendor"` // VendorAuto where nothing else was said
	Disconnect DisconnectSettings `json:"disconnect,omitzero"`
	RadSecSettings
	// Rules that go before the vendor's profile.
	AP       FieldRule `json:"ap_rule,omitzero"`
	SSID     FieldRule `json:"ssid_rule,omitzero"`
	GuestMAC FieldRule `json:"mac_rule,omitzero"`
	// Locations are tried in order; where none fits, the client's own Location is meant.
	Locations []LocationRule `json:"location_rules,omitempty"`
}

// ClientPatch is what may be changed of a client; nil leaves it as it is.
type ClientPatch struct {
	Secret    *string         `json:"secret,omitempty"`
	Location  *string         `json:"location,omitempty"`
	RequireMA *RequireMA      `json:"require_message_authenticator,omitempty"`
	Vendor    *Vendor         `json:"vendor,omitempty"`
	AP        *FieldRule      `json:"ap_rule,omitempty"`
	SSID      *FieldRule      `json:"ssid_rule,omitempty"`
	GuestMAC  *FieldRule      `json:"mac_rule,omitempty"`
	Locations *[]LocationRule `json:"location_rules,omitempty"`

	DisconnectOff     *bool              `json:"disconnect_off,omitempty"`
	DisconnectPort    *uint16            `json:"disconnect_port,omitempty"`
	DisconnectAddress *DisconnectAddress `json:"disconnect_address,omitempty"`
	DisconnectSecret  *string            `json:"disconnect_secret,omitempty"`
}

// Apply makes the client that the patch asks for. One that names a vendor, were it the
// same, forgets what was found out from packets.
func (p ClientPatch) Apply(c Client) Client {
	if p.Vendor != nil {
		c.Detected, c.DetectedBy = "", 0
	}
	take(&c.Secret, p.Secret)
	take(&c.Location, p.Location)
	take(&c.RequireMA, p.RequireMA)
	take(&c.Vendor, p.Vendor)
	take(&c.AP, p.AP)
	take(&c.SSID, p.SSID)
	take(&c.GuestMAC, p.GuestMAC)
	take(&c.Locations, p.Locations)
	take(&c.Disconnect.Off, p.DisconnectOff)
	take(&c.Disconnect.Port, p.DisconnectPort)
	take(&c.Disconnect.Address, p.DisconnectAddress)
	take(&c.DisconnectSecret, p.DisconnectSecret)
	return c
}

func take[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// FieldRule says where a client's packets hold something. The zero value says nothing.
type FieldRule struct {
	Attribute string `json:"attribute"`
	Pattern   string `json:"pattern,omitempty"` // regular expression; first group, else the whole match
}

// LocationBy is what a LocationRule looks at.
type LocationBy string

const (
	ByNAS   LocationBy = "nas"   // NAS-Identifier, else the NAS's address
	BySSID  LocationBy = "ssid"  // the SSID
	ByAP    LocationBy = "ap"    // the AP's identity
	ByRealm LocationBy = "realm" // what follows the @ of the User-Name: an Organization's realm
)

// LocationRule sends packets of a client that serves several Locations to one of them.
type LocationRule struct {
	By       LocationBy `json:"by"`
	Value    string     `json:"value"`    // the whole text; with a * at its end, its beginning
	Location string     `json:"location"` // id
}

// RadSecSettings is how a client is known on RadSec (RFC 6614): by its certificate, in
// one of two ways. Both empty: it does not come over RadSec.
type RadSecSettings struct {
	RadSecName  string `json:"radsec_name,omitempty"` // a name that the certificate bears, lower case; "*.example" stands for one label
	Certificate string `json:"certificate,omitempty"` // its SHA-256, 64 hexadecimal digits in lower case
	RadSecOnly  bool   `json:"radsec_only,omitempty"` // it has no secret, and nothing is taken from it over UDP
}

// RadSec reports whether the client may come over RadSec.
func (s RadSecSettings) RadSec() bool { return s.RadSecName != "" || s.Certificate != "" }

// Client is a configured RADIUS peer: a prefix of source addresses and their secret, or
// a certificate (RadSecSettings), or both.
type Client struct {
	ID   int64  `json:"-"`
	Name string `json:"name"`
	// Prefix is where it sends from. On RadSec it restricts only: several clients may
	// come from one address, and the zero Prefix is anywhere.
	Prefix netip.Prefix `json:"address"`
	Secret string       `json:"-"`
	// DisconnectSecret signs Disconnect-Requests to its NAS; empty: Secret.
	DisconnectSecret string    `json:"-"`
	LocationID       int64     `json:"-"`
	Location         string    `json:"location"`
	RequireMA        RequireMA `json:"require_message_authenticator"`
	CreatedAt        time.Time `json:"created_at"`
	ClientSettings
	// Detected is the vendor that the packets have shown, under VendorAuto; DetectedBy says
	// how surely (higher is surer).
	Detected   Vendor `json:"detected_vendor,omitempty"`
	DetectedBy uint8  `json:"-"`
	// Signed holds the addresses that have sent a valid Message-Authenticator;
	// under RequireAuto it is required from them ever after.
	Signed []netip.Addr `json:"signed_sources,omitempty"`
}
