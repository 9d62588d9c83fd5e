package e2e

import (
	"errors"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// syncGate stands between a gateway and the disk (testdata/syncgate.c): each fsync of the
// write-ahead log passes here, or is held, or fails.
type syncGate struct {
	listener net.Listener
	entered  chan *heldSync
	closed   chan struct{}
	calls    sync.WaitGroup

	mu              sync.Mutex
	holding, broken bool
	passed, failed  int // fsyncs that have returned, or are about to
}

// heldSync is one fsync that the gate holds: before it begins and, after written, before
// the gateway learns that it is over.
type heldSync struct{ write, written, leave chan struct{} }

// behindSyncGate starts the gateway again with a gate before its disk.
func (g *gateway) behindSyncGate(t *testing.T) *syncGate {
	t.Helper()
	dir := t.TempDir()
	// What builds the gateway's SQLite builds this.
	compiler, err := exec.CommandContext(t.Context(), "go", "env", "CC").Output()
	require.NoError(t, err)
	library := filepath.Join(dir, "syncgate.so")
	command := append(strings.Fields(string(compiler)), "-shared", "-fPIC", "-Wall", "-Werror", "-o", library, "testdata/syncgate.c")
	out, err := exec.CommandContext(t.Context(), command[0], command[1:]...).CombinedOutput()
	require.NoError(t, err, "%s", out)

	s := &syncGate{entered: make(chan *heldSync), closed: make(chan struct{})}
	address := filepath.Join(dir, "gate")
	s.listener, err = net.Listen("unix", address)
	require.NoError(t, err)
	s.calls.Go(s.serve)
	t.Cleanup(func() {
		close(s.closed)
		_ = s.listener.Close()
		s.calls.Wait()
	})
	g.stop(t)
	g.environment = []string{"LD_PRELOAD=" + library, "SYNCGATE=" + address}
	g.start(t)
	return s
}

func (s *syncGate) serve() {
	for {
		conn, err := s.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			s.calls.Go(func() {
				defer func() { _ = conn.Close() }()
				s.let(conn)
			})
		}
	}
}

// let takes one fsync through the gate. Without an answer of ours it goes through as well.
func (s *syncGate) let(conn net.Conn) {
	word := make([]byte, 1)
	if _, err := conn.Read(word); err != nil {
		return
	}
	s.mu.Lock()
	holding, verdict := s.holding, byte('g')
	if s.broken {
		verdict = 'f'
	}
	s.mu.Unlock()
	var h *heldSync
	if holding {
		h = &heldSync{make(chan struct{}), make(chan struct{}), make(chan struct{})}
		select {
		case s.entered <- h:
		case <-s.closed:
			return
		}
		s.await(h.write)
	}
	if _, err := conn.Write([]byte{verdict}); err != nil {
		return
	}
	if _, err := conn.Read(word); err != nil {
		return
	}
	if h != nil {
		close(h.written)
		s.await(h.leave)
	}
	s.mu.Lock()
	if word[0] == 'k' {
		s.passed++
	} else {
		s.failed++
	}
	s.mu.Unlock()
	_, _ = conn.Write([]byte{'g'})
}

func (s *syncGate) await(c chan struct{}) {
	select {
	case <-c:
	case <-s.closed:
	}
}

// hold holds each fsync from now on, or lets them go again.
func (s *syncGate) hold(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.holding = on
}

// fail lets each fsync fail from now on, or succeed again.
func (s *syncGate) fail(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = on
}

// counts is how many fsyncs have succeeded, and how many have failed.
func (s *syncGate) counts() (passed, failed int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.passed, s.failed
}

// next waits for an fsync that is held.
func (s *syncGate) next(t *testing.T) *heldSync {
	t.Helper()
	select {
	case h := <-s.entered:
		return h
	case <-time.After(patience):
		require.Fail(t, "there is no fsync of the write-ahead log")
		return nil
	}
}

// sync lets it be carried out, and returns when the disk has said yes; the gateway does
// not know yet.
func (h *heldSync) sync(t *testing.T) {
	t.Helper()
	close(h.write)
	select {
	case <-h.written:
	case <-time.After(patience):
		require.Fail(t, "the fsync does not end")
	}
}

// finish lets the gateway know.
func (h *heldSync) finish() { close(h.leave) }
