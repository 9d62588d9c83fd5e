package store

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tallygate/licensing"
	"tallygate/macwatch"
)

func removeKey(dir string) error { return os.Remove(filepath.Join(dir, "privacy.key")) }

const day = 24 * time.Hour

// past lets days pass while the gateway runs, so that the time is no jump.
func (v *venue) past(days int) {
	v.t.Helper()
	for range days {
		v.set(v.clock.advance, day)
	}
}

func purgedOf(p macwatch.Purge) map[string]int64 {
	out := map[string]int64{}
	for _, k := range p.Deleted {
		if k.Rows > 0 {
			out[k.Kind] = k.Rows
		}
	}
	return out
}

func TestRetentionByKind(t *testing.T) {
	v := openVenue(t, func(o *Options) {
		o.KeepRaw, o.KeepSessions = true, 3*day
		o.Keep = Retention{RawRecords: 10 * day, Devices: 20 * day, Counted: 5 * day, ReceiptDevices: 2 * day, Notices: 4 * day}
	})
	<-v.s.learned
	terms := v.terms()
	terms.Term = licensing.Term{Days: 25}
	number := v.activate(terms)
	v.past(2)
	for n := range 6 {
		v.sight(v.record(n, macwatch.StatusStart), v.record(n, macwatch.StatusStop, counters(0, 1, 1)))
	}
	require.Equal(t, licensing.InUse, v.summary(number).State)
	rehearsal := licensing.Change{By: "tester", DryRun: true}
	kinds := func() (would, did map[string]int64) {
		t.Helper()
		p, err := v.s.Purge(ctx, rehearsal, false)
		require.NoError(t, err)
		require.False(t, p.Provisional)
		d, err := v.s.Purge(ctx, by, true)
		require.NoError(t, err)
		return purgedOf(p), purgedOf(d)
	}
	none := map[string]int64{}
	step := func(days int, want map[string]int64) {
		t.Helper()
		for range days {
			v.clock.advance(day)
			require.True(t, v.s.onWriter(func() { v.s.readClock() }))
		}
		would, did := kinds()
		require.Equal(t, want, did)
		require.Equal(t, want, would, "the rehearsal said so")
	}
	step(2, none)
	step(2, map[string]int64{"session": 6})
	step(7, map[string]int64{"raw_record": 12})
	step(10, map[string]int64{"device": 6})
	require.Equal(t, 6, v.summary(number).DevicesCounted, "a count never changes")
	// One that was forgotten comes again, and does not count again.
	v.sight(v.record(1, macwatch.StatusStart))
	require.Len(t, v.devices(), 1)
	require.Equal(t, 6, v.summary(number).DevicesCounted)
	step(6, none)
	require.Equal(t, licensing.ContractFinalized, v.summary(number).State)
	step(2, map[string]int64{"receipt_device": 5})
	step(3, map[string]int64{"counted": 6, "raw_record": 1})
	require.Equal(t, 6, v.summary(number).DevicesCounted)
	receipt, err := v.s.Receipt(ctx, number)
	require.NoError(t, err)
	require.Len(t, receipt.Receipt.Sightings, 5)
}

// Devices that a license rests on before its start stay, however old.
func TestRetentionKeepsWhatAStartRestsOn(t *testing.T) {
	v := openVenue(t, func(o *Options) { o.Keep = Retention{Devices: 2 * day} })
	<-v.s.learned
	v.past(2)
	v.sight(v.record(9, macwatch.StatusStart)) // before there was a license
	number := v.activate(v.terms())
	v.clock.advance(time.Second)
	for n := range 4 {
		v.sight(v.record(n, macwatch.StatusStart))
	}
	v.past(4)
	p, err := v.s.Purge(ctx, by, true)
	require.NoError(t, err)
	require.Empty(t, purgedOf(p), "the sweep of the days before has deleted it")
	require.Len(t, v.devices(), 4)
	v.sight(v.record(5, macwatch.StatusStart))
	require.Equal(t, licensing.InUse, v.summary(number).State)
	v.past(4)
	require.Empty(t, v.devices())
	require.Equal(t, 5, v.summary(number).DevicesCounted)
	for n := range 4 {
		v.sight(v.record(n, macwatch.StatusInterim, counters(60, 1, 1)))
	}
	require.Equal(t, 5, v.summary(number).DevicesCounted)
	require.Len(t, v.devices(), 4)
}

// A clock that has jumped years ahead may be set back: until then no count is forgotten.
func TestAProvisionalClockPurgesNoDevices(t *testing.T) {
	v := openVenue(t, func(o *Options) { o.Keep = Retention{Devices: 2 * day, Counted: 2 * day} })
	<-v.s.learned
	terms := v.terms()
	terms.Term = licensing.Term{Days: 3}
	number := v.activate(terms)
	v.past(2)
	for n := range 5 {
		v.sight(v.record(n, macwatch.StatusStart))
	}
	v.set(v.clock.jump, 100*day)
	require.Equal(t, licensing.ContractFinalized, v.summary(number).State)
	p, err := v.s.Purge(ctx, by, true)
	require.NoError(t, err)
	require.True(t, p.Provisional)
	require.Empty(t, purgedOf(p))
	require.Equal(t, 5, v.count(`SELECT count(*) FROM counted`))
	v.past(2)
	require.Zero(t, v.count(`SELECT count(*) FROM counted`), "believed by now")
}
