package admin

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"tallygate/licensing"
	"tallygate/macwatch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	noon      = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	aMAC, _   = macwatch.ParseMAC("02:11:22:33:44:55")
	dryByAna  = licensing.Change{By: "ana@console", DryRun: true}
	realByAna = licensing.Change{By: "ana@console"}
)

// fakeStore notes how it was called and answers what it was given.
type fakeStore struct {
	mu    sync.Mutex
	calls []string

	err      error
	location licensing.Location
	license  licensing.Detail
	labs     []licensing.LabPeriod
	devices  func(each func(macwatch.DeviceInfo) error) error
	tokens   map[string]licensing.AccessToken // by secret
}

func (f *fakeStore) AddToken(_ context.Context, ch licensing.Change, v licensing.AccessToken) (licensing.NewAccessToken, error) {
	return licensing.NewAccessToken{AccessToken: v, Secret: "s3cret"}, f.note("AddToken %v %s %s %s %s", ch, v.Name, v.Role, v.Organization, v.Location)
}

func (f *fakeStore) Tokens(context.Context) ([]licensing.AccessToken, error) {
	return []licensing.AccessToken{{Name: "x", Hash: [32]byte{1}}}, f.note("Tokens")
}

func (f *fakeStore) RevokeToken(_ context.Context, ch licensing.Change, name string) error {
	return f.note("RevokeToken %v %s", ch, name)
}

func (f *fakeStore) CreateTickets(_ context.Context, ch licensing.Change, location string, o macwatch.TicketOrder) (macwatch.NewTickets, error) {
	return macwatch.NewTickets{List: []macwatch.PassInfo{{UserName: "CODE"}}}, f.note("CreateTickets %v %s %+v", ch, location, o)
}

func (f *fakeStore) Tickets(_ context.Context, location string, batch int64, each func(macwatch.PassInfo) error) error {
	return cmp.Or(f.note("Tickets %s %d", location, batch), each(macwatch.PassInfo{UserName: "CODE"}))
}

func (f *fakeStore) Ticket(_ context.Context, location, code string) (macwatch.PassInfo, error) {
	return macwatch.PassInfo{UserName: code}, f.note("Ticket %s %s", location, code)
}

func (f *fakeStore) RevokeTicket(_ context.Context, ch licensing.Change, location, code string) error {
	return f.note("RevokeTicket %v %s %s", ch, location, code)
}

func (f *fakeStore) TicketBatches(_ context.Context, location string) ([]macwatch.TicketBatch, error) {
	return nil, f.note("TicketBatches %s", location)
}

func (f *fakeStore) RevokeBatch(_ context.Context, ch licensing.Change, location string, batch int64) error {
	return f.note("RevokeBatch %v %s %d", ch, location, batch)
}

func (f *fakeStore) IssueCredential(_ context.Context, ch licensing.Change, location string, o macwatch.CredentialOrder) (macwatch.Credential, error) {
	return macwatch.Credential{UserName: "g-1", Password: "secret"}, f.note("IssueCredential %v %s %+v", ch, location, o)
}

func (f *fakeStore) Credentials(_ context.Context, location string, each func(macwatch.PassInfo) error) error {
	return cmp.Or(f.note("Credentials %s", location), each(macwatch.PassInfo{UserName: "g-1"}))
}

func (f *fakeStore) RevokeCredential(_ context.Context, ch licensing.Change, location, userName string) error {
	return f.note("RevokeCredential %v %s %s", ch, location, userName)
}

func (f *fakeStore) ImportStays(_ context.Context, ch licensing.Change, location string, l macwatch.StayImport) (macwatch.StayReport, error) {
	return macwatch.StayReport{Added: len(l.Stays)}, f.note("ImportStays %v %s %+v", ch, location, l)
}

func (f *fakeStore) Stays(_ context.Context, location string) ([]macwatch.GuestStay, error) {
	return nil, f.note("Stays %s", location)
}

func (f *fakeStore) RemoveStay(_ context.Context, ch licensing.Change, location, id string) error {
	return f.note("RemoveStay %v %s %s", ch, location, id)
}

func (f *fakeStore) Authenticate(secret string) (licensing.AccessToken, bool) {
	v, ok := f.tokens[secret]
	return v, ok
}

func (f *fakeStore) note(format string, args ...any) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, fmt.Sprintf(format, args...))
	return f.err
}

func (f *fakeStore) called() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls
}

func (f *fakeStore) AddOrganization(_ context.Context, ch licensing.Change, o licensing.Organization) (licensing.Organization, error) {
	return o, f.note("AddOrganization %v %s %s %s", ch, o.Name, o.Realm, o.Code)
}

func (f *fakeStore) Organizations(context.Context) ([]licensing.Organization, error) {
	return nil, f.note("Organizations")
}

func (f *fakeStore) Organization(_ context.Context, name string) (licensing.Organization, error) {
	return licensing.Organization{Name: name}, f.note("Organization %s", name)
}

func (f *fakeStore) AddLocation(_ context.Context, ch licensing.Change, l licensing.Location) (licensing.Location, error) {
	return l, f.note("AddLocation %v %s %s %s %s %s", ch, l.Code, l.Name, l.Organization, l.Realm, l.Sector)
}

func (f *fakeStore) Locations(context.Context) ([]licensing.Location, error) {
	return []licensing.Location{f.location}, f.note("Locations")
}

func (f *fakeStore) Location(_ context.Context, id string) (licensing.Location, error) {
	f.mu.Lock()
	l, err := f.location, f.err
	f.mu.Unlock()
	for range 100 {
		runtime.Gosched() // whoever may come in between does
	}
	l.Code = id
	return l, err
}

func (f *fakeStore) SetLocation(_ context.Context, ch licensing.Change, id string, s licensing.Settings) (licensing.Location, error) {
	err := f.note("SetLocation %v %s", ch, id)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.location.Settings = s
	return f.location, err
}

func (f *fakeStore) AddClient(_ context.Context, ch licensing.Change, c macwatch.Client) (macwatch.Client, error) {
	return c, f.note("AddClient %v %s %s %s %s %s", ch, c.Name, c.Prefix, c.Secret, c.Location, c.RequireMA)
}

func (f *fakeStore) Clients(context.Context) ([]macwatch.Client, error) {
	return []macwatch.Client{{Name: "ap", Prefix: netip.MustParsePrefix("10.0.0.0/8"), Secret: "hush"}}, f.note("Clients")
}

func (f *fakeStore) Client(_ context.Context, name string) (macwatch.Client, error) {
	return macwatch.Client{Name: name, Secret: "hush"}, f.note("Client %s", name)
}

func (f *fakeStore) SetClient(_ context.Context, ch licensing.Change, name string, p macwatch.ClientPatch) (macwatch.Client, error) {
	c := p.Apply(macwatch.Client{Name: name, Location: "L1"})
	return c, f.note("SetClient %v %s %s", ch, name, c.Vendor)
}

func (f *fakeStore) RemoveClient(_ context.Context, ch licensing.Change, name string) error {
	return f.note("RemoveClient %v %s", ch, name)
}

func (f *fakeStore) Activate(_ context.Context, ch licensing.Change, key, location string) (licensing.Activation, error) {
	return licensing.Activation{Summary: []string{"one"}}, f.note("Activate %v %s %s", ch, key, location)
}

func (f *fakeStore) Licenses(_ context.Context, filter licensing.Filter) ([]licensing.Summary, error) {
	return nil, f.note("Licenses %v", filter.Parameters())
}

func (f *fakeStore) License(_ context.Context, number string, asOf time.Time) (licensing.Detail, error) {
	return f.license, f.note("License %s %s", number, asOf.UTC().Format(time.RFC3339Nano))
}

func (f *fakeStore) Explain(_ context.Context, number string) (licensing.Explanation, error) {
	return licensing.Explanation{Rule: "five"}, f.note("Explain %s", number)
}

func (f *fakeStore) DenyLicense(_ context.Context, ch licensing.Change, number, reason string) (licensing.Summary, error) {
	return licensing.Summary{}, f.note("DenyLicense %v %s %s", ch, number, reason)
}

func (f *fakeStore) RestoreLicense(_ context.Context, ch licensing.Change, number string) (licensing.Summary, error) {
	return licensing.Summary{}, f.note("RestoreLicense %v %s", ch, number)
}

func (f *fakeStore) AssignLicense(_ context.Context, ch licensing.Change, number, location string, aps, rooms *licensing.Limit) (licensing.Assignment, error) {
	return licensing.Assignment{}, f.note("AssignLicense %v %s %s %v %v", ch, number, location, aps, rooms)
}

func (f *fakeStore) UnassignLicense(_ context.Context, ch licensing.Change, number, location string) (licensing.Assignment, error) {
	return licensing.Assignment{}, f.note("UnassignLicense %v %s %s", ch, number, location)
}

func (f *fakeStore) ConfirmStart(_ context.Context, ch licensing.Change, number string) (licensing.Summary, error) {
	return licensing.Summary{}, f.note("ConfirmStart %v %s", ch, number)
}

func (f *fakeStore) DeclineStart(_ context.Context, ch licensing.Change, number, reason string) (licensing.Summary, error) {
	return licensing.Summary{}, f.note("DeclineStart %v %s %s", ch, number, reason)
}

func (f *fakeStore) Devices(_ context.Context, location string, each func(macwatch.DeviceInfo) error) error {
	if err := f.note("Devices %s", location); err != nil || f.devices == nil {
		return err
	}
	return f.devices(each)
}

func (f *fakeStore) ListDevice(_ context.Context, ch licensing.Change, location string, d macwatch.ListedDevice) error {
	return f.note("ListDevice %v %s %s %s %s", ch, location, d.MAC, d.Kind, d.Note)
}

func (f *fakeStore) UnlistDevice(_ context.Context, ch licensing.Change, location, kind string, mac macwatch.MAC) error {
	return f.note("UnlistDevice %v %s %s %s", ch, location, kind, mac)
}

func (f *fakeStore) ListedDevices(_ context.Context, location string) ([]macwatch.ListedDevice, error) {
	return nil, f.note("ListedDevices %s", location)
}

func (f *fakeStore) ListSlots(_ context.Context, location string, kind macwatch.Kind, silentAfter time.Duration) ([]macwatch.Slot, error) {
	return nil, f.note("ListSlots %s %s %s", location, kind, silentAfter)
}

func (f *fakeStore) ForgetSlot(_ context.Context, ch licensing.Change, location string, kind macwatch.Kind, name string) (macwatch.Slot, error) {
	return macwatch.Slot{Name: name}, f.note("ForgetSlot %v %s %s %s", ch, location, kind, name)
}

func (f *fakeStore) NoteSlot(_ context.Context, ch licensing.Change, location string, kind macwatch.Kind, name, note string) (macwatch.Slot, error) {
	return macwatch.Slot{Name: name}, f.note("NoteSlot %v %s %s %s %s", ch, location, kind, name, note)
}

func (f *fakeStore) ImportSlots(_ context.Context, ch licensing.Change, location string, kind macwatch.Kind, sheet string, whole bool) (macwatch.ImportReport, error) {
	return macwatch.ImportReport{}, f.note("ImportSlots %v %s %s %q %t", ch, location, kind, sheet, whole)
}

func (f *fakeStore) AddAlias(_ context.Context, ch licensing.Change, location string, kind macwatch.Kind, name, alias string) (macwatch.Slot, error) {
	return macwatch.Slot{Name: name}, f.note("AddAlias %v %s %s %s %s", ch, location, kind, name, alias)
}

func (f *fakeStore) RemoveAlias(_ context.Context, ch licensing.Change, location string, kind macwatch.Kind, name, alias string) (macwatch.Slot, error) {
	return macwatch.Slot{Name: name}, f.note("RemoveAlias %v %s %s %s %s", ch, location, kind, name, alias)
}

func (f *fakeStore) DeclareSlot(_ context.Context, ch licensing.Change, location string, kind macwatch.Kind, name string, aliases []string) (macwatch.Slot, error) {
	return macwatch.Slot{Name: name}, f.note("DeclareSlot %v %s %s %s %v", ch, location, kind, name, aliases)
}

func (f *fakeStore) MergeSlots(_ context.Context, ch licensing.Change, location string, kind macwatch.Kind, into, from string) (macwatch.Slot, error) {
	return macwatch.Slot{Name: into}, f.note("MergeSlots %v %s %s %s %s", ch, location, kind, into, from)
}

func (f *fakeStore) ReplaceSlot(_ context.Context, ch licensing.Change, location string, kind macwatch.Kind, old, new string) (macwatch.Slot, error) {
	return macwatch.Slot{Name: new}, f.note("ReplaceSlot %v %s %s %s %s", ch, location, kind, old, new)
}

func (f *fakeStore) ReleaseSlot(_ context.Context, ch licensing.Change, location string, kind macwatch.Kind, name string) (macwatch.Slot, error) {
	return macwatch.Slot{Name: name}, f.note("ReleaseSlot %v %s %s %s", ch, location, kind, name)
}

func (f *fakeStore) Days(_ context.Context, location string, from, to licensing.Date) ([]macwatch.Day, error) {
	return []macwatch.Day{{Day: "2026-11-25", Devices: 3}}, f.note("Days %s %s %s", location, from, to)
}

func (f *fakeStore) Sessions(_ context.Context, q macwatch.SessionFilter, each func(macwatch.SessionInfo) error) error {
	if err := f.note("Sessions %q %v %s %q %q %q %q %s %s", q.Location, q.Online, q.MAC, q.AP, q.Room, q.User, q.Session, q.Since.Format(time.RFC3339), q.Until.Format(time.RFC3339)); err != nil {
		return err
	}
	return each(macwatch.SessionInfo{SessionID: "s1"})
}

func (f *fakeStore) AddAccount(_ context.Context, ch licensing.Change, location string, a macwatch.Account) error {
	return f.note("AddAccount %v %s %s %s %s %s", ch, location, a.UserName, a.Password, a.ExpiresAt.Format(time.RFC3339), a.Note)
}

func (f *fakeStore) Accounts(_ context.Context, location string) ([]macwatch.Account, error) {
	return []macwatch.Account{{UserName: "bob", Password: "hush"}}, f.note("Accounts %s", location)
}

func (f *fakeStore) RemoveAccount(_ context.Context, ch licensing.Change, location, userName string) error {
	return f.note("RemoveAccount %v %s %s", ch, location, userName)
}

func (f *fakeStore) AddMACInput(_ context.Context, ch licensing.Change, location string, m macwatch.MACInput) error {
	return f.note("AddMACInput %v %s %s %s %s", ch, location, m.MAC, m.ExpiresAt.Format(time.RFC3339), m.Note)
}

func (f *fakeStore) MACInputs(_ context.Context, location string) ([]macwatch.MACInput, error) {
	return nil, f.note("MACInputs %s", location)
}

func (f *fakeStore) RemoveMACInput(_ context.Context, ch licensing.Change, location string, mac macwatch.MAC) error {
	return f.note("RemoveMACInput %v %s %s", ch, location, mac)
}

func (f *fakeStore) StartLab(_ context.Context, ch licensing.Change, location string) (licensing.LabPeriod, error) {
	return licensing.LabPeriod{}, f.note("StartLab %v %s", ch, location)
}

func (f *fakeStore) StopLab(_ context.Context, ch licensing.Change, location string) (licensing.LabPeriod, error) {
	return licensing.LabPeriod{}, f.note("StopLab %v %s", ch, location)
}

func (f *fakeStore) Labs(_ context.Context, location string) ([]licensing.LabPeriod, error) {
	return f.labs, f.note("Labs %s", location)
}

func (f *fakeStore) AddPartner(_ context.Context, ch licensing.Change, p licensing.Partner) (licensing.Partner, error) {
	return p, f.note("AddPartner %v %s %s %s", ch, p.ID, p.Name, p.Secret)
}

func (f *fakeStore) Partners(context.Context) ([]licensing.Partner, error) {
	return []licensing.Partner{{ID: "p1", Secret: "never shown"}}, f.note("Partners")
}

func (f *fakeStore) Partner(_ context.Context, name string) (licensing.PartnerDetail, error) {
	return licensing.PartnerDetail{Partner: licensing.Partner{ID: name, Secret: "never shown"}}, f.note("Partner %s", name)
}

func (f *fakeStore) RemovePartner(_ context.Context, ch licensing.Change, name string) error {
	return f.note("RemovePartner %v %s", ch, name)
}

func (f *fakeStore) Transfers(context.Context) ([]licensing.TransferRequest, error) {
	return nil, f.note("Transfers")
}

func (f *fakeStore) Consent(_ context.Context, ch licensing.Change, c licensing.Consent) (licensing.TransferRequest, error) {
	return licensing.TransferRequest{License: c.License}, f.note("Consent %v %s %s %s>%s %s", ch, c.Step, c.License, c.From, c.To, c.Proof)
}

func (f *fakeStore) Release(_ context.Context, ch licensing.Change, numbers []string, to string) (licensing.ReleasedLicenses, error) {
	return licensing.ReleasedLicenses{To: to}, f.note("Release %v %v %s", ch, numbers, to)
}

func (f *fakeStore) AuditEntries(_ context.Context, filter licensing.AuditFilter, each func(licensing.AuditEntry) error) error {
	if err := f.note("AuditEntries %s %s %q %q %q", filter.Since.Format(time.RFC3339), filter.Until.Format(time.RFC3339),
		filter.Subject, filter.Actor, filter.Action); err != nil {
		return err
	}
	return each(licensing.AuditEntry{Seq: 7, Action: "license.deny", Detail: []byte(`{"reason":"x"}`)})
}

func (f *fakeStore) History(_ context.Context, number string) ([]licensing.HistoryEntry, error) {
	return []licensing.HistoryEntry{{Text: "It began."}}, f.note("History %s", number)
}

func (f *fakeStore) Receipt(_ context.Context, number string) (licensing.Evidence, error) {
	return licensing.Evidence{Hash: "ab"}, f.note("Receipt %s", number)
}

func (f *fakeStore) CutOffNow(_ context.Context, number, location string) (licensing.CutOffPreview, error) {
	return licensing.CutOffPreview{Guests: 3}, f.note("CutOffNow %q %q", number, location)
}

func (f *fakeStore) Calendar(_ context.Context, number string, months int) ([]licensing.CalendarEntry, error) {
	return []licensing.CalendarEntry{{Kind: "end"}}, f.note("Calendar %q %d", number, months)
}

func (f *fakeStore) DataMap(context.Context) (macwatch.DataMap, error) {
	return macwatch.DataMap{MACStorage: "hmac"}, f.note("DataMap")
}

func (f *fakeStore) Held(_ context.Context, ch licensing.Change, q macwatch.DeviceQuery) ([]macwatch.HeldDevice, error) {
	return []macwatch.HeldDevice{{MAC: q.MAC}}, f.note("Held %v %s %s %s %t", ch, q.MAC, q.Location, q.Reason, q.Export)
}

func (f *fakeStore) Erase(_ context.Context, ch licensing.Change, o macwatch.ErasureOrder) (macwatch.Erasure, error) {
	return macwatch.Erasure{MAC: o.MAC, DryRun: ch.DryRun}, f.note("Erase %v %s %s %s %t", ch, o.MAC, o.Location, o.Reason, o.Lists)
}

func (f *fakeStore) Purge(_ context.Context, ch licensing.Change, rewrite bool) (macwatch.Purge, error) {
	return macwatch.Purge{DryRun: ch.DryRun}, f.note("Purge %v %t", ch, rewrite)
}

func (f *fakeStore) VerifyAudit(context.Context) (licensing.AuditReport, error) {
	return licensing.AuditReport{Entries: 3, OK: true}, f.note("VerifyAudit")
}

func (f *fakeStore) GatewayKey() string { return "k4.public.gateway" }

// fakeEnder notes with the store's notes.
type fakeEnder struct{ *fakeStore }

func (f fakeEnder) EndSessions(_ context.Context, ch licensing.Change, location string, which macwatch.SessionSelector, each func(macwatch.EndedSession) error) error {
	if err := f.note("EndSessions %v %s %v", ch, location, which); err != nil {
		return err
	}
	return each(macwatch.EndedSession{Disconnect: macwatch.Disconnect{State: macwatch.DisconnectPlanned}})
}

func (f fakeEnder) Outcome(macwatch.Ident, int) *macwatch.Disconnect {
	return &macwatch.Disconnect{State: macwatch.DisconnectRefused, ErrorCause: "Session-Context-Not-Found"}
}

// testServer is a real Server on a socket and a TCP port of its own.
type testServer struct {
	*Server
	client *Client
	socket string
}

func serve(t *testing.T, o Options) *testServer {
	t.Helper()
	o.Socket = filepath.Join(t.TempDir(), "admin.sock")
	o.Listen = "127.0.0.1:0"
	s, err := Listen(o)
	require.NoError(t, err)
	s.Serve()
	c := NewClient(o.Socket)
	t.Cleanup(func() {
		c.Close()
		require.NoError(t, s.Close(context.Background()))
	})
	return &testServer{s, c, o.Socket}
}
