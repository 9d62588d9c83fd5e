package radiusd

import (
	"context"
	"net"
	"net/netip"
	"os"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"layeh.com/radius"

	"tallygate/licensing"
	"tallygate/macwatch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A connected client hears only the address that it asked.
func TestTheAnswerLeavesFromTheAddressThatWasAsked(t *testing.T) {
	for _, c := range []struct{ listen, ask string }{
		{"127.0.0.1:0", "127.0.0.1"},
		{"127.0.0.2:0", "127.0.0.2"},
		{"0.0.0.0:0", "127.0.0.1"},
		{"0.0.0.0:0", "127.0.0.2"},
		{"0.0.0.0:0", "127.9.9.9"},
		{"[::1]:0", "::1"},
		{"[::]:0", "::1"},
		{"[::]:0", "127.0.0.1"},
		{"[::]:0", "127.0.0.2"},
		{":0", "127.0.0.2"},
		{"localhost:0", "127.0.0.1"},
	} {
		t.Run(c.listen+" asked as "+c.ask, func(t *testing.T) {
			g := start(t, func(g *gateway) {
				g.options.Auth, g.options.Acct = []string{c.listen}, []string{c.listen}
				g.options.RejectDelay = time.Millisecond
				g.venue.Blocked = map[macwatch.MAC]string{0x020000000001: ""}
			})
			ask := netip.MustParseAddr(c.ask)
			auth := dial(t, netip.AddrPortFrom(ask, g.AuthAddrs()[0].Port()))
			require.Equal(t, radius.CodeAccessAccept, auth.exchange(access(1, "late: it claims")).Code)
			require.Equal(t, radius.CodeAccessAccept, auth.exchange(access(1, "late: it claims")).Code, "a repeat")
			require.Equal(t, radius.CodeAccessAccept, auth.exchange(status(2)).Code)
			require.Equal(t, radius.CodeAccessReject, auth.exchange(build(radius.CodeAccessRequest, 3, "", signature, text(31, "02-00-00-00-00-01"))).Code, "delayed")
			acct := dial(t, netip.AddrPortFrom(ask, g.AcctAddrs()[0].Port()))
			require.Equal(t, radius.CodeAccountingResponse, acct.exchange(accounting(4, macwatch.StatusStart, "s")).Code)
		})
	}
}

func TestTheAskedAddressTellsRequestsApart(t *testing.T) {
	g := start(t, func(g *gateway) { g.options.Auth = []string{"0.0.0.0:0"}; g.claims.hold = true })
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	for _, ip := range []string{"127.0.0.1", "127.0.0.2"} {
		_, err := conn.WriteToUDPAddrPort(access(1, ip), netip.AddrPortFrom(netip.MustParseAddr(ip), g.AuthAddrs()[0].Port()))
		require.NoError(t, err)
	}
	require.Eventually(t, func() bool { return len(g.claims.claimed()) == 2 }, 10*time.Second, time.Millisecond)
	require.Zero(t, g.dropped(authListener, licensing.ReasonConflicting), "to two addresses: two requests")
}

func TestIPv6Clients(t *testing.T) {
	g := start(t, func(g *gateway) { g.options.Auth, g.options.Acct = []string{"[::1]:0"}, []string{"[::1]:0"} })
	require.Equal(t, radius.CodeAccessAccept, dial(t, g.AuthAddrs()[0]).exchange(access(1, "six")).Code)
	dial(t, g.AcctAddrs()[0]).exchange(build(radius.CodeAccountingRequest, 1, "", number(40, 7)))
	record := g.journal.records()[0]
	require.Equal(t, int64(2), record.Client)
	require.Equal(t, "::1", string(record.NAS))
}

func TestSeveralSocketsShareAnAddress(t *testing.T) {
	g := start(t, func(g *gateway) { g.options.Sockets = 3; g.options.Auth = append(g.options.Auth, "127.0.0.1:0") })
	require.Len(t, g.sockets, 9)
	require.Len(t, g.AuthAddrs(), 2)
	require.Len(t, g.AcctAddrs(), 1)
	for range 32 {
		n := dial(t, g.AuthAddrs()[0])
		require.Equal(t, radius.CodeAccessAccept, n.exchange(access(1, "s")).Code)
		require.Equal(t, radius.CodeAccessAccept, n.exchange(access(1, "s")).Code)
	}
	require.Equal(t, map[string]float64{"none accept": 32}, g.counts("tallygate_access_decisions_total"), "repeats come to the same socket")
	used := 0
	for _, s := range g.sockets {
		if s.cache.used > 0 {
			used++
		}
	}
	require.Greater(t, used, 1, "the kernel spreads source ports")
}

func TestAnAddressThatCannotBeListenedOn(t *testing.T) {
	for _, sockets := range []int{1, 2} {
		g := start(t, func(g *gateway) { g.options.Sockets = sockets })
		o := prepare(t).options
		o.Auth, o.Sockets = []string{g.AuthAddrs()[0].String()}, sockets
		_, err := Listen(o)
		var e *licensing.Error
		require.ErrorAs(t, err, &e)
		require.Contains(t, e.Message, g.AuthAddrs()[0].String())
		require.Contains(t, e.Hint, "ss -lunp")
		require.Contains(t, e.Hint, "radius.auth")
	}
	for address, hint := range map[string]string{
		"192.0.2.1:0":      "ip address",
		"127.0.0.1":        "radius.acct",
		"no.such.invalid:": "radius.acct",
	} {
		o := prepare(t).options
		o.Acct = []string{address}
		_, err := Listen(o)
		var e *licensing.Error
		require.ErrorAs(t, err, &e, address)
		require.Contains(t, e.Hint, hint)
	}
	for _, change := range []func(*Options){
		func(o *Options) { o.RejectDelay = -1 },
		func(o *Options) { o.RejectDelay = maxRejectDelay + 1 },
		func(o *Options) { o.ClassKey = nil },
	} {
		o := prepare(t).options
		change(&o)
		_, err := Listen(o)
		require.Error(t, err)
	}
}

func TestTheReceiveBufferIsWhatWasAskedFor(t *testing.T) {
	g := start(t)
	for _, s := range g.sockets {
		require.Equal(t, 1<<20, s.received)
	}
}

// The runtime's poller would be woken by each datagram of a flood.
func TestNoSocketIsInTheRuntimesPoller(t *testing.T) {
	g := start(t)
	dial(t, g.AuthAddrs()[0]).exchange(access(1, "")) // and this one is
	watched := map[int]bool{}
	files, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	for _, f := range files {
		if what, _ := os.Readlink("/proc/self/fd/" + f.Name()); what != "anon_inode:[eventpoll]" {
			continue
		}
		info, err := os.ReadFile("/proc/self/fdinfo/" + f.Name())
		require.NoError(t, err)
		for _, m := range regexp.MustCompile(`tfd: +(\d+)`).FindAllStringSubmatch(string(info), -1) {
			fd, err := strconv.Atoi(m[1])
			require.NoError(t, err)
			watched[fd] = true
		}
	}
	require.NotEmpty(t, watched)
	for _, s := range g.sockets {
		require.NoError(t, control(s.raw, func(fd int) error {
			require.False(t, watched[fd])
			return nil
		}))
	}
}

// A Server that never served closes as well.
func TestCloseWithoutServe(t *testing.T) {
	s, err := Listen(prepare(t).options)
	require.NoError(t, err)
	ended, end := context.WithCancel(context.Background())
	end()
	require.NoError(t, s.Close(ended), "nothing is left to wait for")
	_, err = s.sockets[0].file.Write(nil)
	require.ErrorIs(t, err, os.ErrClosed)
}

func TestAPublishedSnapshotIsInForceAtOnce(t *testing.T) {
	g := start(t)
	n := dial(t, g.AuthAddrs()[0])
	require.Equal(t, radius.CodeAccessAccept, n.exchange(access(1, "before")).Code)
	denied := *g.license()
	denied.Operator = licensing.Denial{At: time.Now().Add(-time.Second)}
	location := *g.location
	location.Licenses = []*licensing.License{&denied}
	g.location = &location
	g.Publish(g.snapshot())
	require.Equal(t, radius.CodeAccessReject, n.exchange(access(2, "after")).Code)
	g.clients = nil
	g.Publish(g.snapshot())
	n.send(access(3, "gone"))
	g.waitDropped(authListener, licensing.ReasonUnknownClient, 1)
}
