package radiusd

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/md5"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"

	"tallygate/macwatch"
)

// authority is a CA of the tests.
type authority struct {
	t    testing.TB
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	next int64
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	a := &authority{t: t, next: 1}
	a.cert, a.key = a.make(&x509.Certificate{
		Subject: pkix.Name{CommonName: "test CA"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}, nil, nil)
	return a
}

func (a *authority) make(c, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(a.t, err)
	c.SerialNumber = big.NewInt(a.next)
	a.next++
	if c.NotAfter.IsZero() {
		c.NotAfter = time.Now().Add(365 * 24 * time.Hour)
	}
	c.NotBefore = time.Now().Add(-48 * time.Hour)
	if parent == nil {
		parent, parentKey = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, parentKey)
	require.NoError(a.t, err)
	made, err := x509.ParseCertificate(der)
	require.NoError(a.t, err)
	return made, key
}

// issue makes a certificate for both ends of a connection, with DNS names.
func (a *authority) issue(common string, names []string, changes ...func(*x509.Certificate)) tls.Certificate {
	a.t.Helper()
	c := &x509.Certificate{
		Subject: pkix.Name{CommonName: common}, DNSNames: names, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	for _, change := range changes {
		change(c)
	}
	made, key := a.make(c, a.cert, a.key)
	return tls.Certificate{Certificate: [][]byte{made.Raw}, PrivateKey: key, Leaf: made}
}

func (a *authority) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.cert)
	return p
}

// revoke is a signed revocation list.
func (a *authority) revoke(certificates ...tls.Certificate) []byte {
	a.t.Helper()
	list := &x509.RevocationList{Number: big.NewInt(a.next), ThisUpdate: time.Now(), NextUpdate: time.Now().Add(time.Hour)}
	for _, c := range certificates {
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: c.Leaf.SerialNumber, RevocationTime: time.Now()})
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, a.cert, a.key)
	require.NoError(a.t, err)
	return pemOf("X509 CRL", der)
}

func pemOf(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func write(t testing.TB, path string, text []byte) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, text, 0o600))
}

// writeFiles writes what the gateway needs.
func (a *authority) writeFiles(dir string, server tls.Certificate) RadSecFiles {
	a.t.Helper()
	f := RadSecFiles{Certificate: filepath.Join(dir, "server.crt"), Key: filepath.Join(dir, "server.key"), ClientCA: filepath.Join(dir, "ca.crt")}
	write(a.t, f.Certificate, pemOf("CERTIFICATE", server.Certificate[0]))
	key, err := x509.MarshalPKCS8PrivateKey(server.PrivateKey)
	require.NoError(a.t, err)
	write(a.t, f.Key, pemOf("PRIVATE KEY", key))
	write(a.t, f.ClientCA, pemOf("CERTIFICATE", a.cert.Raw))
	return f
}

// secure is a gateway with RadSec, for which ap1.example is a client that comes over
// RadSec alone.
type secure struct {
	*gateway
	ca  *authority
	dir string
	ap1 tls.Certificate
}

func startSecure(t testing.TB, changes ...func(*secure)) *secure {
	t.Helper()
	s := &secure{gateway: prepare(t), ca: newAuthority(t), dir: t.TempDir()}
	s.ap1 = s.ca.issue("one of the APs", []string{"AP1.example"})
	s.options.RejectDelay = time.Millisecond
	s.options.RadSec = RadSecOptions{Listen: []string{"127.0.0.1:0"}, Files: s.ca.writeFiles(s.dir, s.ca.issue("gateway", []string{"gateway.example"}))}
	s.addClient("ap1", macwatch.RadSecSettings{RadSecName: "ap1.example", RadSecOnly: true})
	for _, change := range changes {
		change(s)
	}
	s.serve()
	return s
}

func (s *secure) addClient(name string, known macwatch.RadSecSettings, from ...string) {
	c := macwatch.Client{
		ID: int64(len(s.clients) + 1), Name: name, LocationID: 7, Location: "28N2S004", RequireMA: macwatch.RequireYes,
		ClientSettings: macwatch.ClientSettings{RadSecSettings: known},
	}
	for _, prefix := range from {
		c.Prefix = netip.MustParsePrefix(prefix)
	}
	s.clients = append(s.clients, c)
}

// peer is a RadSec client.
type peer struct {
	t    testing.TB
	conn *tls.Conn
}

func (s *secure) config(certificates ...tls.Certificate) *tls.Config {
	return &tls.Config{Certificates: certificates, RootCAs: s.ca.pool(), ServerName: "gateway.example", MinVersion: tls.VersionTLS12}
}

// connect makes a connection that must come about.
func (s *secure) connect(certificates ...tls.Certificate) *peer {
	s.t.Helper()
	p, err := s.try(s.config(certificates...), "127.0.0.1")
	require.NoError(s.t, err)
	p.alive()
	return p
}

// try connects from an address of the loopback. Under TLS 1.3 the client learns with the
// first read that it is refused; try reads it.
func (s *secure) try(config *tls.Config, from string) (*peer, error) {
	s.t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	raw, err := dialer.Dial("tcp", s.RadSecAddrs()[0].String())
	require.NoError(s.t, err)
	s.t.Cleanup(func() { _ = raw.Close() })
	require.NoError(s.t, raw.SetDeadline(time.Now().Add(20*time.Second)))
	conn := tls.Client(raw, config)
	if err := conn.Handshake(); err != nil {
		return nil, err
	}
	p := &peer{s.t, conn}
	p.send(secured(status(249)))
	if _, err := p.read(); err != nil {
		return nil, err
	}
	return p, nil
}

func (p *peer) send(packets ...[]byte) {
	p.t.Helper()
	_, err := p.conn.Write(bytes.Join(packets, nil))
	require.NoError(p.t, err)
}

func (p *peer) read() ([]byte, error) {
	head := make([]byte, 4)
	if _, err := io.ReadFull(p.conn, head); err != nil {
		return nil, err
	}
	rest := make([]byte, int(head[2])<<8|int(head[3])-4)
	_, err := io.ReadFull(p.conn, rest)
	return append(head, rest...), err
}

func (p *peer) receive() []byte {
	p.t.Helper()
	answer, err := p.read()
	require.NoError(p.t, err)
	return answer
}

func (p *peer) exchange(packet []byte) *radius.Packet {
	p.t.Helper()
	p.send(packet)
	return verifyWith(p.t, radsecSecret, packet, p.receive())
}

// alive shows that the connection stands and that nothing else was answered.
func (p *peer) alive() {
	p.t.Helper()
	require.Equal(p.t, radius.CodeAccessAccept, p.exchange(secured(status(250))).Code)
}

// closed shows that the gateway has ended the connection, in order.
func (p *peer) closed() {
	p.t.Helper()
	answer, err := p.read()
	require.ErrorIs(p.t, err, io.EOF, "it answers %x", answer)
}

// secured signs a packet of the other helpers anew, with the secret of RadSec.
func secured(packet []byte) []byte {
	b := bytes.Clone(packet)
	derived := b[0] == byte(radius.CodeAccountingRequest) || b[0] == byte(radius.CodeCoARequest) || b[0] == byte(radius.CodeDisconnectRequest)
	if derived {
		clear(b[4:20])
	}
	for at := 20; at < len(b); at += int(b[at+1]) {
		if b[at] == 80 {
			copy(b[at+2:], oracleMAWith(radsecSecret, b))
			break
		}
	}
	if derived {
		sum := md5.Sum(append(bytes.Clone(b), radsecSecret...))
		copy(b[4:], sum[:])
	}
	return b
}
