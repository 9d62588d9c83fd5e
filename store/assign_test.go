package store

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// spread is a venue whose Organization has a second Location, and a license for ten APs.
func spread(t *testing.T) (v *venue, annex licensing.Location, number string) {
	t.Helper()
	v = openVenue(t)
	annex, err := v.s.AddLocation(ctx, by, licensing.Location{Name: "Annex", Realm: "hotelsol", Code: "28N2S005",
		Settings: licensing.Settings{Timezone: "Europe/Madrid"}})
	require.NoError(t, err)
	terms := v.terms()
	terms.APs, terms.Rooms = 10, 20
	return v, annex, v.pool(1, terms)[0].Number
}

func TestALicenseIsSpreadOverLocationsNeverOverTheSum(t *testing.T) {
	v, annex, number := spread(t)
	a, err := v.s.AssignLicense(ctx, by, number, v.location.Code, limit(6), limit(20))
	require.NoError(t, err)
	require.Equal(t, licensing.PendingStart, a.State)
	require.Equal(t, licensing.Usage{Limit: 10, Allotted: 6}, a.APs)

	_, err = v.s.AssignLicense(ctx, by, number, annex.Code, limit(5), limit(0))
	require.Equal(t, licensing.CodeConflict, licensing.CodeOf(err))
	require.ErrorContains(t, err, "has 10 APs, and 4 of them are left for 28N2S005; 5 are asked for")
	_, err = v.s.AssignLicense(ctx, by, number, annex.Code, nil, nil)
	require.ErrorContains(t, err, "all 20 rooms")
	a, err = v.s.AssignLicense(ctx, by, number, annex.Code, nil, limit(0))
	require.NoError(t, err)
	require.Equal(t, licensing.Usage{Limit: 10, Allotted: 10}, a.APs)
	require.Equal(t, licensing.Limit(4), a.Parts[1].APs.Limit)
	v.restart()
	require.Equal(t, a.Parts, v.summary(number).Parts)

	for _, ap := range []string{"ap-1", "ap-2", "ap-3"} {
		require.Equal(t, macwatch.ClaimGranted, v.claim(ap))
	}
	v.sight(v.record(1, macwatch.StatusStart, func(r *macwatch.Record) { r.AP = []byte("ap-3") }))
	dry, err := v.s.AssignLicense(ctx, licensing.Change{By: "tester", DryRun: true}, number, v.location.Code, limit(2), nil)
	require.NoError(t, err)
	require.Equal(t, licensing.CutOff{APs: []string{"ap-3"}, Rooms: []string{}, Sessions: 1}, dry.CutOff)
	require.Contains(t, dry.Changes, licensing.ChangeLine{What: "APs of 28N2S004", From: "6", To: "2"})
	require.Equal(t, licensing.Limit(6), v.summary(number).Parts[0].APs.Limit, "a rehearsal")

	// An upgrade that shrinks takes from the part that came last.
	v.enter(number, upgrade(licensing.Upgrade{APs: limit(7)}))
	parts := v.summary(number).Parts
	require.Equal(t, []licensing.Limit{6, 1}, []licensing.Limit{parts[0].APs.Limit, parts[1].APs.Limit})
	require.Equal(t, 3, parts[0].APs.InUse)
	v.restart()
	require.Zero(t, v.count(`SELECT count(*) FROM audit WHERE action = 'license.mismatch'`))
}

func TestTheFirstLocationToReachTheThresholdStartsTheLicense(t *testing.T) {
	v, annex, number := spread(t)
	for _, code := range []string{v.location.Code, annex.Code} {
		_, err := v.s.AssignLicense(ctx, by, number, code, limit(5), limit(10))
		require.NoError(t, err)
	}
	there := func(r *macwatch.Record) { r.Location = annex.ID }
	for n := range 4 {
		v.sight(v.record(n, macwatch.StatusStart), v.record(n+4, macwatch.StatusStart, there))
	}
	require.Equal(t, 4, v.summary(number).DevicesCounted, "the largest, not the sum")
	require.Equal(t, licensing.PendingStart, v.summary(number).State)
	v.sight(v.record(30, macwatch.StatusStart, there))
	sum := v.summary(number)
	require.Equal(t, licensing.InUse, sum.State)
	require.Equal(t, []int{4, 5}, []int{sum.Parts[0].DevicesCounted, sum.Parts[1].DevicesCounted})
	require.Equal(t, annex.Code, v.receipt(number).Location)

	// Once it runs, a part can be taken away; the last one cannot.
	_, err := v.s.UnassignLicense(ctx, by, number, annex.Code)
	require.NoError(t, err)
	_, err = v.s.UnassignLicense(ctx, by, number, v.location.Code)
	require.Equal(t, licensing.CodeConflict, licensing.CodeOf(err))
	_, err = v.s.UnassignLicense(ctx, by, number, annex.Code)
	require.Equal(t, licensing.CodeNotFound, licensing.CodeOf(err))
}

func TestBeforeTheStartAPartWithACountStays(t *testing.T) {
	v, annex, number := spread(t)
	for _, code := range []string{v.location.Code, annex.Code} {
		_, err := v.s.AssignLicense(ctx, by, number, code, limit(5), limit(10))
		require.NoError(t, err)
	}
	v.sight(v.record(1, macwatch.StatusStart))
	_, err := v.s.UnassignLicense(ctx, by, number, v.location.Code)
	require.ErrorContains(t, err, "1 devices have been counted there")
	_, err = v.s.UnassignLicense(ctx, by, number, " "+strings.ToLower(v.location.Code))
	require.ErrorContains(t, err, "1 devices have been counted there")
	_, err = v.s.UnassignLicense(ctx, by, number, annex.Code)
	require.NoError(t, err)
	require.Equal(t, []string{v.location.Code}, v.summary(number).Locations)
}

func TestAnotherOrganizationsLocationIsRefused(t *testing.T) {
	v, _, number := spread(t)
	_, err := v.s.AddOrganization(ctx, by, licensing.Organization{Name: "Hostal Luna", Realm: "hostalluna", Code: "LUN"})
	require.NoError(t, err)
	other, err := v.s.AddLocation(ctx, by, licensing.Location{Name: "Patio", Realm: "hostalluna", Settings: licensing.Settings{Timezone: "Europe/Madrid"}})
	require.NoError(t, err)
	_, err = v.s.AssignLicense(ctx, by, number, other.Code, nil, nil)
	require.Equal(t, licensing.CodeRefused, licensing.CodeOf(err))
}

func TestExemptDevicesFromBeforeTheKeyMustFitIt(t *testing.T) {
	v := openVenue(t)
	for n := range 10 {
		require.NoError(t, v.s.ListDevice(ctx, by, v.location.Code, macwatch.ListedDevice{MAC: guest(n), Kind: "exempt"}))
	}
	err := v.s.ListDevice(ctx, by, v.location.Code, macwatch.ListedDevice{MAC: guest(10), Kind: "exempt"})
	require.Equal(t, licensing.CodeRefused, licensing.CodeOf(err))
	terms := v.terms()
	terms.MaxExempt = 3
	key, err := v.issuer.SignGrant(terms)
	require.NoError(t, err)
	_, err = v.s.Activate(ctx, by, key, v.location.Code)
	require.Equal(t, licensing.CodeRefused, licensing.CodeOf(err))
	require.ErrorContains(t, err, "has 10 exempt devices")
	for n := range 7 {
		require.NoError(t, v.s.UnlistDevice(ctx, by, v.location.Code, "exempt", guest(n)))
	}
	_, err = v.s.Activate(ctx, by, key, v.location.Code)
	require.NoError(t, err)
	v.clock.advance(time.Minute)
}
