package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tallygate/licensing"
	"tallygate/macwatch"
)

func TestAnIdleAPGivesItsSlotUp(t *testing.T) {
	v := openVenue(t)
	number := v.activate(v.terms())
	settings := v.location.Settings
	settings.APReleaseAfter = int(30 * 24 * time.Hour / time.Second)
	_, err := v.s.SetLocation(ctx, by, v.location.Code, settings)
	require.NoError(t, err)
	v.claim("busy")
	v.claim("gone")
	day := func(n int) {
		for range n {
			v.set(v.clock.advance, 24*time.Hour)
			v.sight(v.record(1, macwatch.StatusInterim, through(seen("busy")), stamped(v.clock.now())))
		}
	}
	day(29)
	require.Equal(t, macwatch.SlotSilent, v.slots(macwatch.KindAP)["gone"].State)
	// A gateway that was off for long gives every AP a day to show itself.
	require.NoError(t, v.s.Close())
	v.clock.advance(60 * 24 * time.Hour)
	v.open()
	v.set(v.clock.advance, time.Hour)
	require.Zero(t, v.slots(macwatch.KindAP)["busy"].ReleasedAt)
	v.sight(v.record(1, macwatch.StatusInterim, through(seen("busy")), stamped(v.clock.now())))
	v.set(v.clock.advance, 24*time.Hour)
	require.Equal(t, macwatch.SlotReleased, v.slots(macwatch.KindAP)["gone"].State)
	require.Zero(t, v.slots(macwatch.KindAP)["busy"].ReleasedAt)
	day(1)
	require.Equal(t, 1, v.summary(number).APs.InUse)
	require.Equal(t, macwatch.SlotUnassigned, v.slots(macwatch.KindAP)["gone"].State)

	// What is declared is an operator's word.
	_, err = v.s.DeclareSlot(ctx, by, v.location.Code, macwatch.KindAP, "spare", nil)
	require.NoError(t, err)
	day(40)
	require.Equal(t, macwatch.SlotSilent, v.slots(macwatch.KindAP)["spare"].State)
	var entries []licensing.AuditEntry
	require.NoError(t, v.s.AuditEntries(ctx, licensing.AuditFilter{Action: "ap.release"}, func(e licensing.AuditEntry) error {
		entries = append(entries, e)
		return nil
	}))
	require.Len(t, entries, 1)
	require.Equal(t, "tallygate", entries[0].Actor)
	require.Contains(t, string(entries[0].Detail), `"gone"`)
	v.audited()
}
