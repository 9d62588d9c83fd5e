package radiusd

import (
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"net/netip"
	"strings"
)

// radsecSecret is the shared secret of every RadSec client (RFC 6614 section 2.3). It
// protects nothing: the certificates do.
const radsecSecret = "radsec"

// radsecIndex finds clients by their certificate.
type radsecIndex struct {
	clients      []client         // as on UDP, but with radsecSecret
	certificates map[string]int32 // SHA-256 in hexadecimal, to clients
	names        map[string]int32
}

func (x *radsecIndex) add(c client) {
	if !c.RadSec() {
		return
	}
	if x.certificates == nil {
		x.certificates, x.names = make(map[string]int32), make(map[string]int32)
	}
	c.secret = newSecret(radsecSecret)
	x.clients = append(x.clients, c)
	i := int32(len(x.clients) - 1)
	if c.Certificate != "" {
		x.certificates[c.Certificate] = i
	} else {
		x.names[c.RadSecName] = i
	}
}

// find is the client that a certificate stands for: by the certificate itself, else by
// its names in their order, else by a name with * for the first label. Nil: nobody.
func (x *radsecIndex) find(p *peerCertificate) *client {
	if i, ok := x.certificates[p.digest]; ok {
		return &x.clients[i]
	}
	for _, name := range p.names {
		if i, ok := x.names[name]; ok {
			return &x.clients[i]
		}
	}
	for _, name := range p.names {
		if _, parent, ok := strings.Cut(name, "."); ok {
			if i, ok := x.names["*."+parent]; ok {
				return &x.clients[i]
			}
		}
	}
	return nil
}

// mayComeFrom reports whether the client's addresses, where it has any, hold source.
func (c *client) mayComeFrom(source netip.Addr) bool {
	return !c.Prefix.IsValid() || c.Prefix.Contains(source)
}

// peerCertificate is a verified client certificate.
type peerCertificate struct {
	digest string   // SHA-256 of the whole certificate, hexadecimal
	names  []string // lower case
	chains [][]*x509.Certificate
}

// readPeerCertificate takes the names that RFC 6614 section 2.3 lets a peer be known by:
// DNS names, then addresses of subjectAltName. The common name counts only where there
// are none (RFC 6125 section 6.4.4), since a CA may check it less.
func readPeerCertificate(leaf *x509.Certificate, chains [][]*x509.Certificate) peerCertificate {
	sum := sha256.Sum256(leaf.Raw)
	p := peerCertificate{digest: fmt.Sprintf("%x", sum), chains: chains}
	for _, name := range leaf.DNSNames {
		p.names = append(p.names, strings.ToLower(name))
	}
	for _, ip := range leaf.IPAddresses {
		p.names = append(p.names, ip.String())
	}
	if len(p.names) == 0 && leaf.Subject.CommonName != "" {
		p.names = []string{strings.ToLower(leaf.Subject.CommonName)}
	}
	return p
}
