package store

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tallygate/licensing"
	"tallygate/macwatch"
)

func (v *venue) load(kind macwatch.Kind, whole bool, lines ...string) macwatch.ImportReport {
	v.t.Helper()
	report, err := v.s.ImportSlots(ctx, by, v.location.Code, kind, strings.Join(lines, "\n")+"\n", whole)
	require.NoError(v.t, err)
	return report
}

func TestImportingAPs(t *testing.T) {
	v := openVenue(t)
	terms := v.terms()
	terms.APs = 3
	number := v.activate(terms)
	v.claim("lobby")
	sheet := []string{"id,aliases,note,declared", "24-C9-A1-2D-A8-98,pool|24c9.a16d.a898,by the pool,yes", "lobby,,entrance,no", "spare,,,no"}
	rehearsal, err := v.s.ImportSlots(ctx, licensing.Change{By: "x", DryRun: true}, v.location.Code, macwatch.KindAP, strings.Join(sheet, "\n"), false)
	require.NoError(t, err)
	require.Len(t, v.slots(macwatch.KindAP), 1, "a rehearsal changes nothing")
	report := v.load(macwatch.KindAP, false, sheet...)
	require.Equal(t, rehearsal, report)
	require.Equal(t, []string{"24:c9:a1:2d:a8:98", "spare"}, report.Added)
	require.Equal(t, []string{"lobby"}, report.Changed)
	require.Equal(t, 2, v.summary(number).APs.InUse)
	pool := v.slots(macwatch.KindAP)["24:c9:a1:2d:a8:98"]
	require.Equal(t, []string{"24:c9:a1:6d:a8:98", "pool"}, pool.Aliases)
	require.Equal(t, "by the pool", pool.Note)
	require.True(t, pool.Declared && pool.Admitted)
	require.Equal(t, "entrance", v.slots(macwatch.KindAP)["lobby"].Note)
	require.Equal(t, macwatch.SlotUnassigned, v.slots(macwatch.KindAP)["spare"].State)

	again := v.load(macwatch.KindAP, false, sheet...)
	require.Equal(t, macwatch.ImportReport{Added: []string{}, Changed: []string{}, Undeclared: []string{}, CutOff: []macwatch.CutSlot{}, Unchanged: 3}, again)
	v.restart()
	require.Equal(t, 3, v.load(macwatch.KindAP, false, sheet...).Unchanged)

	// What has no column stays.
	require.Equal(t, 1, v.load(macwatch.KindAP, false, "id", "lobby").Unchanged)
	require.Equal(t, []string{"24:c9:a1:2d:a8:98"}, v.load(macwatch.KindAP, false, "id,aliases", "24c9a12da898,pool").Changed)
	require.Equal(t, []string{"pool"}, v.slots(macwatch.KindAP)["24:c9:a1:2d:a8:98"].Aliases)
	require.True(t, v.slots(macwatch.KindAP)["24:c9:a1:2d:a8:98"].Declared)
	v.audited()
}

func TestAnImportThatIsWrongChangesNothing(t *testing.T) {
	v := openVenue(t)
	v.activate(v.terms()) // two APs
	v.claim("ap-1")
	_, err := v.s.AddAlias(ctx, by, v.location.Code, macwatch.KindAP, "ap-1", "roof")
	require.NoError(t, err)
	_, err = v.s.ImportSlots(ctx, by, v.location.Code, macwatch.KindAP,
		"id,aliases,declared\nap-2,roof,yes\nroof,,yes\nap-3,,maybe\nap-4,,yes\nap-5,,yes\n", false)
	require.Equal(t, licensing.CodeInvalid, licensing.CodeOf(err))
	for _, line := range []string{"line 2: roof belongs to AP ap-1 already", "line 3: roof ", "line 4: declared is", "line 6: all 2 licensed APs"} {
		require.Contains(t, err.Error(), line)
	}
	require.Len(t, v.slots(macwatch.KindAP), 1)
	_, err = v.s.ImportSlots(ctx, by, "nowhere", macwatch.KindAP, "id\n", false)
	require.Equal(t, licensing.CodeNotFound, licensing.CodeOf(err))
}

func TestImportingTheClosedListOfRooms(t *testing.T) {
	v := openVenue(t)
	terms := v.terms()
	terms.Rooms = 3
	v.activate(terms)
	v.refused(licensing.CodeConflict, func() error { // there is no rule that it could belong to
		_, err := v.s.ImportSlots(ctx, by, v.location.Code, macwatch.KindRoom, "id,texts\n412,vlan412\n", false)
		return err
	})
	settings := v.location.Settings
	settings.Room = licensing.RoomRule{Attribute: "nas-port-id", Declared: true, Map: map[string]string{"OLD": "412", "ATTIC": "900"}}
	_, err := v.s.SetLocation(ctx, by, v.location.Code, settings)
	require.NoError(t, err)
	report := v.load(macwatch.KindRoom, false, "id,texts,note", "0411,vlan411|0411-b,", "412,vlan412,suite")
	require.Equal(t, []string{"411", "412"}, report.Added)
	l, err := v.s.Location(ctx, v.location.Code)
	require.NoError(t, err)
	require.Equal(t, map[string]string{"VLAN411": "411", "411-B": "411", "VLAN412": "412", "ATTIC": "900"}, l.Settings.Room.Map)
	require.Equal(t, 2, v.load(macwatch.KindRoom, false, "id,texts,note", "0411,vlan411|0411-b,", "412,vlan412,suite").Unchanged)

	// Guests are in 412, which is not on the next list.
	v.sight(v.record(1, macwatch.StatusStart, func(r *macwatch.Record) { r.Room = []byte("412") }))
	report = v.load(macwatch.KindRoom, true, "id", "411", "413")
	require.Equal(t, []string{"413"}, report.Added)
	require.Equal(t, []string{"412"}, report.Undeclared)
	require.Equal(t, []macwatch.CutSlot{{Name: "412", GuestsNow: 1}}, report.CutOff)
	require.False(t, v.slots(macwatch.KindRoom)["412"].Declared)
	require.Equal(t, 1, *v.slots(macwatch.KindRoom)["412"].GuestsNow)
	v.audited()
}
