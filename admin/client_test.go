package admin

import (
	"context"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// Every call of the Client reaches the store as it was made: names with slashes,
// spaces and other scripts, who asks, and whether it is a rehearsal.
func TestCallsReachTheStore(t *testing.T) {
	const odd = `a/b c?d%2f"é"`
	ctx := context.Background()
	calls := []struct {
		want string
		call func(c *Client) error
	}{
		{"AddOrganization {ana@console true} " + odd + " realm1 N2S", func(c *Client) error {
			o, err := c.AddOrganization(ctx, dryByAna, licensing.Organization{Name: odd, Realm: "realm1", Code: "N2S"})
			require.Equal(t, odd, o.Name)
			return err
		}},
		{"Organizations", func(c *Client) error { _, err := c.Organizations(ctx); return err }},
		{"Organization " + odd, func(c *Client) error { _, err := c.Organization(ctx, odd); return err }},
		{"AddLocation {ana@console false} 28N2S004 Sol org realm1 hospitality", func(c *Client) error {
			l, err := c.AddLocation(ctx, realByAna, licensing.Location{Code: "28N2S004", Name: "Sol", Organization: "org", Realm: "realm1", Sector: "hospitality"})
			require.Equal(t, licensing.Settings{Guests: "open", Count: "accounting", APs: "first-come", Reply: licensing.DefaultReply()}, l.Settings)
			return err
		}},
		{"Days L1 2026-01-31 ", func(c *Client) error {
			days, err := c.Days(ctx, "L1", licensing.Date{Year: 2026, Month: 1, Day: 31}, licensing.Date{})
			require.Equal(t, []macwatch.Day{{Day: "2026-11-25", Devices: 3}}, days)
			return err
		}},
		{"Locations", func(c *Client) error { _, err := c.Locations(ctx); return err }},
		{"SetLocation {ana@console true} L1", func(c *Client) error {
			_, err := c.PatchLocation(ctx, dryByAna, "L1", map[string]string{"guests": "local"})
			return err
		}},
		{"AddClient {ana@console true} ap 10.0.0.0/8 s3cret L1 auto", func(c *Client) error {
			p, err := c.AddClient(ctx, dryByAna, macwatch.Client{Name: "ap", Prefix: netip.MustParsePrefix("10.0.0.0/8"), Secret: "s3cret", Location: "L1", RequireMA: "auto"})
			require.Empty(t, p.Secret, "a secret goes in and never out")
			return err
		}},
		{"Clients", func(c *Client) error {
			all, err := c.Clients(ctx)
			require.Empty(t, all[0].Secret)
			return err
		}},
		{"Client " + odd, func(c *Client) error {
			p, err := c.Client(ctx, odd)
			require.Empty(t, p.Secret)
			return err
		}},
		{"SetClient {ana@console true} " + odd + " omada", func(c *Client) error {
			vendor := macwatch.VendorOmada
			p, err := c.SetClient(ctx, dryByAna, odd, macwatch.ClientPatch{Vendor: &vendor})
			require.Equal(t, vendor, p.Vendor)
			return err
		}},
		{"RemoveClient {ana@console true} " + odd, func(c *Client) error { return c.RemoveClient(ctx, dryByAna, odd) }},
		{"AddToken {ana@console true} lobby portal realm1 ", func(c *Client) error {
			_, err := c.AddToken(ctx, dryByAna, licensing.AccessToken{Name: "lobby", Role: licensing.RolePortal, Organization: "realm1"})
			return err
		}},
		{"Tokens", func(c *Client) error {
			all, err := c.Tokens(ctx)
			require.Zero(t, all[0].Hash, "not even the hash goes out")
			return err
		}},
		{"RevokeToken {ana@console true} " + odd, func(c *Client) error { return c.RevokeToken(ctx, dryByAna, odd) }},
		{"CreateTickets {ana@console true} L1 {Count:3 ValidFor:1h0m0s ExpiresAt:2026-11-22 12:00:00 +0000 UTC Devices:2 Down:5 Up:1 Prefix:A Length:12 Note:n}", func(c *Client) error {
			_, err := c.CreateTickets(ctx, dryByAna, "L1", macwatch.TicketOrder{Count: 3, ValidFor: time.Hour, ExpiresAt: noon, Devices: 2, Down: 5, Up: 1, Prefix: "A", Length: 12, Note: "n"})
			return err
		}},
		{"Tickets L1 7", func(c *Client) error {
			return c.Tickets(ctx, "L1", 7, func(i macwatch.PassInfo) error { require.Equal(t, "CODE", i.UserName); return nil })
		}},
		{"Ticket L1 " + odd, func(c *Client) error { _, err := c.Ticket(ctx, "L1", odd); return err }},
		{"RevokeTicket {ana@console true} L1 " + odd, func(c *Client) error { return c.RevokeTicket(ctx, dryByAna, "L1", odd) }},
		{"TicketBatches L1", func(c *Client) error { _, err := c.TicketBatches(ctx, "L1"); return err }},
		{"RevokeBatch {ana@console true} L1 7", func(c *Client) error { return c.RevokeBatch(ctx, dryByAna, "L1", 7) }},
		{"IssueCredential {ana@console true} L1 {MAC:02:11:22:33:44:55 Devices:2 LoginWithin:1m0s ValidFor:1h0m0s Until:2026-11-22 12:00:00 +0000 UTC Down:5 Up:1 Room:412 Surname:s UserID:u Note:n}", func(c *Client) error {
			_, err := c.IssueCredential(ctx, dryByAna, "L1", macwatch.CredentialOrder{MAC: aMAC, Devices: 2, LoginWithin: time.Minute, ValidFor: time.Hour, Until: noon,
				Down: 5, Up: 1, Room: "412", Surname: "s", UserID: "u", Note: "n"})
			return err
		}},
		{"ImportStays {ana@console true} L1 {Stays:[{ID:7 Room:412 Surname:Sol Arrival:2026-12-01 Departure:2026-12-02 From:0001-01-01 00:00:00 +0000 UTC Until:0001-01-01 00:00:00 +0000 UTC Folded:}] Replace:true}", func(c *Client) error {
			_, err := c.ImportStays(ctx, dryByAna, "L1", macwatch.StayImport{Replace: true, Stays: []macwatch.GuestStay{{ID: "7", Room: "412", Surname: "Sol", Arrival: "2026-12-01", Departure: "2026-12-02"}}})
			return err
		}},
		{"Stays L1", func(c *Client) error { _, err := c.Stays(ctx, "L1"); return err }},
		{"RemoveStay {ana@console true} L1 " + odd, func(c *Client) error { return c.RemoveStay(ctx, dryByAna, "L1", odd) }},
		{"Credentials L1", func(c *Client) error {
			return c.Credentials(ctx, "L1", func(i macwatch.PassInfo) error { require.Equal(t, "g-1", i.UserName); return nil })
		}},
		{"RevokeCredential {ana@console true} L1 " + odd, func(c *Client) error { return c.RevokeCredential(ctx, dryByAna, "L1", odd) }},
		{"AddPartner {ana@console true} p/1 Sol & Co s3cret", func(c *Client) error {
			p, err := c.AddPartner(ctx, dryByAna, licensing.Partner{ID: "p/1", Name: "Sol & Co", Secret: "s3cret"})
			require.Empty(t, p.Secret, "a secret goes in and never out")
			return err
		}},
		{"Partners", func(c *Client) error {
			all, err := c.Partners(ctx)
			require.Empty(t, all[0].Secret)
			return err
		}},
		{"Partner " + odd, func(c *Client) error {
			p, err := c.Partner(ctx, odd)
			require.Empty(t, p.Secret)
			return err
		}},
		{"RemovePartner {ana@console true} " + odd, func(c *Client) error { return c.RemovePartner(ctx, dryByAna, odd) }},
		{"Transfers", func(c *Client) error { _, err := c.Transfers(ctx); return err }},
		{"Consent {ana@console false} approve TG-1 p1>p2 00ff", func(c *Client) error {
			_, err := c.Consent(ctx, realByAna, licensing.Consent{Step: licensing.StepApprove, License: "TG-1", From: "p1", To: "p2", Partner: "p2", Proof: "00ff"})
			return err
		}},
		{"Release {ana@console true} [TG-1] k4.public.new", func(c *Client) error {
			r, err := c.Release(ctx, dryByAna, []string{"TG-1"}, "k4.public.new")
			require.Equal(t, "k4.public.new", r.To)
			return err
		}},
		{"Activate {ana@console true} v4.public.x L1", func(c *Client) error { _, err := c.Activate(ctx, dryByAna, "v4.public.x", "L1"); return err }},
		{"Licenses map[]", func(c *Client) error { _, err := c.Licenses(ctx, licensing.Filter{}); return err }},
		{"Licenses map[ends-before:2027-01-31 over-limit:no sort:-last_day,number state:In Use,access denied]", func(c *Client) error {
			f, err := licensing.ParseFilter(map[string]string{"ends-before": "2027-01-31", "over_limit": "no", "sort": "-last_day,number",
				"state": "In Use,access denied", "partner": " "})
			require.NoError(t, err)
			_, err = c.Licenses(ctx, f)
			return err
		}},
		{"License TG-1 0001-01-01T00:00:00Z", func(c *Client) error { _, err := c.License(ctx, "TG-1", time.Time{}); return err }},
		{"License TG-1 2026-11-22T12:00:00Z", func(c *Client) error { _, err := c.License(ctx, "TG-1", noon); return err }},
		{"License TG-1 2026-11-22T11:00:00Z", func(c *Client) error { _, err := c.LicenseAsOf(ctx, "TG-1", "2026-11-22T12:00:00+01:00"); return err }},
		{"Explain TG-1", func(c *Client) error { _, err := c.Explain(ctx, "TG-1"); return err }},
		{"History " + odd, func(c *Client) error {
			all, err := c.History(ctx, odd)
			require.Equal(t, []licensing.HistoryEntry{{Text: "It began."}}, all)
			return err
		}},
		{"Receipt TG-1", func(c *Client) error {
			e, err := c.Receipt(ctx, "TG-1")
			require.Equal(t, "ab", e.Hash)
			return err
		}},
		{`CutOffNow "TG-1" ""`, func(c *Client) error { _, err := c.CutOffNow(ctx, "TG-1", ""); return err }},
		{`CutOffNow "TG-1" "a b"`, func(c *Client) error { _, err := c.CutOffNow(ctx, "TG-1", "a b"); return err }},
		{`CutOffNow "" "L1"`, func(c *Client) error {
			p, err := c.CutOffNow(ctx, "", "L1")
			require.Equal(t, 3, p.Guests)
			return err
		}},
		{`Calendar "" 13`, func(c *Client) error {
			all, err := c.Calendar(ctx, "", 13)
			require.Len(t, all, 1)
			return err
		}},
		{`Calendar "TG-1" 2`, func(c *Client) error { _, err := c.Calendar(ctx, "TG-1", 2); return err }},
		{`AuditEntries 0001-01-01T00:00:00Z 0001-01-01T00:00:00Z "" "" ""`, func(c *Client) error {
			return c.AuditEntries(ctx, licensing.AuditFilter{}, func(e licensing.AuditEntry) error {
				require.EqualValues(t, 7, e.Seq)
				require.JSONEq(t, `{"reason":"x"}`, string(e.Detail))
				return nil
			})
		}},
		{`AuditEntries 2026-11-22T12:00:00Z 2026-11-22T13:00:00Z "TG-1" "ana" "license"`, func(c *Client) error {
			return c.AuditEntries(ctx, licensing.AuditFilter{Since: noon, Until: noon.Add(time.Hour), Subject: "TG-1", Actor: "ana", Action: "license"},
				func(licensing.AuditEntry) error { return nil })
		}},
		{"DenyLicense {ana@console true} TG-1 unpaid", func(c *Client) error { _, err := c.DenyLicense(ctx, dryByAna, "TG-1", "unpaid"); return err }},
		{"RestoreLicense {ana@console true} TG-1", func(c *Client) error { _, err := c.RestoreLicense(ctx, dryByAna, "TG-1"); return err }},
		{"AssignLicense {ana@console true} TG-1 L1 7 <nil>", func(c *Client) error {
			aps := licensing.Limit(7)
			_, err := c.AssignLicense(ctx, dryByAna, "TG-1", "L1", &aps, nil)
			return err
		}},
		{"UnassignLicense {ana@console true} TG-1 ", func(c *Client) error { _, err := c.UnassignLicense(ctx, dryByAna, "TG-1", ""); return err }},
		{"UnassignLicense {ana@console true} TG-1 L1", func(c *Client) error { _, err := c.UnassignLicense(ctx, dryByAna, "TG-1", "L1"); return err }},
		{"ConfirmStart {ana@console true} TG-1", func(c *Client) error { _, err := c.ConfirmStart(ctx, dryByAna, "TG-1"); return err }},
		{"DeclineStart {ana@console true} TG-1 staff", func(c *Client) error { _, err := c.DeclineStart(ctx, dryByAna, "TG-1", "staff"); return err }},
		{"Devices L1", func(c *Client) error { return c.Devices(ctx, "L1", nil) }},
		{"ListDevice {ana@console true} L1 02:11:22:33:44:55 exempt lift", func(c *Client) error {
			return c.ListDevice(ctx, dryByAna, "L1", macwatch.ListedDevice{MAC: aMAC, Kind: "exempt", Note: "lift"})
		}},
		{"UnlistDevice {ana@console true} L1 blocked 02:11:22:33:44:55", func(c *Client) error { return c.UnlistDevice(ctx, dryByAna, "L1", "blocked", aMAC) }},
		{"ListedDevices L1", func(c *Client) error { _, err := c.ListedDevices(ctx, "L1"); return err }},
		{"ListSlots L1 ap 24h0m0s", func(c *Client) error { _, err := c.ListSlots(ctx, "L1", macwatch.KindAP, 24*time.Hour); return err }},
		{"ListSlots L1 room 1m0s", func(c *Client) error { _, err := c.ListSlots(ctx, "L1", macwatch.KindRoom, time.Minute); return err }},
		{"ForgetSlot {ana@console false} L1 ap stray", func(c *Client) error {
			_, err := c.ForgetSlot(ctx, realByAna, "L1", macwatch.KindAP, "stray")
			return err
		}},
		{"NoteSlot {ana@console false} L1 ap lobby by the door", func(c *Client) error {
			_, err := c.NoteSlot(ctx, realByAna, "L1", macwatch.KindAP, "lobby", "by the door")
			return err
		}},
		{`ImportSlots {ana@console true} L1 room "id\n412\n" true`, func(c *Client) error {
			_, err := c.ImportSlots(ctx, dryByAna, "L1", macwatch.KindRoom, "id\n412\n", true)
			return err
		}},
		{"AddAlias {ana@console true} L1 ap lobby x", func(c *Client) error {
			_, err := c.AddAlias(ctx, dryByAna, "L1", macwatch.KindAP, "lobby", "x")
			return err
		}},
		{"RemoveAlias {ana@console false} L1 room 412 413", func(c *Client) error {
			_, err := c.RemoveAlias(ctx, realByAna, "L1", macwatch.KindRoom, "412", "413")
			return err
		}},
		{"DeclareSlot {ana@console true} L1 ap lobby [x y]", func(c *Client) error {
			_, err := c.DeclareSlot(ctx, dryByAna, "L1", macwatch.KindAP, "lobby", []string{"x", "y"})
			return err
		}},
		{"MergeSlots {ana@console true} L1 room 412 413", func(c *Client) error {
			_, err := c.MergeSlots(ctx, dryByAna, "L1", macwatch.KindRoom, "412", "413")
			return err
		}},
		{"ReplaceSlot {ana@console true} L1 ap old new", func(c *Client) error {
			_, err := c.ReplaceSlot(ctx, dryByAna, "L1", macwatch.KindAP, "old", "new")
			return err
		}},
		{"ReleaseSlot {ana@console true} L1 room 412", func(c *Client) error {
			_, err := c.ReleaseSlot(ctx, dryByAna, "L1", macwatch.KindRoom, "412")
			return err
		}},
		{`Sessions "L1" false 00:00:00:00:00:00 "" "" "" "" 0001-01-01T00:00:00Z 0001-01-01T00:00:00Z`, func(c *Client) error {
			return c.Sessions(ctx, macwatch.SessionFilter{Location: "L1"}, func(s macwatch.SessionInfo) error {
				require.Equal(t, "Session-Context-Not-Found", s.Disconnect.ErrorCause)
				return nil
			})
		}},
		{`Sessions "" true 02:11:22:33:44:55 "a p" "412" "bob&" "s1" 2026-11-22T12:00:00Z 2026-11-22T13:00:00Z`, func(c *Client) error {
			f := macwatch.SessionFilter{Online: true, MAC: aMAC, AP: "a p", Room: "412", User: "bob&", Session: "s1", Since: noon, Until: noon.Add(time.Hour)}
			return c.Sessions(ctx, f, func(macwatch.SessionInfo) error { return nil })
		}},
		{"EndSessions {ana@console true} L1 {7 02:11:22:33:44:55 lobby false}", func(c *Client) error {
			return c.EndSessions(ctx, dryByAna, "L1", macwatch.SessionSelector{SessionID: "7", MAC: aMAC, AP: "lobby"}, func(e macwatch.EndedSession) error {
				require.Equal(t, macwatch.DisconnectPlanned, e.Disconnect.State)
				return nil
			})
		}},
		{"AddAccount {ana@console true} L1 bob pw 2026-11-22T12:00:00Z vip", func(c *Client) error {
			return c.AddAccount(ctx, dryByAna, "L1", macwatch.Account{UserName: "bob", Password: "pw", ExpiresAt: noon, Note: "vip"})
		}},
		{"Accounts L1", func(c *Client) error {
			all, err := c.Accounts(ctx, "L1")
			require.Empty(t, all[0].Password)
			return err
		}},
		{"RemoveAccount {ana@console true} L1 " + odd, func(c *Client) error { return c.RemoveAccount(ctx, dryByAna, "L1", odd) }},
		{"AddMACInput {ana@console true} L1 02:11:22:33:44:55 2026-11-22T12:00:00Z tv", func(c *Client) error {
			return c.AddMACInput(ctx, dryByAna, "L1", macwatch.MACInput{MAC: aMAC, ExpiresAt: noon, Note: "tv"})
		}},
		{"MACInputs L1", func(c *Client) error { _, err := c.MACInputs(ctx, "L1"); return err }},
		{"RemoveMACInput {ana@console true} L1 02:11:22:33:44:55", func(c *Client) error { return c.RemoveMACInput(ctx, dryByAna, "L1", aMAC) }},
		{"StartLab {ana@console true} L1", func(c *Client) error { _, err := c.StartLab(ctx, dryByAna, "L1"); return err }},
		{"StopLab {ana@console true} L1", func(c *Client) error { _, err := c.StopLab(ctx, dryByAna, "L1"); return err }},
		{"Labs L1", func(c *Client) error { _, err := c.Lab(ctx, "L1"); return err }},
		{"DataMap", func(c *Client) error { _, err := c.DataMap(ctx); return err }},
		{"Held {ana@console false} 02:11:22:33:44:55 L1 asked true", func(c *Client) error {
			h, err := c.Held(ctx, realByAna, macwatch.DeviceQuery{MAC: aMAC, Location: "L1", Reason: "asked", Export: true})
			require.Equal(t, aMAC, h[0].MAC)
			return err
		}},
		{"Erase {ana@console true} ~3f9ac01d77e2b452  asked true", func(c *Client) error {
			name, ok := macwatch.ParseDevice("~3f9ac01d77e2b452")
			require.True(t, ok)
			e, err := c.Erase(ctx, dryByAna, macwatch.ErasureOrder{MAC: name, Reason: "asked", Lists: true})
			require.Equal(t, name, e.MAC)
			return err
		}},
		{"Purge {ana@console true} true", func(c *Client) error { _, err := c.Purge(ctx, dryByAna, true); return err }},
		{"VerifyAudit", func(c *Client) error { _, err := c.VerifyAudit(ctx); return err }},
	}
	store := &fakeStore{}
	s := serve(t, Options{Store: store, Ender: fakeEnder{store}})
	for i, tt := range calls {
		require.NoError(t, tt.call(s.client), tt.want)
		require.Len(t, store.called(), i+1)
		require.Equal(t, tt.want, store.called()[i])
	}
	g, err := s.client.Gateway(ctx)
	require.NoError(t, err)
	require.Equal(t, "k4.public.gateway", g.Key)
}

// An error of the store arrives as it was made, whatever its code.
func TestErrorsArriveWhole(t *testing.T) {
	store := &fakeStore{}
	s := serve(t, Options{Store: store})
	for code := licensing.CodeInvalid; code <= licensing.CodeUnavailable; code++ {
		store.err = licensing.Errorf(code, "no").WithHint("ask")
		_, err := s.client.Organizations(context.Background())
		var got *licensing.Error
		require.ErrorAs(t, err, &got)
		require.Equal(t, licensing.Error{Code: code, Message: "no", Hint: "ask"}, *got)
	}
}

func TestGatewayNotRunning(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "admin.sock")
	c := NewClient(socket)
	_, err := c.Organizations(context.Background())
	var got *licensing.Error
	require.ErrorAs(t, err, &got)
	require.Equal(t, licensing.CodeUnavailable, got.Code)
	require.Equal(t, "the gateway is not running: nothing answers at "+socket, got.Message)
	require.Contains(t, got.Hint, "tallygate serve")

	// The same after a crash, which leaves the socket's file behind.
	stale := staleSocket(t)
	_, err = NewClient(stale).Organizations(context.Background())
	require.ErrorContains(t, err, "the gateway is not running: nothing answers at "+stale)
}
