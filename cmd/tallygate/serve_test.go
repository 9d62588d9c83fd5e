package main

import (
	"bufio"
	"encoding/json"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/stretchr/testify/require"
)

func (v *venue) fetch(t *testing.T, path string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+v.Admin+path, nil)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(text)
}

// Ports that the system chose are found in the line on standard output and in
// addresses.json, which goes when the gateway goes.
func TestServeSaysWhereItIs(t *testing.T) {
	v := newVenue(t)
	v.serve(t)
	path := filepath.Join(v.dir, "data", "addresses.json")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var at announced
	require.NoError(t, json.Unmarshal(text, &at))
	require.Equal(t, v.announced, at)
	require.Equal(t, v.gateway.Process.Pid, at.PID)
	for _, a := range append(append([]string{at.Admin}, at.Auth...), at.Acct...) {
		require.Regexp(t, `^127\.0\.0\.1:[1-9]\d*$`, a)
	}
	info, err := os.Stat(filepath.Join(v.dir, "data", "admin.sock"))
	require.NoError(t, err)
	require.Equal(t, fs.ModeSocket|0o600, info.Mode())
	info, err = os.Stat(filepath.Join(v.dir, "data"))
	require.NoError(t, err)
	require.Equal(t, fs.ModeDir|0o700, info.Mode())

	// Ready without license and without clients.
	status, text2 := v.fetch(t, "/readyz")
	require.Equal(t, 200, status, text2)
	status, _ = v.fetch(t, "/livez")
	require.Equal(t, 200, status)
	status, _ = v.fetch(t, "/v1/organizations")
	require.Equal(t, 401, status)

	require.NoError(t, v.stop(t, syscall.SIGINT), "an orderly end is exit status 0")
	require.Contains(t, v.logged(), "stopped")
	for _, gone := range []string{"addresses.json", "admin.sock", "tallygate.db-wal"} {
		require.NoFileExists(t, filepath.Join(v.dir, "data", gone))
	}
}

// What is entered survives kill -9: the next start finds the stale socket and goes on.
func TestServeAfterKill(t *testing.T) {
	v := newVenue(t)
	v.serve(t)
	v.do(t, "organization", "add", "Hotel Sol", "--realm", "hotelsol", "--code", "N2S")
	require.Error(t, v.stop(t, syscall.SIGKILL))
	r := v.command(t, "organization", "list")
	require.Contains(t, r.err, "the gateway is not running")
	v.serve(t)
	require.Contains(t, v.do(t, "organization", "list"), "Hotel Sol")
}

// SIGHUP re-reads issuers and log level, and nothing else; a broken file changes nothing.
func TestReload(t *testing.T) {
	v := newVenue(t)
	v.serve(t)
	v.furnish(t)
	v.do(t, "issuer", "init", "--dir", "second")
	public, err := os.ReadFile(filepath.Join(v.dir, "second", "issuer.pub"))
	require.NoError(t, err)
	second := strings.TrimSpace(string(public))
	v.do(t, "issuer", "grant", "--dir", "second", "--organization", "Hotel Sol", "--realm", "hotelsol", "--years", "1", "--out", "key")
	activate := []string{"license", "activate", "@key", "--location", "28N2S004"}
	require.Contains(t, v.command(t, activate...).err, "its issuer is not trusted here: "+second)

	require.NoError(t, os.WriteFile(filepath.Join(v.dir, "tallygate.yaml"), []byte("isuers: []"), 0o600))
	require.NoError(t, v.gateway.Process.Signal(syscall.SIGHUP))
	require.Contains(t, v.awaitLog(t, "not re-read"), "unknown key")
	require.Contains(t, v.command(t, "--config", "/dev/null", "version").out, "tallygate", "and the gateway lives")

	v.configure(t, second, "debug")
	require.NoError(t, v.gateway.Process.Signal(syscall.SIGHUP))
	require.Contains(t, v.awaitLog(t, "re-read"), `"level":"debug"`)
	v.do(t, activate...)

	text := "data_dir: ./elsewhere\nissuers: [" + second + "]\n"
	require.NoError(t, os.WriteFile(filepath.Join(v.dir, "other.yaml"), []byte(text), 0o600))
	require.NoError(t, os.Rename(filepath.Join(v.dir, "other.yaml"), filepath.Join(v.dir, "tallygate.yaml")))
	require.NoError(t, v.gateway.Process.Signal(syscall.SIGHUP))
	v.awaitLog(t, "take effect at the next start")
	require.NoError(t, v.stop(t, syscall.SIGTERM))
}

// A start that fails says what to do and leaves nothing behind.
func TestServeCannotStart(t *testing.T) {
	v := newVenue(t)
	v.serve(t)
	taken := func(lines string) string {
		path := filepath.Join(v.dir, "second.yaml")
		require.NoError(t, os.WriteFile(path, []byte("data_dir: second\n"+lines), 0o600))
		return path
	}
	for _, tt := range []struct{ name, config, message string }{
		{"authentication port", `radius: {auth: ["` + v.Auth[0] + `"], acct: ["127.0.0.1:0"]}` + "\nadmin: {listen: \"127.0.0.1:0\"}\n", v.Auth[0]},
		{"accounting port", `radius: {auth: ["127.0.0.1:0"], acct: ["` + v.Acct[0] + `"]}` + "\nadmin: {listen: \"127.0.0.1:0\"}\n", v.Acct[0]},
		{"admin port", `radius: {auth: ["127.0.0.1:0"], acct: ["127.0.0.1:0"]}` + "\nadmin: {listen: \"" + v.Admin + "\"}\n", v.Admin},
		{"foreign address", `radius: {auth: ["192.0.2.1:1812"], acct: ["127.0.0.1:0"]}` + "\nadmin: {listen: \"127.0.0.1:0\"}\n", "192.0.2.1:1812"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := v.command(t, "serve", "--config", taken(tt.config))
			require.Equal(t, exitFailed, r.status)
			require.Empty(t, r.out)
			_, complaint, found := strings.Cut(r.err, "error: ")
			require.True(t, found, r.err)
			require.Contains(t, complaint, tt.message)
			require.Contains(t, complaint, "what to do: ")
			for _, left := range []string{"admin.sock", "addresses.json", "tallygate.db-wal"} {
				require.NoFileExists(t, filepath.Join(v.dir, "second", left))
			}
		})
	}
}

// The names of DESIGN section 7, and what promlint thinks of them and all others.
func TestMetrics(t *testing.T) {
	v := newVenue(t)
	v.serve(t)
	v.furnish(t)
	started := v.grant(t, "--start", "on-provision", "--aps", "3")
	var a struct{ Licenses []struct{ Number string } }
	v.read(t, &a, "license", "activate", "@"+started, "--location", "28N2S004")
	number := a.Licenses[0].Number
	v.do(t, "ap", "declare", "lobby", "--location", "28N2S004")
	status, text := v.fetch(t, "/metrics")
	require.Equal(t, 200, status)
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	require.NoError(t, err)
	require.Empty(t, problems)
	for _, line := range []string{
		`tallygate_radius_requests_total{code="Access-Request",listener="auth"} 0`,
		`tallygate_radius_responses_total{code="Accounting-Response",listener="acct"} 0`,
		`tallygate_radius_dropped_total{listener="auth",reason="bad-authenticator"} 0`,
		`tallygate_access_decisions_total{reason="ap-limit",result="reject"} 0`,
		`tallygate_accounting_commit_seconds_count 0`,
		`tallygate_accounting_batch_records_count 0`,
		`tallygate_devices_counted{location="28N2S004"} 0`,
		`tallygate_license_state{number="` + number + `",state="In Use"} 1`,
		`tallygate_license_state{number="` + number + `",state="Pending Start"} 0`,
		`tallygate_license_end_timestamp_seconds{number="` + number + `"} `,
		`tallygate_ap_slots{kind="limit",location="28N2S004"} 3`,
		`tallygate_ap_slots{kind="used",location="28N2S004"} 1`,
		`tallygate_room_slots{kind="used",location="28N2S004"} 0`,
		`tallygate_mac_cache_hits_total 0`,
		`tallygate_mac_cache_misses_total 0`,
		`tallygate_store_writable 1`,
		`tallygate_store_commit_failures_total 0`,
		`tallygate_build_info{version="`,
	} {
		require.Contains(t, text, "\n"+line)
	}
	require.NotContains(t, text, `tallygate_room_slots{kind="limit"`, "not limited: absent")
	require.NotContains(t, text, `tallygate_license_end_timestamp_seconds{number=""`)
}

// The first signal lets what is in hand finish, for a while; the second one does not.
func TestSecondSignalEndsItNow(t *testing.T) {
	v := newVenue(t)
	v.serve(t)
	conn, err := new(net.Dialer).DialContext(t.Context(), "unix", filepath.Join(v.dir, v.Socket))
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	// A request whose body never ends keeps the gateway from stopping; that it is asked
	// for its body shows that it is being served.
	_, err = conn.Write([]byte("POST /v1/organizations HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n"))
	require.NoError(t, err)
	answer, err := bufio.NewReader(conn).ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, answer, "100 Continue")

	require.NoError(t, v.gateway.Process.Signal(syscall.SIGTERM))
	v.awaitLog(t, "stopping")
	var exit *exec.ExitError
	require.ErrorAs(t, v.stop(t, syscall.SIGTERM), &exit)
	require.Equal(t, "signal: terminated", exit.String())
}
