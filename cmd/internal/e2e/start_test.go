package e2e

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"

	"tallygate/cmd/internal/simulate"
)

// counts expects the count, and the state that goes with it, from all who tell it.
func (g *gateway) counts(t *testing.T, want int, state string) licenseRow {
	t.Helper()
	l := g.license(t)
	require.Equal(t, want, l.DevicesCounted, "devices_counted of the license")
	require.Equal(t, state, l.State)
	counted := 0
	for _, d := range g.devices(t) {
		require.Equal(t, d.Counted, d.Reason == "", "%+v: a device that does not count says why, and no other does", d)
		if d.Counted {
			counted++
		}
	}
	require.Equal(t, want, counted, "counted devices in device list")
	m := g.metrics(t)
	require.Equal(t, want, m.value(t, `devices_counted{location="`+location+`"}`))
	for _, s := range []string{"Pending Provision", pendingStart, inUse, "Access denied", "Contract finalized"} {
		is := 0
		if s == state {
			is = 1
		}
		require.Equal(t, is, m.value(t, fmt.Sprintf(`license_state{number=%q,state=%q}`, l.Number, s)), s)
	}
	end := fmt.Sprintf(`license_end_timestamp_seconds{number=%q}`, l.Number)
	if state == pendingStart {
		require.NotContains(t, m, end, "no end before the start")
		require.Nil(t, l.StartsAt)
		require.Nil(t, l.EndsAt)
		require.Nil(t, l.LastDay)
		require.Nil(t, g.receipt(t))
	} else {
		require.NotNil(t, l.StartsAt)
		require.NotNil(t, l.EndsAt)
		require.NotNil(t, l.LastDay)
		require.Equal(t, int(l.EndsAt.Unix()), m.value(t, end))
	}
	return l
}

// secondsOfService waits until a few whole seconds have begun since the license came,
// and returns the first of them: event times are no finer than that.
func secondsOfService(t *testing.T, since time.Time, n int) time.Time {
	t.Helper()
	first := since.UTC().Truncate(time.Second).Add(time.Second)
	last := first.Add(time.Duration(n-1) * time.Second)
	require.Eventually(t, func() bool { return time.Now().After(last) }, patience, 10*time.Millisecond)
	return first
}

// TestStart plays the start of a license as it goes in bad times: devices in every
// notation, records that are repeated or late or the only ones of their session, two
// source ports, a cache that forgets, devices known before the key, and a gateway that is
// restarted and killed in between. There is one start, at the right instant.
func TestStart(t *testing.T) {
	g := newVenue(t, site{unlicensed: true, grant: []string{"--aps", "3"}})

	// Before the key two devices are known already.
	early := []*simulate.Request{record(start, "early-1", "80-41-00-00-00-01"), record(start, "early-2", "80-41-00-00-00-02")}
	for _, r := range early {
		g.send(t, r)
	}
	for mac, d := range g.devices(t) {
		require.Equal(t, "no-license", d.Reason, mac)
	}
	require.Equal(t, radius.CodeAccessReject, g.send(t, login("guest", "80-41-00-00-00-01")).Code)
	g.activate(t)
	base := secondsOfService(t, time.Now(), 3)
	g.counts(t, 0, pendingStart)
	g.restart(t)
	g.counts(t, 0, pendingStart)

	// An access point takes its slot with a guest who is let in; an Accept is no sighting.
	require.Equal(t, radius.CodeAccessAccept, g.send(t, login("guest", "80-41-00-00-00-09")).Code)
	g.counts(t, 0, pendingStart)

	var sent []*simulate.Request
	play := func(r *simulate.Request, d simulate.Delivery) {
		t.Helper()
		sent = append(sent, r)
		deliver(t, g.dial(t), r, d)
	}
	again := func() {
		t.Helper()
		nas := g.dial(t)
		for _, r := range sent {
			deliver(t, nas, r, persistent)
		}
	}

	// What happened before the key came does not count.
	play(record(start, "late-1", "80-41-00-00-00-01", stamped(base.Add(-2*time.Hour))), persistent)
	g.counts(t, 0, pendingStart)
	require.Equal(t, "before-provisioning", g.devices(t)["80:41:00:00:00:01"].Reason)

	// One device in every notation, each heard twice and sent three times.
	for i, spelling := range []string{"80-41-00-00-00-01", "80:41:00:00:00:01", "8041.0000.0001", "804100000001", "8041-0000-0001"} {
		play(record(start, fmt.Sprintf("one-%d", i), spelling, stamped(base.Add(2*time.Second))), deaf(2))
		g.counts(t, 1, pendingStart)
	}
	// An earlier sighting of it that was held up on the way.
	play(record(interim, "one-0", "80-41-00-00-00-01", stamped(base), number(rfc2866.AcctSessionTime_Type, 0)), deaf(1))

	// The second is in nothing but Interim-Updates, repeated with Acct-Delay-Time under
	// another Identifier, and of a session that is older than the license.
	second := record(interim, "early-2", "80:41:00:00:00:02", stamped(base), number(rfc2866.AcctSessionTime_Type, 30))
	second.Delays = true
	play(second, deaf(2))
	g.counts(t, 2, pendingStart)
	g.restart(t)
	again()
	g.counts(t, 2, pendingStart)

	// The third, of nothing but a Stop, comes from two source ports at once.
	third := record(stop, "three", "CA-41-00-00-00-03", stamped(base.Add(time.Second)), number(rfc2866.AcctSessionTime_Type, 1))
	sent = append(sent, third)
	together(t, g, slices.Repeat([]*simulate.Request{third}, 2))
	g.counts(t, 3, pendingStart)
	require.True(t, g.devices(t)["ca:41:00:00:00:03"].PrivateAddress)
	require.False(t, g.devices(t)["80:41:00:00:00:01"].PrivateAddress)
	g.crash(t)
	again()
	g.counts(t, 3, pendingStart)

	play(record(start, "four", "8041.0000.0004", stamped(base.Add(2*time.Second))), deaf(2))
	g.crash(t)
	again()
	g.counts(t, 4, pendingStart)

	t.Run("not a fifth device", func(t *testing.T) { notDevices(t, g) })
	g.counts(t, 4, pendingStart)
	g.restart(t)

	// The fifth comes last, but was there before the fourth: the start is the fourth's.
	play(record(stop, "five", "8041-0000-0005", stamped(base.Add(time.Second)), number(rfc2866.AcctSessionTime_Type, 1)), deaf(2))
	started := g.counts(t, 5, inUse)
	require.Equal(t, base.Add(2*time.Second), started.StartsAt.UTC(), "the latest of the five earliest first sightings")
	zone, err := time.LoadLocation("Europe/Madrid")
	require.NoError(t, err)
	y, m, d := started.StartsAt.In(zone).Date()
	require.Equal(t, time.Date(y+1, m, d, 0, 0, 0, 0, zone).Format(time.DateOnly), *started.LastDay)
	require.Equal(t, time.Date(y+1, m, d+1, 0, 0, 0, 0, zone).UTC(), started.EndsAt.UTC())

	receipt := g.receipt(t)
	require.Equal(t, base.Add(2*time.Second), receipt.StartsAt.UTC())
	require.Len(t, receipt.Sightings, 5)
	var at []time.Duration
	for _, s := range receipt.Sightings {
		require.Equal(t, apColons, s.AP)
		at = append(at, s.At.Sub(base))
	}
	require.ElementsMatch(t, []time.Duration{0, 0, time.Second, time.Second, 2 * time.Second}, at)

	// It is final: after a crash, whatever is repeated, whoever else comes, and whatever
	// is learned of the time before.
	g.crash(t)
	again()
	require.Equal(t, started.StartsAt, g.counts(t, 5, inUse).StartsAt)
	play(record(start, "six", "80-41-00-00-00-06"), persistent)
	play(record(interim, "four", "80-41-00-00-00-04", stamped(base)), persistent)
	g.restart(t)
	now := g.counts(t, 6, inUse)
	require.Equal(t, started.StartsAt, now.StartsAt)
	require.Equal(t, started.EndsAt, now.EndsAt)
	require.Equal(t, receipt, g.receipt(t))

	require.Equal(t, usageRow{Limit: pointer(3), InUse: 1}, now.APs)
	series := g.metrics(t)
	require.Equal(t, 1, series.value(t, `ap_slots{kind="used",location="`+location+`"}`))
	require.Equal(t, 3, series.value(t, `ap_slots{kind="limit",location="`+location+`"}`))
	require.NotContains(t, series, `room_slots{kind="limit",location="`+location+`"}`, "rooms are not limited")

	g.verifyAudit(t)
	g.stop(t)
	db := g.openDatabase(t)
	db.startedOnce(t)
	db.whole(t)
}

func pointer[T any](v T) *T { return &v }

// notDevices sends what must not become the fifth device.
func notDevices(t *testing.T, g *gateway) {
	before := len(g.devices(t))
	for name, calling := range map[string]string{
		"null": "00-00-00-00-00-00", "broadcast": "FF-FF-FF-FF-FF-FF", "multicast": "01-00-5E-00-00-FB",
		"an address of the access point": apMAC, "an IP address": "10.1.2.3", "eleven digits": "8041000000a",
	} {
		g.send(t, record(start, "none "+name, calling))
		require.Len(t, g.devices(t), before, name)
	}
	booted := record(on, "boot", "80-41-00-00-00-0a")
	booted.Attributes.Del(rfc2866.AcctSessionID_Type)
	g.send(t, booted)
	require.Len(t, g.devices(t), before, "Accounting-On")

	g.run(t, "device", "exempt", "--location", location, "80-41-00-00-00-0b")
	g.send(t, record(start, "exempt", "8041.0000.000b"))
	require.Equal(t, "exempt-device", g.devices(t)["80:41:00:00:00:0b"].Reason)

	g.run(t, "lab", "start", "--location", location)
	g.send(t, record(start, "in the lab", "80-41-00-00-00-0c"))
	g.run(t, "lab", "stop", "--location", location)
	g.send(t, record(interim, "in the lab", "80-41-00-00-00-0c", number(rfc2866.AcctSessionTime_Type, 1)))
	require.Equal(t, "lab-mode", g.devices(t)["80:41:00:00:00:0c"].Reason)
}

// together sends the requests at the same moment, each from a port of its own, and
// returns the answers in their order.
func together(t *testing.T, g *gateway, requests []*simulate.Request) []simulate.Reply {
	t.Helper()
	replies, failures := make([]simulate.Reply, len(requests)), make([]error, len(requests))
	begin := make(chan struct{})
	var senders sync.WaitGroup
	for i, r := range requests {
		nas := g.dial(t)
		senders.Go(func() {
			<-begin
			replies[i], failures[i] = nas.Exchange(t.Context(), r, persistent)
		})
	}
	close(begin)
	senders.Wait()
	for i := range requests {
		require.NoError(t, failures[i])
	}
	return replies
}

const crowd = 64

// TestFifthDeviceOfACrowd lets 64 senders be the fifth device at once.
func TestFifthDeviceOfACrowd(t *testing.T) {
	for name, c := range map[string]struct {
		mac  func(i int) string
		want int
	}{
		"the same device, in many spellings": {func(i int) string {
			return spell(0x8041_0000_00ff, i)
		}, 5},
		"64 devices": {func(i int) string { return spell(0x8041_0000_0100+uint64(i), i) }, 4 + crowd},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newVenue(t, site{})
			base := secondsOfService(t, time.Now(), 2)
			for i := range 4 {
				g.send(t, record(start, fmt.Sprint("first-", i), spell(0x8041_0000_0001+uint64(i), i), stamped(base)))
			}
			g.counts(t, 4, pendingStart)
			var requests []*simulate.Request
			for i := range crowd {
				requests = append(requests, record(start, fmt.Sprint("crowd-", i), c.mac(i), stamped(base.Add(time.Second))))
			}
			together(t, g, requests)
			started := g.counts(t, c.want, inUse)
			require.Equal(t, base.Add(time.Second), started.StartsAt.UTC())
			require.Len(t, g.receipt(t).Sightings, 5)
			g.crash(t)
			together(t, g, requests)
			require.Equal(t, started.StartsAt, g.counts(t, c.want, inUse).StartsAt)
			g.stop(t)
			db := g.openDatabase(t)
			db.startedOnce(t)
			require.Equal(t, 4+crowd, db.number(t, "SELECT sum(records) FROM sessions"))
		})
	}
}

// spell writes a MAC in one of the ways that equipment does.
func spell(mac uint64, way int) string {
	digits := fmt.Sprintf("%012x", mac)
	if way%2 == 1 {
		digits = strings.ToUpper(digits)
	}
	group, separator := 2, "-"
	switch way % 5 {
	case 1:
		separator = ":"
	case 2:
		group, separator = 4, "."
	case 3:
		group, separator = 4, "-"
	case 4:
		return digits
	}
	var parts []string
	for i := 0; i < len(digits); i += group {
		parts = append(parts, digits[i:i+group])
	}
	return strings.Join(parts, separator)
}

// TestLastSlotForACrowd lets 64 access points ask for the last slot at once: one gets
// it, and keeps it.
func TestLastSlotForACrowd(t *testing.T) {
	t.Parallel()
	g := newVenue(t, site{grant: []string{"--aps", "2"}})
	require.Equal(t, radius.CodeAccessAccept, g.send(t, login("guest", "80-41-00-00-00-01")).Code)

	var requests []*simulate.Request
	for i := range crowd {
		requests = append(requests, login("guest", "80-41-00-00-00-02", from(spell(0x0027_22bb_0000+uint64(i)<<4, i))))
	}
	admitted := func() int {
		t.Helper()
		winner := -1
		for i, reply := range together(t, g, requests) {
			if reply.Code == radius.CodeAccessAccept {
				require.Equal(t, -1, winner, "two got the last slot")
				winner = i
				continue
			}
			require.Equal(t, radius.CodeAccessReject, reply.Code)
			require.Equal(t, "All licensed access points are in use.", reply.Message)
		}
		require.NotEqual(t, -1, winner, "nobody got the last slot")
		return winner
	}
	winner := admitted()
	g.crash(t)
	require.Equal(t, winner, admitted(), "after a crash")
	g.restart(t)
	require.Equal(t, winner, admitted(), "after a restart")

	holders := []string{apColons, fmt.Sprintf("00:27:22:bb:%02x:%02x", winner<<4>>8, winner<<4&0xff)}
	var names []string
	for _, ap := range g.aps(t) {
		require.NotNil(t, ap.Aliases)
		require.Equal(t, slices.Contains(holders, ap.ID), ap.Admitted, ap.ID)
		names = append(names, ap.ID)
	}
	require.Subset(t, names, holders)
	require.Equal(t, usageRow{Limit: pointer(2), InUse: 2}, g.license(t).APs)
	m := g.metrics(t)
	require.Equal(t, 2, m.value(t, `ap_slots{kind="used",location="`+location+`"}`))
	require.Equal(t, crowd-1, m.value(t, `access_decisions_total{reason="ap-limit",result="reject"}`))
	require.Equal(t, 1, m.value(t, `access_decisions_total{reason="none",result="accept"}`))

	// An access point without a slot is served in accounting, and counts nobody.
	loser := (winner + 1) % crowd
	g.send(t, record(start, "outside", "80-41-00-00-00-03", from(spell(0x0027_22bb_0000+uint64(loser)<<4, loser))))
	require.Equal(t, "ap-without-slot", g.devices(t)["80:41:00:00:00:03"].Reason)
	g.counts(t, 0, pendingStart)
}

// TestSessionList follows sessions from their first record to their last.
func TestSessionList(t *testing.T) {
	t.Parallel()
	g := newVenue(t, site{})
	now := time.Now().UTC().Truncate(time.Second)
	traffic := func(seconds, in, out, gigawords uint32) option {
		return func(r *simulate.Request) {
			number(rfc2866.AcctSessionTime_Type, seconds)(r)
			number(rfc2866.AcctInputOctets_Type, in)(r)
			number(rfc2866.AcctOutputOctets_Type, out)(r)
			number(53, gigawords)(r) // Acct-Output-Gigawords
		}
	}
	user := text(rfc2865.UserName_Type, "anna")
	for _, r := range []*simulate.Request{
		record(start, "S1", "80-41-00-00-00-01", stamped(now.Add(-time.Hour)), user),
		record(interim, "S1", "80-41-00-00-00-01", stamped(now.Add(-50*time.Minute)), user, traffic(600, 1000, 5000, 1)),
		record(interim, "S1", "80-41-00-00-00-01", stamped(now.Add(-55*time.Minute)), user, traffic(300, 500, 2000, 0)), // overtaken
		record(stop, "S1", "80-41-00-00-00-01", stamped(now.Add(-40*time.Minute)), user, traffic(1200, 3000, 7000, 1), number(rfc2866.AcctTerminateCause_Type, 1)),
		record(interim, "S1", "80-41-00-00-00-01", stamped(now.Add(-41*time.Minute)), user, traffic(1140, 2900, 6900, 1)), // does not reopen
		record(interim, "S2", "80-41-00-00-00-02", stamped(now.Add(-30*time.Minute)), traffic(900, 1, 2, 0)),
		record(start, "S1", "80-41-00-00-00-03", stamped(now.Add(-20*time.Minute))), // the same id, another device
	} {
		deliver(t, g.dial(t), r, deaf(1))
	}
	g.crash(t)
	all := g.sessions(t)
	require.Len(t, all, 3)
	ended := now.Add(-40 * time.Minute)
	for i := range all {
		all[i].StartedAt = all[i].StartedAt.UTC()
		if all[i].EndedAt != nil {
			all[i].EndedAt = pointer(all[i].EndedAt.UTC())
		}
	}
	require.Equal(t, []sessionRow{
		{
			SessionID: "S1", MAC: "80:41:00:00:00:01", AP: apColons, UserName: "anna", StartedAt: now.Add(-time.Hour), EndedAt: &ended,
			InputOctets: 3000, OutputOctets: 1<<32 + 7000, TerminateCause: "User-Request", Records: 5,
		},
		{
			SessionID: "S2", MAC: "80:41:00:00:00:02", AP: apColons, StartedAt: now.Add(-45 * time.Minute),
			InputOctets: 1, OutputOctets: 2, Records: 1,
		},
		{SessionID: "S1", MAC: "80:41:00:00:00:03", AP: apColons, StartedAt: now.Add(-20 * time.Minute), Records: 1},
	}, all)
}

// TestSurface compares the names of DESIGN section 7 with what the lists print.
func TestSurface(t *testing.T) {
	t.Parallel()
	g := newVenue(t, site{unlicensed: true, grant: []string{"--modules", "guest-wifi,events"}})
	for _, list := range [][]string{
		{"license", "list"}, {"device", "list", "--location", location}, {"ap", "list", "--location", location},
		{"room", "list", "--location", location}, {"session", "list", "--location", location},
	} {
		out, err := g.command(t, list...)
		require.NoError(t, err)
		require.Equal(t, "[]", strings.TrimSpace(string(out)), "%v of nothing", list)
	}
	g.activate(t)
	g.send(t, login("anna", "80-41-00-00-00-01"))
	g.send(t, record(start, "S1", "80-41-00-00-00-01"))

	const (
		text, boolean, number, null = "string", "bool", "float64", "<nil>"
		object, array               = "map[string]interface {}", "[]interface {}"
	)
	for _, c := range []struct {
		list []string
		want map[string]string
	}{
		{[]string{"license", "list"}, map[string]string{
			"number": text, "organization": text, "state": text, "threshold": number, "devices_counted": number, "starts_at": null,
			"ends_at": null, "last_day": null, "aps": object, "rooms": object, "modules": array, "locations": array,
		}},
		{[]string{"device", "list", "--location", location}, map[string]string{
			"mac": text, "first_seen": text, "last_seen": text, "counted": boolean, "private_address": boolean,
		}},
		{[]string{"ap", "list", "--location", location}, map[string]string{"id": text, "aliases": array, "admitted": boolean}},
		{[]string{"session", "list", "--location", location}, map[string]string{
			"session_id": text, "mac": text, "ap": text, "user_name": text, "started_at": text, "ended_at": null,
			"input_octets": number, "output_octets": number, "terminate_cause": text,
		}},
	} {
		var rows []map[string]any
		g.json(t, &rows, c.list...)
		require.Len(t, rows, 1, "%v", c.list)
		for name, kind := range c.want {
			require.Contains(t, rows[0], name, "%v", c.list)
			require.Equal(t, kind, fmt.Sprintf("%T", rows[0][name]), "%v: %s", c.list, name)
		}
	}
	l := g.license(t)
	require.Regexp(t, `^TG(-[0-9A-HJKMNP-TV-Z]{4}){3}$`, l.Number)
	require.Equal(t, g.number, l.Number, "as issuer grant printed it")
	require.Equal(t, "Hotel Sol", l.Organization)
	require.Equal(t, 5, l.Threshold)
	require.Equal(t, []string{"guest-wifi", "events"}, l.Modules)
	require.Equal(t, []string{location}, l.Locations)
	require.Nil(t, l.APs.Limit, "not limited")
	require.Equal(t, 1, l.APs.InUse)
	require.Equal(t, []slotRow{{ID: apColons, Aliases: []string{}, Admitted: true}}, g.aps(t))
}
