package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// "4 of 5, and why": every device of every Location of the license, counted or not.
func TestExplainTellsOfEveryDevice(t *testing.T) {
	v := openVenue(t)
	other, err := v.s.AddLocation(ctx, by, licensing.Location{Name: "Annex", Realm: "hotelsol", Code: "28N2S005", Settings: licensing.Settings{Timezone: "Atlantic/Canary"}})
	require.NoError(t, err)
	require.NoError(t, v.s.ListDevice(ctx, by, v.location.Code, macwatch.ListedDevice{MAC: guest(9), Kind: "exempt"}))
	v.sight(v.record(8, macwatch.StatusStart)) // before there was a license
	v.clock.advance(time.Minute)
	number := v.activate(v.terms())
	one := licensing.Limit(1)
	_, err = v.s.AssignLicense(ctx, by, number, v.location.Code, &one, nil)
	require.NoError(t, err)
	_, err = v.s.AssignLicense(ctx, by, number, other.Code, &one, nil)
	require.NoError(t, err)
	there := func(r *macwatch.Record) { r.Location, r.SessionID = other.ID, []byte("s-annex") }
	v.clock.advance(time.Minute)
	for n := range 4 {
		v.sight(v.record(n, macwatch.StatusStart))
	}
	v.sight(v.record(9, macwatch.StatusStart), v.record(1, macwatch.StatusStart, there))
	e, err := v.s.Explain(ctx, number)
	require.NoError(t, err)
	require.Equal(t, 4, e.DevicesCounted, "the largest of its Locations")
	require.Equal(t, licensing.PendingStart, e.State)
	require.Nil(t, e.Receipt)
	told := map[string]string{}
	for _, d := range e.Devices {
		require.Equal(t, d.Counted, d.Reason == "", "who does not count has a reason")
		require.Equal(t, d.Counted, d.FirstCounted != nil)
		told[d.Location+" "+d.MAC] = d.Reason
	}
	require.Equal(t, map[string]string{
		"28N2S004 " + guest(0).String(): "", "28N2S004 " + guest(1).String(): "", "28N2S004 " + guest(2).String(): "", "28N2S004 " + guest(3).String(): "",
		"28N2S004 " + guest(8).String(): licensing.ReasonBeforeProvisioning.String(),
		"28N2S004 " + guest(9).String(): licensing.ReasonExemptDevice.String(),
		"28N2S005 " + guest(1).String(): "",
	}, told)
}

func TestExplainTellsOfAProposedStart(t *testing.T) {
	v := openVenue(t)
	terms := v.terms()
	terms.ConfirmStart = 12 * time.Hour
	number := v.activate(terms)
	for n := range 5 {
		v.clock.advance(time.Minute)
		v.sight(v.record(n, macwatch.StatusStart))
	}
	e, err := v.s.Explain(ctx, number)
	require.NoError(t, err)
	require.Equal(t, licensing.PendingStart, e.State)
	require.NotNil(t, e.ProposedStart)
	require.Equal(t, v.clock.now(), e.ProposedStart.UTC())
	require.Equal(t, v.clock.now().Add(12*time.Hour), e.StartDue.UTC())
	v.clock.advance(12 * time.Hour)
	e, err = v.s.Explain(ctx, number)
	require.NoError(t, err)
	require.Equal(t, licensing.InUse, e.State)
	require.Nil(t, e.StartDue)
}
