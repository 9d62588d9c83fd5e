package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"tallygate/licensing"
)

// demoSecret is shared between the demo's access points and its gateway.
const demoSecret = "a venue on one machine" //nolint:gosec // shown to everybody who runs the demo

// How long the throw-away gateway may take to come up and to go down.
const (
	throwawayStart = 30 * time.Second
	throwawayStop  = 30 * time.Second
)

// throwaway is a gateway in a temporary folder: the real daemon, as a child process
// that is administered with its own commands, so that nothing is shown which a user
// could not do.
type throwaway struct {
	program string // the tallygate binary
	dir     string
	config  string
	issuer  string // folder of the demo distributor's keys

	auth, acct, admin string // where it listens

	process *os.Process
	ended   chan struct{} // closed when the daemon has ended
	log     string        // file with what it says
}

// startThrowaway makes a distributor and starts a gateway that trusts it. program is
// the tallygate binary.
func startThrowaway(ctx context.Context, program string) (g *throwaway, err error) {
	g = &throwaway{program: program, ended: make(chan struct{})}
	if g.dir, err = os.MkdirTemp("", "tallygate-demo-"); err != nil {
		return nil, fmt.Errorf("make a temporary folder: %w", err)
	}
	defer func() {
		if err != nil {
			g.remove()
		}
	}()
	g.config, g.issuer, g.log = filepath.Join(g.dir, "tallygate.yaml"), filepath.Join(g.dir, "issuer"), filepath.Join(g.dir, "gateway.log")
	var issuer struct {
		PublicKey string `json:"public_key"`
	}
	if err = g.command(ctx, &issuer, "issuer", "init", "--dir", g.issuer); err != nil {
		return nil, err
	}
	config := fmt.Sprintf(`data_dir: %q
radius:
  auth: ["127.0.0.1:0"]
  acct: ["127.0.0.1:0"]
  reject_delay: 200ms
admin:
  listen: "127.0.0.1:0"
issuers: [%q]
`, filepath.Join(g.dir, "data"), issuer.PublicKey)
	if err = os.WriteFile(g.config, []byte(config), 0o600); err != nil {
		return nil, fmt.Errorf("write the configuration: %w", err)
	}
	if err = g.serve(); err != nil {
		return nil, err
	}
	return g, g.awaitReady(ctx)
}

// serve starts the daemon in a process group of its own: Ctrl-C is for the demo, which
// then ends the daemon in order.
func (g *throwaway) serve() error {
	log, err := os.Create(g.log)
	if err != nil {
		return fmt.Errorf("make the gateway's log: %w", err)
	}
	cmd := exec.Command(g.program, "serve", "--config", g.config) //nolint:gosec,noctx // this very program, which outlives the context by its orderly end
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	started := make(chan error, 1)
	go func() {
		// Pdeathsig follows the thread that starts the child, which must therefore
		// last as long as the child does.
		runtime.LockOSThread()
		defer close(g.ended)
		defer func() { _ = log.Close() }()
		err := cmd.Start()
		g.process = cmd.Process
		started <- err
		if err == nil {
			_ = cmd.Wait() // whoever waits for ended reads the log for the reason
		}
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("start the gateway: %w", err)
	}
	return nil
}

// awaitReady waits until the daemon has written its addresses and calls itself ready.
func (g *throwaway) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, throwawayStart)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !g.ready(ctx) {
		select {
		case <-g.ended:
			return g.died()
		case <-ctx.Done():
			return licensing.Errorf(licensing.CodeInternal, "the gateway was not ready after %s: %w", throwawayStart, ctx.Err()).WithHint("%s", g.lastWords())
		case <-tick.C:
		}
	}
	return nil
}

func (g *throwaway) ready(ctx context.Context) bool {
	text, err := os.ReadFile(filepath.Join(g.dir, "data", "addresses.json"))
	if err != nil {
		return false
	}
	var a struct {
		Auth, Acct []string
		Admin      string
	}
	if json.Unmarshal(text, &a) != nil || len(a.Auth) == 0 || len(a.Acct) == 0 {
		return false
	}
	g.auth, g.acct, g.admin = a.Auth[0], a.Acct[0], a.Admin
	probe, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+g.admin+"/readyz", nil)
	if err != nil {
		return false
	}
	answer, err := http.DefaultClient.Do(probe)
	if err != nil {
		return false
	}
	_ = answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

// command runs one of the program's own commands and reads what it prints as JSON.
func (g *throwaway) command(ctx context.Context, into any, args ...string) error {
	cmd := exec.CommandContext(ctx, g.program, append(args, "--json", "--config", g.config)...) //nolint:gosec // this very program
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("tallygate %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(complaint.String()))
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(out.Bytes(), into); err != nil {
		return fmt.Errorf("tallygate %s printed no JSON: %w", strings.Join(args, " "), err)
	}
	return nil
}

// died is the error of a daemon that ended on its own.
func (g *throwaway) died() error {
	return licensing.Errorf(licensing.CodeInternal, "the gateway ended unexpectedly").WithHint("%s", g.lastWords())
}

// lastWords is the end of the daemon's log, which goes away with the folder.
func (g *throwaway) lastWords() string {
	text, err := os.ReadFile(g.log)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return "its last words:\n" + strings.Join(lines[max(0, len(lines)-10):], "\n")
}

// remove ends the daemon and deletes the folder.
func (g *throwaway) remove() {
	if g.process != nil {
		_ = g.process.Signal(syscall.SIGTERM)
		select {
		case <-g.ended:
		case <-time.After(throwawayStop):
			_ = g.process.Kill()
			<-g.ended
		}
	}
	_ = os.RemoveAll(g.dir)
}
