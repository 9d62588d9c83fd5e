package radiusd

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// brokenClaims fails where no store may.
type brokenClaims struct{ claims }

func (*brokenClaims) Observe(int64, macwatch.APSight) { panic("broken") }

func TestAPanicCostsOnePacketItsAnswer(t *testing.T) {
	broken := &brokenClaims{}
	broken.result = macwatch.ClaimAPFull
	g := start(t, func(g *gateway) {
		g.options.Claims = broken
		g.location.Settings.APs = licensing.APsDeclared
	})
	n := dial(t, g.AuthAddrs()[0])
	n.send(access(1, "panic")) // refused, and Observe panics in the reader
	g.waitDropped(authListener, licensing.ReasonInternalError, 1)
	n.silent()
	n.send(access(1, "panic"))
	g.waitDropped(authListener, licensing.ReasonInternalError, 2)

	location := *g.location
	location.Settings.APs = licensing.APsFirstCome
	g.location = &location
	g.Publish(g.snapshot())
	n.send(access(2, "panic")) // the claim comes back, and Observe panics in Claimed
	g.waitDropped(authListener, licensing.ReasonInternalError, 3)
	n.silent()
	broken.set(func(c *claims) { c.result = macwatch.ClaimGranted })
	require.Equal(t, radius.CodeAccessAccept, n.exchange(access(2, "panic")).Code)
}

func TestMetricsBeginAtZero(t *testing.T) {
	g := prepare(t)
	_ = g.offline(authListener)
	families, err := g.registry.Gather()
	require.NoError(t, err)
	series := map[string]int{}
	for _, f := range families {
		series[f.GetName()] = len(f.GetMetric())
		for _, m := range f.GetMetric() {
			require.Zero(t, m.GetCounter().GetValue())
		}
	}
	require.Equal(t, map[string]int{
		"tallygate_radius_requests_total":          3 * 4,
		"tallygate_radius_responses_total":         3*3 + 1, // RadSec declines what it does not serve
		"tallygate_radius_dropped_total":           3 * len(licensing.Drops()),
		"tallygate_access_decisions_total":         1 + len(licensing.Refusals()),
		"tallygate_radius_kernel_dropped_total":    2,
		"tallygate_radius_unsigned_requests_total": len(g.clients),
		"tallygate_radsec_connections":             1,
		"tallygate_radsec_handshakes_failed_total": len(handshakeFailures),
	}, series)
}

// Whatever comes in is answered, still in progress, or dropped for a reason.
func TestEveryDatagramIsAccountedFor(t *testing.T) {
	g := start(t)
	n := dial(t, g.AuthAddrs()[0])
	n.exchange(access(1, "a"))
	n.exchange(access(1, "a"))
	n.send([]byte("nonsense"))
	n.send(accounting(1, macwatch.StatusStart, "s"))
	n.silent()
	g.waitDropped(authListener, licensing.ReasonWrongCode, 1)
	sum := func(name string) (total float64) {
		for _, v := range g.counts(name) {
			total += v
		}
		return total
	}
	require.Eventually(t, func() bool {
		return sum("tallygate_radius_requests_total") == 5 &&
			sum("tallygate_radius_responses_total")+sum("tallygate_radius_dropped_total") == 5
	}, 10*time.Second, time.Millisecond)
}

func TestTheHotPathAllocatesNothing(t *testing.T) {
	g := prepare(t)
	g.venue.APs = slots(lobbyAP)
	r := g.offline(authListener)
	packets := requests(512, func(id byte, salt string) []byte { return access(id, salt) })
	i := 0
	require.Zero(t, testing.AllocsPerRun(len(packets)-1, func() {
		r.serve(packets[i], false)
		i++
	}))
	require.Equal(t, map[string]float64{"none accept": 512}, g.counts("tallygate_access_decisions_total"))
}

func TestAccountingOfAnUnknownLocationIsKeptRaw(t *testing.T) {
	g := start(t, func(g *gateway) { g.clients[0].LocationID = 99 })
	require.Equal(t, radius.CodeAccountingResponse, dial(t, g.AcctAddrs()[0]).exchange(accounting(1, macwatch.StatusStart, "s")).Code)
	record := g.journal.records()[0]
	require.Equal(t, ignoredUnknownLocation, record.Ignored)
	require.Equal(t, int64(99), record.Location)
}

func TestKernelDropsAreCounted(t *testing.T) {
	g := prepare(t)
	g.options.ReceiveBuffer = 1 // the kernel makes some 2 KiB of it
	s, err := Listen(g.options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close(context.Background())) })
	s.Publish(g.snapshot())
	n := dial(t, s.AuthAddrs()[0])
	for id := range byte(100) {
		n.send(status(id))
	}
	s.Serve()
	for ; g.counts("tallygate_radius_kernel_dropped_total")["auth"] == 0; n.receive() {
		n.send(status(200))
	}
	require.Less(t, g.counts("tallygate_radius_kernel_dropped_total")["auth"], 101.0)
}
