package store

import (
	"encoding/json"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tallygate/licensing"
	"tallygate/macwatch"
)

func (v *venue) openSessions(location int64) (out []*macwatch.Session) {
	v.t.Helper()
	require.NoError(v.t, v.s.OpenSessions(ctx, location, func(s *macwatch.Session) error {
		out = append(out, s)
		return nil
	}))
	return out
}

// The open sessions of one Location, with all that a Disconnect-Request is made from,
// whether their rows are written or not.
func TestOpenSessions(t *testing.T) {
	for _, storage := range []string{MACClear, MACHMAC} {
		t.Run(storage, func(t *testing.T) { testOpenSessions(t, storage) })
	}
}

func testOpenSessions(t *testing.T, storage string) {
	v := openVenue(t, func(o *Options) { o.MACStorage = storage })
	v.activate(v.terms())
	named := func(r *macwatch.Record) {
		r.Calling, r.UserName, r.FramedIP = []byte("00-11-22-00-00-01"), []byte("Anna@Hotel"), 0x0a000007
		r.Origin = macwatch.Origin{Source: netip.MustParseAddr("127.0.0.9"), NASAddress: netip.MustParseAddr("192.0.2.9"), NASPort: 7,
			AuditID: []byte("0A00"), Vendor: macwatch.VendorCisco9800}
	}
	v.sight(v.record(1, macwatch.StatusStart, named), v.record(2, macwatch.StatusStart), v.record(3, macwatch.StatusStart))
	v.clock.advance(time.Minute)
	v.sight(v.record(2, macwatch.StatusStop), v.record(3, macwatch.StatusInterim))
	for _, restarted := range []bool{false, true} {
		if restarted {
			v.restart()
		}
		open := v.openSessions(v.location.ID)
		require.Len(t, open, 2)
		anna := open[0]
		require.Equal(t, "00-11-22-00-00-01", anna.Calling)
		require.Equal(t, "Anna@Hotel", anna.UserName)
		require.Equal(t, "ap-1", anna.NAS)
		require.Equal(t, "s-1", anna.SessionID)
		require.EqualValues(t, 0x0a000007, anna.FramedIP)
		require.Equal(t, v.client.ID, anna.Client)
		require.Equal(t, macwatch.Origin{Source: netip.MustParseAddr("127.0.0.9"), NASAddress: netip.MustParseAddr("192.0.2.9"), NASPort: 7,
			AuditID: []byte("0A00"), Vendor: macwatch.VendorCisco9800, MultiID: anna.Origin.MultiID}, anna.Origin)
		require.Equal(t, storage == MACHMAC, open[1].MAC.Veiled())
		require.Empty(t, v.openSessions(v.location.ID+1))
		require.NotEqual(t, macwatch.Ident{}, v.sessions()[0].Ident, "a list can be compared with it")
		require.Equal(t, anna.Ident, v.sessions()[0].Ident)
	}
	_, err := v.s.readers.ExecContext(ctx, `SELECT 1 FROM sessions INDEXED BY sessions_open WHERE ended_at IS NULL AND location_id = 1`)
	require.NoError(t, err, "the index that makes it cheap is there")
}

// Who came by an account or a MAC input that was removed since must go; that survives a
// restart, and is forgotten after a week.
func TestRemovedGuestsAreRemembered(t *testing.T) {
	v := openVenue(t)
	var latest Snapshot
	subscribe := func() { v.s.Subscribe(func(s Snapshot) { latest = s }) }
	subscribe()
	venue := func() *macwatch.Venue { return latest.Venues[v.location.ID] }
	require.NoError(t, v.s.AddAccount(ctx, by, v.location.Code, macwatch.Account{UserName: "Anna", Password: "x"}))
	require.NoError(t, v.s.AddMACInput(ctx, by, v.location.Code, macwatch.MACInput{MAC: guest(1)}))
	require.Empty(t, venue().RetiredAccounts)
	dry := licensing.Change{By: "tester", DryRun: true}
	require.NoError(t, v.s.RemoveAccount(ctx, dry, v.location.Code, "anna"))
	require.Empty(t, venue().RetiredAccounts)
	require.NoError(t, v.s.RemoveAccount(ctx, by, v.location.Code, "anna"))
	require.NoError(t, v.s.RemoveMACInput(ctx, by, v.location.Code, guest(1)))
	for range 2 {
		require.Equal(t, map[string]time.Time{"anna": v.clock.now()}, venue().RetiredAccounts)
		require.Equal(t, map[macwatch.MAC]time.Time{guest(1): v.clock.now()}, venue().RetiredInputs)
		v.restart()
		subscribe()
	}
	v.set(v.clock.advance, keepRetired+time.Second)
	require.NoError(t, v.s.AddAccount(ctx, by, v.location.Code, macwatch.Account{UserName: "bob", Password: "x"}))
	require.Empty(t, venue().RetiredAccounts)
	require.NoError(t, v.s.RemoveAccount(ctx, by, v.location.Code, "bob"))
	var rows int
	require.NoError(t, v.s.readers.QueryRowContext(ctx, `SELECT count(*) FROM retired_guests`).Scan(&rows))
	require.Equal(t, 1, rows)
}

// The secret for Disconnect-Requests is kept, and shown nowhere.
func TestDisconnectSettingsOfAClient(t *testing.T) {
	v := openVenue(t)
	c := macwatch.Client{Name: "ac", Prefix: netip.MustParsePrefix("10.0.0.1/32"), Secret: "a long shared secret", Location: v.location.Code,
		DisconnectSecret: "not for anybody's eyes"}
	c.Disconnect = macwatch.DisconnectSettings{Port: 1700, Address: macwatch.DisconnectNAS, Off: true}
	_, err := v.s.AddClient(ctx, by, c)
	require.NoError(t, err)
	for range 2 {
		all, err := v.s.Clients(ctx)
		require.NoError(t, err)
		require.Equal(t, c.DisconnectSecret, all[1].DisconnectSecret)
		require.Empty(t, all[0].DisconnectSecret)
		require.Equal(t, c.Disconnect, all[1].Disconnect)
		text, err := json.Marshal(all)
		require.NoError(t, err)
		require.NotContains(t, string(text), "anybody")
		v.restart()
	}
	port, secret, off, address := uint16(0), "another for nobody's eyes, not anybody's", false, macwatch.DisconnectAddress("10.0.0.9")
	set, err := v.s.SetClient(ctx, by, "ac", macwatch.ClientPatch{DisconnectPort: &port, DisconnectSecret: &secret, DisconnectOff: &off, DisconnectAddress: &address})
	require.NoError(t, err)
	require.Equal(t, macwatch.DisconnectSettings{Address: "10.0.0.9"}, set.Disconnect)
	v.restart()
	all, err := v.s.Clients(ctx)
	require.NoError(t, err)
	require.Equal(t, secret, all[1].DisconnectSecret)
	require.Equal(t, c.Secret, all[1].Secret)
	require.NoError(t, v.s.AuditEntries(ctx, licensing.AuditFilter{}, func(e licensing.AuditEntry) error {
		require.NotContains(t, string(e.Detail), "anybody")
		return nil
	}))
	c.Name, c.Prefix = "ad", netip.MustParsePrefix("10.0.0.2/32")
	for _, bad := range []macwatch.DisconnectAddress{"host.example", "0.0.0.0", "224.0.0.1"} {
		c.Disconnect.Address = bad
		_, err := v.s.AddClient(ctx, by, c)
		var refused *licensing.Error
		require.ErrorAs(t, err, &refused)
		require.Contains(t, refused.Hint, "nas")
	}
}

// An operator who ends sessions is in the audit log, without the device's address.
func TestEndingSessionsIsLogged(t *testing.T) {
	v := openVenue(t)
	which := macwatch.SessionSelector{SessionID: "s-1", MAC: guest(1), AP: "lobby"}
	require.NoError(t, v.s.NoteEnd(ctx, licensing.Change{By: "ana", DryRun: true}, v.location.Code, which, 2))
	require.NoError(t, v.s.NoteEnd(ctx, licensing.Change{By: "ana"}, v.location.Code, which, 2))
	require.Error(t, v.s.NoteEnd(ctx, licensing.Change{By: "ana"}, "28N2S999", which, 2))
	var found []licensing.AuditEntry
	require.NoError(t, v.s.AuditEntries(ctx, licensing.AuditFilter{Action: "session.end"}, func(e licensing.AuditEntry) error {
		found = append(found, e)
		return nil
	}))
	require.Len(t, found, 1)
	require.Equal(t, "ana", found[0].Actor)
	require.Equal(t, v.location.Code, found[0].Subject)
	require.Contains(t, string(found[0].Detail), `"sessions":2`)
	require.NotContains(t, string(found[0].Detail), guest(1).String())
}
