package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// limit lets each guest account of the venue have so many devices online.
func (v *venue) limit(n int) {
	v.t.Helper()
	settings := v.location.Settings
	settings.Guests, settings.GuestSessions = licensing.GuestsLocal, n
	_, err := v.s.SetLocation(ctx, by, v.location.Code, settings)
	require.NoError(v.t, err)
}

func (v *venue) online(user string) (macs []macwatch.MAC) {
	for _, d := range v.s.Online().Devices(v.location.ID, user, v.s.Now()) {
		macs = append(macs, d.MAC)
	}
	return macs
}

func as(user string) func(*macwatch.Record) {
	return func(r *macwatch.Record) { r.UserName = []byte(user) }
}

func TestWhoIsOnlineIsKnownOfEachAccount(t *testing.T) {
	v := openVenue(t)
	v.sight(v.record(1, macwatch.StatusStart, as("Room412")), v.record(2, macwatch.StatusStart, as("room413")))
	require.Empty(t, v.online("room412"), "nobody limits them")
	v.sessions() // folds; the next one waits in the journal
	v.sight(v.record(3, macwatch.StatusStart, as("room412")))
	v.limit(2)
	require.Equal(t, []macwatch.MAC{guest(1), guest(3)}, v.online("room412"))
	admit := func(n int) bool { return v.s.Online().Admit(v.location.ID, "room412", guest(n), 2, v.s.Now()) }
	require.False(t, admit(4))
	require.True(t, admit(1), "it is one of them")
	v.clock.advance(max(macwatch.AcceptHold, time.Minute))
	v.sight(v.record(2, macwatch.StatusInterim, as("room413"), counters(60, 1, 1))) // so that silence says something

	for _, again := range []func(){v.restart, func() { v.crash(t.TempDir()) }} {
		again()
		require.Equal(t, []macwatch.MAC{guest(1), guest(3)}, v.online("room412"))
	}
	// Roaming: the next AP reports before the one that was left.
	hop := func(r *macwatch.Record) {
		r.NAS, r.SessionID, r.UserName = []byte("ap-2"), []byte("hop"), []byte("room412")
	}
	v.sight(v.record(1, macwatch.StatusStart, hop), v.record(1, macwatch.StatusStop, as("room412"), counters(60, 1, 1)))
	require.Equal(t, []macwatch.MAC{guest(3), guest(1)}, v.online("room412"))
	require.False(t, admit(4))
	v.sight(v.record(1, macwatch.StatusStop, hop, counters(5, 1, 1)))
	require.Equal(t, []macwatch.MAC{guest(3)}, v.online("room412"))
	require.True(t, admit(4))

	// What is silent blocks nobody, whether it was closed already or not.
	v.clock.advance(31 * time.Minute)
	require.Empty(t, v.online("room412"))
	v.later(0)
	require.True(t, admit(5))
	v.sight(v.record(3, macwatch.StatusInterim, as("room412"), counters(1860, 1, 1)))
	require.Equal(t, []macwatch.MAC{guest(3), guest(5)}, v.online("room412"), "it was heard of again, and the other was let in")
}

func TestAnAccountMayHaveALimitOfItsOwn(t *testing.T) {
	v := openVenue(t)
	settings := v.location.Settings
	settings.Guests = licensing.GuestsLocal
	_, err := v.s.SetLocation(ctx, by, v.location.Code, settings)
	require.NoError(t, err)
	v.sight(v.record(1, macwatch.StatusStart, as("family")))
	require.Empty(t, v.online("family"))
	require.NoError(t, v.s.AddAccount(ctx, by, v.location.Code, macwatch.Account{UserName: "Family", Password: "x", Sessions: 4}))
	require.Equal(t, []macwatch.MAC{guest(1)}, v.online("family"))
	accounts, err := v.s.Accounts(ctx, v.location.Code)
	require.NoError(t, err)
	require.Equal(t, 4, accounts[0].Sessions)
	require.ErrorContains(t, v.s.AddAccount(ctx, by, v.location.Code, macwatch.Account{UserName: "b", Password: "x", Sessions: -1}), "-1 devices")
}
