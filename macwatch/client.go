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
}

// Client is a configured RADIUS peer: a prefix of source addresses and their secret.
type Client struct {
	ID     int64        `json:"-"`
	Name   string       `json:"name"`
	Prefix netip.Prefix `json:"address"`
	Secret string       `json:"-"`
	// DisconnectSecret signs Disconnect-Requests to its NAS; empty: Secret.
	DisconnectSecret string    `json:"-"`
	LocationID       int64     `json:"-"`
	Location         string    `json:"location"`
	RequireMA        RequireMA `json:"require_message_authenticator"`
	CreatedAt        time.Time `json:"created_at"`
	ClientSettings
	// Signed holds the addresses that have sent a valid Message-Authenticator;
	// under RequireAuto it is required from them ever after.
	Signed []netip.Addr `json:"signed_sources,omitempty"`
}
