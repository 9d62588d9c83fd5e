package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// location is the one of the benchmark's venues.
const location = "28BNC001"

// Devices and portal logins that authenticate, and devices that are accounted for.
const (
	authGuests = 10_000
	authUsers  = 10_000
	acctGuests = 100_000
)

// venue is a data folder with an Organization, a Location, a client that must sign, and a
// license without limits. Each gateway that is started works on a copy.
type venue struct {
	program string // tallygate
	dir     string
	issuer  string // the distributor's public key
	more    string // of the configuration
}

// gateway is the real daemon on a venue, as anybody would run it.
type gateway struct {
	server
	admin   string
	dir     string
	process *process
	ready   time.Duration // from the start of the process until /readyz said so
}

// newVenue makes the venue by the gateway's own commands.
func (b *bench) newVenue(ctx context.Context) (*venue, error) {
	dir, err := b.folder("venue")
	if err != nil {
		return nil, err
	}
	v := &venue{program: b.options.Program, dir: dir}
	distributor, key := filepath.Join(dir, "distributor"), filepath.Join(dir, "license-key.txt")
	var issuer struct {
		PublicKey string `json:"public_key"`
	}
	if err := v.command(ctx, dir, &issuer, "issuer", "init", "--dir", distributor); err != nil {
		return nil, err
	}
	v.issuer = issuer.PublicKey
	g, err := v.serve(ctx, dir, nil)
	if err != nil {
		return nil, err
	}
	defer g.stop()
	for _, args := range [][]string{
		{"organization", "add", "Bench Hotels", "--realm", "benchhotel", "--code", "BNC"},
		{"location", "add", "Hotel Bench", "--realm", "benchhotel", "--time-zone", "Europe/Madrid", "--id", location},
		{"client", "add", "access-points", "--address", "127.0.0.1/32", "--secret", secret, "--location", location, "--require-message-authenticator", "yes"},
		{"issuer", "grant", "--dir", distributor, "--organization", "Bench Hotels", "--realm", "benchhotel", "--years", "1", "--out", key},
		{"license", "activate", "@" + key, "--location", location},
	} {
		if err := v.command(ctx, dir, nil, args...); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// command runs one of the gateway's commands and reads what it prints.
func (v *venue) command(ctx context.Context, dir string, into any, args ...string) error {
	args = append(args, "--json", "--config", filepath.Join(dir, "tallygate.yaml"))
	cmd := exec.CommandContext(ctx, v.program, args...) //nolint:gosec // the program that is measured
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("tallygate %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(complaint.String()))
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(out.Bytes(), into)
}

// start starts a gateway on a copy of the venue, which stop throws away.
func (b *bench) gateway(ctx context.Context, v *venue, cpus ...int) (*gateway, error) {
	dir, err := b.folder("gateway")
	if err != nil {
		return nil, err
	}
	if err := copyData(filepath.Join(v.dir, "data"), filepath.Join(dir, "data")); err != nil {
		return nil, err
	}
	g, err := v.serve(ctx, dir, cpus)
	if err != nil {
		return nil, err
	}
	g.close = func() { g.stop(); _ = os.RemoveAll(dir) }
	return g, nil
}

// serve starts the daemon in a folder and waits until it is ready.
func (v *venue) serve(ctx context.Context, dir string, cpus []int) (*gateway, error) {
	config := fmt.Sprintf("data_dir: %q\nradius:\n  auth: [\"127.0.0.1:0\"]\n  acct: [\"127.0.0.1:0\"]\nadmin:\n  listen: \"127.0.0.1:0\"\nissuers: [%q]\n%s",
		filepath.Join(dir, "data"), v.issuer, v.more)
	path := filepath.Join(dir, "tallygate.yaml")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		return nil, fmt.Errorf("write the gateway's configuration: %w", err)
	}
	begun := time.Now()
	p, err := launch{program: v.program, args: []string{"serve", "--config", path}, log: filepath.Join(dir, "gateway.log"), cpus: cpus}.start()
	if err != nil {
		return nil, err
	}
	g := &gateway{dir: dir, process: p, server: server{pids: []int{p.pid}}}
	g.close = g.stop
	if err := await(ctx, p, 2*time.Minute, g.isReady); err != nil {
		g.stop()
		return nil, err
	}
	g.ready = time.Since(begun)
	return g, nil
}

// isReady reports whether this very process has told its addresses and calls itself ready.
func (g *gateway) isReady() bool {
	text, err := os.ReadFile(filepath.Join(g.dir, "data", "addresses.json"))
	if err != nil {
		return false
	}
	var at struct {
		Auth, Acct []string
		Admin      string
		PID        int
	}
	if json.Unmarshal(text, &at) != nil || at.PID != g.process.pid {
		return false
	}
	answer, err := http.Get("http://" + at.Admin + "/readyz") //nolint:noctx // loopback, and the process answers or ends
	if err != nil {
		return false
	}
	_ = answer.Body.Close()
	g.auth, g.acct, g.admin = at.Auth[0], at.Acct[0], at.Admin
	return answer.StatusCode == http.StatusOK
}

// stop ends the daemon in order and keeps its folder.
func (g *gateway) stop() { g.process.stop(syscall.SIGTERM) }

// copyData copies the files of a gateway that does not run.
func copyData(from, to string) error {
	if err := os.Mkdir(to, 0o700); err != nil {
		return fmt.Errorf("copy the venue: %w", err)
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		return fmt.Errorf("copy the venue: %w", err)
	}
	for _, e := range entries {
		if e.Type()&fs.ModeType != 0 {
			continue
		}
		text, err := os.ReadFile(filepath.Join(from, e.Name()))
		if err == nil {
			err = os.WriteFile(filepath.Join(to, e.Name()), text, 0o600) //nolint:gosec // names from a folder of ours
		}
		if err != nil {
			return fmt.Errorf("copy the venue: %w", err)
		}
	}
	return nil
}
