package main

import (
	"fmt"
	"net/netip"
)

// maxDisconnectRate is more than any controller takes.
const maxDisconnectRate = 10_000

// DisconnectConfig is how guests' sessions are ended (RFC 5176).
type DisconnectConfig struct {
	Source    string `yaml:"source"`     // IP address to send from; empty: what the system picks
	Rate      Whole  `yaml:"rate"`       // packets a second to one NAS, 1-10000
	TotalRate Whole  `yaml:"total_rate"` // packets a second to all of them, 1-10000
}

// source is Source for package netip.
func (c DisconnectConfig) source() netip.Addr {
	a, _ := netip.ParseAddr(c.Source) // checked when it was read
	return a
}

func (c DisconnectConfig) check() *mistake {
	if a, err := netip.ParseAddr(c.Source); c.Source != "" && (err != nil || a.IsUnspecified()) {
		return &mistake{path: "$.disconnect.source", message: fmt.Sprintf("%q is not an address of this machine", c.Source),
			hint: "write an IP address, or leave it empty: then the system picks the one that leads to the NAS"}
	}
	for _, r := range []struct {
		key  string
		rate Whole
	}{{"rate", c.Rate}, {"total_rate", c.TotalRate}} {
		if r.rate < 1 || r.rate > maxDisconnectRate {
			return &mistake{path: "$.disconnect." + r.key, message: fmt.Sprintf("%s must be from 1 to %d, not %d", r.key, maxDisconnectRate, r.rate)}
		}
	}
	return nil
}
