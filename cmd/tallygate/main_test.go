package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// binary is the program as a user has it, built once for all tests.
var binary string

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "tallygate-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary = filepath.Join(dir, "tallygate")
	args := []string{"build", "-buildvcs=false", "-o", binary}
	if info, ok := debug.ReadBuildInfo(); ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		args = append(args, "-race")
		// The detector otherwise waits a second at the end of each of our commands.
		if err := os.Setenv("GORACE", "atexit_sleep_ms=0 "+os.Getenv("GORACE")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	if out, err := exec.Command("go", append(args, ".")...).CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%s%v\n", out, err)
		return 1
	}
	return m.Run()
}

// venue is a directory with a distributor's files and a configuration, in which
// commands run; the gateway in it may run or not.
type venue struct {
	dir     string
	gateway *exec.Cmd
	log     chan string // lines of the gateway's log
	ended   chan error
	announced
}

type announced struct {
	Auth, Acct    []string
	Admin, Socket string
	PID           int
}

// newVenue makes a venue whose gateway trusts the distributor in ./distributor.
func newVenue(t *testing.T) *venue {
	t.Helper()
	v := &venue{dir: t.TempDir()}
	var made struct {
		PublicKey string `json:"public_key"`
	}
	v.read(t, &made, "issuer", "init", "--dir", "distributor")
	v.configure(t, made.PublicKey, "info")
	return v
}

func (v *venue) configure(t *testing.T, issuers, level string) {
	t.Helper()
	text := fmt.Sprintf(`radius: {auth: ["127.0.0.1:0"], acct: ["127.0.0.1:0"], reject_delay: 0s}
admin: {listen: "127.0.0.1:0"}
issuers: [%s]
log: {level: %s}
`, issuers, level)
	require.NoError(t, os.WriteFile(filepath.Join(v.dir, "tallygate.yaml"), []byte(text), 0o600))
}

// serve starts the gateway and waits for the line in which it says its addresses.
func (v *venue) serve(t *testing.T) {
	t.Helper()
	cmd := exec.Command(binary, "serve", "--json")
	cmd.Dir = v.dir
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	v.gateway, v.log, v.ended = cmd, make(chan string, 10000), make(chan error, 1)
	line, rest := make(chan string, 1), make(chan string, 1)
	go func() {
		out := bufio.NewReader(stdout)
		first, _ := out.ReadString('\n')
		line <- first
		more, _ := io.ReadAll(out)
		rest <- string(more)
	}()
	ended := v.ended
	go func(log chan<- string) {
		lines := bufio.NewScanner(stderr)
		for lines.Scan() {
			log <- lines.Text()
		}
		close(log)
		more := <-rest
		err := cmd.Wait()
		if more != "" {
			err = errors.Join(err, fmt.Errorf("on standard output: %s", more))
		}
		ended <- err
	}(v.log)
	t.Cleanup(func() {
		if v.gateway == cmd {
			require.NoError(t, v.stop(t, syscall.SIGTERM)) // the race detector tells by the exit status
		}
	})
	first := <-line
	if first == "" {
		v.gateway = nil
		t.Fatalf("the gateway did not start: %v, log: %v", <-ended, v.logged())
	}
	require.NoError(t, json.Unmarshal([]byte(first), &v.announced))
}

// stop ends the gateway with a signal and returns how it ended.
func (v *venue) stop(t *testing.T, signal syscall.Signal) error {
	t.Helper()
	require.NoError(t, v.gateway.Process.Signal(signal))
	v.gateway = nil
	return <-v.ended
}

// awaitLog returns the next log line that holds text.
func (v *venue) awaitLog(t *testing.T, text string) string {
	t.Helper()
	for line := range v.log {
		if strings.Contains(line, text) {
			return line
		}
	}
	t.Fatalf("the log ended without %q", text)
	return ""
}

// logged is what the log holds and nobody has read yet, of a gateway that has ended.
func (v *venue) logged() string {
	var all []string
	for line := range v.log {
		all = append(all, line)
	}
	return strings.Join(all, "\n")
}

// result is how a command ended.
type result struct {
	status   int
	out, err string
}

// command runs a command in the venue.
func (v *venue) command(t *testing.T, args ...string) result {
	t.Helper()
	return v.commandWith(t, nil, args...)
}

func (v *venue) commandWith(t *testing.T, stdin io.Reader, args ...string) result {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, args...)
	cmd.Dir, cmd.Stdin = v.dir, stdin
	cmd.Env = append(os.Environ(), "TALLYGATE_CONFIG=")
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil {
		require.ErrorAs(t, err, &exit)
	}
	return result{cmd.ProcessState.ExitCode(), out.String(), complaint.String()}
}

// do runs a command that must succeed without complaint, and returns its output.
func (v *venue) do(t *testing.T, args ...string) string {
	t.Helper()
	r := v.command(t, args...)
	require.Equal(t, exitDone, r.status, "%v: %s", args, r.err)
	require.Empty(t, r.err, "%v", args)
	return r.out
}

// read runs a command with --json and reads what it prints.
func (v *venue) read(t *testing.T, into any, args ...string) {
	t.Helper()
	out := v.do(t, append(args, "--json")...)
	require.NoError(t, json.Unmarshal([]byte(out), into), "%v: %s", args, out)
}

// grant signs a license for the Organization and returns the file of its key.
func (v *venue) grant(t *testing.T, flags ...string) string {
	t.Helper()
	f, err := os.CreateTemp(v.dir, "key-")
	require.NoError(t, err)
	require.NoError(t, f.Close())
	v.do(t, append([]string{"issuer", "grant", "--dir", "distributor", "--organization", "Hotel Sol",
		"--realm", "hotelsol", "--years", "1", "--out", f.Name()}, flags...)...)
	return f.Name()
}

// furnish adds an Organization with two Locations, and a client.
func (v *venue) furnish(t *testing.T) {
	t.Helper()
	v.do(t, "organization", "add", "Hotel Sol", "--realm", "hotelsol", "--code", "N2S")
	v.do(t, "location", "add", "Sol Centro", "--realm", "hotelsol", "--time-zone", "Europe/Madrid", "--id", "28N2S004")
	v.do(t, "location", "add", "Sol Playa", "--realm", "hotelsol", "--time-zone", "Atlantic/Canary", "--id", "28N2S005")
	v.do(t, "client", "add", "controller", "--address", "10.20.0.0/16", "--secret", "0123456789abcdefXYZ", "--location", "28N2S004")
}
