package store

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// venue is a real store in a temporary directory, with one Organization, one
// Location, one client and an issuer.
type venue struct {
	t        tester
	s        *Store
	dir      string
	issuer   licensing.IssuerKey
	clock    *clock
	location licensing.Location
	client   macwatch.Client
	options  Options
}

// tester is what a test and one check of a property have in common.
type tester interface {
	require.TestingT
	Helper()
}

// clock is a wall clock that tests set, and a running time that goes with it.
type clock struct {
	mu     sync.Mutex
	wall   time.Time
	uptime time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wall
}

func (c *clock) running() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.uptime
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wall, c.uptime = c.wall.Add(d), c.uptime+d
}

// jump moves the wall clock alone, as somebody who sets it does.
func (c *clock) jump(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wall = c.wall.Add(d)
}

// boot begins a new running time, as every start of the daemon does.
func (c *clock) boot() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.uptime = 0
}

var (
	ctx     = context.Background()
	by      = licensing.Change{By: "tester"}
	opening = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC) // when venues of tests open
)

func openVenue(t testing.TB, change ...func(*Options)) *venue {
	t.Helper()
	v := newVenue(t, t.TempDir(), change...)
	t.Cleanup(func() { _ = v.s.Close() })
	return v
}

// newVenue is a venue whose store whoever made it closes.
func newVenue(t tester, dir string, change ...func(*Options)) *venue {
	t.Helper()
	v := &venue{t: t, dir: dir, issuer: licensing.NewIssuerKey(), clock: &clock{wall: opening}}
	v.options = Options{Dir: v.dir, CacheCapacity: 2, Issuers: []string{v.issuer.Public()}, Now: v.clock.now, Uptime: v.clock.running}
	for _, f := range change {
		f(&v.options)
	}
	v.open()
	_, err := v.s.AddOrganization(ctx, by, licensing.Organization{Name: "Hotel Sol", Realm: "hotelsol", Code: "N2S"})
	require.NoError(t, err)
	v.location, err = v.s.AddLocation(ctx, by, licensing.Location{Name: "Lobby", Realm: "hotelsol", Code: "28N2S004",
		Settings: licensing.Settings{Timezone: "Europe/Madrid"}})
	require.NoError(t, err)
	v.client, err = v.s.AddClient(ctx, by, macwatch.Client{Name: "wlc", Prefix: netip.MustParsePrefix("127.0.0.0/8"),
		Secret: "a long shared secret", Location: v.location.Code})
	require.NoError(t, err)
	return v
}

func (v *venue) open() {
	v.t.Helper()
	v.clock.boot()
	s, err := Open(v.options)
	require.NoError(v.t, err)
	v.s = s
}

func (v *venue) restart() {
	v.t.Helper()
	require.NoError(v.t, v.s.Close())
	v.open()
}

// crash goes on from a copy of the directory as it stood while the store was open:
// what a kill -9 leaves behind.
func (v *venue) crash(dir string) {
	v.t.Helper()
	var err error
	require.True(v.t, v.s.onWriter(func() { err = os.CopyFS(dir, os.DirFS(v.dir)) }))
	require.NoError(v.t, err)
	require.NoError(v.t, v.s.Close())
	v.dir, v.options.Dir = dir, dir
	v.open()
}

// set carries out a change of the clock between two turns of the writer, which
// takes it in at once.
func (v *venue) set(change func(time.Duration), d time.Duration) {
	v.t.Helper()
	var err error
	require.True(v.t, v.s.onWriter(func() {
		change(d)
		err = v.s.w.housekeep(true)
	}))
	require.NoError(v.t, err)
}

// terms are those of a license for two APs that the fifth device starts.
func (v *venue) terms() licensing.Terms {
	return licensing.Terms{GrantID: licensing.NewGrantID(), IssuedAt: v.clock.now(), Organization: "Hotel Sol", Realm: "hotelsol",
		Term: licensing.Term{Years: 1}, APs: 2, Rooms: licensing.Unlimited, Threshold: 5, Start: licensing.StartFifthDevice}
}

// activate signs the terms and enters the key at the Location.
func (v *venue) activate(terms licensing.Terms) string {
	v.t.Helper()
	key, err := v.issuer.SignGrant(terms)
	require.NoError(v.t, err)
	a, err := v.s.Activate(ctx, by, key, v.location.Code)
	require.NoError(v.t, err)
	return a.Licenses[0].Number
}

func (v *venue) summary(number string) licensing.Summary {
	v.t.Helper()
	d, err := v.s.License(ctx, number, time.Time{})
	require.NoError(v.t, err)
	return d.Summary
}

func (v *venue) devices() map[string]macwatch.DeviceInfo {
	v.t.Helper()
	out := map[string]macwatch.DeviceInfo{}
	require.NoError(v.t, v.s.Devices(ctx, v.location.Code, func(d macwatch.DeviceInfo) error {
		out[d.MAC.String()] = d
		return nil
	}))
	return out
}

func (v *venue) sessions() (out []macwatch.SessionInfo) {
	v.t.Helper()
	require.NoError(v.t, v.s.Sessions(ctx, macwatch.SessionFilter{Location: v.location.Code}, func(i macwatch.SessionInfo) error {
		out = append(out, i)
		return nil
	}))
	return out
}

// guest is the MAC of guest n: globally administered.
func guest(n int) macwatch.MAC { return macwatch.MAC(0x001122000000 + n) }

// record is one of guest n's, as if it arrived now.
func (v *venue) record(n int, status macwatch.Status, change ...func(*macwatch.Record)) *macwatch.Record {
	r := &macwatch.Record{
		Location: v.location.ID, Client: v.client.ID, Arrival: v.s.Now(), Status: status, MAC: guest(n),
		NAS: []byte("ap-1"), AP: []byte("aa:aa:aa:00:00:01"), SessionID: fmt.Appendf(nil, "s-%d", n), UserName: []byte("guest"),
	}
	for _, f := range change {
		f(r)
	}
	return r
}

// stamped gives a record an Event-Timestamp.
func stamped(at time.Time) func(*macwatch.Record) {
	return func(r *macwatch.Record) { r.HasEventTimestamp, r.EventTimestamp = true, uint32(at.Unix()) }
}

// collector waits for records and claims to come back.
type collector struct{ done chan struct{} }

func (c collector) Answered(records []*macwatch.Record) {
	for range records {
		c.done <- struct{}{}
	}
}

func (c collector) Claimed(*macwatch.Claim) { c.done <- struct{}{} }

// store hands records over at once and waits for all of them.
func (v *venue) store(records ...*macwatch.Record) {
	v.t.Helper()
	c := collector{make(chan struct{}, len(records))}
	for _, r := range records {
		r.Done = c
		v.veil(r)
	}
	require.Equal(v.t, len(records), v.s.Append(records))
	for range records {
		<-c.done
	}
}

// veil does what radiusd does where addresses are not kept.
func (v *venue) veil(r *macwatch.Record) {
	if at := v.s.state.Load().venues[r.Location]; at != nil && at.Veil != nil && r.MAC != 0 && !r.MAC.Veiled() {
		r.Address, r.MAC = r.MAC, at.Veil.Name(r.MAC)
	}
}

// address is which of these devices the store means.
func (v *venue) address(name macwatch.MAC, of []macwatch.MAC) macwatch.MAC {
	veil := v.s.state.Load().venues[v.location.ID].Veil
	for _, m := range of {
		if veil != nil && veil.Name(m) == name {
			return m
		}
	}
	return name
}

// sight stores records and expects that all are committed.
func (v *venue) sight(records ...*macwatch.Record) {
	v.t.Helper()
	v.store(records...)
	for _, r := range records {
		require.NoError(v.t, r.Err)
	}
}

func (v *venue) claim(ap string) macwatch.ClaimResult {
	v.t.Helper()
	c := collector{make(chan struct{}, 1)}
	claim := &macwatch.Claim{Location: v.location.ID, AP: ap, At: v.clock.now(), Done: c}
	require.True(v.t, v.s.Claim(claim))
	<-c.done
	require.NoError(v.t, claim.Err)
	return claim.Result
}
