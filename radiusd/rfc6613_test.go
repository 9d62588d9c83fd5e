package radiusd

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// RFC 6613 section 2.6.1: no answer is for another connection, and a repeat on the same
// one is still told by Identifier and Authenticator.
func TestRFC6613Section261Duplicates(t *testing.T) {
	s := startSecure(t)
	t.Run("the same request has the same answer", func(t *testing.T) {
		p := s.connect(s.ap1)
		request := secured(access(7, "once"))
		p.send(request)
		first := p.receive()
		p.send(request)
		require.Equal(t, first, p.receive())
	})
	t.Run("an Identifier is free again with its answer", func(t *testing.T) {
		p := s.connect(s.ap1)
		for i := range 5 {
			require.Equal(t, radius.CodeAccountingResponse, p.exchange(secured(accounting(7, macwatch.StatusInterim, fmt.Sprint("reused-", i)))).Code)
			require.Equal(t, radius.CodeAccessAccept, p.exchange(secured(access(7, fmt.Sprint(i)))).Code)
		}
		require.Len(t, s.journal.records(), 5)
	})
	t.Run("every connection has Identifiers of its own", func(t *testing.T) {
		request := secured(accounting(9, macwatch.StatusStart, "own"))
		kept := len(s.journal.records())
		for range 3 {
			require.Equal(t, radius.CodeAccountingResponse, s.connect(s.ap1).exchange(request).Code)
		}
		require.Len(t, s.journal.records(), kept+3, "telling repeats over connections apart is the store's work")
	})
	t.Run("every kind of request has Identifiers of its own", func(t *testing.T) {
		s.journal.set(func(j *journal) { j.hold = true })
		p := s.connect(s.ap1)
		record, login := secured(accounting(3, macwatch.StatusStart, "both")), secured(access(3, "both"))
		p.send(record, login)
		verifyWith(t, radsecSecret, login, p.receive())
		s.journal.set(func(j *journal) { j.hold = false })
		s.journal.commit()
		verifyWith(t, radsecSecret, record, p.receive())
	})
	t.Run("what is unanswered when the connection ends stays so, and is stored", func(t *testing.T) {
		s := startSecure(t)
		s.journal.set(func(j *journal) { j.hold = true })
		p := s.connect(s.ap1)
		p.send(secured(accounting(4, macwatch.StatusStart, "late")))
		require.Eventually(t, func() bool { return len(s.journal.records()) == 1 }, 10*time.Second, time.Millisecond)
		require.NoError(t, p.conn.Close())
		s.waitConnections(0)
		s.journal.set(func(j *journal) { j.hold = false })
		s.journal.commit()
		s.connect(s.ap1)
	})
}

// waitConnections waits until so many stand, those of earlier tests being closed.
func (s *secure) waitConnections(n int) {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		s.radsec.mu.Lock()
		defer s.radsec.mu.Unlock()
		live := 0
		for _, l := range s.radsec.open {
			if l != nil {
				live++
			}
		}
		return live == n
	}, 10*time.Second, time.Millisecond)
}

// RFC 6613 section 2.6.4: what UDP discards silently ends a connection.
func TestRFC6613Section264MalformedPackets(t *testing.T) {
	change := func(packet []byte, f func([]byte)) []byte {
		packet = bytes.Clone(packet)
		f(packet)
		return packet
	}
	length := func(n int) func([]byte) { return func(b []byte) { binary.BigEndian.PutUint16(b[2:], uint16(n)) } }
	login, record := secured(access(1, "good")), secured(accounting(1, macwatch.StatusStart, "s"))
	for name, c := range map[string]struct {
		packet []byte
		reason licensing.Reason
		open   bool
	}{
		"Length below the header":             {change(login, length(19)), licensing.ReasonMalformed, false},
		"Length 0":                            {change(login, length(0)), licensing.ReasonMalformed, false},
		"Length above 4096":                   {change(login, length(4097)), licensing.ReasonMalformed, false},
		"Length 65535":                        {change(login, length(65535)), licensing.ReasonMalformed, false},
		"attribute of length 0":               {change(login, func(b []byte) { b[21] = 0 }), licensing.ReasonMalformed, false},
		"attribute of length 1":               {change(login, func(b []byte) { b[21] = 1 }), licensing.ReasonMalformed, false},
		"attributes beyond the packet":        {change(login, func(b []byte) { b[21] = 255 }), licensing.ReasonMalformed, false},
		"attributes do not fill the packet":   {append(change(login, length(len(login)+1)), 1), licensing.ReasonMalformed, false},
		"two Message-Authenticators":          {secured(build(radius.CodeAccessRequest, 1, "", signature, signature)), licensing.ReasonMalformed, false},
		"wrong Message-Authenticator":         {change(login, func(b []byte) { b[22] ^= 1 }), licensing.ReasonBadAuthenticator, false},
		"wrong Request Authenticator":         {change(record, func(b []byte) { b[4] ^= 1 }), licensing.ReasonBadAuthenticator, false},
		"another secret":                      {accounting(1, macwatch.StatusStart, "s"), licensing.ReasonBadAuthenticator, false},
		"Status-Server without MA (RFC 5997)": {build(radius.CodeStatusServer, 1, ""), licensing.ReasonMissingMessageAuthenticator, false},
		"EAP without MA (RFC 3579)":           {build(radius.CodeAccessRequest, 1, "", attr{79, []byte{2, 1, 0, 5, 1}}), licensing.ReasonMissingMessageAuthenticator, false},
		"a code that nobody knows":            {build(99, 1, ""), licensing.ReasonWrongCode, true},
		"an answer":                           {build(radius.CodeAccessAccept, 1, ""), licensing.ReasonWrongCode, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := startSecure(t)
			p := s.connect(s.ap1)
			before, after := secured(access(10, "before")), secured(access(11, "after"))
			p.send(before, c.packet, after)
			verifyWith(t, radsecSecret, before, p.receive())
			if c.open {
				verifyWith(t, radsecSecret, after, p.receive())
				p.alive()
			} else {
				p.closed()
			}
			require.Equal(t, 1, s.dropped(radsecListener, c.reason))
		})
	}
}

// A stream has no borders: a packet comes in pieces, and several come in one.
func TestAStreamIsCutIntoPackets(t *testing.T) {
	s := startSecure(t)
	p := s.connect(s.ap1)
	for _, octet := range secured(access(1, "slowly")) {
		p.send([]byte{octet})
	}
	verifyWith(t, radsecSecret, secured(access(1, "slowly")), p.receive())

	var all [][]byte
	byID := map[byte][]byte{}
	for i := range 200 {
		packet := secured(access(byte(i), "many"))
		if i%2 == 1 {
			packet = secured(accounting(byte(i), macwatch.StatusStart, fmt.Sprint("many-", i)))
		}
		all, byID[byte(i)] = append(all, packet), packet
	}
	go p.send(all...)
	for range all {
		answer := p.receive()
		verifyWith(t, radsecSecret, byID[answer[1]], answer)
		delete(byID, answer[1])
	}
	require.Empty(t, byID)
	require.Len(t, s.journal.records(), 100)

	longest := []attr{signature, text(1, "5c1dd920a0c1"), text(31, "5C-1D-D9-20-A0-C1")}
	for size := 20 + 18 + 14 + 19; size < maxPacket; {
		n := min(253, maxPacket-size-2)
		longest = append(longest, attr{18, bytes.Repeat([]byte{'x'}, n)})
		size += 2 + n
	}
	packet := secured(build(radius.CodeAccessRequest, 2, "longest", longest...))
	require.Len(t, packet, maxPacket)
	require.Equal(t, radius.CodeAccessAccept, p.exchange(packet).Code)
}

// What a peer can hold is bounded in time and in octets.
func TestAConnectionThatStandsStill(t *testing.T) {
	t.Run("idle", func(t *testing.T) {
		s := startSecure(t, func(s *secure) { s.options.RadSec.idle = 50 * time.Millisecond })
		s.connect(s.ap1).closed()
	})
	t.Run("in the middle of a packet", func(t *testing.T) {
		s := startSecure(t, func(s *secure) { s.options.RadSec.patience = 200 * time.Millisecond })
		p := s.connect(s.ap1)
		p.send(secured(access(1, "half"))[:30])
		p.closed()
	})
	t.Run("in its handshake", func(t *testing.T) {
		s := startSecure(t, func(s *secure) { s.options.RadSec.patience = 50 * time.Millisecond })
		raw := dialTCP(t, s)
		_, err := raw.Read(make([]byte, 1))
		require.Error(t, err)
		s.failed(failedTimeout, 1)
	})
	t.Run("not reading its answers", func(t *testing.T) {
		s := startSecure(t)
		p := s.connect(s.ap1)
		states := []attr{signature}
		for range 15 {
			states = append(states, attr{33, bytes.Repeat([]byte{7}, 250)})
		}
		var err error
		for i := 0; err == nil; i++ { // until the gateway has had enough
			_, err = p.conn.Write(secured(build(radius.CodeAccessRequest, byte(i), fmt.Sprint(i), states...)))
		}
		s.waitConnections(0)
		require.NotZero(t, s.dropped(radsecListener, licensing.ReasonOverload))
	})
}

// A full Journal makes the peer wait: it must not repeat on this connection.
func TestAFullJournalHoldsTheStream(t *testing.T) {
	s := startSecure(t)
	p := s.connect(s.ap1)
	s.journal.set(func(j *journal) { j.room = 0 })
	require.Equal(t, radius.CodeAccountingResponse, p.exchange(secured(accounting(1, macwatch.StatusStart, "s"))).Code)
	require.Zero(t, s.dropped(radsecListener, licensing.ReasonOverload))
	require.Equal(t, 1, s.journal.awaited)
}

// Close answers what was taken, on streams as on sockets.
func TestCloseAnswersOnStreams(t *testing.T) {
	s := startSecure(t, func(s *secure) {
		s.options.RejectDelay = maxRejectDelay
		s.journal.hold = true
		s.venue.Blocked = map[macwatch.MAC]string{0x020000000001: ""}
	})
	p := s.connect(s.ap1)
	record := secured(accounting(1, macwatch.StatusStart, "s"))
	login := secured(build(radius.CodeAccessRequest, 2, "", signature, text(31, "02-00-00-00-00-01")))
	p.send(record, login)
	require.Eventually(t, func() bool {
		return len(s.journal.records()) == 1 && s.counts("tallygate_access_decisions_total")["device-blocked reject"] == 1
	}, 10*time.Second, time.Millisecond)
	done := make(chan error)
	go func() { done <- s.Close(t.Context()) }()
	require.Eventually(t, s.radsec.isClosing, 10*time.Second, time.Millisecond)
	s.journal.commit()
	require.Equal(t, radius.CodeAccountingResponse, verifyWith(t, radsecSecret, record, p.receive()).Code)
	require.Equal(t, radius.CodeAccessReject, verifyWith(t, radsecSecret, login, p.receive()).Code)
	p.closed()
	require.NoError(t, <-done)
}

func dialTCP(t *testing.T, s *secure) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", s.RadSecAddrs()[0].String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	return conn
}

// failed waits until so many handshakes have failed for a reason.
func (s *secure) failed(reason string, n int) {
	s.t.Helper()
	count := func() int { return int(s.counts("tallygate_radsec_handshakes_failed_total")[reason]) }
	require.Eventually(s.t, func() bool { return count() >= n }, 10*time.Second, time.Millisecond, reason)
	require.Equal(s.t, n, count(), reason)
}
