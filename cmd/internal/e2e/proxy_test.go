package e2e

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	radsecproxy = peer{program: "radsecproxy", debian: "radsecproxy"}
	freeradius  = peer{program: "/usr/sbin/freeradius", debian: "freeradius"}
)

// proxy is a RADIUS proxy that others wrote, between radclient and the gateway.
type proxy struct {
	auth, acct string // where it listens
	log        string // file
}

// maxRestarts is how often a proxy may end by itself.
const maxRestarts = 5

// start runs the proxy in the foreground until the test ends. radsecproxy 1.9.2 now and
// then dies in libssl when it has just connected: as an init system would, start starts it
// again, and the clients repeat what it has lost.
func (p peer) start(t *testing.T, log string, args ...string) {
	t.Helper()
	path, err := exec.LookPath(p.program)
	require.NoError(t, err, "%s is missing. Install it with `make peers`, or: apt-get install --no-install-recommends %s", p.debian, p.debian)
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	over, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		runtime.LockOSThread() // Pdeathsig is about the thread that has started it
		defer runtime.UnlockOSThread()
		for range 1 + maxRestarts {
			cmd := exec.Command(path, args...)
			cmd.Stdout, cmd.Stderr = out, out
			cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
			if err := cmd.Start(); err != nil {
				t.Errorf("cannot start %s: %v", p.program, err)
				return
			}
			gone := make(chan error, 1)
			go func() { gone <- cmd.Wait() }()
			select {
			case err := <-gone:
				t.Logf("%s has ended: %v", p.program, err)
			case <-over:
				_ = cmd.Process.Kill()
				<-gone
				return
			}
		}
		t.Errorf("%s keeps ending", p.program)
	}()
	t.Cleanup(func() {
		close(over)
		<-ended
		_ = out.Close()
		if text, err := os.ReadFile(log); t.Failed() && err == nil {
			t.Logf("the end of %s:\n%s", log, text[max(0, len(text)-6000):])
		}
	})
}

// freeUDP is a port that nobody holds at the moment. Neither proxy can say which port the
// system has given it.
func freeUDP(t *testing.T) string {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	return conn.LocalAddr().String()
}

// ask sends through the proxy and returns what radclient tells of the answer.
func (p *proxy) ask(t *testing.T, kind, input string, flags ...string) string {
	t.Helper()
	server := p.auth
	if kind == "acct" {
		server = p.acct
	}
	if flags == nil {
		flags = []string{"-r", "90", "-t", "1"} // radsecproxy waits up to a minute before it connects again
	}
	out, _ := radclient.exec(t, input, append(flags, "-x", server, kind, secret)...)
	_, answer, _ := strings.Cut(out, "Received ")
	return answer
}

// logged waits until the proxy's log holds a text so many times.
func (p *proxy) logged(t *testing.T, text string, times int) {
	t.Helper()
	require.Eventually(t, func() bool {
		log, err := os.ReadFile(p.log)
		return err == nil && bytes.Count(log, []byte(text)) >= times
	}, patience, 10*time.Millisecond, "the proxy does not log %q", text)
}

// startRadSecProxy runs radsecproxy with a client's certificate.
func (g *gateway) startRadSecProxy(t *testing.T, client, authority string) *proxy {
	t.Helper()
	dir := t.TempDir()
	p := &proxy{auth: freeUDP(t), log: filepath.Join(dir, "log")}
	p.acct = p.auth
	config := filepath.Join(dir, "radsecproxy.conf")
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil, `ListenUDP %s
LogLevel 2
LogDestination file://%s
tls default {
	CACertificateFile %s
	CertificateFile %s
	CertificateKeyFile %s
}
client 127.0.0.1 {
	type udp
	secret "%s"
}
server 127.0.0.1 {
	type tls
	port %s
	secret radsec
	statusServer on
}
realm * {
	server 127.0.0.1
	accountingServer 127.0.0.1
}
`, p.auth, p.log, filepath.Join(g.certificates, "ca.crt"), filepath.Join(authority, "client-"+client+".crt"), filepath.Join(authority, "client-"+client+".key"),
		secret, portOf(t, g.radsec)), 0o600))
	radsecproxy.start(t, filepath.Join(dir, "out"), "-f", "-c", config)
	return p
}

// TestRadSecProxy: radsecproxy carries access points' UDP to the gateway over RadSec.
func TestRadSecProxy(t *testing.T) {
	t.Parallel()
	g := newVenue(t, site{radsec: true, rejectDelay: "100ms"})
	certificates := g.certificates
	g.run(t, "radsec", "client", "proxy.example", "--dir", certificates)
	g.run(t, "client", "add", "proxy", "--radsec-name", "proxy.example", "--location", location)
	g.run(t, "device", "block", "--location", location, "80-41-00-00-00-0b")
	p := g.startRadSecProxy(t, "proxy.example", certificates)

	login := signed(userAnna, callingAnna, passAnna, "Proxy-State = 0x01", "Proxy-State = 0xfe02")
	record := func(status, session string) string {
		return packet(userAnna, callingAnna, `Acct-Session-Id = "`+session+`"`, "Acct-Status-Type = "+status, "Acct-Session-Time = 60", "Acct-Input-Octets = 1000")
	}
	t.Run("RFC 6614, logins and accounting", func(t *testing.T) {
		answer := p.ask(t, "auth", login)
		require.Contains(t, answer, "Access-Accept")
		require.Contains(t, answer, "Message-Authenticator")
		require.Regexp(t, `(?s)Proxy-State = 0x01.*Proxy-State = 0xfe02`, answer)
		answer = p.ask(t, "auth", signed(userAnna, `Calling-Station-Id = "8041.0000.000B"`, passAnna))
		require.Contains(t, answer, "Access-Reject")
		require.Contains(t, answer, "This device is blocked.")
		for _, status := range []string{"Start", "Interim-Update", "Stop"} {
			require.Contains(t, p.ask(t, "acct", record(status, "over-tls")), "Accounting-Response")
		}
		s := g.session(t, "over-tls")
		require.Equal(t, 3, s.Records)
		require.Equal(t, uint64(1000), s.InputOctets)
		require.True(t, g.devices(t)["80:41:00:00:00:01"].Counted)
		require.Positive(t, g.metrics(t).value(t, `radius_requests_total{code="Access-Request",listener="radsec"}`))
		require.Zero(t, g.metrics(t).value(t, `radius_requests_total{code="Access-Request",listener="auth"}`))
		require.Equal(t, 1, g.metrics(t).value(t, "radsec_connections"))
	})
	t.Run("RFC 5997, Status-Server keeps the connection", func(t *testing.T) {
		require.Eventually(t, func() bool {
			return g.metrics(t).value(t, `radius_requests_total{code="Status-Server",listener="radsec"}`) > 0
		}, 3*patience, 100*time.Millisecond, "radsecproxy sends none")
		require.Equal(t, 1, g.metrics(t).value(t, "radsec_connections"))
	})
	// Once only: radsecproxy 1.9.2 does not notice for minutes that a connection is gone
	// which it has made a moment ago.
	t.Run("the gateway is killed and started anew", func(t *testing.T) {
		g.configure(t)
		g.crash(t)
		require.Contains(t, p.ask(t, "auth", login), "Access-Accept")
		require.Contains(t, p.ask(t, "acct", record("Start", "after-the-crash")), "Accounting-Response")
		require.Equal(t, 1, g.session(t, "after-the-crash").Records)
	})
	t.Run("a certificate that nobody knows", func(t *testing.T) {
		g.run(t, "radsec", "client", "stranger.example", "--dir", certificates)
		stranger := g.startRadSecProxy(t, "stranger.example", certificates)
		g.failedHandshakes(t, "unknown-client")
		require.Empty(t, stranger.ask(t, "auth", login, "-r", "1", "-t", "1"))
		log, err := os.ReadFile(g.logFile())
		require.NoError(t, err)
		require.Contains(t, string(log), "tallygate client add NAME --radsec-name stranger.example --location ID")
	})
	t.Run("a certificate of another CA", func(t *testing.T) {
		foreign := filepath.Join(t.TempDir(), "foreign")
		g.run(t, "radsec", "init", "--dir", foreign, "--name", "127.0.0.1")
		g.run(t, "radsec", "client", "proxy.example", "--dir", foreign)
		forger := g.startRadSecProxy(t, "proxy.example", foreign)
		g.failedHandshakes(t, "untrusted")
		require.Empty(t, forger.ask(t, "auth", login, "-r", "1", "-t", "1"))
	})
	t.Run("certificates are reloaded", func(t *testing.T) {
		old := g.radsecCertificate(t)
		g.run(t, "radsec", "init", "--dir", certificates, "--name", "127.0.0.1", "--renew")
		require.NoError(t, g.daemon.process.Signal(syscall.SIGHUP))
		require.Eventually(t, func() bool { return !bytes.Equal(old, g.radsecCertificate(t)) }, patience, 20*time.Millisecond, "the old certificate stays")
		require.Contains(t, p.ask(t, "auth", login), "Access-Accept", "the connection that stood")
	})
	require.Zero(t, g.metrics(t).value(t, `radius_dropped_total{listener="radsec",reason="bad-authenticator"}`))
}

func (g *gateway) failedHandshakes(t *testing.T, reason string) {
	t.Helper()
	require.Eventually(t, func() bool {
		return g.metrics(t).value(t, fmt.Sprintf(`radsec_handshakes_failed_total{reason=%q}`, reason)) > 0
	}, patience, 50*time.Millisecond, reason)
}

// radsecCertificate is the certificate that the gateway shows to a new connection.
func (g *gateway) radsecCertificate(t *testing.T) []byte {
	t.Helper()
	dir := g.certificates
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "client-proxy.example.crt"), filepath.Join(dir, "client-proxy.example.key"))
	require.NoError(t, err)
	ca, err := os.ReadFile(filepath.Join(dir, "ca.crt"))
	require.NoError(t, err)
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(ca))
	conn, err := tls.Dial("tcp", g.radsec, &tls.Config{Certificates: []tls.Certificate{pair}, RootCAs: pool})
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	return conn.ConnectionState().PeerCertificates[0].Raw
}

// startFreeRADIUS runs FreeRADIUS as a proxy, with a configuration and ports of its own.
func (g *gateway) startFreeRADIUS(t *testing.T) *proxy {
	t.Helper()
	dir := t.TempDir()
	p := &proxy{auth: freeUDP(t), acct: freeUDP(t), log: filepath.Join(dir, "log")}
	text, err := os.ReadFile(filepath.Join("testdata", "freeradius_proxy.conf"))
	require.NoError(t, err)
	config := strings.NewReplacer(
		"@DIR@", dir, "@SECRET@", secret,
		"@AUTH@", portOf(t, p.auth), "@ACCT@", portOf(t, p.acct),
		"@HOME_AUTH@", portOf(t, g.auth), "@HOME_ACCT@", portOf(t, g.acct),
	).Replace(string(text))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "radiusd.conf"), []byte(config), 0o600))
	freeradius.start(t, p.log, "-f", "-l", "stdout", "-xx", "-d", dir)
	p.logged(t, "Ready to process requests", 1)
	return p
}

// TestFreeRADIUSProxy: FreeRADIUS stands between access points and the gateway.
func TestFreeRADIUSProxy(t *testing.T) {
	t.Parallel()
	g := newVenue(t, site{})
	g.run(t, "device", "block", "--location", location, "80-41-00-00-00-0b")
	p := g.startFreeRADIUS(t)

	t.Run("RFC 2865 section 5.33, Proxy-State", func(t *testing.T) {
		states := []string{"Proxy-State = 0x01", "Proxy-State = 0xfe02", "Proxy-State = 0x01"}
		inOrder := `(?s)Proxy-State = 0x01.*Proxy-State = 0xfe02.*Proxy-State = 0x01`
		for _, credentials := range []string{passAnna, `CHAP-Password = "k7-blue-river"`} {
			answer := p.ask(t, "auth", signed(append(states, userAnna, callingAnna, credentials)...))
			require.Regexp(t, "(?s)Access-Accept.*"+inOrder, answer)
			require.Equal(t, 3, strings.Count(answer, "Proxy-State"), "the proxy has removed its own: %s", answer)
		}
		answer := p.ask(t, "auth", signed(append(states, userAnna, `Calling-Station-Id = "8041.0000.000B"`, passAnna)...))
		require.Regexp(t, "(?s)Access-Reject.*"+inOrder, answer)
		answer = p.ask(t, "acct", packet(append(states, userAnna, callingAnna, "Acct-Status-Type = Start", `Acct-Session-Id = "in-order"`)...))
		require.Regexp(t, "(?s)Accounting-Response.*"+inOrder, answer)
	})
	t.Run("RFC 3579 section 3.2, Message-Authenticator of every answer", func(t *testing.T) {
		// FreeRADIUS drops an answer whose Message-Authenticator is wrong, and says so.
		log, err := os.ReadFile(p.log)
		require.NoError(t, err)
		require.NotContains(t, string(log), "invalid Message-Authenticator")
		require.Regexp(t, `Received Access-Accept Id \d+ from 127\.0\.0\.1:`+portOf(t, g.auth)+`[^\n]*\n\(\d+\)   Message-Authenticator = 0x`, string(log), "it comes first")
	})
	t.Run("accounting that the proxy repeats is stored once", func(t *testing.T) {
		require.NoError(t, g.daemon.process.Signal(syscall.SIGSTOP))
		answered := make(chan string, 1)
		go func() {
			answered <- p.ask(t, "acct", packet(userAnna, callingAnna, "Acct-Status-Type = Start", `Acct-Session-Id = "repeated"`), "-r", "30", "-t", "1")
		}()
		// How often it repeats is its own affair: under load it has done so once in half a minute.
		p.logged(t, "Sending duplicate proxied request", 1)
		require.NoError(t, g.daemon.process.Signal(syscall.SIGCONT))
		require.Contains(t, <-answered, "Accounting-Response")
		require.Equal(t, 1, g.session(t, "repeated").Records)
		require.Eventually(t, func() bool {
			return g.metrics(t).value(t, `radius_requests_total{code="Accounting-Request",listener="acct"}`) > 2
		}, patience, 50*time.Millisecond, "the repeat arrived")
	})
}
