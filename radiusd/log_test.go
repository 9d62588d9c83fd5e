package radiusd

import (
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
	"layeh.com/radius"

	"tallygate/licensing"
	"tallygate/macwatch"
)

func TestLogLinesSayWhatToDo(t *testing.T) {
	core, lines := observer.New(zapcore.InfoLevel)
	g := start(t, func(g *gateway) {
		g.options.Log = zap.New(core)
		g.clients = g.clients[:1]
		g.clients[0].Prefix = netip.MustParsePrefix("127.0.0.0/30")
		g.clients[0].Name = "lobby"
		g.clients[0].RequireMA = macwatch.RequireYes
		g.venue.Blocked = map[macwatch.MAC]string{guestMAC: ""}
	})
	n := dial(t, g.AuthAddrs()[0])
	stranger := dialFrom(t, "127.0.0.9", g.AuthAddrs()[0])
	for id := range byte(3) {
		n.send(build(radius.CodeAccessRequest, id, "", text(1, "x")))
		stranger.send(access(id, ""))
	}
	wrong := access(3, "")
	wrong[headerSize+2] ^= 1
	n.send(wrong)
	n.exchange(access(4, "blocked"))
	g.waitDropped(authListener, licensing.ReasonUnknownClient, 3)

	all := map[string]observer.LoggedEntry{}
	for _, line := range lines.All() {
		fields := line.ContextMap()
		reason, _ := fields["reason"].(string)
		if reason != "" {
			require.NotContains(t, all, reason, "more than one line per cause and window")
		}
		all[reason] = line
	}
	hint := func(reason licensing.Reason) string { return all[reason.String()].ContextMap()["hint"].(string) }
	require.Contains(t, hint(licensing.ReasonUnknownClient), "tallygate client add NAME --address 127.0.0.9 --secret S --location ID")
	require.Contains(t, hint(licensing.ReasonMissingMessageAuthenticator), "tallygate client set lobby --require-message-authenticator auto")
	learned := &client{Client: macwatch.Client{Name: "lobby", RequireMA: macwatch.RequireAuto}}
	require.Contains(t, dropHint(licensing.ReasonMissingMessageAuthenticator, netip.Addr{}, learned), "--require-message-authenticator no")
	require.Contains(t, hint(licensing.ReasonBadAuthenticator), "secret")
	rejected := all[licensing.ReasonDeviceBlocked.String()].ContextMap()
	require.Equal(t, "a0c1", rejected["device"], "the last four digits alone")
	for _, line := range lines.All() {
		for name, value := range line.ContextMap() {
			if s, ok := value.(string); ok {
				require.NotContains(t, strings.ToLower(s), "5c1dd920", name)
				require.NotContains(t, s, testSecret, name)
			}
		}
	}
}

func TestLogLinesRepeatOncePerWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &journalist{clock: stopwatch{time.Now()}}
		key := logKey{reason: licensing.ReasonMalformed}
		_, ok := j.due(key)
		require.True(t, ok)
		for range 5 {
			_, ok = j.due(key)
			require.False(t, ok)
		}
		_, ok = j.due(logKey{reason: licensing.ReasonMalformed, client: 2})
		require.True(t, ok, "another client")
		time.Sleep(logWindow)
		suppressed, ok := j.due(key)
		require.True(t, ok)
		require.Equal(t, 5, suppressed)
	})
}

func TestTheLogRemembersABoundedNumberOfParties(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &journalist{clock: stopwatch{time.Now()}}
		written := 0
		for i := range int64(2 * logKeys) {
			if _, ok := j.due(logKey{client: i}); ok {
				written++
			}
		}
		require.Equal(t, logKeys, written)
		require.Len(t, j.seen, logKeys)
		time.Sleep(logWindow)
		_, ok := j.due(logKey{client: -1})
		require.True(t, ok)
		require.Len(t, j.seen, 1)
	})
}

func TestMSCHAPIsNamedInTheLog(t *testing.T) {
	core, lines := observer.New(zapcore.WarnLevel)
	g := start(t, func(g *gateway) {
		g.options.Log = zap.New(core)
		g.location.Settings.Guests = licensing.GuestsLocal
		g.venue.Accounts = map[string]*macwatch.Account{"alice": {Password: "pass"}}
	})
	n := dial(t, g.AuthAddrs()[0])
	other := attr{26, append([]byte{0, 0, 1, 55, 11, 4}, "id"...)}
	mschap2 := attr{26, append([]byte{0, 0, 1, 55, 11, 4, 'i', 'd', 25, 52}, make([]byte, 50)...)}
	require.Equal(t, radius.CodeAccessReject, n.exchange(build(radius.CodeAccessRequest, 1, "", signature, text(1, "alice"), other)).Code)
	require.Zero(t, lines.FilterField(zap.String("method", "MS-CHAP")).Len())
	require.Equal(t, radius.CodeAccessReject, n.exchange(build(radius.CodeAccessRequest, 2, "", signature, text(1, "alice"), other, mschap2)).Code)
	require.Equal(t, 1, lines.FilterField(zap.String("method", "MS-CHAP")).Len())
}
