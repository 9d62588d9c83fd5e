package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tallygate/licensing"
	"tallygate/macwatch"
)

func TestTheFifthDeviceStartsTheLicense(t *testing.T) {
	v := openVenue(t)
	number := v.activate(v.terms())
	require.Equal(t, licensing.PendingStart, v.summary(number).State)
	var firsts []time.Time
	for n := range 5 {
		v.clock.advance(time.Minute)
		firsts = append(firsts, v.clock.now())
		v.sight(v.record(n, macwatch.StatusStart), v.record(n, macwatch.StatusStart))
		sum := v.summary(number)
		require.Equal(t, n+1, sum.DevicesCounted)
		require.Equal(t, n == 4, sum.State == licensing.InUse, sum.State)
		v.restart()
	}
	sum := v.summary(number)
	require.True(t, firsts[4].Equal(*sum.StartsAt))
	require.Equal(t, "2027-11-22", sum.LastDay.String())

	v.clock.advance(time.Hour)
	v.sight(v.record(5, macwatch.StatusInterim))
	require.Equal(t, 6, v.summary(number).DevicesCounted, "the count keeps growing")
	require.True(t, firsts[4].Equal(*v.summary(number).StartsAt), "the start is final")
	d, err := v.s.License(ctx, number, time.Time{})
	require.NoError(t, err)
	require.Len(t, d.Receipt.Sightings, 5)
	report, err := v.s.VerifyAudit(ctx)
	require.NoError(t, err)
	require.True(t, report.OK, report.Problems)
}

func TestTheStartInstantIsTheLatestOfTheFiveEarliestSightings(t *testing.T) {
	v := openVenue(t)
	number := v.activate(v.terms())
	provisioned := v.clock.now()
	v.clock.advance(time.Hour)
	at := func(minutes int) func(*macwatch.Record) {
		return stamped(provisioned.Add(time.Duration(minutes) * time.Minute))
	}
	v.sight(v.record(0, macwatch.StatusStart, at(50)), v.record(1, macwatch.StatusStart, at(10)), v.record(2, macwatch.StatusStart, at(40)),
		v.record(3, macwatch.StatusStart, at(20)))
	v.sight(v.record(0, macwatch.StatusStop, at(30))) // an earlier sighting of the same device
	v.sight(v.record(9, macwatch.StatusStart, at(-5)))
	require.Equal(t, 4, v.summary(number).DevicesCounted, "before provisioning does not count")
	v.sight(v.record(4, macwatch.StatusStart, at(5)))
	require.Equal(t, provisioned.Add(40*time.Minute), v.summary(number).StartsAt.UTC())
	require.Equal(t, "before-provisioning", v.devices()[guest(9).String()].Reason)
}

func TestDevicesKnownAndCachedBeforeTheKeyCountAfterIt(t *testing.T) {
	v := openVenue(t, func(o *Options) { o.CacheCapacity = 1000 })
	for n := range 5 {
		v.sight(v.record(n, macwatch.StatusStart))
	}
	v.clock.advance(time.Minute)
	number := v.activate(v.terms())
	require.Equal(t, 0, v.summary(number).DevicesCounted)
	v.clock.advance(time.Minute)
	for n := range 5 {
		v.sight(v.record(n, macwatch.StatusInterim))
	}
	require.Equal(t, licensing.InUse, v.summary(number).State)
}
