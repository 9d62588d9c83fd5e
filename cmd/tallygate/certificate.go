package main

import (
	"crypto/tls"
	"sync/atomic"

	"tallygate/licensing"
)

// certificate is what the TCP listener shows; SIGHUP reads it anew.
type certificate struct {
	now atomic.Pointer[tls.Certificate]
}

// read takes the files of c; when they are no good, what was read before stays.
func (k *certificate) read(c TLSConfig) error {
	pair, err := tls.LoadX509KeyPair(c.Certificate, c.Key)
	if err != nil {
		return licensing.Errorf(licensing.CodeInvalid, "cannot use the certificate of admin.tls: %w", err).
			WithHint("admin.tls.certificate and admin.tls.key must be PEM files of one pair that the gateway's user can read")
	}
	k.now.Store(&pair)
	return nil
}

// tls serves with the certificate that is in force when somebody connects.
func (k *certificate) tls() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return k.now.Load(), nil },
	}
}
