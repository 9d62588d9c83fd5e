// Package authority is a small CA for RadSec: it makes a server certificate for the
// gateway and client certificates for access points, so that a venue can start without
// one of its own.
package authority

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"tallygate/cmd/internal/durable"
	"tallygate/licensing"
)

// The names of the files in an authority's directory.
const (
	caCertificate     = "ca.crt"
	caKey             = "ca.key"
	serverCertificate = "server.crt"
	serverKey         = "server.key"
)

const (
	caYears   = 20
	leafYears = 5
	// backdated is how far behind the clock of an access point may be.
	backdated = 24 * time.Hour
)

// Made is a certificate that was made, and its files.
type Made struct {
	CA          string    `json:"ca"` // file
	Certificate string    `json:"certificate"`
	Key         string    `json:"key"`
	Name        string    `json:"name"` // that the certificate bears
	Expires     time.Time `json:"expires_at"`
	SHA256      string    `json:"sha256"` // of the certificate, hexadecimal
}

// pair is a certificate with its key.
type pair struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// Init makes a CA in dir, which is created if absent, and the gateway's certificate. With
// renew the CA must be there and stays; only the gateway's certificate is made anew.
func Init(dir, name string, now time.Time, renew, dryRun bool) (Made, error) {
	if err := checkName(name); err != nil {
		return Made{}, err
	}
	_, err := os.Stat(filepath.Join(dir, caKey))
	switch {
	case renew:
		ca, err := open(dir)
		if err != nil {
			return Made{}, err
		}
		return issue(dir, ca, name, "server", x509.ExtKeyUsageServerAuth, now, dryRun)
	case err == nil:
		return Made{}, licensing.Errorf(licensing.CodeConflict, "%s holds an authority already", dir).
			WithHint("--renew makes a new certificate for the gateway and keeps the authority, which the access points trust")
	case !errors.Is(err, fs.ErrNotExist):
		return Made{}, licensing.Errorf(licensing.CodeInvalid, "cannot look into %s: %w", dir, err).WithHint("name a directory of your own with --dir")
	}
	ca, err := newPair(&x509.Certificate{
		Subject: pkix.Name{CommonName: "Tallygate RadSec CA of " + name}, NotAfter: now.AddDate(caYears, 0, 0),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}, nil, now)
	if err != nil {
		return Made{}, err
	}
	if !dryRun {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return Made{}, durable.CannotWrite(dir, err)
		}
		if err := ca.write(filepath.Join(dir, caCertificate), filepath.Join(dir, caKey)); err != nil {
			return Made{}, err
		}
	}
	return issue(dir, ca, name, "server", x509.ExtKeyUsageServerAuth, now, dryRun)
}

// Client makes a certificate for a client with this name. One that is there already is
// replaced only with renew.
func Client(dir, name string, now time.Time, renew, dryRun bool) (Made, error) {
	if err := checkName(name); err != nil {
		return Made{}, err
	}
	ca, err := open(dir)
	if err != nil {
		return Made{}, err
	}
	file := fileName(name)
	if _, err := os.Stat(filepath.Join(dir, file+".crt")); err == nil && !renew {
		return Made{}, licensing.Errorf(licensing.CodeConflict, "there is a certificate for %s already", name).
			WithHint("--renew replaces it; the old one stays valid until it expires")
	}
	return issue(dir, ca, name, file, x509.ExtKeyUsageClientAuth, now, dryRun)
}

// fileName keeps a client's files apart from those of the authority itself.
func fileName(name string) string { return "client-" + strings.ReplaceAll(name, ":", "-") }

func issue(dir string, ca pair, name, file string, use x509.ExtKeyUsage, now time.Time, dryRun bool) (Made, error) {
	expires := now.AddDate(leafYears, 0, 0)
	if ca.certificate.NotAfter.Before(expires) {
		expires = ca.certificate.NotAfter // beyond it the chain would not hold
	}
	c := &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, NotAfter: expires,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{use}, BasicConstraintsValid: true,
	}
	if ip, err := netip.ParseAddr(name); err == nil {
		c.IPAddresses = append(c.IPAddresses, ip.AsSlice())
	} else {
		c.DNSNames = []string{name}
	}
	made, err := newPair(c, &ca, now)
	if err != nil {
		return Made{}, err
	}
	m := Made{
		CA: filepath.Join(dir, caCertificate), Certificate: filepath.Join(dir, file+".crt"), Key: filepath.Join(dir, file+".key"),
		Name: name, Expires: made.certificate.NotAfter.UTC(), SHA256: fmt.Sprintf("%x", sha256.Sum256(made.certificate.Raw)),
	}
	if dryRun {
		return m, nil
	}
	return m, made.write(m.Certificate, m.Key)
}

func newPair(c *x509.Certificate, ca *pair, now time.Time) (pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return pair{}, fmt.Errorf("making a key: %w", err)
	}
	if c.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)); err != nil {
		return pair{}, fmt.Errorf("drawing a serial number: %w", err)
	}
	c.NotBefore = now.Add(-backdated)
	parent := pair{c, key}
	if ca != nil {
		parent = *ca
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent.certificate, &key.PublicKey, parent.key)
	if err != nil {
		return pair{}, fmt.Errorf("signing a certificate: %w", err)
	}
	made, err := x509.ParseCertificate(der)
	return pair{made, key}, err
}

// write writes the key before the certificate: a crash in between leaves a pair that does
// not fit, which everybody notices, and never a certificate whose key is lost.
func (p pair) write(certificate, key string) error {
	der, err := x509.MarshalPKCS8PrivateKey(p.key)
	if err != nil {
		return fmt.Errorf("writing a key: %w", err)
	}
	if err := durable.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		return err
	}
	return durable.WriteFile(certificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.certificate.Raw}), 0o600)
}

// open reads the CA.
func open(dir string) (pair, error) {
	bad := func(err error) (pair, error) {
		return pair{}, licensing.Errorf(licensing.CodeInvalid, "there is no authority in %s: %w", dir, err).
			WithHint("name the directory that `tallygate radsec init` made with --dir")
	}
	read := func(name, kind string) ([]byte, error) {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		if block, _ := pem.Decode(text); block != nil && block.Type == kind {
			return block.Bytes, nil
		}
		return nil, fmt.Errorf("%s is not a PEM file with a %s", name, strings.ToLower(kind))
	}
	der, err := read(caCertificate, "CERTIFICATE")
	if err != nil {
		return bad(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return bad(err)
	}
	if der, err = read(caKey, "PRIVATE KEY"); err != nil {
		return bad(err)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return bad(err)
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || !key.PublicKey.Equal(certificate.PublicKey) {
		return bad(errors.New("its key does not fit its certificate"))
	}
	return pair{certificate, key}, nil
}

// checkName wants a DNS name or an address: that is what peers compare. It is also part
// of a file's name.
func checkName(name string) error {
	if _, err := netip.ParseAddr(name); err == nil && !strings.Contains(name, "%") {
		return nil
	}
	ok := len(name) > 0 && len(name) <= 253
	for label := range strings.SplitSeq(name, ".") {
		ok = ok && len(label) > 0 && len(label) <= 63 && label[0] != '-' && label[len(label)-1] != '-' &&
			strings.Trim(label, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") == ""
	}
	if ok {
		return nil
	}
	return licensing.Errorf(licensing.CodeInvalid, "%q is not a name for a certificate", name).
		WithHint("write a DNS name such as gateway.example or ap1.example, or an IP address; it need not exist in the DNS")
}
