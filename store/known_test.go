package store

import (
	"database/sql"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// Whatever comes in what order: of a device with rows it is never said that it has none.
func TestKnownDevicesForgetNobody(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var d knownDevices
		rows, order := map[macwatch.DeviceKey]bool{}, []macwatch.DeviceKey{}
		write := func(k macwatch.DeviceKey) {
			if !rows[k] {
				rows[k] = true
				order = append(order, k)
			}
		}
		device := rapid.Custom(func(t *rapid.T) macwatch.DeviceKey {
			return macwatch.DeviceKey{Location: rapid.Int64Range(1, 3).Draw(t, "location"), MAC: guest(rapid.IntRange(0, 200).Draw(t, "guest"))}
		})
		for range rapid.IntRange(0, 20).Draw(t, "of the run before") {
			write(device.Draw(t, "device"))
		}
		before := append([]macwatch.DeviceKey(nil), order...)
		t.Repeat(map[string]func(*rapid.T){
			"a device gets rows": func(t *rapid.T) {
				k := device.Draw(t, "device")
				d.add(k)
				write(k)
			},
			"a step of learning": func(t *rapid.T) {
				// What gets rows behind the place where learning stands is not found any more.
				for i := 0; i < 3 && len(before) > 0; i++ {
					d.add(before[0])
					before = before[1:]
				}
				if len(before) == 0 {
					d.complete = true
				}
			},
			"": func(t *rapid.T) {
				for k := range rows {
					require.True(t, d.may(k), "%v has rows", k)
				}
			},
		})
	})
}

func TestKnownDevicesKnowWhoIsNew(t *testing.T) {
	const devices = 300_000
	d := knownDevices{complete: true}
	for n := range devices {
		d.add(macwatch.DeviceKey{Location: 1, MAC: guest(n)})
	}
	require.Equal(t, devices, d.count)
	for n := range devices {
		require.True(t, d.may(macwatch.DeviceKey{Location: 1, MAC: guest(n)}))
		require.False(t, d.may(macwatch.DeviceKey{Location: 2, MAC: guest(n)}))
	}
	d.count = knownLimit
	require.Nil(t, d.add(macwatch.DeviceKey{Location: 2, MAC: guest(1)}), "there is no room")
	require.True(t, d.may(macwatch.DeviceKey{Location: 2, MAC: guest(2)}), "from now on any other may have rows as well")
}

func scanKey(r *sql.Rows) (k macwatch.DeviceKey, err error) {
	err = r.Scan(&k.Location, &k.MAC)
	return k, err
}

// knows expects that the filter passes whoever has a row.
func (v *venue) knows() {
	v.t.Helper()
	found, err := rows(ctx, v.s.readers, scanKey, `SELECT location_id, mac FROM devices UNION SELECT location_id, mac FROM counted`)
	require.NoError(v.t, err)
	require.NotEmpty(v.t, found)
	var denied []macwatch.DeviceKey
	require.True(v.t, v.s.onWriter(func() {
		for _, k := range found {
			if !v.s.w.known.may(k) {
				denied = append(denied, k)
			}
		}
	}))
	require.Empty(v.t, denied, "they have rows")
}

// A device is not counted anew by a gateway that was started again, nor by one to which
// its license has moved, whatever the gateway has learned by then.
func TestKnownDevicesAreNotCountedAgain(t *testing.T) {
	v := openVenue(t)
	number := v.activate(v.terms())
	const guests = 40
	crowd := func(v *venue) {
		t.Helper()
		var all []*macwatch.Record
		for n := range guests {
			all = append(all, v.record(n, macwatch.StatusInterim))
		}
		v.sight(all...)
	}
	<-v.s.learned
	crowd(v)
	require.Len(t, v.devices(), guests) // they have rows from here on
	v.knows()
	pass(time.Minute, v)
	crowd(v)
	require.Equal(t, guests, v.summary(number).DevicesCounted)
	for _, again := range []func(){v.restart, func() { v.crash(t.TempDir()) }} {
		again()
		v.knows()
		crowd(v) // while it learns
		require.Equal(t, guests, v.summary(number).DevicesCounted)
		<-v.s.learned
		v.knows()
		pass(time.Minute, v)
		crowd(v)
		require.Equal(t, guests, v.summary(number).DevicesCounted)
	}

	other := v.twin(t)
	<-other.s.learned
	other.take(v.release(other, number))
	pass(time.Minute, v, other)
	other.knows()
	crowd(other)
	require.Equal(t, guests, other.summary(number).DevicesCounted, "they were counted before the move")
	require.Len(t, other.devices(), guests)
	other.restart()
	<-other.s.learned
	other.knows()
	stranger := true
	require.True(t, other.s.onWriter(func() { stranger = other.s.w.known.may(macwatch.DeviceKey{Location: 1, MAC: guest(9999)}) }))
	require.False(t, stranger, "it has learned all again")
}

// knownCount asks, on the writer, what memory says of guest n's count at this moment.
func (v *venue) knownCount(n int) (counted bool) {
	v.t.Helper()
	require.True(v.t, v.s.onWriter(func() {
		b := v.s.w.newBatch()
		p := b.place(v.location.ID)
		_, counted = v.s.w.known.counted(macwatch.DeviceKey{Location: v.location.ID, MAC: guest(n)}, p.epoch, v.s.Now())
	}))
	return counted
}

// What memory says of a device's count is learned from its rows after a start, says
// nothing against what stands there, and nothing that an operator may have changed.
func TestTheCountOfKnownDevicesIsLearned(t *testing.T) {
	v := openVenue(t)
	v.activate(v.terms())
	<-v.s.learned
	require.NoError(t, v.s.ListDevice(ctx, by, v.location.Code, macwatch.ListedDevice{MAC: guest(1), Kind: "exempt"}))
	v.sight(v.record(0, macwatch.StatusInterim), v.record(1, macwatch.StatusInterim))
	pass(time.Minute, v)
	require.True(t, v.knownCount(0))
	require.False(t, v.knownCount(1), "exempt")
	require.False(t, v.knownCount(2), "nobody has seen it")

	v.restart()
	<-v.s.learned
	pass(time.Minute, v)
	require.True(t, v.knownCount(0))
	require.False(t, v.knownCount(1))
	v.sight(v.record(0, macwatch.StatusInterim, counters(9, 9, 9)))
	require.True(t, v.devices()[guest(0).String()].Counted)

	require.NoError(t, v.s.ListDevice(ctx, by, v.location.Code, macwatch.ListedDevice{MAC: guest(0), Kind: "exempt"}))
	require.False(t, v.knownCount(0), "an operator's change may bear on it")
	v.sight(v.record(0, macwatch.StatusInterim, counters(19, 9, 9)))
	require.False(t, v.knownCount(0))
	require.Len(t, v.devices(), 2) // their rows are written from here on
	require.Equal(t, 2, v.count(`SELECT count(*) FROM devices WHERE reason = 'exempt-device'`))
}

// An operator's change may bear on any device: what was known of all counts is forgotten,
// and learned again once the operator is done.
func TestCountsThatWereForgottenAreLearnedAgain(t *testing.T) {
	v := openVenue(t)
	number := v.activate(v.terms())
	<-v.s.learned
	for n := range 5 {
		v.sight(v.record(n, macwatch.StatusInterim))
	}
	pass(time.Minute, v)
	for round := range 2 {
		require.NoError(t, v.s.ListDevice(ctx, by, v.location.Code, macwatch.ListedDevice{MAC: guest(round), Kind: "exempt"}))
		v.later(0)
		v.sight(v.record(round, macwatch.StatusInterim, counters(9, 9, 9)), v.record(4, macwatch.StatusInterim, counters(uint32(9+round), 9, 9)))
		require.True(t, v.knownCount(4), "it was sighted since")
		require.False(t, v.knownCount(3))
		v.later(relearnPause / 2)
		require.False(t, v.knownCount(3), "another change may follow")
		v.later(relearnPause)
		require.Eventually(t, func() bool { return v.knownCount(3) }, patience, time.Millisecond)
		require.False(t, v.knownCount(round), "something stands against it, whatever its row says")
		v.sight(v.record(3, macwatch.StatusInterim, counters(uint32(9+round), 9, 9)))
	}
	require.Equal(t, 5, v.summary(number).DevicesCounted)
	require.Len(t, v.devices(), 5)
}

// A device that counts and, in one batch, is sighted once with and once without anything
// against it, in whatever order: memory never says more than its row.
func TestMemoryOfACountNeverSaysMoreThanTheRow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type state struct {
			epoch uint32
			first time.Time
			clean bool
		}
		var d knownDevices
		rows, current := map[macwatch.DeviceKey]state{}, map[int64]uint32{1: 1, 2: 2}
		next := uint32(3)
		device := rapid.Custom(func(t *rapid.T) macwatch.DeviceKey {
			return macwatch.DeviceKey{Location: rapid.Int64Range(1, 2).Draw(t, "location"), MAC: guest(rapid.IntRange(0, 20).Draw(t, "guest"))}
		})
		moment := rapid.Map(rapid.Int64Range(0, 1e12), func(us int64) time.Time { return fromMicros(us) })
		t.Repeat(map[string]func(*rapid.T){
			"a sighting counts": func(t *rapid.T) {
				k, at := device.Draw(t, "device"), moment.Draw(t, "at")
				d.settle(k, current[k.Location], at)
				rows[k] = state{current[k.Location], at, true}
			},
			"a sighting does not count": func(t *rapid.T) {
				k := device.Draw(t, "device")
				d.doubt(k)
				rows[k] = state{}
			},
			"its row is learned": func(t *rapid.T) {
				k := device.Draw(t, "device")
				if s := rows[k]; s.clean {
					d.learnCount(k, current[k.Location], s.first)
					rows[k] = state{current[k.Location], s.first, true}
				}
			},
			"an operator changes something": func(t *rapid.T) {
				current[rapid.Int64Range(1, 2).Draw(t, "location")] = next
				next++
			},
			"": func(t *rapid.T) {
				k, at := device.Draw(t, "device"), moment.Draw(t, "at")
				first, ok := d.counted(k, current[k.Location], at)
				if s := rows[k]; ok {
					require.True(t, s.clean && s.epoch == current[k.Location] && !at.Before(s.first) && !first.Before(s.first), "%v %v %v", s, at, first)
				}
			},
		})
	})
}

// Of a device whose own row is gone (erased, or too old) only its count is left. When it
// comes again it gets a row, also where memory has learned the count.
func TestADeviceWhoseRowIsGoneGetsAnother(t *testing.T) {
	v := openVenue(t)
	number := v.activate(v.terms())
	<-v.s.learned
	v.sight(v.record(0, macwatch.StatusInterim))
	require.Len(t, v.devices(), 1)
	require.True(t, v.s.onWriter(func() { require.NoError(t, v.s.w.exec(`DELETE FROM devices`)) }))
	v.restart()
	<-v.s.learned
	pass(time.Minute, v)
	require.False(t, v.knownCount(0))
	v.sight(v.record(0, macwatch.StatusInterim, counters(60, 1, 1)))
	require.Len(t, v.devices(), 1)
	require.Equal(t, 1, v.summary(number).DevicesCounted)
}

// Whom there is no room for among the known devices is the LRU's to remember.
func TestTheLRURemembersWhomThereIsNoRoomFor(t *testing.T) {
	metrics := prometheus.NewRegistry()
	v := openVenue(t, func(o *Options) { o.CacheCapacity, o.Metrics = 1000, metrics })
	v.activate(v.terms())
	<-v.s.learned
	for n := range 5 { // the contract starts
		v.sight(v.record(n, macwatch.StatusStart))
	}
	require.True(t, v.s.onWriter(func() { v.s.w.known.count = knownLimit }))
	for n, hits := range []int{0, 1, 2} {
		before := counter(t, metrics, "tallygate_mac_cache_hits_total")
		for i := range hits + 1 { // the first one is not known yet
			v.clock.advance(time.Second)
			v.sight(v.record(10+n, macwatch.StatusInterim, counters(uint32(i+1), 1, 1)))
		}
		require.InDelta(t, hits, counter(t, metrics, "tallygate_mac_cache_hits_total")-before, 0)
		require.Equal(t, n+1, v.s.cache.Len()-5, "besides those of before the start")
	}
}

// While a license counts, each device is looked at once in an epoch, though it is known: a count
// that is complete without a start, however it came to be, starts the contract with the next sighting.
func TestAKnownDeviceStartsACompleteCount(t *testing.T) {
	v := openVenue(t)
	number := v.activate(v.terms())
	for n := range 4 {
		v.sight(v.record(n, macwatch.StatusStart))
	}
	require.Len(t, v.devices(), 4) // their rows are written from here on
	require.Equal(t, licensing.PendingStart, v.summary(number).State)
	require.True(t, v.s.onWriter(func() {
		require.NoError(t, v.s.w.exec(`INSERT INTO counted (license_id, location_id, mac, first_at, last_at, ap, session)
			SELECT license_id, location_id, mac + 1000, first_at, last_at, ap, session FROM counted LIMIT 1`))
		require.NoError(t, v.s.w.exec(`UPDATE counts SET devices = devices + 1`))
	}))
	v.restart()
	<-v.s.learned
	pass(time.Minute, v)
	require.True(t, v.knownCount(0))
	v.sight(v.record(0, macwatch.StatusInterim, counters(60, 1, 1)))
	require.Equal(t, licensing.InUse, v.summary(number).State)
}
