package store

import (
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"tallygate/licensing"
	"tallygate/macwatch"
)

func ruckus(ap string) macwatch.APSight {
	return macwatch.APSight{Name: macwatch.SlotName(macwatch.KindAP, ap), Vendor: macwatch.VendorRuckusUnleashed}
}

func (v *venue) claimAs(sight macwatch.APSight) macwatch.ClaimResult {
	v.t.Helper()
	c := collector{make(chan struct{}, 1)}
	claim := &macwatch.Claim{Location: v.location.ID, AP: sight.Name, Sight: sight, At: v.clock.now(), Done: c}
	require.True(v.t, v.s.Claim(claim))
	<-c.done
	require.NoError(v.t, claim.Err)
	return claim.Result
}

// through makes a record one that came through an AP, read by the vendor's profile.
func through(sight macwatch.APSight) func(*macwatch.Record) {
	return func(r *macwatch.Record) {
		r.AP, r.Origin.Vendor, r.Origin.NASAddress = []byte(sight.Name), sight.Vendor, sight.Address
	}
}

// The ZoneDirector of the capture shows one BSSID in the Access-Request and another in the
// accounting Start of the same guest (research/vendors.md finding 5).
func TestABSSIDThatChangesTakesNoSecondSlot(t *testing.T) {
	v := openVenue(t)
	terms := v.terms()
	terms.APs = 1
	number := v.activate(terms)
	login, accounting := ruckus("24-C9-A1-6D-A8-98"), ruckus("24-C9-A1-6D-A8-9C")
	require.Equal(t, macwatch.ClaimGranted, v.claimAs(login))
	v.sight(v.record(1, macwatch.StatusStart, through(accounting)))
	require.Equal(t, 1, v.summary(number).APs.InUse)
	require.Equal(t, 1, v.summary(number).DevicesCounted, "its AP has a slot")
	slot := v.slots(macwatch.KindAP)[login.Name]
	require.Equal(t, []string{accounting.Name}, slot.Aliases)
	require.Equal(t, []macwatch.Learned{{Alias: accounting.Name, Vendor: macwatch.VendorRuckusUnleashed, At: v.clock.now()}}, slot.Learned)
	require.Equal(t, 1, *slot.GuestsNow)
	require.Equal(t, macwatch.SlotHolds, slot.State)
	require.Len(t, v.slots(macwatch.KindAP), 1)

	v.restart()
	require.Equal(t, slot.Learned, v.slots(macwatch.KindAP)[login.Name].Learned)
	// It is known now: no vendor is needed any more.
	require.Equal(t, macwatch.ClaimGranted, v.claim(accounting.Name))
	// The one in the next carton is another one.
	require.Equal(t, macwatch.ClaimAPFull, v.claimAs(ruckus("24-C9-A1-6D-A8-A8")))
	require.Equal(t, macwatch.ClaimAPFull, v.claimAs(ruckus("24-C9-A1-6D-A8-88")))
}

func TestTwoBSSIDsOfOneAPAtOnceTakeOneSlot(t *testing.T) {
	v := openVenue(t)
	terms := v.terms()
	terms.APs = 1
	number := v.activate(terms)
	names := []string{"38:1c:1a:c5:66:20", "38:1c:1a:c5:66:21", "38:1c:1a:c5:66:2f", "38:1c:1a:c5:66:2e"}
	var together sync.WaitGroup
	results := make([]macwatch.ClaimResult, len(names))
	for i, name := range names {
		together.Go(func() {
			results[i] = v.claimAs(macwatch.APSight{Name: name, Vendor: macwatch.VendorCiscoAireOS})
		})
	}
	together.Wait()
	require.Equal(t, make([]macwatch.ClaimResult, len(names)), results, "all are granted")
	require.Equal(t, 1, v.summary(number).APs.InUse)
	require.Len(t, v.slots(macwatch.KindAP), 1)
	require.Equal(t, macwatch.ClaimAPFull, v.claimAs(macwatch.APSight{Name: "38:1c:1a:c5:66:30", Vendor: macwatch.VendorCiscoAireOS}))
}

func TestWhatOnlyAccountingKnowsIsUnassigned(t *testing.T) {
	registry := prometheus.NewRegistry()
	v := openVenue(t, func(o *Options) { o.Metrics = registry })
	number := v.activate(v.terms())
	v.sight(v.record(1, macwatch.StatusStart), v.record(2, macwatch.StatusStart), v.record(2, macwatch.StatusStop))
	slot := v.slots(macwatch.KindAP)["aa:aa:aa:00:00:01"]
	require.Equal(t, macwatch.SlotUnassigned, slot.State)
	require.True(t, slot.State.Unassigned())
	require.Equal(t, 1, *slot.GuestsNow)
	require.Equal(t, v.clock.now(), slot.LastSeen)
	require.Zero(t, v.summary(number).APs.InUse)

	// Refused for want of a slot, it says so; with one, no more.
	v.claim("ap-1")
	v.claim("ap-2")
	require.Equal(t, macwatch.ClaimAPFull, v.claim("aa:aa:aa:00:00:01"))
	v.clock.advance(time.Hour)
	v.s.Observe(v.location.ID, seen("aa:aa:aa:00:00:01"))
	require.Equal(t, macwatch.SlotRefused, v.slots(macwatch.KindAP)["aa:aa:aa:00:00:01"].State)
	_, err := v.s.ReleaseSlot(ctx, by, v.location.Code, macwatch.KindAP, "ap-1")
	require.NoError(t, err)
	require.Equal(t, macwatch.SlotReleased, v.slots(macwatch.KindAP)["ap-1"].State)
	v.clock.advance(25 * time.Hour)
	require.Equal(t, macwatch.ClaimGranted, v.claim("aa:aa:aa:00:00:01"))
	require.Equal(t, macwatch.SlotHolds, v.slots(macwatch.KindAP)["aa:aa:aa:00:00:01"].State)
	require.Equal(t, macwatch.SlotSilent, v.slots(macwatch.KindAP)["ap-2"].State)

	for n := range maxObserved + 50 {
		v.sight(v.record(1, macwatch.StatusInterim, func(r *macwatch.Record) {
			r.AP, r.SessionTime = fmt.Appendf(nil, "forged-%d", n), uint32(n)
		}))
	}
	unassigned := 0
	for _, s := range v.slots(macwatch.KindAP) {
		if s.ClaimedAt.IsZero() {
			unassigned++
		}
	}
	require.Equal(t, maxObserved, unassigned)
	families, err := registry.Gather()
	require.NoError(t, err)
	for _, f := range families {
		if f.GetName() == "tallygate_unlisted_aps_total" {
			require.InDelta(t, 50, f.GetMetric()[0].GetCounter().GetValue(), 0)
			return
		}
	}
	t.Fatal("they were not counted")
}

// A BSSID that was seen before its AP, or before the vendor was known, goes over into the AP.
func TestObservedBSSIDsGoOverIntoTheirAP(t *testing.T) {
	v := openVenue(t)
	number := v.activate(v.terms())
	aruba := func(ap string) macwatch.APSight {
		return macwatch.APSight{Name: ap, Vendor: macwatch.VendorArubaController}
	}
	aliases := func(ap string) []string { return v.slots(macwatch.KindAP)[ap].Aliases }
	const ap, first, second = "04:bd:88:c9:5f:f0", "04:bd:88:15:ff:05", "04:bd:88:15:ff:15"
	v.sight(v.record(1, macwatch.StatusStart, through(aruba(first))), v.record(2, macwatch.StatusStart, through(aruba(second))))
	require.Len(t, v.slots(macwatch.KindAP), 2, "nobody knows yet that they are one AP")
	require.Equal(t, macwatch.ClaimGranted, v.claimAs(aruba(ap)))
	require.Equal(t, []string{first, second}, aliases(ap))
	require.Len(t, v.slots(macwatch.KindAP), 1)
	require.Equal(t, 2, *v.slots(macwatch.KindAP)[ap].GuestsNow)

	// The same when an operator declares it.
	const other, far = "04:bd:88:c9:60:f0", "04:bd:88:16:0f:01"
	v.sight(v.record(3, macwatch.StatusStart, through(aruba(far))))
	_, err := v.s.DeclareSlot(ctx, by, v.location.Code, macwatch.KindAP, other, nil)
	require.NoError(t, err)
	require.Equal(t, []string{far}, aliases(other))

	// The same when he says that a name he has declared has this address.
	const third, its = "04:bd:88:c9:70:f0", "04:bd:88:17:0f:01"
	v.sight(v.record(5, macwatch.StatusStart, through(aruba(its))))
	_, err = v.s.AddAlias(ctx, by, v.location.Code, macwatch.KindAP, other, third)
	require.NoError(t, err)
	require.Equal(t, []string{far, its, third}, aliases(other))

	// Seen by a profile without a rule, and later by one with it.
	const bssid = "04:bd:88:15:ff:01"
	v.sight(v.record(4, macwatch.StatusStart, through(seen(bssid))))
	require.Contains(t, v.slots(macwatch.KindAP), bssid)
	v.sight(v.record(4, macwatch.StatusInterim, through(aruba(bssid))))
	require.NotContains(t, v.slots(macwatch.KindAP), bssid)
	require.Equal(t, []string{bssid, first, second}, aliases(ap))
	require.Equal(t, 2, v.summary(number).APs.InUse)
	v.restart()
	require.Equal(t, []string{bssid, first, second}, aliases(ap))
}

func TestALearnedAliasThatIsRemovedStaysApart(t *testing.T) {
	v := openVenue(t)
	v.activate(v.terms())
	ap, bssid := ruckus("24:c9:a1:2d:a8:98"), ruckus("24:c9:a1:6d:a8:98")
	v.claimAs(ap)
	v.sight(v.record(1, macwatch.StatusStart, through(bssid)))
	_, err := v.s.RemoveAlias(ctx, by, v.location.Code, macwatch.KindAP, ap.Name, bssid.Name)
	require.NoError(t, err)
	v.sight(v.record(1, macwatch.StatusInterim, through(bssid)))
	require.Empty(t, v.slots(macwatch.KindAP)[ap.Name].Aliases)
	require.Equal(t, macwatch.SlotUnassigned, v.slots(macwatch.KindAP)[bssid.Name].State)
	v.restart()
	require.Equal(t, macwatch.ClaimGranted, v.claimAs(bssid))
	require.Equal(t, macwatch.SlotHolds, v.slots(macwatch.KindAP)[bssid.Name].State, "an AP of its own")
	v.refused(licensing.CodeConflict, func() error {
		_, err := v.s.ForgetSlot(ctx, by, v.location.Code, macwatch.KindAP, bssid.Name)
		return err
	})
	// Merged again, it is an alias that the operator has given.
	slot, err := v.s.MergeSlots(ctx, by, v.location.Code, macwatch.KindAP, ap.Name, bssid.Name)
	require.NoError(t, err)
	require.Equal(t, []string{bssid.Name}, slot.Aliases)
	require.Empty(t, slot.Learned)
	slot, err = v.s.RemoveAlias(ctx, by, v.location.Code, macwatch.KindAP, ap.Name, bssid.Name)
	require.NoError(t, err)
	require.Empty(t, slot.Aliases)
	v.refused(licensing.CodeNotFound, func() error {
		_, err := v.s.RemoveAlias(ctx, by, v.location.Code, macwatch.KindAP, ap.Name, bssid.Name)
		return err
	})
}

func TestAliasesAndForgetting(t *testing.T) {
	v := openVenue(t)
	terms := v.terms()
	terms.MaxAliases = 1
	v.activate(terms)
	ap, bssid := ruckus("24:c9:a1:2d:a8:98"), ruckus("24:c9:a1:6d:a8:98")
	v.claimAs(ap)
	v.sight(v.record(1, macwatch.StatusStart, through(bssid)), v.record(2, macwatch.StatusStart, through(seen("stranger"))))
	slot, err := v.s.AddAlias(ctx, by, v.location.Code, macwatch.KindAP, ap.Name, "stranger")
	require.NoError(t, err, "what the gateway has learned is not of the license's cap")
	require.Equal(t, []string{bssid.Name, "stranger"}, slot.Aliases)
	require.Equal(t, 2, *v.slots(macwatch.KindAP)[ap.Name].GuestsNow, "also those through what was an AP of its own")
	v.refused(licensing.CodeRefused, func() error {
		_, err := v.s.AddAlias(ctx, by, v.location.Code, macwatch.KindAP, ap.Name, "roof")
		return err
	})
	v.claim("ap-2")
	v.refused(licensing.CodeConflict, func() error {
		_, err := v.s.AddAlias(ctx, by, v.location.Code, macwatch.KindAP, "ap-2", bssid.Name)
		return err
	})
	v.sight(v.record(3, macwatch.StatusStart, through(seen("passing"))))
	_, err = v.s.ForgetSlot(ctx, by, v.location.Code, macwatch.KindAP, "passing")
	require.NoError(t, err)
	require.NotContains(t, v.slots(macwatch.KindAP), "passing")
	slot, err = v.s.NoteSlot(ctx, by, v.location.Code, macwatch.KindAP, bssid.Name, " by the pool ")
	require.NoError(t, err)
	require.Equal(t, "by the pool", slot.Note)
	v.refused(licensing.CodeInvalid, func() error {
		_, err := v.s.NoteSlot(ctx, by, v.location.Code, macwatch.KindAP, ap.Name, "two\nlines")
		return err
	})
	// New hardware that is on the air already keeps what was learned of it.
	fresh, its := ruckus("24:c9:a1:2d:b0:08"), ruckus("24:c9:a1:6d:b0:08")
	v.sight(v.record(4, macwatch.StatusStart, through(fresh)), v.record(5, macwatch.StatusStart, through(its)))
	slot, err = v.s.ReplaceSlot(ctx, by, v.location.Code, macwatch.KindAP, ap.Name, its.Name)
	require.NoError(t, err)
	require.Equal(t, fresh.Name, slot.Name)
	require.Equal(t, []string{its.Name}, slot.Aliases)
	require.Equal(t, "by the pool", slot.Note)
	v.restart()
	require.Len(t, v.slots(macwatch.KindAP), 2)
}

func TestWhenAPsWereSeenSurvives(t *testing.T) {
	v := openVenue(t)
	v.activate(v.terms())
	v.claim("ap-1")
	v.clock.advance(time.Hour)
	v.sight(v.record(1, macwatch.StatusStart, through(seen("ap-1"))))
	at := v.clock.now()
	require.Equal(t, at, v.slots(macwatch.KindAP)["ap-1"].LastSeen)
	_, err := v.s.NoteSlot(ctx, by, v.location.Code, macwatch.KindAP, "ap-1", "lobby")
	require.NoError(t, err)
	require.Equal(t, at, v.slots(macwatch.KindAP)["ap-1"].LastSeen, "a change of the roster keeps it")
	v.restart()
	require.Equal(t, at, v.slots(macwatch.KindAP)["ap-1"].LastSeen)

	// After a crash it is a minute old at most.
	v.clock.advance(2 * time.Minute)
	v.sight(v.record(2, macwatch.StatusStart, through(seen("ap-1"))))
	late := v.clock.now()
	v.s.onWriter(func() { require.NoError(t, v.s.w.housekeep(false)) })
	v.crash(t.TempDir())
	require.Equal(t, late, v.slots(macwatch.KindAP)["ap-1"].LastSeen)
}

// The MACs of known APs are not devices, also where the AP becomes known after its MAC was
// counted, as long as the license has not started.
func TestAnAPThatWasCountedAsADevice(t *testing.T) {
	v := openVenue(t)
	number := v.activate(v.terms())
	for n := range 4 {
		v.sight(v.record(n, macwatch.StatusStart))
	}
	require.Equal(t, 4, v.summary(number).DevicesCounted)
	v.sight(v.record(9, macwatch.StatusStart, through(seen(guest(0).String()))))
	require.Equal(t, 4, v.summary(number).DevicesCounted, "one is an AP, and another one came")
	require.Equal(t, licensing.PendingStart, v.summary(number).State)
	device := v.devices()[guest(0).String()]
	require.False(t, device.Counted)
	require.Equal(t, "access-point", device.Reason)
	_, err := v.s.DeclareSlot(ctx, by, v.location.Code, macwatch.KindAP, "roof", []string{guest(1).String()})
	require.NoError(t, err)
	require.Equal(t, 3, v.summary(number).DevicesCounted)
	v.sight(v.record(0, macwatch.StatusInterim), v.record(1, macwatch.StatusInterim))
	require.Equal(t, 3, v.summary(number).DevicesCounted)
	v.crash(t.TempDir())
	require.Equal(t, 3, v.summary(number).DevicesCounted)
	require.False(t, v.devices()[guest(0).String()].Counted)
	require.False(t, v.devices()[guest(1).String()].Counted)

	v.sight(v.record(5, macwatch.StatusStart), v.record(6, macwatch.StatusStart))
	require.Equal(t, licensing.InUse, v.summary(number).State)
	v.sight(v.record(10, macwatch.StatusStart, through(seen(guest(6).String()))))
	require.True(t, v.devices()[guest(6).String()].Counted, "the receipt tells of what was counted")
	v.audited()
}

func (v *venue) audited() {
	v.t.Helper()
	report, err := v.s.VerifyAudit(ctx)
	require.NoError(v.t, err)
	require.Empty(v.t, report.Problems)
}

// Of a BSSID that folding knows it is the room that was refused, not the AP.
func TestRefusalsAndFolding(t *testing.T) {
	v := openVenue(t)
	terms := v.terms()
	terms.APs, terms.Rooms = 1, 1
	v.activate(terms)
	ap, bssid := ruckus("24:c9:a1:2d:a8:98"), ruckus("24:c9:a1:6d:a8:98")
	c := collector{make(chan struct{}, 1)}
	require.True(t, v.s.Claim(&macwatch.Claim{Location: v.location.ID, AP: ap.Name, Sight: ap, Room: "101", Done: c}))
	<-c.done
	kind, _, refused := v.s.state.Load().refusedKind(v.location.ID, bssid, v.clock.now())
	require.True(t, refused)
	require.Equal(t, macwatch.KindRoom, kind)
	kind, _, refused = v.s.state.Load().refusedKind(v.location.ID, ruckus("24:c9:a1:2d:a8:a8"), v.clock.now())
	require.True(t, refused)
	require.Equal(t, macwatch.KindAP, kind)
	require.True(t, v.slots(macwatch.KindRoom)["101"].Admitted)

	v.s.Learn(v.location.ID, bssid)
	v.s.onWriter(func() {})
	require.Equal(t, []string{bssid.Name}, v.slots(macwatch.KindAP)[ap.Name].Aliases)
	v.s.Learn(v.location.ID, macwatch.APSight{Name: "nobody", Address: netip.MustParseAddr("10.0.0.1")})
	v.s.onWriter(func() {})
	require.Len(t, v.slots(macwatch.KindAP), 1)
}
