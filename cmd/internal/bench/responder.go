package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// The bare responder is what a Go server of one thread could reach at most: batches of
// datagrams, the cryptography of both directions, and nothing else. It checks and makes
// Message-Authenticator and the authenticators, but accepts everything and knows nobody.

// startResponder runs it as a process of its own, so that its CPU time can be told.
func (b *bench) startResponder(ctx context.Context) (*server, error) {
	dir, err := b.folder("responder")
	if err != nil {
		return nil, err
	}
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	addresses := filepath.Join(dir, "addresses.json")
	p, err := launch{program: program, args: []string{ResponderArg, addresses}, log: filepath.Join(dir, "log")}.start()
	if err != nil {
		return nil, err
	}
	s := &server{pids: []int{p.pid}, close: func() { p.stop(syscall.SIGTERM); _ = os.RemoveAll(dir) }}
	err = await(ctx, p, 10*time.Second, func() bool {
		var at [2]string
		text, err := os.ReadFile(addresses)
		if err != nil || json.Unmarshal(text, &at) != nil {
			return false
		}
		s.auth, s.acct = at[0], at[1]
		return true
	})
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// ResponderArg makes the benchmark's program be the bare responder; the argument after it
// is the file for its addresses.
const ResponderArg = "bare-responder"

// Respond is the bare responder. It returns only with an error.
func Respond(addresses string) error {
	runtime.LockOSThread()
	var fds [2]int
	var at [2]string
	for i := range fds {
		conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			return err
		}
		file, err := conn.File() // a copy of the descriptor, blocking or not as we like
		if err != nil {
			return err
		}
		fds[i], at[i] = int(file.Fd()), conn.LocalAddr().String()
		defer func() { _ = errors.Join(file.Close(), conn.Close()) }()
		_ = unix.SetsockoptInt(fds[i], unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 8<<20)
	}
	text, err := json.Marshal(at)
	if err != nil {
		return err
	}
	if err := os.WriteFile(addresses, text, 0o600); err != nil {
		return err
	}
	r := newResponder()
	ready := []unix.PollFd{{Fd: int32(fds[0]), Events: unix.POLLIN}, {Fd: int32(fds[1]), Events: unix.POLLIN}}
	for {
		if _, err := unix.Poll(ready, -1); err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
		for _, fd := range ready {
			if fd.Revents&unix.POLLIN == 0 {
				continue
			}
			if err := r.serve(int(fd.Fd)); err != nil {
				return err
			}
		}
	}
}
