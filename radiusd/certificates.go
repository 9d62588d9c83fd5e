package radiusd

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"tallygate/licensing"
)

const (
	maxCertificates = 4 << 20 // of a file, in octets: a long revocation list fits
	expirySoon      = 30 * 24 * time.Hour
)

// RadSecFiles are the files that RadSec's TLS is made from, and its lowest version.
type RadSecFiles struct {
	Certificate string // PEM: the gateway's, then those between it and its CA
	Key         string // PEM
	ClientCA    string // PEM: the CAs that sign the clients' certificates
	CRL         string // PEM or DER: their revocation lists; empty: none
	MinVersion  uint16 // default tls.VersionTLS12
}

// certificates is what a handshake is made with. Immutable; a reload makes another.
type certificates struct {
	config   tls.Config
	expires  time.Time
	revoked  map[revocation]struct{}
	warnings []string
}

// revocation names a certificate on a revocation list.
type revocation struct{ issuer, serial string }

// CheckRadSec reads the files as Listen would. The error is a *licensing.Error that says
// what to do; warnings are what will be wrong soon, or is of no help.
func CheckRadSec(files RadSecFiles, now time.Time) (warnings []string, err error) {
	c, err := loadCertificates(files, now)
	if err != nil {
		return nil, err
	}
	return c.warnings, nil
}

func loadCertificates(files RadSecFiles, now time.Time) (*certificates, error) {
	c := &certificates{config: tls.Config{
		MinVersion: max(files.MinVersion, tls.VersionTLS12),
		ClientAuth: tls.RequireAndVerifyClientCert,
		// A ticket would carry a client past a revocation or a new client_ca, and spare
		// it one handshake in days.
		SessionTicketsDisabled: true,
	}}
	if err := c.loadPair(files, now); err != nil {
		return nil, err
	}
	authorities, err := c.loadAuthorities(files.ClientCA, now)
	if err != nil {
		return nil, err
	}
	return c, c.loadRevocations(files.CRL, authorities, now)
}

func (c *certificates) loadPair(files RadSecFiles, now time.Time) error {
	chain, err := readCertificateFile("cert", files.Certificate)
	if err != nil {
		return err
	}
	key, err := readCertificateFile("key", files.Key)
	if err != nil {
		return err
	}
	if info, err := os.Stat(files.Key); err == nil && info.Mode()&0o007 != 0 {
		c.warnings = append(c.warnings, fmt.Sprintf("everybody on this machine can read the secret key: chmod o= %s", files.Key))
	}
	pair, err := tls.X509KeyPair(chain, key)
	switch {
	case err != nil && bytes.Contains(key, []byte("ENCRYPTED")):
		return filesError("the key in %s has a passphrase: %w", files.Key, err).
			WithHint("write it without one (openssl pkey -in OLD -out NEW), with mode 0600: the gateway must start by itself")
	case err != nil && len(parseCertificates(chain)) > 0 && bytes.Contains(key, []byte("PRIVATE KEY-----")):
		return filesError("the key in %s does not fit the certificate in %s: %w", files.Key, files.Certificate, err).
			WithHint("radius.radsec.cert and key must come from the same request, the gateway's own certificate first in its file")
	case err != nil:
		return filesError("%s and %s are not a certificate and its key: %w", files.Certificate, files.Key, err).
			WithHint("both must be PEM files; `tallygate radsec init` makes a pair")
	}
	c.config.Certificates = []tls.Certificate{pair}
	c.expires = pair.Leaf.NotAfter
	c.warnTime("the gateway's certificate in "+files.Certificate, pair.Leaf, now)
	return nil
}

// warnTime notes a certificate that is not valid now, or not for long any more.
func (c *certificates) warnTime(what string, leaf *x509.Certificate, now time.Time) {
	date := func(t time.Time) string { return t.UTC().Format(time.RFC3339) }
	switch {
	case now.After(leaf.NotAfter):
		c.warnings = append(c.warnings, fmt.Sprintf("%s has expired on %s: no connection will be made with it; renew it", what, date(leaf.NotAfter)))
	case now.Before(leaf.NotBefore):
		c.warnings = append(c.warnings, fmt.Sprintf("%s is not valid before %s: is the clock right?", what, date(leaf.NotBefore)))
	case now.Add(expirySoon).After(leaf.NotAfter):
		c.warnings = append(c.warnings, fmt.Sprintf("%s expires on %s: renew it in time", what, date(leaf.NotAfter)))
	}
}

func (c *certificates) loadAuthorities(file string, now time.Time) ([]*x509.Certificate, error) {
	text, err := readCertificateFile("client_ca", file)
	if err != nil {
		return nil, err
	}
	authorities := parseCertificates(text)
	if len(authorities) == 0 {
		return nil, filesError("there is no certificate in %s", file).
			WithHint("radius.radsec.client_ca is a PEM file with the certificate of each CA that signs client certificates")
	}
	c.config.ClientCAs = x509.NewCertPool()
	for _, ca := range authorities {
		c.config.ClientCAs.AddCert(ca)
		c.warnTime(fmt.Sprintf("the CA %q in %s", ca.Subject, file), ca, now)
	}
	return authorities, nil
}

// loadRevocations reads the lists. Each must be signed by one of the CAs, or anybody who
// can write the file could shut out an access point.
func (c *certificates) loadRevocations(file string, authorities []*x509.Certificate, now time.Time) error {
	if file == "" {
		return nil
	}
	text, err := readCertificateFile("crl", file)
	if err != nil {
		return err
	}
	c.revoked = make(map[revocation]struct{})
	for n, der := range pemBlocks(text, "X509 CRL") {
		list, err := x509.ParseRevocationList(der)
		if err != nil {
			return filesError("%s: revocation list %d cannot be read: %w", file, n+1, err).WithHint("radius.radsec.crl takes PEM or DER")
		}
		signed := false
		for _, ca := range authorities {
			signed = signed || list.CheckSignatureFrom(ca) == nil
		}
		if !signed {
			return filesError("%s: revocation list %d (of %s) is not signed by a CA in client_ca", file, n+1, list.Issuer).
				WithHint("put the list of the CA that signs the client certificates into radius.radsec.crl")
		}
		if !list.NextUpdate.IsZero() && now.After(list.NextUpdate) {
			c.warnings = append(c.warnings, fmt.Sprintf("the revocation list of %s in %s should have been replaced by %s; it is used all the same",
				list.Issuer, file, list.NextUpdate.UTC().Format(time.RFC3339)))
		}
		for _, entry := range list.RevokedCertificateEntries {
			c.revoked[revocation{string(list.RawIssuer), entry.SerialNumber.String()}] = struct{}{}
		}
	}
	return nil
}

// refuses reports whether every way from a certificate to a CA leads over a revoked one.
func (c *certificates) refuses(chains [][]*x509.Certificate) bool {
	if len(c.revoked) == 0 {
		return false
	}
	for _, chain := range chains {
		revoked := false
		for _, link := range chain {
			_, listed := c.revoked[revocation{string(link.RawIssuer), link.SerialNumber.String()}]
			revoked = revoked || listed
		}
		if !revoked {
			return false
		}
	}
	return true
}

func parseCertificates(text []byte) []*x509.Certificate {
	var out []*x509.Certificate
	for _, der := range pemBlocks(text, "CERTIFICATE") {
		if c, err := x509.ParseCertificate(der); err == nil {
			out = append(out, c)
		}
	}
	return out
}

// pemBlocks are the blocks of one kind; a file that is no PEM is taken for one of them.
func pemBlocks(text []byte, kind string) [][]byte {
	var out [][]byte
	some := false
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		some = true
		if block.Type == kind {
			out = append(out, block.Bytes)
		}
	}
	if !some {
		return [][]byte{text}
	}
	return out
}

func readCertificateFile(key, path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err == nil && len(text) > maxCertificates {
		err = fmt.Errorf("%s is larger than %d octets", path, maxCertificates)
	}
	switch {
	case err == nil:
		return text, nil
	case errors.Is(err, fs.ErrPermission):
		return nil, filesError("cannot read radius.radsec.%s: %w", key, err).
			WithHint("the gateway's user must be able to read it: chown tallygate: %s", path)
	}
	return nil, filesError("cannot read radius.radsec.%s: %w", key, err).
		WithHint("name an existing file, or make one with `tallygate radsec init --dir DIR --name gateway.example`")
}

func filesError(format string, args ...any) *licensing.Error {
	return licensing.Errorf(licensing.CodeInvalid, format, args...)
}
