package store

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// erase erases a guest in the store and in the model: what was stored is gone; what a
// license counts is not.
func (r *run) erase(rt *rapid.T) {
	r.tick()
	mac := rapid.SampledFrom(population).Draw(rt, "guest")
	_, err := r.s.Erase(ctx, by, macwatch.ErasureOrder{MAC: mac, Reason: "asked"})
	_, seen := r.m.devices[mac]
	counted := false
	if r.m.license != nil {
		_, counted = r.m.license.firsts[mac]
	}
	if !seen && !counted && !r.m.exempt[mac] {
		require.Equal(rt, licensing.CodeNotFound, licensing.CodeOf(err))
		return
	}
	if err != nil { // it was erased before, and only its pseudonym counts
		require.False(rt, seen)
		require.Equal(rt, licensing.CodeNotFound, licensing.CodeOf(err))
	}
	r.m.erase(mac)
	for _, v := range r.visits {
		if v.mac == mac {
			v.over = true
		}
	}
	keep := r.flying[:0]
	for _, s := range r.flying {
		if s.r.MAC != mac {
			keep = append(keep, s)
		}
	}
	r.flying = keep
	landed := r.landed[:0]
	for _, s := range r.landed {
		if s.r.MAC != mac { // nobody could tell a repeat from a new one
			landed = append(landed, s)
		}
	}
	r.landed = landed
}

func (m *model) erase(mac macwatch.MAC) {
	delete(m.devices, mac)
	stored := m.stored[:0]
	gone := map[string]bool{}
	for id, legs := range m.sessions {
		if legs[0].mac == mac {
			gone[id] = true
			delete(m.sessions, id)
		}
	}
	for _, rec := range m.stored {
		if !gone[rec.ident] {
			stored = append(stored, rec)
		}
	}
	m.stored = stored
}

// Devices are erased, and come again, in any order with everything else, with or without
// the switch to pseudonyms on the way: counts, starts, receipts and the audit log are those
// of a gateway that erases nothing.
func TestErasureChangesNoCount(t *testing.T) {
	checkModel(t, func(r *run) map[string]func(*rapid.T) {
		return map[string]func(*rapid.T){"erase": r.erase, "erase too": r.erase, "clock": nil, "conceal": func(rt *rapid.T) {
			r.tick()
			if rapid.Bool().Draw(rt, "for good") {
				r.conceal()
			}
		}}
	})
}

func TestAnErasedDeviceLeavesNoTrace(t *testing.T) {
	for name, change := range map[string]func(*Options){"clear": func(*Options) {}, "hmac": concealed} {
		t.Run(name, func(t *testing.T) {
			v := openVenue(t, change, func(o *Options) { o.KeepRaw = true })
			number := v.activate(v.terms())
			all := guests(6)
			for i, m := range all {
				v.sight(v.record(i, macwatch.StatusStart, of(m)))
			}
			guest := all[2]
			require.NoError(t, v.s.ListDevice(ctx, by, v.location.Code, macwatch.ListedDevice{MAC: guest, Kind: kindBlocked}))
			before, err := v.s.Receipt(ctx, number)
			require.NoError(t, err)

			held, err := v.s.Held(ctx, by, macwatch.DeviceQuery{MAC: guest, Reason: "request of 12 May"})
			require.NoError(t, err)
			require.Len(t, held, 1)
			require.NotNil(t, held[0].Seen)
			require.Equal(t, []int{1, 1, 1, 1, 1}, []int{len(held[0].Counted), len(held[0].Listed), len(held[0].Sessions), len(held[0].Receipts), len(held[0].Raw)})
			require.Contains(t, string(held[0].Raw[0].Packet), guest.String())
			if name == "hmac" {
				byName, err := v.s.Held(ctx, by, macwatch.DeviceQuery{MAC: held[0].MAC, Reason: "by its pseudonym"})
				require.NoError(t, err)
				require.Len(t, byName[0].Raw, 1)
			}
			_, err = v.s.Held(ctx, by, macwatch.DeviceQuery{MAC: guest})
			require.Equal(t, licensing.CodeInvalid, licensing.CodeOf(err), "not without a reason")

			rehearsal := licensing.Change{By: "tester", DryRun: true}
			would, err := v.s.Erase(ctx, rehearsal, macwatch.ErasureOrder{MAC: guest, Reason: "asked", Lists: true})
			require.NoError(t, err)
			require.Len(t, v.devices(), 6)
			did, err := v.s.Erase(ctx, by, macwatch.ErasureOrder{MAC: guest, Reason: "asked", Lists: true})
			require.NoError(t, err)
			require.Equal(t, would.Erased, did.Erased)
			require.Equal(t, would.Kept, did.Kept)
			require.Equal(t, map[string]int{"sessions": 1, "raw_records": 1, "devices": 1, "listed_devices": 1, "receipt_devices": 1}, did.Erased)
			require.Equal(t, map[string]int{"counted": 1}, did.Kept)

			require.Len(t, v.devices(), 5)
			require.Len(t, v.sessions(), 5)
			require.Equal(t, 6, v.summary(number).DevicesCounted)
			after, err := v.s.Receipt(ctx, number)
			require.NoError(t, err)
			require.Equal(t, before, after)
			if name == "clear" {
				require.Empty(t, traces(t, v.dir, guest), "pages and log included")
				require.NotEmpty(t, traces(t, v.dir, all[1]))
			}
			require.Equal(t, 1, v.count(`SELECT count(*) FROM audit WHERE action = 'privacy.erase'`))

			// It comes again, also after a restart, and is not counted again.
			v.clock.advance(time.Minute)
			v.sight(v.record(2, macwatch.StatusInterim, of(guest), counters(60, 1, 1)))
			v.restart()
			v.clock.advance(time.Minute)
			v.sight(v.record(2, macwatch.StatusInterim, of(guest), counters(120, 2, 2)))
			require.Equal(t, 6, v.summary(number).DevicesCounted)
			require.Equal(t, 6, v.count(`SELECT count(*) FROM counted`))
			require.Len(t, v.devices(), 6)
			for _, d := range v.devices() {
				require.True(t, d.Counted, d.MAC)
			}
			x, err := v.s.Explain(ctx, number)
			require.NoError(t, err)
			for _, d := range x.Devices {
				require.True(t, d.Counted, d.MAC)
			}
			report, err := v.s.VerifyAudit(ctx)
			require.NoError(t, err)
			require.True(t, report.OK)
		})
	}
}

// A device that was erased counts from before it was first seen again: what is remembered of its
// count does not hide an earlier sighting that comes late, not even when that was learned from
// the rows.
func TestAnErasedDeviceIsFirstSeenAnew(t *testing.T) {
	for name, change := range map[string]func(*Options){"clear": inClear, "hmac": concealed} {
		for _, restarted := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, restarted: %v", name, restarted), func(t *testing.T) {
				v := openVenue(t, change)
				v.activate(v.terms())
				all := guests(5)
				for i, m := range all {
					v.sight(v.record(i, macwatch.StatusStart, of(m)))
				}
				v.clock.advance(time.Hour)
				_, err := v.s.Erase(ctx, by, macwatch.ErasureOrder{MAC: all[2], Reason: "asked"})
				require.NoError(t, err)
				v.clock.advance(time.Hour)
				back := v.s.Now().Truncate(time.Second)
				v.sight(v.record(7, macwatch.StatusStart, of(all[2]), stamped(back)))
				if restarted {
					v.restart()
					<-v.s.learned
				}
				v.sight(v.record(8, macwatch.StatusStart, of(all[2]), stamped(back.Add(-time.Minute))))
				require.Len(t, v.devices(), 5)
				first := 0
				for _, d := range v.devices() {
					if d.FirstSeen.Equal(back.Add(-time.Minute)) {
						first++
					}
				}
				require.Equal(t, 1, first)
			})
		}
	}
}

// An address that turns out to be an AP's counts no more, whatever it is called here, and
// though it was erased.
func TestAnAPIsTakenOutOfTheCountByAnyName(t *testing.T) {
	for name, change := range map[string]func(*Options){"clear": inClear, "hmac": concealed} {
		t.Run(name, func(t *testing.T) {
			v := openVenue(t, change)
			number := v.activate(v.terms())
			all := guests(3)
			for i, m := range all {
				v.sight(v.record(i, macwatch.StatusStart, of(m)))
			}
			_, err := v.s.Erase(ctx, by, macwatch.ErasureOrder{MAC: all[1], Reason: "asked"})
			require.NoError(t, err)
			require.Equal(t, 3, v.summary(number).DevicesCounted)
			for i, m := range all[:2] {
				require.Equal(t, macwatch.ClaimGranted, v.claim(m.String()))
				require.Equal(t, 2-i, v.summary(number).DevicesCounted)
				require.Equal(t, 2-i, v.count(`SELECT count(*) FROM counted`))
			}
		})
	}
}

// A sighting that makes the start may be of a device that was erased before: late records
// still move the start, and the receipt names no address.
func TestAnErasedDeviceMayStillMakeTheStart(t *testing.T) {
	v := openVenue(t)
	terms := v.terms()
	terms.CountWindow = 24 * time.Hour
	number := v.activate(terms)
	all := guests(5)
	for i, m := range all[:4] {
		v.sight(v.record(i, macwatch.StatusStart, of(m)))
	}
	_, err := v.s.Erase(ctx, by, macwatch.ErasureOrder{MAC: all[0], Reason: "asked"})
	require.NoError(t, err)
	v.clock.advance(time.Minute)
	v.sight(v.record(0, macwatch.StatusInterim, of(all[0]), counters(60, 1, 1)))
	require.Equal(t, 4, v.summary(number).DevicesCounted)
	require.Equal(t, licensing.PendingStart, v.summary(number).State)
	v.sight(v.record(4, macwatch.StatusStart, of(all[4])))
	require.Equal(t, licensing.InUse, v.summary(number).State)
	require.Zero(t, v.count(`SELECT count(*) FROM counted WHERE mac = ?`, int64(all[0])))

	// Without its key a device of before would count again.
	require.NoError(t, v.s.Close())
	require.NoError(t, removeKey(v.dir))
	_, err = Open(v.options)
	require.ErrorContains(t, err, "is missing")
}
