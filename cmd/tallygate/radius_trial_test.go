package main

import (
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"
	"layeh.com/radius/rfc2865"

	"tallygate/macwatch"
)

// radius test --client rehearses: it says what would happen, and nothing does.
func TestRadiusTestRehearses(t *testing.T) {
	v := tracedVenue(t)
	try := func(args ...string) result {
		return v.command(t, append([]string{"radius", "test", "--client", "aps"}, args...)...)
	}
	r := try("--mac", "0211.2233.4455", "--ap", "94-83-C4-01-42-27", "--ssid", "Guest")
	require.Equal(t, exitDone, r.status, r.err)
	for _, says := range []string{"nothing was counted, claimed or stored", "would take a slot with a real login; 0 of 1 are taken",
		"=> Access-Accept: the guest would be let in", "Message-Authenticator:   valid"} {
		require.Contains(t, r.out, says)
	}
	require.Equal(t, exitDone, try("--mac", "02-11-22-33-44-55", "--accounting", "--ap", "lobby").status)
	require.Contains(t, v.do(t, "ap", "list", "--location", "28N2S004"), "no access point")
	require.Contains(t, v.do(t, "device", "list", "--location", "28N2S004"), "no device")
	require.Contains(t, v.do(t, "session", "list", "--location", "28N2S004"), "no sessions")
	_, metrics := v.fetch(t, "/metrics")
	require.Contains(t, metrics, `tallygate_radius_requests_total{code="Access-Request",listener="auth"} 0`)
	require.Contains(t, v.command(t, "trace", "--history").err, "nothing is remembered")

	// A real guest takes the slot; the next access point would be refused, with what to do.
	require.True(t, v.radclient(t, "127.0.0.2", "auth", radclientSecret, login("02-11-22-33-44-55", "94-83-C4-01-42-27")...))
	r = try("--mac", "02-11-22-33-44-66", "--ap", "lobby")
	require.Equal(t, exitFailed, r.status)
	require.Contains(t, r.out, "FAILS access point:  lobby holds no slot, and none is free; 1 of 1 are taken")
	require.Contains(t, r.out, "=> Access-Reject (ap-limit): all licensed access points are in use\n   what to do: `tallygate ap list`;")
	require.Contains(t, r.out, "Reply-Message:           All licensed access points are in use.")

	var report macwatch.TrialReport
	v.read(t, &report, "radius", "test", "--client", "aps", "--mac", "02-11-22-33-44-55", "--ap", "94-83-C4-01-42-27")
	require.Equal(t, macwatch.ResultAccept, report.Result)
	require.NotEmpty(t, report.Steps)

	for _, tt := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{"--mac", "02:11"}, 2, "is not the MAC address of a device"},
		{nil, 2, "somebody must log in"},
		{[]string{"--mac", "02-11-22-33-44-55", "--attribute", "Nonsense=1"}, 2, "no standard attribute has this name"},
		{[]string{"--mac", "02-11-22-33-44-55", "--source", "10.0.0.1"}, 1, "is not an address of client"},
		{[]string{"--mac", "02-11-22-33-44-55", "--source", "x"}, 2, "is not an IP address"},
		{[]string{"--mac", "02-11-22-33-44-55", "--server", "127.0.0.1:1"}, 2, "server"},
	} {
		r := try(tt.args...)
		require.Equal(t, tt.status, r.status, r.err)
		require.Contains(t, r.err, tt.says)
	}
	require.Contains(t, v.command(t, "radius", "test", "--client", "nobody", "--mac", "02-11-22-33-44-55").err, `there is no client "nobody"`)
}

// radius test --server is a client like any other: what it sends to a gateway is real.
func TestRadiusTestSends(t *testing.T) {
	v := tracedVenue(t)
	v.do(t, "client", "add", "here", "--address", "127.0.0.1", "--secret", radclientSecret, "--location", "28N2S004")
	to := func(server string, args ...string) result {
		return v.command(t, append([]string{"radius", "test", "--server", server, "--secret", radclientSecret, "--mac", "02-11-22-33-44-55"}, args...)...)
	}
	r := to(v.Auth[0], "--ap", "lobby", "--dry-run")
	require.Equal(t, exitDone, r.status, r.err)
	require.Contains(t, r.out, "would send ")
	require.Contains(t, v.do(t, "ap", "list", "--location", "28N2S004"), "no access point")
	r = to(v.Auth[0], "--ap", "lobby")
	require.Equal(t, exitDone, r.status, r.err)
	require.Contains(t, r.out, "Access-Accept, ")
	require.Contains(t, r.out, "Response Authenticator:  valid")
	require.Contains(t, v.do(t, "ap", "list", "--location", "28N2S004"), "lobby")
	require.Equal(t, exitFailed, to(v.Auth[0], "--ap", "garden").status, "a reject")
	require.Equal(t, exitDone, to(v.Acct[0], "--accounting", "--ap", "lobby").status)
	require.Contains(t, v.do(t, "device", "list", "--location", "28N2S004"), "02:11:22:33:44:55")
	r = v.command(t, "radius", "test", "--server", v.Auth[0], "--secret", "wrong", "--mac", "02-11-22-33-44-55", "--timeout", "100ms")
	require.Equal(t, exitFailed, r.status)
	require.Contains(t, r.err, "no reply came from "+v.Auth[0])
}

// Another server, of another make: what it answers is taken apart, and what is wrong with
// its answers is said.
func TestRadiusTestChecksTheReply(t *testing.T) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	secret := radclientSecret
	server := &radius.PacketServer{SecretSource: radius.StaticSecretSource([]byte(secret)), Handler: radius.HandlerFunc(func(w radius.ResponseWriter, q *radius.Request) {
		code := radius.CodeAccessReject
		if rfc2865.UserPassword_GetString(q.Packet) == "geheim" {
			code = radius.CodeAccessAccept
		}
		answer := q.Response(code)
		_ = rfc2865.ReplyMessage_SetString(answer, "hello\x1b[31m")
		_ = rfc2865.SessionTimeout_Set(answer, 600)
		_ = w.Write(answer)
	})}
	served := make(chan error, 1)
	go func() { served <- server.Serve(conn) }()
	t.Cleanup(func() { _ = server.Shutdown(t.Context()) })

	v := &venue{dir: t.TempDir()} // no gateway is needed
	at := conn.LocalAddr().String()
	r := v.command(t, "radius", "test", "--server", at, "--secret", secret, "--user", "bob", "--password", "geheim")
	require.Equal(t, exitDone, r.status, r.err)
	for _, says := range []string{"Access-Accept, ", "Response Authenticator:  valid", "Message-Authenticator:   missing", "Session-Timeout:         600", "hello?[31m"} {
		require.Contains(t, r.out, says)
	}
	r = v.command(t, "radius", "test", "--server", at, "--secret", secret, "--user", "bob", "--password", "x")
	require.Equal(t, exitFailed, r.status)
	require.True(t, strings.HasPrefix(r.out, "Access-Reject"), r.out)
	r = v.command(t, "radius", "test", "--server", at, "--secret", "another secret, altogether", "--user", "bob", "--password", "geheim", "--unsigned")
	require.Equal(t, exitFailed, r.status)
	require.Contains(t, r.out, "WRONG: the shared secret differs")
}
