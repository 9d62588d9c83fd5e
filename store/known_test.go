package store

import (
	"database/sql"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

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
	d := knownDevices{complete: true}
	for n := range knownPart + 1000 { // into a second part
		d.add(macwatch.DeviceKey{Location: 1, MAC: guest(n)})
	}
	require.Len(t, d.parts, 2)
	strangers := 0
	for n := range 10_000 {
		require.True(t, d.may(macwatch.DeviceKey{Location: 1, MAC: guest(knownPart / 10_000 * n)}))
		if d.may(macwatch.DeviceKey{Location: 2, MAC: guest(n)}) {
			strangers++
		}
	}
	require.Less(t, strangers, 100, "of 10 000 nearly all are known to be new")
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
