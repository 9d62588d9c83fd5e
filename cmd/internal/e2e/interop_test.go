package e2e

import (
	"fmt"
	"net/netip"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// peer is a RADIUS client that others wrote, as Debian packages it.
type peer struct {
	program string   // found through PATH unless absolute
	probe   []string // arguments that show that it works; nil: being there is enough
	debian  string
}

var (
	radclient    = peer{program: "radclient", debian: "freeradius-utils"}
	eapolTest    = peer{program: "eapol_test", debian: "eapoltest"}
	pyrad        = peer{program: "/usr/bin/python3", probe: []string{"-c", "import pyrad.client"}, debian: "python3-pyrad"}
	authenRadius = peer{program: "/usr/bin/perl", probe: []string{"-MAuthen::Radius", "-e", "1"}, debian: "libauthen-radius-perl"}
)

// exec runs the peer and returns what it printed, and whether it was content.
func (p peer) exec(t *testing.T, input string, args ...string) (output string, content bool) {
	t.Helper()
	missing := func(err error) {
		t.Helper()
		require.NoError(t, err, "%s is missing. Install it with `make peers`, or: apt-get install --no-install-recommends %s", p.debian, p.debian)
	}
	path, err := exec.LookPath(p.program)
	missing(err)
	if p.probe != nil {
		missing(exec.CommandContext(t.Context(), path, p.probe...).Run())
	}
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	return string(out), err == nil
}

// portOf is the port of one of the gateway's addresses.
func portOf(t *testing.T, address string) string {
	t.Helper()
	at, err := netip.ParseAddrPort(address)
	require.NoError(t, err)
	return fmt.Sprint(at.Port())
}

// radclient sends what stands in input, once, and returns what radclient tells of the
// answer: "" when there was none. radclient verifies Response Authenticator and
// Message-Authenticator.
func (g *gateway) radclient(t *testing.T, kind, input string) string {
	t.Helper()
	return g.radclientWith(t, kind, secret, input, "-r", "3", "-t", "5")
}

func (g *gateway) radclientWith(t *testing.T, kind, secret, input string, flags ...string) string {
	t.Helper()
	server, command := g.auth, kind
	switch kind {
	case "acct":
		server = g.acct
	case "status of accounting":
		server, command = g.acct, "status"
	}
	out, _ := radclient.exec(t, input, append(flags, "-x", server, command, secret)...)
	_, answer, ok := strings.Cut(out, "Received ")
	require.True(t, ok || strings.Contains(out, "No reply from server"), out)
	return answer
}

// unanswered expects that one packet gets no answer, and is counted with this reason.
func (g *gateway) unanswered(t *testing.T, kind, listener, reason, input string) {
	t.Helper()
	g.unansweredUnder(t, secret, kind, listener, reason, input)
}

func (g *gateway) unansweredUnder(t *testing.T, secret, kind, listener, reason, input string) {
	t.Helper()
	series := fmt.Sprintf(`radius_dropped_total{listener=%q,reason=%q}`, listener, reason)
	before := g.metrics(t).value(t, series)
	require.Empty(t, g.radclientWith(t, kind, secret, input, "-r", "1", "-t", "1"))
	require.Equal(t, before+1, g.metrics(t).value(t, series))
}

// packet writes a packet the way radclient reads it.
func packet(attributes ...string) string {
	return strings.Join(append([]string{`Called-Station-Id = "00-27-22-AA-00-10:Guest WiFi"`, `NAS-Identifier = "ap-1"`}, attributes...), "\n") + "\n"
}

// signed is a packet with Message-Authenticator, which radclient computes.
func signed(attributes ...string) string {
	return packet(append(attributes, "Message-Authenticator = 0x00")...)
}

const (
	callingAnna = `Calling-Station-Id = "80-41-00-00-00-01"`
	userAnna    = `User-Name = "anna"`
	passAnna    = `User-Password = "k7-blue-river"`
)

// TestRadclient plays guests of an open venue through FreeRADIUS' client.
func TestRadclient(t *testing.T) {
	t.Parallel()
	g := newVenue(t, site{})
	g.run(t, "device", "block", "--location", location, "80-41-00-00-00-0b")

	t.Run("RFC 2865 section 2, PAP and CHAP", func(t *testing.T) {
		for _, credentials := range []string{
			passAnna,
			`CHAP-Password = "k7-blue-river"`,
			"CHAP-Challenge = 0x00112233445566778899aabbccddeeff\nCHAP-Password = \"k7-blue-river\"",
		} {
			answer := g.radclient(t, "auth", signed(userAnna, callingAnna, credentials))
			require.Contains(t, answer, "Access-Accept", credentials)
			require.Contains(t, answer, "Acct-Interim-Interval = 600")
			require.Contains(t, answer, "Class = 0x")
			first, _, _ := strings.Cut(strings.TrimSpace(after(t, answer, "\n")), "\n")
			require.Contains(t, first, "Message-Authenticator", "it comes first, or BlastRADIUS works")
		}
	})
	t.Run("a blocked device", func(t *testing.T) {
		answer := g.radclient(t, "auth", signed(userAnna, `Calling-Station-Id = "8041.0000.000B"`, passAnna))
		require.Contains(t, answer, "Access-Reject")
		require.Contains(t, answer, `Reply-Message = "This device is blocked."`)
		require.Equal(t, 1, g.metrics(t).value(t, `access_decisions_total{reason="device-blocked",result="reject"}`))
	})
	t.Run("RFC 2865 section 5.33, Proxy-State", func(t *testing.T) {
		answer := g.radclient(t, "auth", signed(userAnna, callingAnna, passAnna, "Proxy-State = 0x01", "Proxy-State = 0xfe02"))
		require.Regexp(t, `(?s)Access-Accept.*Proxy-State = 0x01.*Proxy-State = 0xfe02`, answer)
		answer = g.radclient(t, "acct", packet(userAnna, callingAnna, "Acct-Status-Type = Start", `Acct-Session-Id = "proxied"`, "Proxy-State = 0x03"))
		require.Regexp(t, `(?s)Accounting-Response.*Proxy-State = 0x03`, answer)
	})
	t.Run("RFC 2866, accounting", func(t *testing.T) {
		for _, status := range []string{"Start", "Interim-Update", "Stop"} {
			require.Contains(t, g.radclient(t, "acct", packet(userAnna, callingAnna, `Acct-Session-Id = "radclient-1"`, "Acct-Status-Type = "+status,
				"Acct-Session-Time = 60", "Acct-Input-Octets = 1000", "Acct-Output-Octets = 2000", "Acct-Terminate-Cause = Idle-Timeout")), "Accounting-Response")
		}
		require.True(t, g.devices(t)["80:41:00:00:00:01"].Counted)
		s := g.session(t, "radclient-1")
		require.Equal(t, "80:41:00:00:00:01", s.MAC)
		require.Equal(t, 3, s.Records)
		require.Equal(t, uint64(1000), s.InputOctets)
		require.Equal(t, uint64(2000), s.OutputOctets)
		require.Equal(t, "Idle-Timeout", s.TerminateCause)
		require.NotNil(t, s.EndedAt)
	})
	t.Run("RFC 5997, Status-Server", func(t *testing.T) {
		sessions := len(g.sessions(t))
		require.Contains(t, g.radclient(t, "status", "Message-Authenticator = 0x00\n"), "Access-Accept")
		require.Contains(t, g.radclient(t, "status of accounting", "Message-Authenticator = 0x00\n"), "Accounting-Response")
		g.unanswered(t, "status", "auth", "missing-message-authenticator", `NAS-Identifier = "unsigned"`+"\n")
		require.Len(t, g.sessions(t), sessions)
	})
	t.Run("dropped", func(t *testing.T) {
		g.unanswered(t, "auth", "auth", "missing-message-authenticator", packet(userAnna, callingAnna, passAnna))
		g.unansweredUnder(t, "not the secret", "auth", "auth", "bad-authenticator", signed(userAnna, callingAnna, passAnna))
		g.unansweredUnder(t, "not the secret", "acct", "acct", "bad-authenticator", packet(callingAnna, "Acct-Status-Type = Start", `Acct-Session-Id = "forged"`))
		g.unanswered(t, "auth", "auth", "unknown-client", signed(userAnna, callingAnna, passAnna, "Packet-Src-IP-Address = 127.0.0.9"))
		for _, s := range g.sessions(t) {
			require.NotEqual(t, "forged", s.SessionID)
		}
	})
	t.Run("denied and restored", func(t *testing.T) {
		g.run(t, "license", "deny", g.number, "--reason", "not paid")
		answer := g.radclient(t, "auth", signed(userAnna, callingAnna, passAnna))
		require.Contains(t, answer, "Access-Reject")
		require.Contains(t, answer, `Reply-Message = "Access is denied for this Location."`)
		require.Equal(t, "Access denied", g.license(t).State)
		g.run(t, "license", "restore", g.number)
		require.Contains(t, g.radclient(t, "auth", signed(userAnna, callingAnna, passAnna)), "Access-Accept")
	})
}

func after(t *testing.T, s, sep string) string {
	t.Helper()
	_, rest, ok := strings.Cut(s, sep)
	require.True(t, ok, s)
	return rest
}

// session is the one session with this id.
func (g *gateway) session(t *testing.T, id string) sessionRow {
	t.Helper()
	var found []sessionRow
	for _, s := range g.sessions(t) {
		if s.SessionID == id {
			found = append(found, s)
		}
	}
	require.Len(t, found, 1, id)
	return found[0]
}

// TestMessageAuthenticatorPolicies: what a client may leave out, and what it may not
// (CVE-2024-3596).
func TestMessageAuthenticatorPolicies(t *testing.T) {
	t.Parallel()
	g := newVenue(t, site{})
	for name, address := range map[string]string{"no": "127.0.0.2", "auto": "127.0.0.3"} {
		g.run(t, "client", "add", "policy-"+name, "--address", address, "--secret", secret, "--location", location, "--require-message-authenticator", name)
	}
	of := func(source string, attributes ...string) []string {
		return append([]string{userAnna, callingAnna, passAnna, "Packet-Src-IP-Address = " + source}, attributes...)
	}
	for _, source := range []string{"127.0.0.2", "127.0.0.3"} {
		require.Contains(t, g.radclient(t, "auth", packet(of(source)...)), "Access-Accept", source)
		g.unanswered(t, "auth", "auth", "proxy-state-unsigned", packet(of(source, "Proxy-State = 0x01")...)) // limit_proxy_state
		require.Contains(t, g.radclient(t, "auth", signed(of(source, "Proxy-State = 0x01")...)), "Access-Accept", source)
	}
	require.Contains(t, g.radclient(t, "auth", packet(of("127.0.0.2")...)), "Access-Accept", "no learns nothing")
	g.unanswered(t, "auth", "auth", "missing-message-authenticator", packet(of("127.0.0.3")...)) // auto has learned
	g.restart(t)
	g.unanswered(t, "auth", "auth", "missing-message-authenticator", packet(of("127.0.0.3")...))
	require.Contains(t, g.radclient(t, "auth", packet(of("127.0.0.2")...)), "Access-Accept")
}

// TestLocalGuests: accounts, devices that log in by their address, and what ends both.
func TestLocalGuests(t *testing.T) {
	t.Parallel()
	g := newVenue(t, site{guests: "local", rejectDelay: "100ms"})
	g.run(t, "guest", "add", "--location", location, "anna", "--password", "k7-blue-river")
	g.run(t, "guest", "add", "--location", location, "gone", "--password", "k7-blue-river", "--expires", "1ms")
	g.run(t, "guest", "add", "--location", location, "brief", "--password", "k7-blue-river", "--expires", "1h")
	g.run(t, "guest", "mac-input", "add", "--location", location, "80-41-00-00-00-02")
	g.run(t, "guest", "mac-input", "add", "--location", location, "80-41-00-00-00-03", "--expires", "1ms")
	g.run(t, "guest", "mac-input", "add", "--location", location, "80-41-00-00-00-0b")
	g.run(t, "device", "block", "--location", location, "80-41-00-00-00-0b")

	user := func(name string) string { return `User-Name = "` + name + `"` }
	calling := func(mac string) string { return `Calling-Station-Id = "` + mac + `"` }
	const wrong = "User name or password is wrong."
	refusals := map[string]int{}
	for name, c := range map[string]struct {
		packet []string
		reason string // "": let in
		text   string
	}{
		"PAP":                             {[]string{userAnna, callingAnna, passAnna}, "", ""},
		"PAP, name in other letters":      {[]string{user("Anna"), callingAnna, passAnna}, "", ""},
		"PAP, wrong password":             {[]string{userAnna, callingAnna, `User-Password = "k7-blue-rivet"`}, "bad-credentials", wrong},
		"PAP, no password":                {[]string{userAnna, callingAnna}, "bad-credentials", wrong},
		"PAP, unknown user":               {[]string{user("bert"), callingAnna, passAnna}, "bad-credentials", wrong},
		"CHAP":                            {[]string{userAnna, callingAnna, `CHAP-Password = "k7-blue-river"`}, "", ""},
		"CHAP with CHAP-Challenge":        {[]string{userAnna, callingAnna, "CHAP-Challenge = 0x00112233445566778899aabbccddeeff", `CHAP-Password = "k7-blue-river"`}, "", ""},
		"CHAP, wrong password":            {[]string{userAnna, callingAnna, `CHAP-Password = "k7-blue-rivet"`}, "bad-credentials", wrong},
		"an account that has expired":     {[]string{user("gone"), callingAnna, passAnna}, "credential-expired", "This guest account has expired."},
		"an account that will":            {[]string{user("brief"), callingAnna, passAnna}, "", ""},
		"MAC input":                       {[]string{user("804100000002"), calling("80-41-00-00-00-02"), `User-Password = "804100000002"`}, "", ""},
		"MAC input, other spelling":       {[]string{user("80:41:00:00:00:02"), calling("8041.0000.0002"), `User-Password = "a constant"`}, "", ""},
		"MAC input that has expired":      {[]string{user("804100000003"), calling("80-41-00-00-00-03")}, "credential-expired", "This guest account has expired."},
		"a device that is no MAC input":   {[]string{user("804100000004"), calling("80-41-00-00-00-04"), `User-Password = "804100000004"`}, "bad-credentials", wrong},
		"another's address as user name":  {[]string{user("804100000002"), calling("80-41-00-00-00-04"), `User-Password = "804100000002"`}, "bad-credentials", wrong},
		"a blocked device with MAC input": {[]string{user("80410000000b"), calling("80-41-00-00-00-0b")}, "device-blocked", "This device is blocked."},
		"a blocked device with account":   {[]string{userAnna, calling("80-41-00-00-00-0B"), passAnna}, "device-blocked", "This device is blocked."},
	} {
		answer := g.radclient(t, "auth", signed(c.packet...))
		if c.reason == "" {
			require.Contains(t, answer, "Access-Accept", name)
			continue
		}
		refusals[c.reason]++
		require.Contains(t, answer, "Access-Reject", name)
		require.Contains(t, answer, `Reply-Message = "`+c.text+`"`, name)
	}
	m := g.metrics(t)
	for reason, n := range refusals {
		require.Equal(t, n, m.value(t, fmt.Sprintf(`access_decisions_total{reason=%q,result="reject"}`, reason)), reason)
	}

	for _, spelling := range []string{"80-41-00-00-00-02", "80:41:00:00:00:02", "8041.0000.0002", "804100000002", "8041-0000-0002"} {
		for _, way := range [][]string{
			{user(spelling), calling("80-41-00-00-00-02"), `User-Password = "` + spelling + `"`},
			{user(spelling), calling(spelling), "Service-Type = Call-Check", `User-Password = "a constant"`},
			{user(spelling), calling("80:41:00:00:00:02"), "Service-Type = Framed-User", `CHAP-Password = "` + spelling + `"`},
			{user(spelling), "Service-Type = Login-User"}, // neither password nor Calling-Station-Id
		} {
			require.Contains(t, g.radclient(t, "auth", signed(way...)), "Access-Accept", "MAC input: %v", way)
		}
	}

	// A session ends with the account at the latest.
	answer := g.radclient(t, "auth", signed(user("brief"), callingAnna, passAnna))
	require.Regexp(t, `Session-Timeout = (3600|35[0-9][0-9])\n`, answer)
}

func TestPyrad(t *testing.T) {
	t.Parallel()
	g := newVenue(t, site{})
	g.run(t, "client", "add", "pyrad", "--address", "127.0.0.2/32", "--secret", secret, "--location", location, "--require-message-authenticator", "no")
	out, content := pyrad.exec(t, "", filepath.Join("testdata", "pyrad_client.py"), "127.0.0.2", portOf(t, g.auth), portOf(t, g.acct), secret)
	require.True(t, content, out)
	require.Equal(t, "pap: accept\nchap: accept\nmac: accept\nstart: acknowledged\ninterim: acknowledged\nstop: acknowledged\n", out)
	require.True(t, g.devices(t)["80:41:00:00:01:01"].Counted)
	require.Equal(t, 3, g.session(t, "pyrad-1").Records)
}

func TestAuthenRadius(t *testing.T) {
	t.Parallel()
	g := newVenue(t, site{})
	g.run(t, "device", "block", "--location", location, "80-41-00-00-02-02")
	out, content := authenRadius.exec(t, "", filepath.Join("testdata", "authen_radius.pl"), portOf(t, g.auth), portOf(t, g.acct), secret)
	require.True(t, content, out)
	require.Equal(t, "pap: accept\nmac: reject This device is blocked.\nstart: acknowledged\ninterim: acknowledged\nstop: acknowledged\n", out)
	require.True(t, g.devices(t)["80:41:00:00:02:01"].Counted)
	require.Equal(t, 3, g.session(t, "perl-1").Records)
}

// TestEAPRefused: a WLAN set to 802.1X by mistake hears so at once (RFC 3579 section
// 2.6.1), and does not wait for a timeout.
func TestEAPRefused(t *testing.T) {
	t.Parallel()
	g := newVenue(t, site{})
	out, content := eapolTest.exec(t, "", "-c", filepath.Join("testdata", "eapol_test.conf"), "-a", "127.0.0.1", "-p", portOf(t, g.auth), "-s", secret, "-t", "30")
	require.False(t, content)
	require.Contains(t, out, "code=3 (Access-Reject)")
	require.Regexp(t, `decapsulated EAP packet \(code=4 id=\d+ len=4\) from RADIUS server: EAP Failure`, out)
	_, answer, _ := strings.Cut(out, "Access-Reject")
	require.NotContains(t, answer, "Reply-Message", "not beside EAP-Message (RFC 3579 section 2.6.5)")
	require.Contains(t, out, "CTRL-EVENT-EAP-FAILURE")
	require.NotContains(t, out, "EAPOL test timed out")
	require.Equal(t, 1, g.metrics(t).value(t, `access_decisions_total{reason="eap-unsupported",result="reject"}`))
}
