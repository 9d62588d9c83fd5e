package admin

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tallygate/licensing"
)

func TestPatchChangesWhatItNames(t *testing.T) {
	before := licensing.Settings{
		Guests: "open", Count: "accounting", APs: "first-come", Timezone: "Europe/Madrid",
		Room:    licensing.RoomRule{Attribute: "vlan", Map: map[string]string{"A": "1", "B": "2"}},
		Reply:   licensing.Reply{VLAN: 7, IdleTimeout: 900},
		Modules: map[string]string{"Conf": "events"},
	}
	for _, tt := range []struct {
		name, patch string
		change      func(*licensing.Settings)
	}{
		{"nothing", `{}`, func(*licensing.Settings) {}},
		{"one", `{"guests":"local"}`, func(s *licensing.Settings) { s.Guests = "local" }},
		{"one within", `{"reply":{"vlan":0}}`, func(s *licensing.Settings) { s.Reply.VLAN = 0 }},
		{"an entry more", `{"ssid_modules":{"Spa":"spa"}}`, func(s *licensing.Settings) {
			s.Modules = map[string]string{"Conf": "events", "Spa": "spa"}
		}},
		{"an entry less", `{"room":{"map":{"A":""}}}`, func(s *licensing.Settings) { s.Room.Map = map[string]string{"B": "2"} }},
		{"an entry null", `{"room":{"map":{"B":null}}}`, func(s *licensing.Settings) { s.Room.Map = map[string]string{"A": "1"} }},
		{"all entries", `{"ssid_modules":null}`, func(s *licensing.Settings) { s.Modules = nil }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			store := &fakeStore{location: licensing.Location{Settings: before}}
			s := serve(t, Options{Store: store})
			status, p, _ := s.raw(t, "PATCH", "/v1/locations/L1/settings", tt.patch)
			require.Equal(t, 200, status, p.Detail)
			want := before
			tt.change(&want)
			require.Equal(t, want, store.location.Settings)
			require.Equal(t, map[string]string{"A": "1", "B": "2"}, before.Room.Map, "the store's own map must not change")
			require.Equal(t, map[string]string{"Conf": "events"}, before.Modules)
		})
	}
}

// Two operators who change different settings at once both succeed.
func TestPatchesDoNotOverwriteEachOther(t *testing.T) {
	const operators = 16
	store := &fakeStore{}
	s := serve(t, Options{Store: store})
	var all sync.WaitGroup
	for i := range operators {
		all.Go(func() {
			patch := map[string]any{"ssid_modules": map[string]string{fmt.Sprint(i): "m"}}
			if _, err := s.client.PatchLocation(context.Background(), realByAna, "L1", patch); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	require.Len(t, store.location.Settings.Modules, operators)
}

// A day stands for its end in the license's zone: on its last day a license serves.
func TestAsOf(t *testing.T) {
	for _, tt := range []struct{ zone, asOf, want string }{
		{"Europe/Madrid", "2027-01-31", "2027-01-31T22:59:59.999999999Z"},
		{"Europe/Madrid", "2027-07-31", "2027-07-31T21:59:59.999999999Z"},
		{"America/Santiago", "2026-09-05", "2026-09-06T03:59:59.999999999Z"}, // the next day begins at 01:00
		{"", "2027-01-31", "2027-01-31T23:59:59.999999999Z"},
	} {
		store := &fakeStore{license: licensing.Detail{License: licensing.License{Zone: tt.zone}}}
		s := serve(t, Options{Store: store})
		_, err := s.client.LicenseAsOf(context.Background(), "TG-1", tt.asOf)
		require.NoError(t, err)
		require.Equal(t, []string{"License TG-1 0001-01-01T00:00:00Z", "License TG-1 " + tt.want}, store.called())
	}
	s := serve(t, Options{Store: &fakeStore{}})
	_, err := s.client.LicenseAsOf(context.Background(), "TG-1", "soon")
	require.Equal(t, licensing.CodeInvalid, licensing.CodeOf(err))
}

func TestLabStatus(t *testing.T) {
	old := licensing.LabPeriod{Start: noon.Add(-48 * time.Hour), End: noon.Add(-40 * time.Hour)}
	running := licensing.LabPeriod{Start: noon.Add(-time.Hour), End: noon.Add(7 * time.Hour)}
	for _, tt := range []struct {
		name string
		labs []licensing.LabPeriod
		want LabStatus
	}{
		{"never", nil, LabStatus{Periods: []licensing.LabPeriod{}}},
		{"over", []licensing.LabPeriod{old}, LabStatus{Periods: []licensing.LabPeriod{old}}},
		{"on", []licensing.LabPeriod{old, running}, LabStatus{Active: true, EndsAt: &running.End, Periods: []licensing.LabPeriod{old, running}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, Options{Store: &fakeStore{labs: tt.labs}, Now: func() time.Time { return noon }})
			got, err := s.client.Lab(context.Background(), "L1")
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
		})
	}
}
