package store

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tallygate/macwatch"
)

// balanced expects that counters, rows and lists say so many.
func (v *venue) balanced(number string, devices int) {
	v.t.Helper()
	require.Len(v.t, v.devices(), devices) // folds what waits
	require.Equal(v.t, devices, v.summary(number).DevicesCounted)
	require.Equal(v.t, devices, v.count(`SELECT count(*) FROM devices`))
	require.Equal(v.t, devices, v.count(`SELECT count(*) FROM counted`))
	require.Equal(v.t, devices, v.count(`SELECT sum(devices) FROM counts`))
	require.Zero(v.t, v.count(`SELECT count(*) FROM device_journal`), "what is folded is forgotten")
}

// Devices that are counted in the journal only, some of them folded already: a kill, and
// whoever comes again afterwards, changes nothing of the count.
func TestNewcomersOutliveACrash(t *testing.T) {
	v := openVenue(t)
	number := v.activate(v.terms())
	for n := range 5 {
		v.sight(v.record(n, macwatch.StatusStart))
	}
	n, dir, caught := 5, t.TempDir(), false
	for !caught && n < 1000 { // the writer folds by itself as well
		var crowd []*macwatch.Record
		for range 20 {
			crowd = append(crowd, v.record(n, macwatch.StatusStart))
			n++
		}
		v.sight(crowd...)
		var err error
		require.True(t, v.s.onWriter(func() {
			w := v.s.w
			if w.newcomers.len() != 20 {
				return
			}
			if err = w.foldNewcomers(7); err == nil {
				err = os.CopyFS(dir, os.DirFS(v.dir))
			}
			caught = true
		}))
		require.NoError(t, err)
	}
	require.True(t, caught)
	require.NoError(t, v.s.Close())
	v.dir, v.options.Dir = dir, dir
	db := second(t, dir)
	var counted, stored, journaled int
	require.NoError(t, db.QueryRow(`SELECT (SELECT sum(devices) FROM counts), (SELECT count(*) FROM counted), (SELECT count(*) FROM device_journal)`).
		Scan(&counted, &stored, &journaled))
	require.Equal(t, []int{n, n - 13}, []int{counted, stored}, "the count stands, thirteen rows are missing")
	require.Positive(t, journaled)
	require.NoError(t, db.Close())

	v.open()
	again := func() {
		v.clock.advance(time.Minute)
		for i := range n {
			v.sight(v.record(i, macwatch.StatusInterim, counters(60, 1, 1)))
		}
	}
	again() // from the journal
	v.balanced(number, n)
	again() // from the rows
	v.restart()
	v.balanced(number, n)
}
