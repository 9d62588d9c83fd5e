package load

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"tallygate/cmd/internal/mmsg"
)

// What begins in the warm-up or after the measured time is answered, but counts for no
// percentile; what is answered outside of it, for no rate.
func TestOnlyTheMeasuredTimeCounts(t *testing.T) {
	r := run{mishaps: newMishaps(Config{}), from: 1000, until: 2000}
	s := &side{deck: newDeck(testEncoder(t, Acct), 0), report: Side{Bad: map[Verdict]uint64{}}}
	p := &port{side: s}
	s.ports = []*port{p}
	for _, c := range []struct {
		began     int64
		measuring bool // when it is answered
	}{{999, true}, {1000, true}, {1999, false}, {2000, false}} {
		slot := p.begin(c.began, int64(time.Second))
		slot.began = c.began
		r.measuring = c.measuring
		r.take(p, good(t, slot.wire), judgement{}, c.began+100)
	}
	require.EqualValues(t, 4, s.report.Records.All())
	require.EqualValues(t, 2, s.report.Answered)
	require.EqualValues(t, 2, s.latency.Count())
	require.Equal(t, 100*time.Nanosecond, s.latency.Longest())
	require.Zero(t, p.outstanding)
}

// An answer counts from when the kernel had it, unless that cannot be.
func TestArrival(t *testing.T) {
	const now, clock = 5_000_000, 1_800_000_000_000_000_000
	for name, c := range map[string]struct{ arrived, want int64 }{
		"read late":                 {clock - 200_000, now - 200_000},
		"read at once":              {clock, now},
		"the kernel does not say":   {0, now},
		"the clock was set back":    {clock + 1, now},
		"the clock was set forward": {clock - int64(time.Hour), now},
	} {
		require.Equal(t, c.want, arrival(now, clock, c.arrived), name)
	}
}

// A stuck request keeps its Identifier; the others go round it.
func TestIdentifiersInUse(t *testing.T) {
	s := &side{deck: newDeck(testEncoder(t, Acct), 300)}
	p := &port{side: s}
	s.ports = []*port{p}
	stuck := p.begin(0, 1)
	require.Same(t, &p.slots[0], stuck)
	seen := map[string]bool{string(stuck.wire[4:20]): true}
	for n := 1; n < 600; n++ {
		slot := p.begin(0, 1)
		require.NotSame(t, stuck, slot)
		require.Equal(t, &p.slots[slot.wire[1]], slot, "the Identifier on the wire is that of the slot")
		parsed(t, slot.wire)
		require.False(t, seen[string(slot.wire[4:20])])
		seen[string(slot.wire[4:20])] = true
		p.end(slot)
	}
	require.Equal(t, 1, p.outstanding)
}

// Reordering delays datagrams behind later ones, and loses none.
func TestReorder(t *testing.T) {
	server := respond(t, func(_ int, wire []byte) [][]byte { return [][]byte{good(t, wire)} })
	cfg := server.config(Acct, 200)
	cfg.Ports, cfg.Window, cfg.Reorder, cfg.Timeout = 1, 8, 50, time.Minute
	out, err := Run(t.Context(), cfg)
	require.NoError(t, err)
	require.Zero(t, out.Acct.Retransmissions)
	require.EqualValues(t, 200, out.Acct.Records.All())
	require.Len(t, server.packets(), 200)
	overtaken := 0
	for i, wire := range server.packets()[1:] {
		if wire[1] < server.packets()[i][1] {
			overtaken++
		}
	}
	require.Positive(t, overtaken)
}

// TestAPortLetsGo: a port that has more to read than can be is left, and read on later.
func TestAPortLetsGo(t *testing.T) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	fd, err := dial(conn.LocalAddr().String())
	require.NoError(t, err)
	defer func() { require.NoError(t, unix.Close(fd)) }()
	local, err := unix.Getsockname(fd)
	require.NoError(t, err)
	const datagrams = 8*reads + 20
	for range datagrams {
		_, err := conn.WriteToUDP([]byte("no reply"), &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: local.(*unix.SockaddrInet4).Port})
		require.NoError(t, err)
	}
	s := &side{deck: newDeck(testEncoder(t, Acct), 0), report: Side{Bad: map[Verdict]uint64{}}}
	p := &port{side: s, fd: fd}
	r := &run{mishaps: newMishaps(Config{}), net: mmsg.NewTrains(batch), bulk: newBulk(testSecret), base: time.Now()}
	require.NoError(t, r.read(p))
	require.EqualValues(t, 8*reads, s.report.Bad[Malformed], "eight are read at a time")
	require.NoError(t, r.read(p))
	require.EqualValues(t, datagrams, s.report.Bad[Malformed])
}
