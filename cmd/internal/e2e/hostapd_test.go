package e2e

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// inNamespace is set where the test runs in the network namespace that it has made: the
// interfaces and ports of hostapd are nobody else's business.
const inNamespace = "TALLYGATE_E2E_NAMESPACE"

// TestHostapd: hostapd, with its wired driver and wpa_supplicant at the other end of the
// cable, is a real NAS at a real gateway: Accounting-On and -Off, Start, Interim-Update and
// Stop, Disconnect through its dynamic authorization server, and EAP, which is refused.
func TestHostapd(t *testing.T) {
	if os.Getenv(inNamespace) == "" {
		t.Parallel()
		ownNamespace(t)
		return
	}
	ip(t, "link", "set", "lo", "up")
	ip(t, "link", "add", "nas0", "type", "veth", "peer", "name", "sta0")
	ip(t, "link", "set", "nas0", "up")
	ip(t, "link", "set", "sta0", "up")

	t.Run("EAP is refused", testHostapdEAP)
	t.Run("accounting and Disconnect", testHostapdAccounting)
}

// ownNamespace runs the test again, alone, in a network namespace of its own, which goes
// when the last process in it does.
func ownNamespace(t *testing.T) {
	t.Helper()
	runtime.LockOSThread() // Pdeathsig follows the thread
	defer runtime.UnlockOSThread()
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), inNamespace+"=1", programVariable+"="+program)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Start()
	require.NoError(t, err, "a network namespace cannot be made here: run the tests as root (CAP_SYS_ADMIN), or allow user namespaces (sysctl kernel.unprivileged_userns_clone=1)")
	err = cmd.Wait()
	require.NoError(t, err, "%s", &out)
	require.Contains(t, out.String(), "--- PASS: "+t.Name(), "it must have run")
}

func ip(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), tool(t, "ip", "iproute2"), args...).CombinedOutput()
	require.NoError(t, err, "ip %s: %s", strings.Join(args, " "), out)
	return string(out)
}

// tool finds a program of a Debian package, also where PATH lacks the directories of root.
func tool(t *testing.T, name, debian string) string {
	t.Helper()
	for _, dir := range []string{"/usr/sbin", "/sbin"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return filepath.Join(dir, name)
		}
	}
	path, err := exec.LookPath(name)
	require.NoError(t, err, "%s is missing. Install it with `make peers`, or: apt-get install --no-install-recommends %s", name, debian)
	return path
}

// running is a program that others wrote, while it runs.
type running struct {
	cmd *exec.Cmd
	log *logBuffer
	end sync.Once
}

// logBuffer is what it has printed so far.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func launchTool(t *testing.T, path string, args ...string) *running {
	t.Helper()
	r := &running{cmd: exec.Command(path, args...), log: &logBuffer{}}
	r.cmd.Stdout, r.cmd.Stderr = r.log, r.log
	require.NoError(t, r.cmd.Start())
	t.Cleanup(func() {
		r.stop(syscall.SIGKILL)
		if t.Failed() {
			lines := strings.Split(r.log.String(), "\n")
			t.Logf("the end of what %s printed:\n%s", filepath.Base(path), strings.Join(lines[max(0, len(lines)-60):], "\n"))
		}
	})
	return r
}

func (r *running) stop(how os.Signal) {
	r.end.Do(func() {
		_ = r.cmd.Process.Signal(how)
		_ = r.cmd.Wait() // it ends as it is told to; how is its own business
	})
}

func (r *running) says(t *testing.T, what string) {
	t.Helper()
	require.Eventually(t, func() bool { return strings.Contains(r.log.String(), what) }, patience, 10*time.Millisecond, "it never says %q", what)
}

// startHostapd starts an access point that has one port, nas0.
func startHostapd(t *testing.T, g *gateway, more string) *running {
	t.Helper()
	dir := t.TempDir()
	users, config := filepath.Join(dir, "users"), filepath.Join(dir, "hostapd.conf")
	require.NoError(t, os.WriteFile(users, []byte("\"guest\" MD5 \"k7-blue-river\"\n"), 0o600))
	require.NoError(t, os.WriteFile(config, []byte(strings.Join([]string{
		"interface=nas0", "driver=wired", "ieee8021x=1", "use_pae_group_addr=0",
		"nas_identifier=hostapd-1", "own_ip_addr=127.0.0.1",
		"acct_server_addr=127.0.0.1", "acct_server_port=" + portOf(t, g.acct), "acct_server_shared_secret=" + secret,
		strings.ReplaceAll(more, "USERS", users), "",
	}, "\n")), 0o600))
	r := launchTool(t, tool(t, "hostapd", "hostapd"), "-dd", config)
	r.says(t, "AP-ENABLED")
	return r
}

// startGuest plugs in a guest's device, sta0.
func startGuest(t *testing.T) *running {
	t.Helper()
	config := filepath.Join(t.TempDir(), "wpa.conf")
	require.NoError(t, os.WriteFile(config, []byte("ap_scan=0\nnetwork={\n key_mgmt=IEEE8021X\n eap=MD5\n identity=\"guest\"\n password=\"k7-blue-river\"\n eapol_flags=0\n}\n"), 0o600))
	return launchTool(t, tool(t, "wpa_supplicant", "wpasupplicant"), "-D", "wired", "-i", "sta0", "-c", config)
}

func address(t *testing.T, name string) string {
	t.Helper()
	i, err := net.InterfaceByName(name)
	require.NoError(t, err)
	return i.HardwareAddr.String()
}

// hostapd asks the gateway about a guest who wants EAP: it is refused, in a way that
// hostapd understands, and no session begins.
func testHostapdEAP(t *testing.T) {
	g := newVenue(t, site{})
	nas := startHostapd(t, g, "auth_server_addr=127.0.0.1\nauth_server_port="+portOf(t, g.auth)+"\nauth_server_shared_secret="+secret)
	startGuest(t).says(t, "CTRL-EVENT-EAP-FAILURE")
	nas.says(t, "Access-Reject")
	require.NotContains(t, nas.log.String(), "Message-Authenticator is not")
	require.NotContains(t, nas.log.String(), "invalid Message-Authenticator")
	require.Positive(t, g.metrics(t).value(t, `access_decisions_total{reason="eap-unsupported",result="reject"}`))
	require.Zero(t, g.license(t).DevicesCounted)
	require.Empty(t, g.sessions(t))
}

// Here hostapd knows its guests itself, and the gateway is its accounting server and the
// one that may end sessions.
func testHostapdAccounting(t *testing.T) {
	g := newVenue(t, site{})
	// What a hostapd can demand of a Disconnect-Request it demands here.
	const config = "eap_server=1\neap_user_file=USERS\nradius_acct_interim_interval=1\n" +
		"radius_das_port=3799\nradius_das_client=127.0.0.1 " + secret + "\nradius_das_require_event_timestamp=1\nradius_das_require_message_authenticator=1"
	mac, ap := address(t, "sta0"), address(t, "nas0")
	responses := func() int {
		return g.metrics(t).value(t, `radius_responses_total{code="Accounting-Response",listener="acct"}`)
	}
	open := func() (all []sessionRow) {
		for _, s := range g.sessions(t) {
			if s.EndedAt == nil {
				all = append(all, s)
			}
		}
		return all
	}
	begins := func() sessionRow {
		t.Helper()
		var all []sessionRow
		require.Eventually(t, func() bool { all = open(); return len(all) == 1 }, patience, 20*time.Millisecond, "a session begins")
		return all[0]
	}
	// latest: within five seconds hostapd gives a guest the same id again, a leg more.
	latest := func(id string) (last sessionRow) {
		t.Helper()
		for _, s := range g.sessions(t) {
			if s.SessionID == id {
				last = s
			}
		}
		require.Equal(t, id, last.SessionID)
		return last
	}
	ended := func(id string) sessionRow {
		t.Helper()
		require.Eventually(t, func() bool { return len(open()) == 0 }, patience, 20*time.Millisecond, "its Stop comes")
		return latest(id)
	}
	// acknowledged waits for hostapd's word as well: it sends the Stop first.
	acknowledged := func(id, why string) {
		t.Helper()
		ended(id)
		require.Eventually(t, func() bool { return latest(id).Disconnect.State == "acknowledged" }, patience, 20*time.Millisecond)
		require.Equal(t, why, latest(id).Disconnect.Why)
	}

	nas := startHostapd(t, g, config)
	require.Eventually(t, func() bool { return responses() == 1 }, patience, 10*time.Millisecond, "Accounting-On is answered")
	require.Empty(t, g.sessions(t), "and is nobody's session")

	// Start and Interim-Update.
	guest := startGuest(t)
	s := begins()
	require.Equal(t, mac, s.MAC)
	require.Equal(t, ap, s.AP, "the BSSID, of Called-Station-Id")
	require.Len(t, s.SessionID, 16)
	require.Nil(t, s.Disconnect)
	require.True(t, g.devices(t)[mac].Counted)
	require.Eventually(t, func() bool { return begins().Records >= 3 }, patience, 50*time.Millisecond, "Interim-Updates come")

	// By hand: who is meant, then Disconnect-ACK and the Stop.
	var results []endedRow
	g.json(t, &results, "session", "end", "--location", location, "--mac", mac, "--dry-run")
	require.Equal(t, "planned", results[0].Disconnect.State)
	g.json(t, &results, "session", "end", "--location", location, "--mac", mac)
	require.Len(t, results, 1)
	require.Equal(t, "acknowledged", results[0].Disconnect.State)
	require.Equal(t, "127.0.0.1:3799", results[0].Disconnect.To)
	acknowledged(s.SessionID, "operator")
	nas.says(t, "RADIUS DAS: Found a matching session")
	guest.stop(syscall.SIGTERM)

	// By itself: the device is blocked.
	guest = startGuest(t)
	s = begins()
	g.run(t, "device", "block", "--location", location, mac)
	acknowledged(s.SessionID, "device-blocked")
	guest.stop(syscall.SIGTERM)
	g.run(t, "device", "block", "--remove", "--location", location, mac)

	// A session that hostapd does not know: it is told so.
	g.run(t, "client", "set", "access-points", "--vendor", "hostapd")
	g.radclient(t, "acct", `Acct-Status-Type = Start
Acct-Session-Id = "0000000000000000"
Calling-Station-Id = "02-00-00-00-00-99"
NAS-Identifier = "hostapd-1"
NAS-IP-Address = 127.0.0.1
`)
	out, err := g.command(t, "session", "end", "--location", location, "--all")
	require.Error(t, err, "exit status 1, since no session was ended: %s", out)
	require.Equal(t, "refused", begins().Disconnect.State)
	require.Equal(t, "Session-Context-Not-Found", begins().Disconnect.ErrorCause)
	g.radclient(t, "acct", "Acct-Status-Type = Stop\nAcct-Session-Id = \"0000000000000000\"\nCalling-Station-Id = \"02-00-00-00-00-99\"\nNAS-Identifier = \"hostapd-1\"\nNAS-IP-Address = 127.0.0.1\n")

	// A power cut: no Stop, but an Accounting-On when it is back.
	guest = startGuest(t)
	s = begins()
	// Its times have whole seconds: what begins in that of an Accounting-On has begun after it.
	require.Eventually(t, func() bool { return begins().Records >= 2 }, patience, 50*time.Millisecond)
	nas.stop(syscall.SIGKILL)
	guest.stop(syscall.SIGKILL)
	require.Len(t, open(), 1)
	nas = startHostapd(t, g, config)
	require.Equal(t, "NAS-Reboot", ended(s.SessionID).TerminateCause)

	// It is switched off in order: Accounting-Off.
	guest = startGuest(t)
	s = begins()
	require.Eventually(t, func() bool { return begins().Records >= 2 }, patience, 50*time.Millisecond)
	before := responses()
	nas.stop(syscall.SIGTERM)
	require.NotNil(t, ended(s.SessionID).EndedAt)
	require.Regexp(t, `Acct-Status-Type\) length=6\s+Value: 8\b`, nas.log.String(), "hostapd has sent it")
	require.Eventually(t, func() bool { return responses() >= before+2 }, patience, 10*time.Millisecond, "Stop and Off are answered")
	guest.stop(syscall.SIGTERM)

	m := g.metrics(t)
	require.Equal(t, 2, m.value(t, `disconnects_total{result="acknowledged"}`))
	require.Equal(t, 1, m.value(t, `disconnects_total{result="refused"}`))
	require.Zero(t, m.value(t, `disconnects_total{result="unanswered"}`))
	require.Equal(t, 2, g.license(t).DevicesCounted)
	g.verifyAudit(t)
}
