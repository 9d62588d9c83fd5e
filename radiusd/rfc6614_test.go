package radiusd

import (
	"crypto/tls"
	"crypto/x509"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
	"layeh.com/radius"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// RFC 6614 section 2.3: TLS 1.2 or newer with certificates on both sides, and the
// certificate says who the peer is.
func TestRFC6614Section23WhoThePeerIs(t *testing.T) {
	var wild, pinned, named, alone tls.Certificate
	s := startSecure(t, func(s *secure) {
		wild, alone = s.ca.issue("ap7", []string{"ap7.lobby.example"}), s.ca.issue("Common.example", nil)
		pinned, named = s.ca.issue("pinned", []string{"pinned.example"}), s.ca.issue("ignored.example", []string{"other.example", "second.example"})
		s.addClient("lobby", macwatch.RadSecSettings{RadSecName: "*.lobby.example", RadSecOnly: true})
		s.addClient("pinned", macwatch.RadSecSettings{Certificate: readPeerCertificate(pinned.Leaf, nil).digest, RadSecOnly: true})
		s.addClient("common", macwatch.RadSecSettings{RadSecName: "common.example", RadSecOnly: true})
		s.addClient("second", macwatch.RadSecSettings{RadSecName: "second.example", RadSecOnly: true}, "127.0.0.0/8")
		s.addClient("ignored", macwatch.RadSecSettings{RadSecName: "ignored.example", RadSecOnly: true})
	})
	last := func() string {
		records := s.journal.records()
		return s.clients[records[len(records)-1].Client-1].Name
	}
	for _, c := range []struct {
		name   string
		cert   tls.Certificate
		client string
	}{
		{"a DNS name, in any case", s.ap1, "ap1"},
		{"the label that * stands for", wild, "lobby"},
		{"the certificate itself", pinned, "pinned"},
		{"the common name, where there is no other", alone, "common"},
		{"the second name, and not the common name beside it", named, "second"},
	} {
		// All come from one address: the certificate alone tells them apart.
		require.Equal(t, radius.CodeAccountingResponse, s.connect(c.cert).exchange(secured(accounting(1, macwatch.StatusStart, c.name))).Code)
		require.Equal(t, c.client, last(), c.name)
	}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		config := s.config(s.ap1)
		config.MinVersion, config.MaxVersion = version, version
		p, err := s.try(config, "127.0.0.1")
		require.NoError(t, err)
		require.Equal(t, version, p.conn.ConnectionState().Version)
	}
}

// RFC 6614 section 2.3 and RFC 6613 section 2.6.4: who is not let in hears so by a TLS
// alert, and the log says what to do.
func TestRFC6614Section23WhoIsNotLetIn(t *testing.T) {
	core, lines := observer.New(zapcore.InfoLevel)
	var revoked, expired, elsewhere tls.Certificate
	s := startSecure(t, func(s *secure) {
		s.options.Log = zap.New(core)
		revoked, elsewhere = s.ca.issue("revoked", []string{"revoked.example"}), s.ca.issue("elsewhere", []string{"elsewhere.example"})
		expired = s.ca.issue("expired", []string{"ap1.example"}, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Hour) })
		s.addClient("revoked", macwatch.RadSecSettings{RadSecName: "revoked.example", RadSecOnly: true})
		s.addClient("elsewhere", macwatch.RadSecSettings{RadSecName: "elsewhere.example", RadSecOnly: true}, "192.0.2.0/24")
		s.options.RadSec.Files.CRL = s.dir + "/crl.pem"
		write(t, s.options.RadSec.Files.CRL, s.ca.revoke(revoked))
	})
	foreign := newAuthority(t)
	newer := func(c *tls.Config) { c.MinVersion = tls.VersionTLS13 }
	older := func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }
	for i, c := range []struct {
		reason, alert, hint string
		cert                *tls.Certificate
		change              func(*tls.Config)
	}{
		{failedUnknown, "bad certificate", "tallygate client add NAME --radsec-name new.example --location ID", ptr(s.ca.issue("new", []string{"new.example"})), newer},
		{failedUnknown, "bad certificate", "tallygate client add NAME --radsec-name new.example --location ID", ptr(s.ca.issue("new", []string{"new.example"})), older},
		{failedUnknown, "bad certificate", "tallygate client add NAME --certificate ", ptr(s.ca.issue("", nil)), nil},
		{failedUnknown, "bad certificate", `--radsec-name '$(reboot) '\''x' --location`, ptr(s.ca.issue("$(reboot) 'X", nil)), nil},
		{failedRevoked, "bad certificate", "revocation list", &revoked, nil},
		{failedAddress, "bad certificate", "192.0.2.0/24", &elsewhere, nil},
		{failedUntrusted, "certificate", "client_ca", ptr(foreign.issue("ap1", []string{"ap1.example"})), nil},
		{failedUntrusted, "certificate", "client_ca", ptr(foreign.issue("ap1", []string{"ap1.example"})), older},
		{failedUntrusted, "certificate", "renew its certificate", &expired, nil},
		{failedUntrusted, "certificate", "clientAuth", ptr(s.ca.issue("ap1", []string{"ap1.example"}, func(c *x509.Certificate) {
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		})), nil},
		{failedNoCertificate, "certificate required", "tallygate radsec client", nil, newer},
		{failedNoCertificate, "handshake failure", "tallygate radsec client", nil, older},
		{failedProtocol, "protocol version", "TLS 1.2", &s.ap1, func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }},
		{failedRefused, "failed to verify certificate", "does not accept the gateway's certificate", &s.ap1, func(c *tls.Config) { c.RootCAs = foreign.pool() }},
	} {
		before := int(s.counts("tallygate_radsec_handshakes_failed_total")[c.reason])
		config := s.config()
		if c.cert != nil {
			// Regardless of which CAs the gateway names.
			config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return c.cert, nil }
		}
		if c.change != nil {
			c.change(config)
		}
		s.Server.log.forgetAll()
		_, err := s.try(config, "127.0.0.1")
		require.ErrorContains(t, err, c.alert, "%d: %s", i, c.reason)
		s.failed(c.reason, before+1)
		// It is counted before it is logged.
		var told []observer.LoggedEntry
		require.Eventually(t, func() bool {
			told = lines.FilterMessage("RadSec connection refused").All()
			return len(told) > 0
		}, 10*time.Second, time.Millisecond, c.reason)
		require.Len(t, told, 1, c.reason)
		_ = lines.TakeAll()
		fields := told[0].ContextMap()
		require.Equal(t, c.reason, fields["reason"])
		require.Contains(t, fields["hint"], c.hint)
	}

	raw := dialTCP(t, s)
	_, err := raw.Write(secured(access(1, "in the clear")))
	require.NoError(t, err)
	s.failed(failedProtocol, 2)
	require.NoError(t, dialTCP(t, s).Close())
	s.failed(failedClosed, 1)
	require.Zero(t, s.counts("tallygate_radius_requests_total")["radsec Access-Request"])
}

func ptr[T any](v T) *T { return &v }

// forgetAll lets every line be written again.
func (j *journalist) forgetAll() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.seen = nil
}

// RFC 6614 section 2.5: one port for all; what is not served is declined, not dropped.
func TestRFC6614Section25OnePort(t *testing.T) {
	s := startSecure(t, func(s *secure) { s.venue.Blocked = map[macwatch.MAC]string{0x020000000001: ""} })
	p := s.connect(s.ap1)
	state := []attr{{33, []byte{1}}, {33, []byte{2, 3}}}
	for _, c := range []struct {
		name   string
		packet []byte
		want   radius.Code
	}{
		{"a login", access(1, "", state...), radius.CodeAccessAccept},
		{"a login that is refused", build(radius.CodeAccessRequest, 2, "", append(state, signature, text(31, "02-00-00-00-00-01"))...), radius.CodeAccessReject},
		{"a login without Message-Authenticator, though the client must send it over UDP", build(radius.CodeAccessRequest, 3, "", append(state, text(1, "anna"))...), radius.CodeAccessAccept},
		{"accounting", accounting(4, macwatch.StatusStart, "s", state...), radius.CodeAccountingResponse},
		{"accounting with Message-Authenticator", accounting(5, macwatch.StatusInterim, "s", append(state, signature)...), radius.CodeAccountingResponse},
		{"Status-Server", build(radius.CodeStatusServer, 6, "", append(state, signature)...), radius.CodeAccessAccept},
		{"CoA-Request", build(radius.CodeCoARequest, 7, "", append(state, signature)...), radius.CodeCoANAK},
		{"CoA-Request without Message-Authenticator", build(radius.CodeCoARequest, 8, "", state...), radius.CodeCoANAK},
		{"Disconnect-Request", build(radius.CodeDisconnectRequest, 9, "", append(state, signature)...), radius.CodeDisconnectNAK},
	} {
		answer := p.exchange(secured(c.packet))
		require.Equal(t, c.want, answer.Code, c.name)
		var states [][]byte
		for _, a := range answer.Attributes {
			if a.Type == 33 {
				states = append(states, a.Attribute)
			}
		}
		require.Equal(t, [][]byte{{1}, {2, 3}}, states, c.name)
		if c.want == radius.CodeCoANAK || c.want == radius.CodeDisconnectNAK {
			require.Equal(t, []byte{0, 0, 406 >> 8, 406 & 0xff}, []byte(answer.Get(101)), c.name)
		}
	}
	forged := secured(build(radius.CodeDisconnectRequest, 10, "", signature))
	forged[4] ^= 1
	p.send(forged)
	p.closed()
	require.Len(t, s.journal.records(), 2)
	require.Equal(t, map[string]float64{
		"Access-Accept radsec": 3, "Access-Reject radsec": 1, "Accounting-Response radsec": 2, "other radsec": 3,
	}, order(s.counts("tallygate_radius_responses_total")))
	s.waitConnections(0)
}

// order drops the Status-Server probes of connect.
func order(counts map[string]float64) map[string]float64 {
	counts["Access-Accept radsec"] -= 2
	return counts
}

// RFC 5997, RFC 6614 section 2.6: Status-Server is the keep-alive. A connection carries
// accounting, too: it is not alive while nothing can be stored.
func TestRFC5997StatusServerOverTLS(t *testing.T) {
	s := startSecure(t)
	p := s.connect(s.ap1)
	s.journal.set(func(j *journal) { j.readonly = true })
	p.send(secured(status(1)))
	s.waitDropped(radsecListener, licensing.ReasonStoreUnavailable, 1)
	require.Equal(t, radius.CodeAccessAccept, p.exchange(secured(access(2, "from memory"))).Code, "the connection stands, and guests are let in")
	s.journal.set(func(j *journal) { j.readonly = false })
	p.alive()
}

// A client that is removed, or may no longer come from where it is, ends with its next
// packet.
func TestAClientThatIsRemoved(t *testing.T) {
	for name, change := range map[string]func(*secure){
		"removed":          func(s *secure) { s.clients = s.clients[:2] },
		"from elsewhere":   func(s *secure) { s.clients[2].Prefix = netip.MustParsePrefix("192.0.2.0/24") },
		"a name no longer": func(s *secure) { s.clients[2].RadSecName = "ap2.example" },
	} {
		t.Run(name, func(t *testing.T) {
			s := startSecure(t)
			p := s.connect(s.ap1)
			change(s)
			s.Publish(s.snapshot())
			p.send(secured(status(1)))
			p.closed()
			require.Equal(t, 1, s.dropped(radsecListener, licensing.ReasonUnknownClient))
		})
	}
}

// A client without a secret is nobody over UDP; one with both is served both ways, each
// with its own secret.
func TestRadSecBesideUDP(t *testing.T) {
	s := startSecure(t, func(s *secure) {
		s.clients[0].RadSecName = "both.example"
		s.clients[2].Prefix = netip.MustParsePrefix("127.0.0.5/32")
	})
	both := s.connect(s.ca.issue("both", []string{"both.example"}))
	require.Equal(t, radius.CodeAccessAccept, both.exchange(secured(access(1, "tls"))).Code)
	udp := dial(t, s.AuthAddrs()[0])
	require.Equal(t, radius.CodeAccessAccept, udp.exchange(access(1, "udp")).Code)
	// 127.0.0.5 belongs to the first client, whatever the RadSec-only one says of it.
	require.Equal(t, radius.CodeAccessAccept, dialFrom(t, "127.0.0.5", s.AuthAddrs()[0]).exchange(access(1, "udp")).Code)
	_, err := s.try(s.config(s.ap1), "127.0.0.6")
	require.Error(t, err)
	_, err = s.try(s.config(s.ap1), "127.0.0.5")
	require.NoError(t, err)
}

// Certificates, CAs and revocation lists change without a restart.
func TestReloadRadSec(t *testing.T) {
	s := startSecure(t)
	files := s.options.RadSec.Files
	serial := func() string {
		p, err := s.try(s.config(s.ap1), "127.0.0.1")
		require.NoError(t, err)
		return p.conn.ConnectionState().PeerCertificates[0].Subject.CommonName
	}
	old := s.connect(s.ap1)
	require.Equal(t, "gateway", serial())

	s.ca.writeFiles(s.dir, s.ca.issue("renewed", []string{"gateway.example"}))
	require.Equal(t, "gateway", serial(), "not before it is told to")
	require.NoError(t, s.ReloadRadSec(files))
	require.Equal(t, "renewed", serial())
	old.alive()

	write(t, files.Key, []byte("broken"))
	require.Error(t, s.ReloadRadSec(files))
	require.Equal(t, "renewed", serial(), "the broken one is not taken")
	old.alive()

	s.ca.writeFiles(s.dir, s.ca.issue("third", []string{"gateway.example"}))
	other := s.connect(s.ap1)
	files.CRL = s.dir + "/crl.pem"
	write(t, files.CRL, s.ca.revoke(s.ap1))
	require.NoError(t, s.ReloadRadSec(files))
	other.closed()
	old.closed()
	_, err := s.try(s.config(s.ap1), "127.0.0.1")
	require.ErrorContains(t, err, "bad certificate")
	s.failed(failedRevoked, 1)
	require.NoError(t, start(t).ReloadRadSec(files), "nothing to do without RadSec")
}

// What is wrong with the files is said in terms of the configuration.
func TestRadSecFiles(t *testing.T) {
	ca, foreign := newAuthority(t), newAuthority(t)
	dir := t.TempDir()
	good := func() RadSecFiles { return ca.writeFiles(dir, ca.issue("gateway", []string{"gateway.example"})) }
	for _, c := range []struct {
		name    string
		spoil   func(*RadSecFiles)
		message string
	}{
		{"no certificate", func(f *RadSecFiles) { f.Certificate = dir + "/nowhere" }, "cannot read radius.radsec.cert: "},
		{"no key", func(f *RadSecFiles) { f.Key = dir + "/nowhere" }, "cannot read radius.radsec.key: "},
		{"no CA", func(f *RadSecFiles) { f.ClientCA = dir + "/nowhere" }, "cannot read radius.radsec.client_ca: "},
		{"no list", func(f *RadSecFiles) { f.CRL = dir + "/nowhere" }, "cannot read radius.radsec.crl: "},
		{"another's key", func(f *RadSecFiles) {
			f.Key = ca.writeFiles(t.TempDir(), ca.issue("another", nil)).Key
		}, "does not fit the certificate"},
		{"a key with a passphrase", func(f *RadSecFiles) { write(t, f.Key, pemOf("ENCRYPTED PRIVATE KEY", []byte{1})) }, "has a passphrase"},
		{"no PEM", func(f *RadSecFiles) { write(t, f.Certificate, []byte("x")) }, "are not a certificate and its key"},
		{"an empty CA file", func(f *RadSecFiles) { write(t, f.ClientCA, nil) }, "there is no certificate in"},
		{"a list of another CA", func(f *RadSecFiles) { f.CRL = dir + "/crl"; write(t, f.CRL, foreign.revoke()) }, "is not signed by a CA in client_ca"},
		{"a list that is none", func(f *RadSecFiles) { f.CRL = dir + "/crl"; write(t, f.CRL, []byte("x")) }, "cannot be read"},
	} {
		files := good()
		c.spoil(&files)
		_, err := CheckRadSec(files, time.Now())
		require.ErrorContains(t, err, c.message, c.name)
		var e *licensing.Error
		require.ErrorAs(t, err, &e, c.name)
		require.NotEmpty(t, e.Hint, c.name)
	}
	files := good()
	warnings, err := CheckRadSec(files, time.Now())
	require.NoError(t, err)
	require.Empty(t, warnings)
	warnings, err = CheckRadSec(files, time.Now().Add(340*24*time.Hour))
	require.NoError(t, err)
	require.Contains(t, strings.Join(warnings, "\n"), "expires on")
	warnings, err = CheckRadSec(files, time.Now().Add(400*24*time.Hour))
	require.NoError(t, err)
	require.Contains(t, strings.Join(warnings, "\n"), "has expired on")
}

// Connections are bounded: in total, and for one client to half of that.
func TestConnectionsAreBounded(t *testing.T) {
	s := startSecure(t, func(s *secure) {
		s.options.RadSec.Connections = 4
		s.addClient("lobby", macwatch.RadSecSettings{RadSecName: "*.lobby.example", RadSecOnly: true})
	})
	first := s.connect(s.ap1)
	s.connect(s.ap1)
	_, err := s.try(s.config(s.ap1), "127.0.0.1")
	require.Error(t, err)
	s.failed(failedLimit, 1)
	lobby := s.ca.issue("ap1", []string{"ap1.lobby.example"})
	s.connect(lobby)
	s.connect(lobby)
	_, err = s.try(s.config(s.ap1), "127.0.0.1")
	require.Error(t, err)
	s.failed(failedLimit, 2)
	require.InDelta(t, 4, s.gauge("tallygate_radsec_connections"), 0)

	require.NoError(t, first.conn.Close())
	s.waitConnections(3)
	s.connect(s.ap1)
}

func (g *gateway) gauge(name string) float64 {
	g.t.Helper()
	families, err := g.registry.Gather()
	require.NoError(g.t, err)
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	return 0
}

// Handshakes that last take no place from who comes from elsewhere.
func TestHandshakesAreBounded(t *testing.T) {
	s := startSecure(t)
	for range maxHandshakes/2 + 1 { // taken one after the other: the last is too many
		dialTCP(t, s)
	}
	s.failed(failedLimit, 1)
	p, err := s.try(s.config(s.ap1), "127.0.0.2")
	require.NoError(t, err)
	p.alive()
}
