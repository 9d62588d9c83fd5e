package e2e

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"
	"layeh.com/radius/rfc2869"

	generator "tallygate/cmd/internal/load"
)

// socket is a NAS of which the test sees every single datagram.
type socket struct {
	*net.UDPConn
	t *testing.T
}

func (g *gateway) socket(t *testing.T) socket {
	t.Helper()
	conn, err := net.Dial("udp", g.acct)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return socket{conn.(*net.UDPConn), t}
}

func (s socket) send(wire []byte) {
	s.t.Helper()
	_, err := s.Write(wire)
	require.NoError(s.t, err)
}

// receive waits for the answer to this request, which must be the next that comes.
func (s socket) receive(request []byte) {
	s.t.Helper()
	require.NoError(s.t, s.SetReadDeadline(time.Now().Add(patience)))
	answer := make([]byte, radius.MaxPacketLength)
	n, err := s.Read(answer)
	require.NoError(s.t, err)
	require.Equal(s.t, request[1], answer[1], "the answer to another request")
	require.True(s.t, radius.IsAuthenticResponse(answer[:n], request, []byte(secret)))
}

// empty expects that nothing has come.
func (s socket) empty() {
	s.t.Helper()
	raw, err := s.SyscallConn()
	require.NoError(s.t, err)
	var got error
	require.NoError(s.t, raw.Control(func(fd uintptr) {
		_, _, got = syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_DONTWAIT|syscall.MSG_PEEK)
	}))
	require.True(s.t, errors.Is(got, syscall.EAGAIN), "an answer came that should not: %v", got)
}

// alive exchanges a Status-Server: the gateway has read what was sent before, and has
// answered nothing else of it.
func (s socket) alive(id byte) {
	s.t.Helper()
	probe := statusServer(s.t, id)
	s.send(probe)
	s.receive(probe)
}

// statusServer is a request as RFC 5997 has it.
func statusServer(t *testing.T, id byte) []byte {
	t.Helper()
	p := &radius.Packet{Code: radius.CodeStatusServer, Identifier: id, Secret: []byte(secret)}
	_, err := rand.Read(p.Authenticator[:])
	require.NoError(t, err)
	p.Add(rfc2869.MessageAuthenticator_Type, make(radius.Attribute, md5.Size))
	wire, err := p.Encode()
	require.NoError(t, err)
	sum := hmac.New(md5.New, []byte(secret))
	sum.Write(wire)
	copy(wire[22:], sum.Sum(nil))
	return wire
}

// guestRecord is the Start of guest n's session.
func guestRecord(t *testing.T, n int) []byte {
	t.Helper()
	return datagram(t, record(start, fmt.Sprint("durable-", n), spell(0x8041_0000_0300+uint64(n), n)), byte(n), 0)
}

// TestNoAnswerBeforeTheDiskHasIt holds the fsync: while it has not begun, and while the
// gateway does not know that it is over, there is no answer; then there is one, however
// often the NAS has asked.
func TestNoAnswerBeforeTheDiskHasIt(t *testing.T) {
	t.Parallel()
	g := newVenue(t, site{})
	gate := g.behindSyncGate(t)
	nas := g.socket(t)
	for n := range 5 {
		request := guestRecord(t, n)
		gate.hold(true)
		nas.send(request)
		held := gate.next(t)
		gate.hold(false)
		for i := range byte(3) {
			nas.send(request)
			nas.alive(200 + i)
		}
		held.sync(t)
		nas.send(request)
		nas.alive(210)
		held.finish()
		nas.receive(request)
		nas.alive(220)
		nas.empty()
	}
	require.Len(t, g.sessions(t), 5)
}

// TestEachAnswerHasItsFsync: requests one after the other, and batches under load.
func TestEachAnswerHasItsFsync(t *testing.T) {
	t.Parallel()
	g := newVenue(t, site{})
	gate := g.behindSyncGate(t)
	nas := g.socket(t)
	for n := range 50 {
		before, _ := gate.counts()
		request := guestRecord(t, n)
		nas.send(request)
		nas.receive(request)
		after, _ := gate.counts()
		require.Greater(t, after, before, "request %d was answered without an fsync", n)
	}

	batches := func() int { return g.metrics(t).value(t, "accounting_commit_seconds_count") }
	before, _ := gate.counts()
	committed := batches()
	report, err := generator.Run(t.Context(), generator.Config{
		Workload: generator.Acct, Acct: g.acct, Secret: secret, Count: 5000, Duration: time.Minute, Ports: 8, Window: 32,
		Timeout: 50 * time.Millisecond, Retries: 1000,
	})
	require.NoError(t, err)
	require.EqualValues(t, 5000, report.Acct.Records.All())
	after, _ := gate.counts()
	committed = batches() - committed
	require.Positive(t, committed)
	require.GreaterOrEqual(t, after-before, committed, "each batch has an fsync of its own")
}

// TestAnFsyncFollowsALazyTransaction: sessions and devices are folded without an fsync,
// since the journals hold them; the next answer waits for the disk again.
func TestAnFsyncFollowsALazyTransaction(t *testing.T) {
	t.Parallel()
	g := newVenue(t, site{})
	gate := g.behindSyncGate(t)
	nas := g.socket(t)
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(g.dir, "data", "tallygate.db")+"?mode=ro&_busy_timeout=5000")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	lazy := 0
	for n := range 10 {
		request := guestRecord(t, n)
		before, _ := gate.counts()
		nas.send(request)
		nas.receive(request)
		answered, _ := gate.counts()
		require.Greater(t, answered, before, "request %d was answered without an fsync", n)
		require.Len(t, g.devices(t), n+1) // a list folds what waits
		require.Equal(t, n+1, database{db}.number(t, "SELECT count(*) FROM sessions"), "they were folded")
		if folded, _ := gate.counts(); folded == answered { // what the gateway notes of a NAS may come in between
			lazy++
		}
	}
	require.Positive(t, lazy, "folding never goes without an fsync: there is nothing to be seen here")
}

// TestAnFsyncThatFails: what the disk refuses is not answered, all can see it, and service
// resumes when the disk does, and not before.
func TestAnFsyncThatFails(t *testing.T) {
	t.Parallel()
	g := newVenue(t, site{})
	gate := g.behindSyncGate(t)
	nas := g.socket(t)
	first := guestRecord(t, 1)
	nas.send(first)
	nas.receive(first)
	writable := func() int { return g.metrics(t).value(t, "store_writable") }
	unserved := func() int {
		return g.metrics(t).value(t, `radius_dropped_total{listener="acct",reason="store-unavailable"}`)
	}
	failures := func() int {
		_, failed := gate.counts()
		return failed
	}
	require.Equal(t, 1, writable())

	gate.fail(true)
	request := guestRecord(t, 2)
	nas.send(request)
	require.Eventually(t, func() bool { return writable() == 0 }, patience, 5*time.Millisecond)
	require.Positive(t, failures())
	// The gateway tries again and again; as long as it fails, nothing else is pretended.
	for range 3 {
		failed := failures()
		require.Eventually(t, func() bool { return failures() > failed }, patience, 5*time.Millisecond, "the disk is not tried")
		require.Zero(t, writable())
		for _, wire := range [][]byte{request, statusServer(t, 200)} {
			dropped := unserved()
			nas.send(wire)
			require.Eventually(t, func() bool { return unserved() > dropped }, patience, 5*time.Millisecond)
		}
		nas.empty()
	}

	gate.fail(false)
	require.Eventually(t, func() bool { return writable() == 1 }, patience, 5*time.Millisecond)
	nas.empty()
	nas.alive(201)
	nas.send(request)
	nas.receive(request)
	all := g.sessions(t)
	require.Len(t, all, 2)
	for _, s := range all {
		require.Equal(t, 1, s.Records)
	}
	g.crash(t)
	require.Equal(t, all, g.sessions(t))
	g.stop(t)
	g.openDatabase(t).whole(t)
}
