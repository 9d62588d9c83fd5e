package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tallygate/licensing"
	"tallygate/macwatch"
)

func TestDenyAndRestore(t *testing.T) {
	v := openVenue(t)
	number := v.activate(v.terms())
	for n := range 4 {
		v.sight(v.record(n, macwatch.StatusStart))
	}
	sum, err := v.s.DenyLicense(ctx, by, number, "unpaid")
	require.NoError(t, err)
	require.Equal(t, licensing.AccessDenied, sum.State)
	require.Equal(t, "unpaid", sum.Reason)
	v.refused(licensing.CodeConflict, func() error { _, err := v.s.DenyLicense(ctx, by, number, "again"); return err })
	v.restart()
	v.clock.advance(time.Minute)
	v.sight(v.record(4, macwatch.StatusStart), v.record(5, macwatch.StatusStart))
	require.Equal(t, 4, v.summary(number).DevicesCounted, "while denied nothing is counted and nothing starts")
	sum, err = v.s.RestoreLicense(ctx, by, number)
	require.NoError(t, err)
	require.Equal(t, licensing.PendingStart, sum.State)
	require.Empty(t, sum.Reason)
	v.clock.advance(time.Minute)
	v.sight(v.record(4, macwatch.StatusInterim, counters(60, 1, 1)))
	require.Equal(t, licensing.InUse, v.summary(number).State)
	require.Equal(t, v.clock.now(), v.summary(number).StartsAt.UTC(), "its sighting while denied was none")
	// The contract clock keeps running while denied, and final is final.
	end := *v.summary(number).EndsAt
	_, err = v.s.DenyLicense(ctx, by, number, "noise")
	require.NoError(t, err)
	v.clock.advance(300 * 24 * time.Hour)
	require.True(t, end.Equal(*v.summary(number).EndsAt))
	v.clock.advance(end.Sub(v.clock.now()) - time.Second)
	require.Equal(t, licensing.AccessDenied, v.summary(number).State)
	v.clock.advance(time.Second)
	require.Equal(t, licensing.ContractFinalized, v.summary(number).State)
	v.refused(licensing.CodeConflict, func() error { _, err := v.s.RestoreLicense(ctx, by, number); return err })
	v.refused(licensing.CodeConflict, func() error { _, err := v.s.StartLab(ctx, by, v.location.Code); return err })
}

func TestALicenseAtTheWrongLocationIsTakenBack(t *testing.T) {
	v := openVenue(t)
	other, err := v.s.AddLocation(ctx, by, licensing.Location{Name: "Annex", Realm: "hotelsol", Settings: licensing.Settings{Timezone: "Atlantic/Canary"}})
	require.NoError(t, err)
	key, err := v.issuer.SignGrant(v.terms())
	require.NoError(t, err)
	a, err := v.s.Activate(ctx, by, key, v.location.Code)
	require.NoError(t, err)
	number := a.Licenses[0].Number
	sum, err := v.s.UnassignLicense(ctx, by, number, "")
	require.NoError(t, err)
	require.Equal(t, licensing.PendingProvision, sum.State)
	require.Empty(t, sum.Locations)
	v.clock.advance(time.Minute)
	_, err = v.s.Activate(ctx, by, key, other.Code)
	require.NoError(t, err)
	require.Equal(t, []string{other.Code}, v.summary(number).Locations)
	d, err := v.s.License(ctx, number, time.Time{})
	require.NoError(t, err)
	require.Equal(t, "Atlantic/Canary", d.License.Zone, "the zone of the right one")
	v.refused(licensing.CodeConflict, func() error { _, err := v.s.Activate(ctx, by, key, v.location.Code); return err })
	v.sight(v.record(1, macwatch.StatusStart, func(r *macwatch.Record) { r.Location = other.ID }))
	v.refused(licensing.CodeConflict, func() error { _, err := v.s.UnassignLicense(ctx, by, number, ""); return err })
}

func TestTheNextLicenseTakesOver(t *testing.T) {
	v := openVenue(t)
	short := v.terms()
	short.Start, short.Term = licensing.StartOnProvision, licensing.Term{Days: 1}
	first := v.activate(short)
	v.sight(v.record(1, macwatch.StatusStart))
	v.claim("ap-1")
	v.clock.advance(time.Minute)
	next := v.terms()
	next.Start = licensing.StartOnProvision
	second := v.activate(next)
	require.Equal(t, 1, v.summary(first).APs.InUse)
	end := *v.summary(first).EndsAt
	v.clock.advance(end.Sub(v.clock.now()))
	require.Equal(t, licensing.ContractFinalized, v.summary(first).State)
	require.Equal(t, licensing.InUse, v.summary(second).State)
	require.Equal(t, 1, v.summary(second).APs.InUse, "slots are the Location's")
	v.sight(v.record(1, macwatch.StatusInterim, counters(60, 1, 1)), v.record(2, macwatch.StatusStart))
	require.Equal(t, 2, v.summary(second).DevicesCounted)
	require.Equal(t, 1, v.summary(first).DevicesCounted)
}

// The cache knows the device as counted for the license before.
func TestADeviceThatTheCacheKnowsCountsForTheNextLicense(t *testing.T) {
	v := openVenue(t, func(o *Options) { o.CacheCapacity = 1000 })
	short := v.terms()
	short.Term, short.Threshold = licensing.Term{Days: 1}, 1
	first := v.activate(short)
	second := v.activate(v.terms())
	v.sight(v.record(1, macwatch.StatusStart))
	require.Equal(t, licensing.InUse, v.summary(first).State)
	v.clock.advance(72 * time.Hour)
	v.sight(v.record(1, macwatch.StatusInterim, counters(60, 1, 1)))
	require.Equal(t, []int{1, 1}, []int{v.summary(first).DevicesCounted, v.summary(second).DevicesCounted})
}

func TestLab(t *testing.T) {
	v := openVenue(t)
	number := v.activate(v.terms())
	p, err := v.s.StartLab(ctx, by, v.location.Code)
	require.NoError(t, err)
	require.Equal(t, 8*time.Hour, p.End.Sub(p.Start))
	v.refused(licensing.CodeConflict, func() error { _, err := v.s.StartLab(ctx, by, v.location.Code); return err })
	for n := range 5 {
		v.sight(v.record(n, macwatch.StatusStart))
	}
	require.Zero(t, v.summary(number).DevicesCounted)
	v.clock.advance(time.Hour)
	_, err = v.s.StopLab(ctx, by, v.location.Code)
	require.NoError(t, err)
	v.sight(v.record(10, macwatch.StatusStart))
	require.Equal(t, 1, v.summary(number).DevicesCounted, "a session that begins after lab mode counts")
	v.sight(v.record(1, macwatch.StatusStop, counters(3600, 1, 1)))
	require.Equal(t, 1, v.summary(number).DevicesCounted, "one that began in it does not")
	v.clock.advance(time.Minute)
	v.sight(v.record(1, macwatch.StatusStart, func(r *macwatch.Record) { r.SessionID = []byte("later") }))
	require.Equal(t, 2, v.summary(number).DevicesCounted, "the same device in a later session does")

	// It may be repeated, ends by itself, and a denial ends it at once.
	_, err = v.s.StartLab(ctx, by, v.location.Code)
	require.NoError(t, err)
	v.clock.advance(8 * time.Hour)
	v.refused(licensing.CodeConflict, func() error { _, err := v.s.StopLab(ctx, by, v.location.Code); return err })
	_, err = v.s.StartLab(ctx, by, v.location.Code)
	require.NoError(t, err)
	v.clock.advance(time.Minute)
	_, err = v.s.DenyLicense(ctx, by, number, "unpaid")
	require.NoError(t, err)
	l, err := v.s.Location(ctx, v.location.Code)
	require.NoError(t, err)
	_, running := l.LabAt(v.s.Now())
	require.False(t, running)
	v.refused(licensing.CodeConflict, func() error { _, err := v.s.StartLab(ctx, by, v.location.Code); return err })
	_, err = v.s.RestoreLicense(ctx, by, number)
	require.NoError(t, err)
	labs, err := v.s.Labs(ctx, v.location.Code)
	require.NoError(t, err)
	require.Len(t, labs, 3, "always recorded")
	require.Equal(t, 1, v.count(`SELECT count(*) FROM audit WHERE action = 'lab.stop' AND seq > (SELECT max(seq) FROM audit WHERE action = 'lab.start')`))
}

// An Interim tells when its session began, also after a restart within it.
func TestASessionThatBeganInLabModeIsKnownByItsInterim(t *testing.T) {
	v := openVenue(t)
	number := v.activate(v.terms())
	_, err := v.s.StartLab(ctx, by, v.location.Code)
	require.NoError(t, err)
	v.clock.advance(time.Hour)
	_, err = v.s.StopLab(ctx, by, v.location.Code)
	require.NoError(t, err)
	v.clock.advance(time.Hour)
	v.sight(v.record(1, macwatch.StatusInterim, counters(5400, 1, 1)), v.record(2, macwatch.StatusInterim, counters(1800, 1, 1)))
	require.Equal(t, 1, v.summary(number).DevicesCounted)
	require.Equal(t, "lab-mode", v.devices()[guest(1).String()].Reason)
	require.True(t, v.sessions()[0].Lab)
}

func TestLicensesCanBeFilteredAndShownAtAnotherTime(t *testing.T) {
	v := openVenue(t)
	terms := v.terms()
	terms.Start, terms.Term = licensing.StartOnProvision, licensing.Term{Days: 10}
	number := v.activate(terms)
	waiting := v.activate(v.terms())
	list := func(parameters ...string) (out []string) {
		given := map[string]string{}
		for i := 0; i < len(parameters); i += 2 {
			given[parameters[i]] = parameters[i+1]
		}
		f, err := licensing.ParseFilter(given)
		require.NoError(t, err)
		sums, err := v.s.Licenses(ctx, f)
		require.NoError(t, err)
		for _, s := range sums {
			out = append(out, s.Number)
		}
		return out
	}
	require.Equal(t, []string{number, waiting}, list())
	require.Equal(t, []string{number}, list("state", "In Use"))
	require.Equal(t, []string{number}, list("ends-before", "2026-12-03"))
	require.Empty(t, list("ends-before", "2026-12-02"))
	require.Equal(t, []string{waiting}, list("queue-position", "1"), "it waits behind the one that is In Use")
	require.Equal(t, []string{waiting, number}, list("sort", "-queue_position"))
	d, err := v.s.License(ctx, number, v.clock.now().Add(365*24*time.Hour))
	require.NoError(t, err)
	require.Equal(t, licensing.ContractFinalized, d.State)
	d, err = v.s.License(ctx, number, v.clock.now().Add(-time.Hour))
	require.NoError(t, err)
	require.Equal(t, licensing.PendingProvision, d.State)
	d, err = v.s.License(ctx, "tg"+number[2:], time.Time{})
	require.NoError(t, err)
	require.Equal(t, licensing.InUse, d.State, "numbers are read without regard to case")
}

func TestExplainTellsEachDevice(t *testing.T) {
	v := openVenue(t)
	v.sight(v.record(7, macwatch.StatusStart))
	v.clock.advance(time.Minute)
	number := v.activate(v.terms())
	require.NoError(t, v.s.ListDevice(ctx, by, v.location.Code, macwatch.ListedDevice{MAC: guest(9), Kind: "exempt"}))
	for _, n := range []int{1, 2, 9, 3} {
		v.clock.advance(time.Minute)
		v.sight(v.record(n, macwatch.StatusStart))
	}
	e, err := v.s.Explain(ctx, number)
	require.NoError(t, err)
	require.Equal(t, []int{3, 5}, []int{e.DevicesCounted, e.Threshold})
	require.Nil(t, e.Receipt)
	require.Contains(t, e.Rule, "5th distinct device")
	var order []string
	for _, d := range e.Devices {
		order = append(order, d.MAC)
		require.Equal(t, d.Counted, d.Reason == "")
		require.Equal(t, d.Counted, d.FirstCounted != nil)
		require.Equal(t, v.location.Code, d.Location)
		if d.Counted {
			require.Equal(t, "aa:aa:aa:00:00:01", d.AP)
		}
	}
	require.Equal(t, []string{guest(1).String(), guest(2).String(), guest(3).String(), guest(7).String(), guest(9).String()}, order)
	require.Contains(t, []string{"before-provisioning", "not-sighted"}, e.Devices[3].Reason, "what stood in its way is the time, not that there was no license")
}

func TestAQueuedLicenseExplainsThatAnotherGoverns(t *testing.T) {
	v := openVenue(t)
	first := v.activate(v.terms())
	v.clock.advance(time.Minute)
	queued := v.activate(v.terms())
	for n := range 6 {
		v.sight(v.record(n, macwatch.StatusStart))
	}
	require.Equal(t, licensing.InUse, v.summary(first).State)
	e, err := v.s.Explain(ctx, queued)
	require.NoError(t, err)
	require.Len(t, e.Devices, 6)
	for _, d := range e.Devices {
		require.False(t, d.Counted)
		require.Equal(t, "not-governing", d.Reason)
	}
}
