package e2e

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
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

// program is the tallygate binary, built once, as a user has it.
var program string

// programVariable names a binary that is built already.
const programVariable = "TALLYGATE_E2E_PROGRAM"

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "tallygate-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if program = os.Getenv(programVariable); program != "" {
		return m.Run() // a test that runs itself again, elsewhere
	}
	program = filepath.Join(dir, "tallygate")
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", program, "tallygate/cmd/tallygate").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build tallygate: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// What every venue here has.
const (
	secret   = "a secret of the tests"
	location = "28N2S004"
	patience = 30 * time.Second // for what takes a fraction of a second on an idle machine
)

// site says how a venue differs from the usual one: open guests, rejects at once, a
// cache that holds two devices, and one client, 127.0.0.1, that must sign.
type site struct {
	rejectDelay string   // default 0s
	guests      string   // default open
	grant       []string // further flags of the license
	privacy     string   // how addresses are stored; default clear. With it every packet is kept
	unlicensed  bool     // the key is issued (see gateway.key), but not entered
	radsec      bool     // with certificates in the folder radsec
}

// gateway is a daemon with its folder. It may be ended and started any number of times.
type gateway struct {
	dir, config string
	public      string // the distributor's public key
	key         string // file with the activation key
	number      string // of the license

	auth, acct, admin string // where it listens; "" before the first start
	radsec            string // the same; "" also without RadSec
	certificates      string // folder for RadSec; "": none
	rejectDelay       string
	privacy           string

	environment []string // of the daemon, beside our own
	daemon      *daemon  // nil while it does not run
}

// daemon is one life of the gateway.
type daemon struct {
	process *os.Process
	ended   chan struct{} // closed when it has ended
	status  error         // how, then
}

// newVenue starts a gateway and enters an Organization, a Location, a client and, unless
// the site says otherwise, a license.
func newVenue(t *testing.T, s site) *gateway {
	t.Helper()
	g := &gateway{dir: t.TempDir(), rejectDelay: s.rejectDelay, privacy: s.privacy}
	g.config, g.key = filepath.Join(g.dir, "tallygate.yaml"), filepath.Join(g.dir, "license-key.txt")
	if g.rejectDelay == "" {
		g.rejectDelay = "0s"
	}
	t.Cleanup(func() { g.cleanup(t) })
	distributor := filepath.Join(g.dir, "distributor")
	var issuer struct {
		PublicKey string `json:"public_key"`
	}
	g.json(t, &issuer, "issuer", "init", "--dir", distributor)
	g.public = issuer.PublicKey
	if s.radsec {
		g.certificates = filepath.Join(g.dir, "radsec")
		g.run(t, "radsec", "init", "--dir", g.certificates, "--name", "127.0.0.1")
	}
	g.configure(t)
	g.start(t)

	if s.guests == "" {
		s.guests = "open"
	}
	g.run(t, "organization", "add", "Hotel Sol", "--realm", "hotelsol", "--code", "N2S")
	g.run(t, "location", "add", "Hotel Sol Centro", "--realm", "hotelsol", "--time-zone", "Europe/Madrid", "--id", location, "--guests", s.guests)
	g.run(t, "client", "add", "access-points", "--address", "127.0.0.1/32", "--secret", secret, "--location", location)
	var issued struct {
		Number string `json:"number"`
	}
	g.json(t, &issued, append([]string{"issuer", "grant", "--dir", distributor, "--organization", "Hotel Sol", "--realm", "hotelsol",
		"--years", "1", "--out", g.key}, s.grant...)...)
	g.number = issued.Number
	if !s.unlicensed {
		g.activate(t)
	}
	return g
}

// activate enters the key.
func (g *gateway) activate(t *testing.T) {
	t.Helper()
	g.run(t, "license", "activate", "@"+g.key, "--location", location)
}

// configure writes the configuration. The first time the daemon picks its ports; called
// again, it keeps those it has, so that access points find it after a crash.
func (g *gateway) configure(t *testing.T) {
	t.Helper()
	port := func(address string) string {
		if address == "" {
			return "127.0.0.1:0"
		}
		return address
	}
	text := fmt.Sprintf("data_dir: %q\nradius:\n  auth: [%q]\n  acct: [%q]\n  reject_delay: %s\nadmin:\n  listen: %q\nissuers: [%q]\nmac_cache: {capacity: 2}\n",
		filepath.Join(g.dir, "data"), port(g.auth), port(g.acct), g.rejectDelay, "127.0.0.1:0", g.public)
	if g.privacy != "" {
		text += fmt.Sprintf("privacy: {mac_storage: %s}\nkeep_raw: true\n", g.privacy)
	}
	if g.certificates != "" {
		in := func(name string) string { return filepath.Join(g.certificates, name) }
		text = strings.Replace(text, "radius:\n", fmt.Sprintf("radius:\n  radsec: {listen: [%q], cert: %q, key: %q, client_ca: %q}\n",
			port(g.radsec), in("server.crt"), in("server.key"), in("ca.crt")), 1)
	}
	require.NoError(t, os.WriteFile(g.config, []byte(text), 0o600))
}

// start starts the daemon and waits until it is ready. A port that it had before may be
// somebody else's for a moment: then it is tried again.
func (g *gateway) start(t *testing.T) {
	t.Helper()
	require.Nil(t, g.daemon, "it runs already")
	require.NoError(t, g.launch())
	require.Eventually(t, func() bool {
		select {
		case <-g.daemon.ended:
			if g.auth == "" {
				return true
			}
			_ = g.launch()
			return false
		default:
			return g.ready()
		}
	}, patience, 5*time.Millisecond, "the gateway does not become ready")
	require.NotEmpty(t, g.auth, "the gateway ended at once")
}

// launch starts the process and does not wait until it is ready.
func (g *gateway) launch() error {
	log, err := os.OpenFile(g.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	cmd := exec.Command(program, "serve", "--config", g.config)
	cmd.Stderr = log
	cmd.Env = append(os.Environ(), g.environment...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	d := &daemon{ended: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		// Pdeathsig follows the thread that starts the child, which must therefore last
		// as long as the child does.
		runtime.LockOSThread()
		defer close(d.ended)
		defer func() { _ = log.Close() }()
		err := cmd.Start()
		d.process = cmd.Process
		started <- err
		if err == nil {
			d.status = cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return err
	}
	g.daemon = d
	return nil
}

func (g *gateway) logFile() string { return filepath.Join(g.dir, "stderr.log") }

// ready reports whether this very daemon has told its addresses and serves.
func (g *gateway) ready() bool {
	text, err := os.ReadFile(filepath.Join(g.dir, "data", "addresses.json"))
	if err != nil {
		return false
	}
	var at struct {
		Auth, Acct []string
		RadSec     []string
		Admin      string
		PID        int
	}
	if json.Unmarshal(text, &at) != nil || at.PID != g.daemon.process.Pid {
		return false // what an earlier life has left behind
	}
	answer, err := http.Get("http://" + at.Admin + "/readyz")
	if err != nil {
		return false
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return false
	}
	g.auth, g.acct, g.admin = at.Auth[0], at.Acct[0], at.Admin
	for _, address := range at.RadSec {
		g.radsec = address
	}
	return true
}

// stop ends the daemon in order, and expects that it does so.
func (g *gateway) stop(t *testing.T) {
	t.Helper()
	require.NoError(t, g.daemon.process.Signal(syscall.SIGTERM))
	select {
	case <-g.daemon.ended:
	case <-time.After(patience):
		require.Fail(t, "the gateway does not stop on SIGTERM")
	}
	require.NoError(t, g.daemon.status, "exit status after SIGTERM")
	g.daemon = nil
}

// kill ends the daemon as a power cut would.
func (g *gateway) kill(t *testing.T) {
	t.Helper()
	require.NoError(t, g.daemon.process.Kill())
	<-g.daemon.ended
	g.daemon = nil
}

func (g *gateway) restart(t *testing.T) {
	t.Helper()
	g.stop(t)
	g.start(t)
}

func (g *gateway) crash(t *testing.T) {
	t.Helper()
	g.kill(t)
	g.start(t)
}

func (g *gateway) cleanup(t *testing.T) {
	if g.daemon != nil {
		_ = g.daemon.process.Kill()
		<-g.daemon.ended
	}
	if t.Failed() {
		text, _ := os.ReadFile(g.logFile())
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		t.Logf("the end of the gateway's log:\n%s", strings.Join(lines[max(0, len(lines)-60):], "\n"))
	}
}

// command runs a command of the program.
func (g *gateway) command(t *testing.T, args ...string) (stdout []byte, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, append(args, "--json", "--config", g.config)...)
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("tallygate %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(complaint.String()))
	}
	return out.Bytes(), nil
}

// run runs a command that must succeed.
func (g *gateway) run(t *testing.T, args ...string) {
	t.Helper()
	_, err := g.command(t, args...)
	require.NoError(t, err)
}

// json runs a command and decodes what it prints.
func (g *gateway) json(t *testing.T, into any, args ...string) {
	t.Helper()
	out, err := g.command(t, args...)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(out, into), "tallygate %s printed %s", strings.Join(args, " "), out)
}
