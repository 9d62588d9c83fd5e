package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tallygate/macwatch"
)

const radclientSecret = "0123456789abcdefXYZ"

// radclient sends one request by FreeRADIUS's client, from an address of the loopback,
// and reports whether an answer came that it believes.
func (v *venue) radclient(t *testing.T, source, kind, secret string, lines ...string) bool {
	t.Helper()
	to := v.Auth[0]
	if kind == "acct" {
		to = v.Acct[0]
	}
	patience := "10"
	if secret == "wrong" {
		patience = "0.1"
	}
	cmd := exec.CommandContext(t.Context(), "radclient", "-r", "1", "-t", patience, to, kind, secret)
	cmd.Stdin = strings.NewReader(strings.Join(append(lines, "Packet-Src-IP-Address="+source), "\n") + "\n")
	out, err := cmd.CombinedOutput()
	require.True(t, err == nil || strings.Contains(string(out), "Sent "), "%v: %s", err, out)
	return strings.Contains(string(out), "Received ") && !strings.Contains(string(out), "verification failed")
}

// watch starts a trace as a process with its output in a pipe.
func (v *venue) watch(t *testing.T, args ...string) (lines *bufio.Scanner, end func() error) {
	t.Helper()
	cmd := exec.Command(binary, append([]string{"trace"}, args...)...)
	cmd.Dir, cmd.Env = v.dir, append(os.Environ(), "TALLYGATE_CONFIG=")
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.Stderr = os.Stderr
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return bufio.NewScanner(out), func() error {
		require.NoError(t, cmd.Process.Signal(syscall.SIGINT))
		_, err := io.Copy(io.Discard, out)
		require.NoError(t, err)
		return cmd.Wait()
	}
}

// awaitOutput runs a command until it prints text: packets without an answer are handled in
// their own time.
func (v *venue) awaitOutput(t *testing.T, text string, args ...string) (out string) {
	t.Helper()
	require.Eventually(t, func() bool {
		out = v.command(t, args...).out
		return strings.Contains(out, text)
	}, 20*time.Second, 10*time.Millisecond, "%v never says %q", args, text)
	return out
}

// tracedVenue serves one Location with a license for one AP, and a client 127.0.0.2.
func tracedVenue(t *testing.T) *venue {
	t.Helper()
	v := newVenue(t)
	v.serve(t)
	v.do(t, "organization", "add", "Hotel Sol", "--realm", "hotelsol", "--code", "N2S")
	v.do(t, "location", "add", "Sol Centro", "--realm", "hotelsol", "--time-zone", "Europe/Madrid", "--id", "28N2S004")
	v.command(t, "client", "add", "aps", "--address", "127.0.0.2", "--secret", radclientSecret, "--location", "28N2S004", "--require-message-authenticator", "no")
	v.do(t, "license", "activate", "@"+v.grant(t, "--aps", "1"), "--location", "28N2S004")
	return v
}

func login(mac, ap string) []string {
	return []string{"User-Name=" + mac, "Calling-Station-Id=" + mac, "Called-Station-Id=" + ap + ":Guest", "NAS-Identifier=lobby"}
}

// The story of the manual: a trace that runs beside the gateway, with radclient as the
// access points. Every line arrives in a pipe as it happens, and says what to do.
func TestTraceOfAVenue(t *testing.T) {
	v := tracedVenue(t)
	require.True(t, v.radclient(t, "127.0.0.2", "auth", radclientSecret, login("02-11-22-33-44-55", "94-83-C4-01-42-27")...))
	lines, end := v.watch(t)
	next := func() string {
		t.Helper()
		require.True(t, lines.Scan(), "the trace has ended: %v", lines.Err())
		return lines.Text()
	}
	require.Regexp(t, `^\d\d:\d\d:\d\dZ  accept  02:11:22:33:44:55 via AP 94:83:c4:01:42:27, SSID Guest \(client aps, 28N2S004\): let in \(TG-\S+, Pending Start\)$`, next())

	require.True(t, v.radclient(t, "127.0.0.2", "auth", radclientSecret, login("02-11-22-33-44-66", "94-83-C4-01-42-28")...))
	require.Regexp(t, `  reject  02:11:22:33:44:66 via AP 94:83:c4:01:42:28, SSID Guest \(client aps, 28N2S004\): all licensed access points are in use — `+
		"`tallygate ap list`; old hardware hands its slot on with `ap replace`$", next())

	require.True(t, v.radclient(t, "127.0.0.2", "acct", radclientSecret, "Acct-Status-Type=Start", "Acct-Session-Id=s1", "User-Name=bob",
		"Calling-Station-Id=0211.2233.4455", "Called-Station-Id=94-83-C4-01-42-27:Guest"))
	require.Regexp(t, `  record  02:11:22:33:44:55, user bob via AP 94:83:c4:01:42:27, SSID Guest \(client aps, 28N2S004\): Start stored, session s1$`, next())

	require.False(t, v.radclient(t, "127.0.0.2", "acct", "wrong", "Acct-Status-Type=Stop", "Acct-Session-Id=s1"))
	require.Regexp(t, `  drop    a packet \(client aps, 28N2S004, from 127\.0\.0\.2:\d+\): the authenticator does not match: the shared secret differs — the shared secret of "aps" differs`, strings.ReplaceAll(next(), " via AP 127.0.0.2", ""))

	require.False(t, v.radclient(t, "127.0.0.9", "auth", "wrong", login("02-11-22-33-44-55", "94-83-C4-01-42-27")...))
	require.Regexp(t, `  drop    a packet from 127\.0\.0\.9:\d+ to the auth port: the source address is not a configured client — if 127\.0\.0\.9 is one of your access points`, next())
	require.NoError(t, end(), "Ctrl-C is an orderly end")

	// The history, narrowed down; as JSON, one object a line.
	var got []macwatch.TraceEvent
	for line := range strings.Lines(v.do(t, "trace", "--no-follow", "--json", "--mac", "0211-2233-4455")) {
		var e macwatch.TraceEvent
		require.NoError(t, json.Unmarshal([]byte(line), &e), line)
		got = append(got, e)
	}
	require.Len(t, got, 2)
	require.Equal(t, macwatch.ResultAccept, got[0].Result)
	require.Equal(t, "Start", got[1].Status)
	require.Equal(t, 1, strings.Count(v.do(t, "trace", "--history", "--result", "reject", "--location", "28N2S004", "--since", "1h"), "\n"))
	r := v.command(t, "trace", "--history", "--reason", "room-limit")
	require.Equal(t, result{0, "", "-- nothing is remembered that matches\n"}, r)
	for _, tt := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{"--mac", "02:11"}, 2, "is not the MAC address of a device"},
		{[]string{"--result", "maybe"}, 2, "must be accept or reject or drop or accounting"},
		{[]string{"--reason", "because"}, 2, `"because" is not a reason`},
		{[]string{"--client", "nobody"}, 1, `there is no client "nobody"`},
		{[]string{"--location", "28N2S999"}, 1, "there is no Location"},
		{[]string{"--follow", "--history"}, 2, "follow"},
	} {
		r := v.command(t, append([]string{"trace"}, tt.args...)...)
		require.Equal(t, tt.status, r.status, r.err)
		require.Contains(t, r.err, tt.says)
	}
}

// A trace does not hold up the end of the gateway, and says that it is over.
func TestTraceEndsWithTheGateway(t *testing.T) {
	v := tracedVenue(t)
	require.True(t, v.radclient(t, "127.0.0.2", "auth", radclientSecret, login("02-11-22-33-44-55", "94-83-C4-01-42-27")...))
	cmd := exec.Command(binary, "trace")
	cmd.Dir, cmd.Env = v.dir, append(os.Environ(), "TALLYGATE_CONFIG=")
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	var complaint strings.Builder
	cmd.Stderr = &complaint
	require.NoError(t, cmd.Start())
	require.True(t, bufio.NewScanner(out).Scan()) // it runs
	began := time.Now()
	require.NoError(t, v.stop(t, syscall.SIGTERM))
	require.Less(t, time.Since(began), stopTimeout, "it waited for the trace")
	var exit *exec.ExitError
	require.ErrorAs(t, cmd.Wait(), &exit)
	require.Equal(t, exitFailed, exit.ExitCode())
	require.Contains(t, complaint.String(), "the trace has ended: the gateway is stopping")
}

// A wrong secret is named with its source until it is mended.
func TestWrongSecretIsNamed(t *testing.T) {
	v := tracedVenue(t)
	require.NotContains(t, v.do(t, "client", "list"), "differs")
	for range 2 {
		require.False(t, v.radclient(t, "127.0.0.2", "acct", "wrong", "Acct-Status-Type=Start", "Acct-Session-Id=s1"))
	}
	v.awaitOutput(t, "2 packets", "client", "list")
	require.Regexp(t, `shared secret differs at 127\.0\.0\.2 \(since \d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ, 2 packets\)`, v.do(t, "client", "list"))
	require.Contains(t, v.do(t, "client", "show", "aps"), "the Request Authenticator of accounting is wrong")
	var rows []clientRow
	v.read(t, &rows, "client", "list")
	require.Len(t, rows[0].SecretDiffers, 1)
	_, metrics := v.fetch(t, "/metrics")
	require.Contains(t, metrics, `tallygate_radius_dropped_total{listener="acct",reason="bad-authenticator"} 2`)

	require.True(t, v.radclient(t, "127.0.0.2", "acct", radclientSecret, "Acct-Status-Type=Start", "Acct-Session-Id=s1"))
	require.NotContains(t, v.do(t, "client", "list"), "differs")
	require.Contains(t, v.command(t, "client", "show", "nobody").err, `there is no client "nobody"`)
}

// An unknown client is listed; the command under it, run by a shell as it stands, lets it
// in, whatever the packets said. They can say nothing that reaches shell or terminal.
func TestUnknownClientIsListedWithACommandThatWorks(t *testing.T) {
	v := tracedVenue(t)
	require.Contains(t, v.do(t, "client", "unknown"), "nobody unknown has sent anything")
	guest := append(login("02-11-22-33-44-55", "94-83-C4-01-42-27")[:3], `NAS-Identifier="Lobby $(touch pwned) \033[31m'; true"`, "NAS-IP-Address=192.168.7.1")
	require.False(t, v.radclient(t, "127.0.0.9", "auth", "wrong", guest...))
	text := v.awaitOutput(t, "127.0.0.9", "client", "unknown")
	require.NotContains(t, text, "\x1b")
	require.Contains(t, text, "192.168.7.1")
	var rows []strangerRow
	v.read(t, &rows, "client", "unknown")
	require.Len(t, rows, 1)
	require.Contains(t, text, rows[0].Command)

	shell := exec.CommandContext(t.Context(), "/bin/sh", "-c", strings.TrimSpace(text[strings.LastIndex(text, "To let one in:\n")+len("To let one in:\n"):]))
	shell.Dir = v.dir
	shell.Env = append(os.Environ(), "TALLYGATE_CONFIG=", "SECRET="+radclientSecret, "PATH="+filepath.Dir(binary)+":"+os.Getenv("PATH"))
	out, err := shell.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "for Location 28N2S004")
	require.NoFileExists(t, filepath.Join(v.dir, "pwned"))
	require.True(t, v.radclient(t, "127.0.0.9", "auth", radclientSecret, guest...))
	require.Contains(t, v.do(t, "client", "unknown"), "nobody unknown has sent anything")
}

// Whatever strangers call themselves, their commands have different names and hold
// nothing that a shell would act on.
func TestAdmissionsAreSafeAndDistinct(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := map[string]bool{"lobby": true}
		seen := map[string]bool{}
		for range rapid.IntRange(1, 6).Draw(t, "strangers") {
			s := macwatch.Stranger{NASIdentifier: rapid.OneOf(rapid.SampledFrom([]string{"lobby", "Lobby", "ap 7", ""}), rapid.String()).Draw(t, "name"), Listeners: []string{"auth"}}
			s.Source = netip.AddrFrom4([4]byte{10, 0, 0, rapid.Byte().Draw(t, "address")})
			command := admission(s, "28N2S004", names)
			var name string
			_, err := fmt.Sscanf(command, "tallygate client add %s --address", &name)
			if err != nil || name == "lobby" || seen[name] || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || strings.HasPrefix(name, "-") {
				t.Fatalf("%q", command)
			}
			seen[name] = true
		}
	})
}
