package e2e

import (
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"
	"layeh.com/radius/rfc2866"

	"tallygate/cmd/internal/simulate"
)

// The storm: 50 sessions of four records, from 200 source ports.
const (
	stormSessions = 50
	stormPackets  = 4 * stormSessions
	stormPorts    = 200
)

// stormRecords are the packets of the storm, in the order of what happened.
func stormRecords(base time.Time) (all []*simulate.Request) {
	for i := range stormSessions {
		session, mac := fmt.Sprint("storm-", i), spell(0x8041_0000_0200+uint64(i), i)
		played := func(seconds uint32) option {
			return func(r *simulate.Request) {
				number(rfc2866.AcctSessionTime_Type, seconds)(r)
				number(rfc2866.AcctOutputOctets_Type, 1000*seconds)(r)
			}
		}
		all = append(all,
			record(start, session, mac, stamped(base)),
			record(interim, session, mac, stamped(base.Add(time.Second)), played(1)),
			record(interim, session, mac, stamped(base.Add(time.Second)), played(2)),
			record(stop, session, mac, stamped(base.Add(2*time.Second)), played(3), number(rfc2866.AcctTerminateCause_Type, 1)))
	}
	return all
}

// datagram encodes an Accounting-Request as a NAS puts it on the wire.
func datagram(t *testing.T, r *simulate.Request, id byte, delay uint32) []byte {
	t.Helper()
	p := &radius.Packet{Code: r.Code, Identifier: id, Secret: []byte(secret), Attributes: append(radius.Attributes(nil), r.Attributes...)}
	if delay > 0 {
		p.Add(rfc2866.AcctDelayTime_Type, radius.NewInteger(delay))
	}
	wire, err := p.Encode()
	require.NoError(t, err)
	return wire
}

// TestStorm: after a power cut a whole venue sends the same records again, from other
// ports, without waiting for answers, some as they were and some as new packets with
// Acct-Delay-Time (RFC 2866 section 5.2). Each record is stored once.
func TestStorm(t *testing.T) {
	t.Parallel()
	g := newVenue(t, site{})
	records := stormRecords(secondsOfService(t, time.Now(), 3))
	wires := make([][][]byte, 4) // by delay: the same packets, and three other forms of them
	for delay := range wires {
		for i, r := range records {
			wires[delay] = append(wires[delay], datagram(t, r, byte(i+100*delay), uint32(delay)))
		}
	}
	var ports sync.WaitGroup
	failures := make([]error, stormPorts)
	for i := range stormPorts {
		conn, err := net.Dial("udp", g.acct)
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		ports.Go(func() {
			for pass := range 2 { // the second half of the ports as new packets the second time
				form := wires[0]
				if pass == 1 && i >= stormPorts/2 {
					form = wires[1+i%3]
				}
				for _, wire := range form {
					if _, err := conn.Write(wire); err != nil {
						failures[i] = err
						return
					}
				}
			}
		})
	}
	ports.Wait()
	for _, err := range failures {
		require.NoError(t, err)
	}
	// What the kernel may have had no room for comes once more, answered this time; the
	// socket is read in order, so that all of the storm lies behind the last answer.
	nas := g.dial(t)
	for _, r := range records {
		deliver(t, nas, r, persistent)
	}
	m := g.metrics(t)
	require.Greater(t, m.value(t, `radius_requests_total{code="Accounting-Request",listener="acct"}`), 10*stormPackets, "there was a storm")

	all := g.sessions(t)
	require.Len(t, all, stormSessions)
	total := 0
	for _, s := range all {
		require.Equal(t, 4, s.Records, "%+v", s)
		require.Equal(t, uint64(3000), s.OutputOctets)
		require.NotNil(t, s.EndedAt, "%+v", s)
		total += s.Records
	}
	require.Equal(t, stormPackets, total)
	g.counts(t, stormSessions, inUse)
	g.crash(t)
	require.Equal(t, all, g.sessions(t))
	g.stop(t)
	db := g.openDatabase(t)
	db.whole(t)
	db.startedOnce(t)
}
