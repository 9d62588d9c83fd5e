package radiusd

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"
	"layeh.com/radius/rfc2865"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// withPasses makes the Location check credentials, with these passes.
func withPasses(passes ...*macwatch.Pass) func(*gateway) {
	return func(g *gateway) {
		g.location.Settings.Guests = licensing.GuestsLocal
		table := new(macwatch.Passes)
		for _, p := range passes {
			p.Location, p.Key = g.location.ID, string(macwatch.PassKey(nil, []byte(p.UserName)))
		}
		table.Change(passes, nil)
		g.options.Passes = table
	}
}

// show is an Access-Request of a guest on a device, by PAP.
func show(t *testing.T, id byte, name, password, calling string) []byte {
	t.Helper()
	return build(radius.CodeAccessRequest, id, "u", signature, text(1, name), papPassword(t, id, "u", password), text(31, calling),
		text(30, "94-83-C4-01-42-27:Guest"))
}

const callingA = "5C-1D-D9-20-A0-C1"

// What a pass is asked for at its first use and by each new device goes to the store; its
// answer is the guest's.
func TestPassesAreClaimed(t *testing.T) {
	hour := time.Hour
	fresh := func() *macwatch.Pass {
		return &macwatch.Pass{ID: 7, Kind: macwatch.PassTicket, UserName: "AAAAA-BBBBB", Devices: 2, ValidFor: hour, Down: 5_000_000, Up: 1_000_000}
	}
	used := func() *macwatch.Pass {
		p := fresh()
		p.FirstUse, p.Bound = time.Now().Add(-hour/2), []macwatch.MAC{guestMAC}
		return p
	}
	for name, c := range map[string]struct {
		pass   *macwatch.Pass
		claims int
		result macwatch.ClaimResult
		want   licensing.Reason
	}{
		"first use":               {fresh(), 1, macwatch.ClaimGranted, licensing.ReasonNone},
		"its own device":          {used(), 0, macwatch.ClaimGranted, licensing.ReasonNone},
		"taken meanwhile":         {fresh(), 1, macwatch.ClaimPassFull, licensing.ReasonCredentialTaken},
		"revoked meanwhile":       {fresh(), 1, macwatch.ClaimPassOver, licensing.ReasonCredentialExpired},
		"revoked":                 {func() *macwatch.Pass { p := used(); p.RevokedAt = time.Now(); return p }(), 0, 0, licensing.ReasonCredentialRevoked},
		"used up":                 {func() *macwatch.Pass { p := used(); p.FirstUse = time.Now().Add(-2 * hour); return p }(), 0, 0, licensing.ReasonCredentialExpired},
		"over before its use":     {func() *macwatch.Pass { p := fresh(); p.ExpiresAt = time.Now(); return p }(), 0, 0, licensing.ReasonCredentialExpired},
		"its login came too late": {func() *macwatch.Pass { p := fresh(); p.UseBefore = time.Now(); return p }(), 0, 0, licensing.ReasonCredentialExpired},
		"owned by others":         {func() *macwatch.Pass { p := used(); p.Bound = []macwatch.MAC{1, 2}; return p }(), 0, 0, licensing.ReasonCredentialTaken},
		"a further device":        {func() *macwatch.Pass { p := used(); p.Bound = []macwatch.MAC{1}; return p }(), 1, 0, licensing.ReasonNone},
	} {
		t.Run(name, func(t *testing.T) {
			g := start(t, withPasses(c.pass), func(g *gateway) {
				g.venue.APs = slots(lobbyAP) // so that nothing else is claimed
				g.claims.set(func(s *claims) { s.result = c.result })
			})
			answer := dial(t, g.AuthAddrs()[0]).exchange(show(t, 1, "aaaaa bbbbb", "AaAaAbBbBb", callingA))
			claimed := g.claims.claimed()
			require.Len(t, claimed, c.claims)
			if c.claims == 1 {
				require.Equal(t, c.pass, claimed[0].Pass)
				require.Equal(t, guestMAC, claimed[0].MAC)
			}
			if c.want != licensing.ReasonNone {
				require.Equal(t, radius.CodeAccessReject, answer.Code)
				require.Equal(t, c.want.Text(), rfc2865.ReplyMessage_GetString(answer))
				return
			}
			require.Equal(t, radius.CodeAccessAccept, answer.Code)
			timeout := rfc2865.SessionTimeout_Get(answer)
			require.Positive(t, timeout)
			require.LessOrEqual(t, timeout, rfc2865.SessionTimeout(3600))
		})
	}
}

// A store that cannot be written is silence, as for first claims of slots.
func TestAFirstUseThatCannotBeWrittenGetsNoAnswer(t *testing.T) {
	g := start(t, withPasses(&macwatch.Pass{ID: 7, Kind: macwatch.PassTicket, UserName: "AAAAA-BBBBB", Devices: 1, ValidFor: time.Hour}), func(g *gateway) {
		g.venue.APs = slots(lobbyAP)
		g.claims.set(func(s *claims) { s.err = errors.New("disk full") })
	})
	n := dial(t, g.AuthAddrs()[0])
	n.send(show(t, 1, "AAAAABBBBB", "", callingA))
	g.waitDropped(authListener, licensing.ReasonStoreUnavailable, 1)
	n.silent()
}

// A portal's credential has a password, and only that is taken.
func TestAPortalsPasswordIsTakenAsItIs(t *testing.T) {
	g := start(t, withPasses(&macwatch.Pass{ID: 7, Kind: macwatch.PassPortal, UserName: "g-abc", Password: "secret", Devices: 1, ValidFor: time.Hour}))
	for i, password := range []string{"secret", "SECRET", "", "g-abc"} {
		want := radius.CodeAccessReject
		if password == "secret" {
			want = radius.CodeAccessAccept
		}
		require.Equal(t, want, dial(t, g.AuthAddrs()[0]).exchange(show(t, byte(i), "G-ABC", password, callingA)).Code, password)
	}
}

// Bandwidth comes from the pass, else from the Location; a MikroTik hotspot gets its own
// attribute as well.
func TestBandwidthOfAPass(t *testing.T) {
	g := start(t, withPasses(&macwatch.Pass{ID: 7, Kind: macwatch.PassTicket, UserName: "AAAAA-BBBBB", Devices: 1, ValidFor: time.Hour, Down: 5_000_000}), func(g *gateway) {
		g.location.Settings.Reply.BandwidthUp, g.location.Settings.Reply.BandwidthDown = 1_000_000, 2_000_000
		g.clients[0].Vendor = macwatch.VendorMikroTikHotspot
	})
	answer := dial(t, g.AuthAddrs()[0]).exchange(show(t, 1, "AAAAABBBBB", "", callingA))
	require.Equal(t, radius.CodeAccessAccept, answer.Code)
	var found []string
	for _, a := range answer.Attributes {
		if a.Type == rfc2865.VendorSpecific_Type {
			found = append(found, hex(a.Attribute))
		}
	}
	require.Equal(t, []string{"0000372a0706000f4240", "0000372a0806004c4b40", "00003a8c0811" + hex([]byte("1000000/5000000"))}, found)
}
