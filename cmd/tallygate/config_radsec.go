package main

import (
	"crypto/tls"
	"fmt"
	"slices"

	"tallygate/radiusd"
)

// RadSecConfig is RADIUS over TLS. SIGHUP re-reads its files.
type RadSecConfig struct {
	Listen      []string `yaml:"listen"`      // IP:port; empty: no RadSec
	Cert        string   `yaml:"cert"`        // PEM file: the gateway's certificate, with those up to its CA
	Key         string   `yaml:"key"`         // PEM file
	ClientCA    string   `yaml:"client_ca"`   // PEM file: the CAs of the clients' certificates
	CRL         string   `yaml:"crl"`         // PEM or DER file: their revocation lists; empty: none
	MinVersion  string   `yaml:"min_version"` // of TLS: 1.2 or 1.3
	Connections Whole    `yaml:"connections"` // at a time, 1-65536; half of them for one client
}

const maxConnections = 1 << 16

var tlsVersions = map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}

func (c Config) checkRadSec() *mistake {
	r := c.Radius.RadSec
	for i, a := range r.Listen {
		if m := checkAddress(fmt.Sprintf("$.radius.radsec.listen[%d]", i), a, "2083"); m != nil {
			return m
		}
	}
	if _, ok := tlsVersions[r.MinVersion]; !ok {
		return &mistake{path: "$.radius.radsec.min_version", message: fmt.Sprintf("%q is not a TLS version for RadSec", r.MinVersion), hint: `choose "1.2" or "1.3"`}
	}
	if r.Connections < 1 || r.Connections > maxConnections {
		return &mistake{path: "$.radius.radsec.connections", message: fmt.Sprintf("connections must be from 1 to %d, not %d", maxConnections, r.Connections)}
	}
	if len(r.Listen) > 0 && slices.Contains([]string{r.Cert, r.Key, r.ClientCA}, "") {
		return &mistake{path: "$.radius.radsec", message: "RadSec needs cert, key and client_ca",
			hint: "`tallygate radsec init --dir DIR --name gateway.example` makes all three; without listen there is no RadSec"}
	}
	return nil
}

// files are what RadSec is made from, for package radiusd.
func (r RadSecConfig) files() radiusd.RadSecFiles {
	return radiusd.RadSecFiles{Certificate: r.Cert, Key: r.Key, ClientCA: r.ClientCA, CRL: r.CRL, MinVersion: tlsVersions[r.MinVersion]}
}

// options are RadSec's for package radiusd.
func (r RadSecConfig) options() radiusd.RadSecOptions {
	return radiusd.RadSecOptions{Listen: r.Listen, Files: r.files(), Connections: int(r.Connections)}
}

// withFiles is r with what a reload takes over from next.
func (r RadSecConfig) withFiles(next RadSecConfig) RadSecConfig {
	next.Listen, next.Connections = r.Listen, r.Connections
	return next
}
