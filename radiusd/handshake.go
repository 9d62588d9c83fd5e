package radiusd

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"go.uber.org/zap"
)

// Why a connection was not made: the closed set of the metric's label.
const (
	failedTimeout       = "timeout"         // the peer did not finish
	failedClosed        = "closed"          // the peer went away
	failedProtocol      = "protocol"        // it does not speak TLS, or none of our versions
	failedRefused       = "refused-by-peer" // it does not accept our certificate
	failedNoCertificate = "no-certificate"
	failedUntrusted     = "untrusted" // its certificate is not signed by client_ca, or not valid now
	failedRevoked       = "revoked"
	failedUnknown       = "unknown-client" // no client is known by its certificate
	failedAddress       = "wrong-address"
	failedLimit         = "limit"
)

var handshakeFailures = []string{failedTimeout, failedClosed, failedProtocol, failedRefused, failedNoCertificate,
	failedUntrusted, failedRevoked, failedUnknown, failedAddress, failedLimit}

// refusedPeer is a verified certificate that is not let in.
type refusedPeer struct {
	why     string
	subject string
	peer    peerCertificate
	client  *client // failedAddress: whose certificate it is
}

func (e *refusedPeer) Error() string {
	return fmt.Sprintf("%s: certificate of %s, SHA-256 %s", e.why, e.subject, e.peer.digest)
}

// connect is the life of one connection, from its handshake to its end.
func (r *radsec) connect(conn net.Conn, source netip.AddrPort) {
	l, err := r.handshake(conn, source)
	if err != nil {
		why, hint := explainHandshake(err, source.Addr())
		r.refuse(source, why, err, hint)
		r.farewell(conn)
	}
	if !r.settle(conn, source.Addr(), l) {
		if l != nil {
			r.refuse(source, failedLimit, fmt.Errorf("client %q has half of all connections", l.name), "raise radius.radsec.connections if these are all its own")
		}
		_ = conn.Close() // there is nothing more to say
		return
	}
	r.log.linkMade(l)
	go l.write() // ends at finish, which waits for it, as we do below
	why := l.read()
	if r.isClosing() {
		return // what is still to be answered goes out before finish
	}
	l.finish()
	<-l.written
	r.leave(l)
	l.socket.cache.close() // RFC 6613 section 2.6.1: answers of a connection that is gone are discarded
	r.log.linkEnded(l, why, zap.InfoLevel)
}

func (r *radsec) isClosing() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closing
}

func (r *radsec) handshake(conn net.Conn, source netip.AddrPort) (*link, error) {
	if err := conn.SetWriteDeadline(time.Now().Add(r.patience)); err != nil {
		return nil, err
	}
	if err := r.deadline(conn, r.patience); err != nil {
		return nil, err
	}
	certificates := r.certificates.Load()
	var peer peerCertificate
	var known *client
	config := certificates.config.Clone()
	config.VerifyConnection = func(state tls.ConnectionState) error {
		leaf := state.PeerCertificates[0]
		peer = readPeerCertificate(leaf, state.VerifiedChains)
		refuse := func(why string) error { return &refusedPeer{why, leaf.Subject.String(), peer, known} }
		if certificates.refuses(peer.chains) {
			return refuse(failedRevoked)
		}
		known = r.server.view.Load().radsec.find(&peer)
		switch {
		case known == nil:
			return refuse(failedUnknown)
		case !known.mayComeFrom(source.Addr()):
			return refuse(failedAddress)
		}
		return nil
	}
	secure := tls.Server(conn, config)
	if err := secure.HandshakeContext(context.Background()); err != nil {
		return nil, err
	}
	return newLink(r, secure, source, peer, known), nil
}

// farewell ends a connection that was refused. The peer may still be sending: closing at
// once would reset it, and the TLS alert that says why would be lost.
func (r *radsec) farewell(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok && tcp.CloseWrite() == nil && r.deadline(conn, lingering) == nil {
		_, _ = io.CopyN(io.Discard, conn, lingerOn)
	}
}

// explainHandshake says what failed, and what the operator can do.
func explainHandshake(err error, source netip.Addr) (why, hint string) {
	var alien *refusedPeer
	var untrusted *tls.CertificateVerificationError
	var remote *net.OpError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &alien):
		return alien.why, alien.hint(source)
	case errors.As(err, &untrusted) && errors.As(err, &invalid) && invalid.Reason == x509.IncompatibleUsage:
		return failedUntrusted, "its certificate is not for TLS clients: it needs the extended key usage clientAuth"
	case errors.As(err, &untrusted) && errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return failedUntrusted, "renew its certificate, or set its clock or this machine's"
	case errors.As(err, &untrusted):
		return failedUntrusted, "its certificate must be signed by a CA in radius.radsec.client_ca: `tallygate radsec client` makes one, or add its CA to the file and reload"
	case strings.Contains(err.Error(), "didn't provide a certificate"):
		return failedNoCertificate, "give the access point or proxy a client certificate: `tallygate radsec client` makes one"
	case errors.As(err, &remote) && remote.Op == "remote error":
		return failedRefused, "the peer does not accept the gateway's certificate: give it the CA of radius.radsec.cert, and check the name that it expects"
	case errors.Is(err, os.ErrDeadlineExceeded):
		return failedTimeout, ""
	case strings.HasPrefix(err.Error(), "tls: "):
		return failedProtocol, "this port speaks TLS 1.2 and 1.3 only: plain RADIUS over TCP is not served"
	}
	return failedClosed, ""
}

func (e *refusedPeer) hint(source netip.Addr) string {
	switch e.why {
	case failedRevoked:
		return "its certificate is on the revocation list: give it a new one"
	case failedAddress:
		return fmt.Sprintf("the certificate is that of client %q, which may come from %s only; if %s is right too, remove the client and add it with another --address", e.client.Name, e.client.Prefix, source)
	}
	known := "--certificate " + e.peer.digest
	if len(e.peer.names) > 0 {
		known = "--radsec-name " + shellWord(e.peer.names[0])
	}
	return fmt.Sprintf("If %s is one of your access points, controllers or proxies, run: tallygate client add NAME %s --location ID", source, known)
}

// shellWord quotes what a certificate says, so that a copied command does no more than
// it seems to.
func shellWord(s string) string {
	plain := func(r rune) bool {
		return r == '.' || r == '-' || r == '_' || r == ':' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
	}
	if strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
