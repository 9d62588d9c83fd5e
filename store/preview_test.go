package store

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tallygate/licensing"
	"tallygate/macwatch"
)

func TestWhatWouldBeCutOffNow(t *testing.T) {
	v := openVenue(t)
	number := v.activate(v.terms())
	for n, ap := range []string{"AP-1", "AP-2", "AP-2"} {
		require.Equal(t, macwatch.ClaimGranted, v.claim(ap))
		v.sight(v.record(n, macwatch.StatusStart, at(ap)))
	}
	v.sight(v.record(3, macwatch.StatusStart, at("AP-1")), v.record(3, macwatch.StatusStop, at("AP-1")))

	p, err := v.s.CutOffNow(ctx, number, "")
	require.NoError(t, err)
	require.Len(t, p.Locations, 1)
	require.ElementsMatch(t, []string{"AP-1", "AP-2"}, p.Locations[0].APs)
	require.Equal(t, 3, p.Sessions, "a session that has ended is not cut off")
	require.Equal(t, 3, p.Guests)
	require.Empty(t, p.Locations[0].Next)

	// The next one goes on, as far as its limit reaches: the earliest claims stay.
	terms := v.terms()
	terms.APs = 1
	v.clock.advance(time.Minute)
	next := v.activate(terms)
	p, err = v.s.CutOffNow(ctx, "", v.location.Code)
	require.NoError(t, err)
	require.Equal(t, number, p.Number, "the one that governs there")
	require.Equal(t, next, p.Locations[0].Next)
	require.Equal(t, []string{"AP-2"}, p.Locations[0].APs)
	require.Equal(t, 2, p.Sessions)
	for _, s := range p.Locations[0].Sessions {
		require.Equal(t, "AP-2", s.AP)
	}

	// Nobody depends on the one that waits, nor on one that is denied.
	p, err = v.s.CutOffNow(ctx, next, "")
	require.NoError(t, err)
	require.Zero(t, p.Sessions+p.APs)
	_, err = v.s.DenyLicense(ctx, by, number, "unpaid")
	require.NoError(t, err)
	p, err = v.s.CutOffNow(ctx, number, "")
	require.NoError(t, err)
	require.Zero(t, p.Sessions+p.APs)
	require.Contains(t, p.Locations[0].Why, "Access denied")

	v.refused(licensing.CodeNotFound, func() error { _, err := v.s.CutOffNow(ctx, "", "nowhere"); return err })
	v.refused(licensing.CodeNotFound, func() error { _, err := v.s.CutOffNow(ctx, "TG-0000-0000-0000", ""); return err })
}

// The calendar of the store is the plan that it acts on: what it says, happens.
func TestTheCalendarComesTrue(t *testing.T) {
	v := openVenue(t)
	short := v.terms()
	short.Start, short.Term = licensing.StartOnProvision, licensing.Term{Days: 10}
	first := v.activate(short)
	second := v.activate(v.terms())
	key, err := v.issuer.SignGrant(v.terms())
	require.NoError(t, err)
	a, err := v.s.Activate(ctx, by, key, "")
	require.NoError(t, err)
	pooled := a.Licenses[0].Number

	entries, err := v.s.Calendar(ctx, "", 26)
	require.NoError(t, err)
	starts := map[string]licensing.CalendarEntry{}
	for _, e := range entries {
		switch e.Kind {
		case licensing.CalendarTakeover, licensing.CalendarAutoRenewal, licensing.CalendarEnd:
			starts[e.Kind+" "+e.License] = e
		}
	}
	for _, step := range []struct {
		kind, number string
		state        licensing.State
	}{
		{licensing.CalendarEnd, first, licensing.ContractFinalized}, {licensing.CalendarTakeover, second, licensing.InUse},
		{licensing.CalendarEnd, second, licensing.ContractFinalized}, {licensing.CalendarAutoRenewal, pooled, licensing.InUse},
	} {
		e, told := starts[step.kind+" "+step.number]
		require.True(t, told, step)
		if ahead := e.At.Sub(v.clock.now()); ahead > 0 { // a takeover comes with the end before it
			v.clock.advance(ahead - time.Second)
			require.NotEqual(t, step.state, v.summary(step.number).State, "not before")
			v.clock.advance(time.Second)
		}
		require.Equal(t, step.state, v.summary(step.number).State, step)
		listed, err := v.s.Licenses(ctx, licensing.Filter{})
		require.NoError(t, err)
		require.True(t, slices.ContainsFunc(listed, func(s licensing.Summary) bool { return s.Number == step.number && s.State == step.state }))
		if step.state == licensing.InUse {
			require.Equal(t, e.At.UTC(), v.summary(step.number).StartsAt.UTC())
		}
	}
	of, err := v.s.Calendar(ctx, pooled, 26)
	require.NoError(t, err)
	require.NotEmpty(t, of)
	for _, e := range of {
		require.Equal(t, pooled, e.License)
	}
	v.refused(licensing.CodeNotFound, func() error { _, err := v.s.Calendar(ctx, "TG-0000-0000-0000", 1); return err })
}

// What is shown of the past is what was, though the facts have changed since.
func TestALicenseIsShownAsItWas(t *testing.T) {
	v := openVenue(t)
	number := v.activate(v.terms())
	at := func(span time.Duration) licensing.Detail {
		d, err := v.s.License(ctx, number, v.clock.now().Add(span))
		require.NoError(t, err)
		return d
	}
	for n := range 5 {
		v.clock.advance(time.Minute)
		v.sight(v.record(n, macwatch.StatusStart))
	}
	_ = v.claim("AP-1")
	v.clock.advance(time.Hour)
	_, err := v.s.DenyLicense(ctx, by, number, "unpaid")
	require.NoError(t, err)
	v.clock.advance(time.Hour)
	_, err = v.s.RestoreLicense(ctx, by, number)
	require.NoError(t, err)
	v.clock.advance(time.Hour)

	require.Equal(t, licensing.InUse, at(0).State)
	was := at(-90 * time.Minute)
	require.Equal(t, licensing.AccessDenied, was.State, "though it was lifted since")
	require.Equal(t, "unpaid", was.Reason)
	require.Equal(t, licensing.InUse, at(-150*time.Minute).State)
	was = at(-3*time.Hour - 2*time.Minute)
	require.Equal(t, licensing.PendingStart, was.State)
	require.Equal(t, 3, was.DevicesCounted)
	require.Zero(t, was.APs.InUse)
	require.Nil(t, was.Receipt, "there was none yet")
	require.Nil(t, was.StartsAt)
	require.Equal(t, 1, at(-time.Hour).APs.InUse)
	require.NotNil(t, at(-time.Hour).Receipt)
	require.Equal(t, licensing.PendingProvision, at(-24*time.Hour).State)
	require.Equal(t, licensing.ContractFinalized, at(400*24*time.Hour).State)
}

// A license of the pool is shown at the Location that the plan gives it.
func TestALicenseIsShownAsItWillBe(t *testing.T) {
	v := openVenue(t)
	short := v.terms()
	short.Start, short.Term = licensing.StartOnProvision, licensing.Term{Days: 10}
	v.activate(short)
	key, err := v.issuer.SignGrant(v.terms())
	require.NoError(t, err)
	a, err := v.s.Activate(ctx, by, key, "")
	require.NoError(t, err)
	d, err := v.s.License(ctx, a.Licenses[0].Number, v.clock.now().AddDate(0, 0, 20))
	require.NoError(t, err)
	require.Equal(t, licensing.InUse, d.State)
	require.Equal(t, []string{v.location.Code}, d.Locations)
	d, err = v.s.License(ctx, a.Licenses[0].Number, v.clock.now().AddDate(0, 0, 5))
	require.NoError(t, err)
	require.Equal(t, licensing.PendingProvision, d.State)
}

func TestHistoryOfALicense(t *testing.T) {
	v := openVenue(t)
	number := v.activate(v.terms())
	for n := range 5 {
		v.clock.advance(time.Minute)
		v.sight(v.record(n, macwatch.StatusStart))
	}
	v.clock.advance(time.Hour)
	nine := licensing.Limit(9)
	order, err := v.issuer.SignOrder(licensing.Order{Kind: licensing.OrderUpgrade, ID: licensing.NewGrantID(), IssuedAt: v.clock.now(), License: number,
		Sequence: 1, Upgrade: &licensing.Upgrade{APs: &nine}})
	require.NoError(t, err)
	_, err = v.s.Activate(ctx, licensing.Change{By: "ana"}, order, "")
	require.NoError(t, err)
	v.clock.advance(400 * 24 * time.Hour)
	all, err := v.s.History(ctx, number)
	require.NoError(t, err)
	var told []string
	for i, e := range all {
		told = append(told, e.By+" "+e.Kind+" "+e.State.String())
		require.True(t, i == 0 || !e.At.Before(all[i-1].At), "oldest first")
	}
	require.Equal(t, []string{"tester activated Pending Start", "tester assigned Pending Start", "tallygate started In Use",
		"ana allotted In Use", "ana upgraded In Use", "calendar ended Contract finalized"}, told)
	require.NotEmpty(t, all[4].Order)
	require.Equal(t, "The AP limit became 9; it was 2.", all[4].Text)

	// A mended row is part of its life.
	require.NoError(t, v.s.Close())
	v.edit(t, `UPDATE licenses SET paused_days = 300`)
	v.open()
	all, err = v.s.History(ctx, number)
	require.NoError(t, err)
	last := all[len(all)-1]
	require.Equal(t, "tallygate", last.By)
	require.Contains(t, last.Text, "had been altered and was put back")
	v.refused(licensing.CodeNotFound, func() error { _, err := v.s.History(ctx, "TG-0000-0000-0000"); return err })
}

func TestReceiptWithItsEvidence(t *testing.T) {
	v := openVenue(t)
	number := v.activate(v.terms())
	v.refused(licensing.CodeNotFound, func() error { _, err := v.s.Receipt(ctx, number); return err })
	for n := range 5 {
		v.sight(v.record(n, macwatch.StatusStart))
	}
	e, err := v.s.Receipt(ctx, number)
	require.NoError(t, err)
	report := e.Check(v.s.GatewayKey())
	require.True(t, report.OK, report.Problems)
	require.Equal(t, v.count(`SELECT seq FROM audit WHERE action = 'license.start'`), int(e.Entry))
	require.Equal(t, "2027-11-22", e.LastDay.String())
	again, err := v.s.Receipt(ctx, number)
	require.NoError(t, err)
	require.Equal(t, e.Hash, again.Hash)
	v.restart()
	again, err = v.s.Receipt(ctx, number)
	require.NoError(t, err)
	require.Equal(t, e.Hash, again.Hash, "it never changes")
	require.NotContains(t, e.Signed, guest(1).String())
}

func TestAuditEntriesAreFiltered(t *testing.T) {
	v := openVenue(t)
	number := v.activate(v.terms())
	v.clock.advance(time.Hour)
	_, err := v.s.DenyLicense(ctx, licensing.Change{By: "ana@console"}, number, "unpaid")
	require.NoError(t, err)
	list := func(f licensing.AuditFilter) (n int) {
		require.NoError(t, v.s.AuditEntries(ctx, f, func(e licensing.AuditEntry) error {
			n++
			return nil
		}))
		return n
	}
	all := v.count(`SELECT count(*) FROM audit`)
	require.Equal(t, all, list(licensing.AuditFilter{}))
	require.Equal(t, 2, list(licensing.AuditFilter{Actor: "ANA"}), "the denial and the facts that it left")
	require.Equal(t, 1, list(licensing.AuditFilter{Actor: "ana", Action: "license.deny"}))
	require.Zero(t, list(licensing.AuditFilter{Action: "license.den"}), "a whole word of the action")
	require.Equal(t, all-2, list(licensing.AuditFilter{Until: v.clock.now()}))
	require.Equal(t, 2, list(licensing.AuditFilter{Since: v.clock.now()}))
	require.Equal(t, list(licensing.AuditFilter{Subject: number}), list(licensing.AuditFilter{Subject: number, Action: "license"}))
}
