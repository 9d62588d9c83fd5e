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

func TestRFC5080Section2_2_2Duplicates(t *testing.T) {
	g := start(t)
	n := dial(t, g.AuthAddrs()[0])
	request := access(1, "dup")
	n.send(request)
	first := n.receive()
	verify(t, request, first)
	n.send(request)
	require.Equal(t, first, n.receive(), "the same octets again")
	require.Equal(t, map[string]float64{"none accept": 1}, g.counts("tallygate_access_decisions_total"), "decided once")

	n.send(access(1, "another Authenticator"))
	verify(t, access(1, "another Authenticator"), n.receive())
	other := dial(t, g.AuthAddrs()[0])
	require.Equal(t, radius.CodeAccessAccept, other.exchange(request).Code, "another source port is another request")
	require.Equal(t, map[string]float64{"none accept": 3}, g.counts("tallygate_access_decisions_total"))
}

func TestAConflictingAccessRequestAbandonsTheFirst(t *testing.T) {
	g := start(t, func(g *gateway) { g.claims.hold = true })
	n := dial(t, g.AuthAddrs()[0])
	n.send(access(1, "first"))
	n.silent()
	n.send(access(1, "second"))
	g.waitDropped(authListener, licensing.ReasonConflicting, 1)
	n.silent()
	require.Len(t, g.claims.claimed(), 2)
	g.claims.release()
	verify(t, access(1, "second"), n.receive())
	n.silent()
	require.Equal(t, 1, g.dropped(authListener, licensing.ReasonConflicting), "counted once")
}

func TestConflictingAccountingRequestsAreBothAnswered(t *testing.T) {
	g := start(t, func(g *gateway) { g.journal.hold = true })
	n := dial(t, g.AcctAddrs()[0])
	interim, stop := accounting(1, macwatch.StatusInterim, "s"), accounting(1, macwatch.StatusStop, "s")
	n.send(interim)
	n.send(stop)
	n.silent()
	g.journal.commit()
	verify(t, interim, n.receive())
	verify(t, stop, n.receive())
	n.send(stop)
	verify(t, stop, n.receive())
	require.Len(t, g.journal.records(), 2)
	require.Zero(t, g.dropped(acctListener, licensing.ReasonConflicting))
}

func TestRFC5080Section2_2_3AFullReplyCacheRefusesOnlyWhileAllWait(t *testing.T) {
	g := start(t, func(g *gateway) { g.options.ReplyCache, g.journal.hold = 4, true })
	n := dial(t, g.AcctAddrs()[0])
	for id := range byte(4) {
		n.send(accounting(id, macwatch.StatusInterim, "full"))
	}
	n.send(accounting(4, macwatch.StatusInterim, "full"))
	g.waitDropped(acctListener, licensing.ReasonOverload, 1)
	g.journal.commit()
	for range 4 {
		n.receive()
	}
	last := accounting(4, macwatch.StatusInterim, "full")
	n.send(last)
	require.Eventually(t, func() bool { return len(g.journal.records()) == 5 }, 10*time.Second, time.Millisecond)
	g.journal.commit()
	verify(t, last, n.receive())
}

func TestAccessRejectsWaitInTheReplyCache(t *testing.T) {
	g := prepare(t)
	g.options.RejectDelay = maxRejectDelay
	g.venue.Blocked = map[macwatch.MAC]string{0x5c1dd920a0c1: "deposit"}
	s, err := Listen(g.options)
	require.NoError(t, err)
	g.Server = s
	s.Publish(g.snapshot())
	s.Serve()
	n := dial(t, s.AuthAddrs()[0])
	request, displaced, displacing := access(1, "r"), access(2, "r"), access(2, "r2")
	n.send(request)
	n.silent()
	n.send(request)
	g.waitDropped(authListener, licensing.ReasonDuplicateInProgress, 1)
	n.send(displaced)
	n.send(displacing)
	g.waitDropped(authListener, licensing.ReasonConflicting, 1)

	require.NoError(t, s.Close(context.Background())) // sends at once what waits
	require.Equal(t, radius.CodeAccessReject, verify(t, request, n.receive()).Code)
	require.Equal(t, radius.CodeAccessReject, verify(t, displacing, n.receive()).Code, "the displaced one is not answered")
	require.Equal(t, map[string]float64{"Access-Reject auth": 2, "Access-Accept auth": 1}, g.counts("tallygate_radius_responses_total"))
}

func TestAccessRejectsComeAfterTheirDelay(t *testing.T) {
	const delay = 30 * time.Millisecond
	g := start(t, func(g *gateway) {
		g.options.RejectDelay = delay
		g.venue.Blocked = map[macwatch.MAC]string{0x5c1dd920a0c1: ""}
	})
	n := dial(t, g.AuthAddrs()[0])
	before := time.Now()
	answer := n.exchange(access(1, "delay"))
	require.GreaterOrEqual(t, time.Since(before), delay)
	require.Equal(t, radius.CodeAccessReject, answer.Code)
	require.Equal(t, radius.CodeAccessReject, n.exchange(access(1, "delay")).Code, "a repeat is answered from the cache")
	require.Equal(t, map[string]float64{"device-blocked reject": 1}, g.counts("tallygate_access_decisions_total"))
}
