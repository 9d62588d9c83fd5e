package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// found are the ids of the sessions that a filter admits, in order.
func (v *venue) found(f macwatch.SessionFilter) []string {
	v.t.Helper()
	ids := []string{}
	require.NoError(v.t, v.s.Sessions(ctx, f, func(i macwatch.SessionInfo) error {
		ids = append(ids, i.SessionID)
		return nil
	}))
	return ids
}

func TestSessionsAreFound(t *testing.T) {
	v := openVenue(t)
	other, err := v.s.AddLocation(ctx, by, licensing.Location{Name: "Annex", Realm: "hotelsol", Code: "28N2S005", Settings: licensing.Settings{Timezone: "Europe/Madrid"}})
	require.NoError(t, err)
	_, err = v.s.DeclareSlot(ctx, by, v.location.Code, macwatch.KindAP, "lobby", []string{"aa:aa:aa:00:00:01"})
	require.NoError(t, err)
	began := v.clock.now()
	room := func(r *macwatch.Record) { r.Room, r.UserName, r.AP = []byte("412"), []byte("Room412"), []byte("ap-9") }
	v.sight(v.record(1, macwatch.StatusStart), v.record(2, macwatch.StatusStart, room))
	v.clock.advance(time.Hour)
	v.sight(v.record(1, macwatch.StatusStop, counters(3600, 1, 1)))
	v.clock.advance(time.Hour)
	v.sight(v.record(3, macwatch.StatusStart, func(r *macwatch.Record) { r.Location = other.ID }))
	v.clock.advance(time.Second)
	v.sight(v.record(1, macwatch.StatusStart))
	here := v.location.Code
	for name, tt := range map[string]struct {
		filter macwatch.SessionFilter
		want   []string
	}{
		"all of a Location":        {macwatch.SessionFilter{Location: here}, []string{"s-1", "s-2", "s-1"}},
		"all of all":               {macwatch.SessionFilter{}, []string{"s-1", "s-2", "s-3", "s-1"}},
		"online":                   {macwatch.SessionFilter{Location: here, Online: true}, []string{"s-2", "s-1"}},
		"online anywhere":          {macwatch.SessionFilter{Online: true}, []string{"s-2", "s-3", "s-1"}},
		"of a device":              {macwatch.SessionFilter{Location: here, MAC: guest(1)}, []string{"s-1", "s-1"}},
		"of an AP, by its name":    {macwatch.SessionFilter{Location: here, AP: "lobby"}, []string{"s-1", "s-1"}},
		"of an AP, by an address":  {macwatch.SessionFilter{Location: here, AP: "AA-AA-AA-00-00-01"}, []string{"s-1", "s-1"}},
		"of an AP that is unknown": {macwatch.SessionFilter{Location: here, AP: "elsewhere"}, []string{}},
		"of a room":                {macwatch.SessionFilter{Location: here, Room: "0412"}, []string{"s-2"}},
		"of a guest":               {macwatch.SessionFilter{Location: here, User: "ROOM412"}, []string{"s-2"}},
		"by its id":                {macwatch.SessionFilter{Location: here, Session: "s-2"}, []string{"s-2"}},
		"not over by then":         {macwatch.SessionFilter{Location: here, Since: began.Add(90 * time.Minute)}, []string{"s-2", "s-1"}},
		"begun before then":        {macwatch.SessionFilter{Location: here, Until: began.Add(time.Minute)}, []string{"s-1", "s-2"}},
		"in between":               {macwatch.SessionFilter{Location: here, Since: began.Add(time.Minute), Until: began.Add(time.Hour), MAC: guest(1)}, []string{"s-1"}},
	} {
		require.Equal(t, tt.want, v.found(tt.filter), name)
	}
	_, err = v.s.Location(ctx, "28N2S099")
	require.Equal(t, err, v.s.Sessions(ctx, macwatch.SessionFilter{Location: "28N2S099"}, nil))
}

// A guest who roams is one connection where the APs say so.
func TestHopsAreOneConnection(t *testing.T) {
	v := openVenue(t)
	multi := func(id string) func(*macwatch.Record) {
		return func(r *macwatch.Record) { r.Origin.MultiID = []byte(id) }
	}
	hop := func(nas string) func(*macwatch.Record) {
		return func(r *macwatch.Record) { r.NAS, r.SessionID = []byte(nas), []byte("id-of-"+nas) }
	}
	v.sight(
		v.record(1, macwatch.StatusStart, hop("ap-1"), multi("m1")), v.record(1, macwatch.StatusStart, hop("ap-2"), multi("m1")),
		v.record(1, macwatch.StatusStart, hop("ap-3")), v.record(2, macwatch.StatusStart, hop("ap-1"), multi("m1")),
	)
	of := map[string][]string{}
	for _, s := range v.sessions() {
		of[s.Connection] = append(of[s.Connection], s.MAC[15:]+" "+s.SessionID)
	}
	var sizes []int
	for _, sessions := range of {
		sizes = append(sizes, len(sessions))
	}
	require.ElementsMatch(t, []int{2, 1, 1}, sizes, of)
	first := v.sessions()[0].Connection
	require.Equal(t, []string{"id-of-ap-1", "id-of-ap-2"}, v.found(macwatch.SessionFilter{Location: v.location.Code, Session: first}))
}
