package store

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"tallygate/licensing"
	"tallygate/macwatch"
)

func TestSetClient(t *testing.T) {
	v := openVenue(t)
	playa, err := v.s.AddLocation(ctx, by, licensing.Location{Name: "Playa", Realm: "hotelsol", Code: "28N2S005", Settings: licensing.Settings{Timezone: "Europe/Madrid"}})
	require.NoError(t, err)
	secret, vendor, code := "another long shared secret", macwatch.VendorHuawei, "28n2s005"
	rules := []macwatch.LocationRule{{By: macwatch.BySSID, Value: " Beach ", Location: "28n2s004"}}
	field := macwatch.FieldRule{Attribute: "aruba-location-id", Pattern: `^(.*)-x$`}
	c, err := v.s.SetClient(ctx, by, "WLC", macwatch.ClientPatch{Secret: &secret, Vendor: &vendor, Location: &code, Locations: &rules, AP: &field})
	require.NoError(t, err)
	require.Equal(t, playa.ID, c.LocationID)
	require.Equal(t, macwatch.LocationRule{By: macwatch.BySSID, Value: "Beach", Location: "28N2S004"}, c.Locations[0])
	require.Equal(t, v.client.RequireMA, c.RequireMA, "what is not said stays")
	v.restart()
	again, err := v.s.Client(ctx, "wlc")
	require.NoError(t, err)
	require.Equal(t, c, again)
	require.Equal(t, secret, again.Secret)

	wrong := func(hint string, p macwatch.ClientPatch) {
		_, err := v.s.SetClient(ctx, by, "wlc", p)
		require.Error(t, err)
		var operator *licensing.Error
		require.ErrorAs(t, err, &operator)
		require.Contains(t, operator.Error()+" "+operator.Hint, hint)
	}
	text := func(s string) *string { return &s }
	bad, none := macwatch.Vendor("acme"), macwatch.RequireMA("maybe")
	wrong("16 or more", macwatch.ClientPatch{Secret: text("")})
	wrong("no Location", macwatch.ClientPatch{Location: text("28N2S099")})
	wrong("cisco-9800", macwatch.ClientPatch{Vendor: &bad})
	wrong("yes, no or auto", macwatch.ClientPatch{RequireMA: &none})
	wrong("cisco-avpair:KEY", macwatch.ClientPatch{SSID: &macwatch.FieldRule{Attribute: "nonsense"}})
	wrong("ATTRIBUTE=PATTERN", macwatch.ClientPatch{GuestMAC: &macwatch.FieldRule{Pattern: "x"}})
	wrong("regular expression", macwatch.ClientPatch{AP: &macwatch.FieldRule{Attribute: "ssid", Pattern: "("}})
	for hint, r := range map[string]macwatch.LocationRule{
		"nas, ssid, ap or realm": {By: "moon", Value: "x", Location: "28N2S004"},
		"1 to 253 octets":        {By: macwatch.BySSID, Value: " ", Location: "28N2S004"},
		"no Location":            {By: macwatch.BySSID, Value: "x", Location: "28N2S099"},
		"is hotelsol":            {By: macwatch.ByRealm, Value: "hotelmar", Location: "28N2S004"},
	} {
		wrong(hint, macwatch.ClientPatch{Locations: &[]macwatch.LocationRule{r}})
	}
	many := make([]macwatch.LocationRule, maxLocationRules+1)
	wrong("*", macwatch.ClientPatch{Locations: &many})
	_, err = v.s.SetClient(ctx, by, "nobody", macwatch.ClientPatch{})
	require.Error(t, err)
	_, err = v.s.AddClient(ctx, by, macwatch.Client{Name: "x", Prefix: netip.MustParsePrefix("10.0.0.1/32"), Secret: "s", Location: "28N2S004",
		ClientSettings: macwatch.ClientSettings{Locations: []macwatch.LocationRule{{By: "moon", Value: "x", Location: "28N2S004"}}}})
	require.Error(t, err)

	rehearsal := by
	rehearsal.DryRun = true
	_, err = v.s.SetClient(ctx, rehearsal, "wlc", macwatch.ClientPatch{Locations: &[]macwatch.LocationRule{}})
	require.NoError(t, err)
	again, err = v.s.Client(ctx, "wlc")
	require.NoError(t, err)
	require.Len(t, again.Locations, 1)
}

// What packets have shown of a client is kept, changes on better evidence only, and is
// forgotten when an operator names a vendor.
func TestRecognized(t *testing.T) {
	v := openVenue(t)
	shown := func() (macwatch.Vendor, uint8) {
		require.NoError(t, v.s.change(ctx, by, func(*tx) error { return nil })) // after what is queued
		c, err := v.s.Client(ctx, "wlc")
		require.NoError(t, err)
		return c.Detected, c.DetectedBy
	}
	v.s.Recognized(v.client.ID, macwatch.VendorHostapd, 1)
	v.s.Recognized(v.client.ID, macwatch.VendorGrandstream, 1)
	v.s.Recognized(v.client.ID+99, macwatch.VendorOmada, 3)
	got, by1 := shown()
	require.Equal(t, macwatch.VendorHostapd, got)
	require.Equal(t, uint8(1), by1)
	v.s.Recognized(v.client.ID, macwatch.VendorOmada, 2)
	v.restart()
	got, _ = shown()
	require.Equal(t, macwatch.VendorOmada, got)

	vendor := macwatch.VendorAuto
	_, err := v.s.SetClient(ctx, by, "wlc", macwatch.ClientPatch{Vendor: &vendor})
	require.NoError(t, err)
	got, _ = shown()
	require.Empty(t, got)
	vendor = macwatch.VendorHuawei
	_, err = v.s.SetClient(ctx, by, "wlc", macwatch.ClientPatch{Vendor: &vendor})
	require.NoError(t, err)
	v.s.Recognized(v.client.ID, macwatch.VendorOmada, 3)
	got, _ = shown()
	require.Empty(t, got, "an operator's word ends it")
}

// What a restart hands to radiusd: open sessions whose packets do not say whose they are,
// with the device's own address even where it is stored as a pseudonym.
func TestNamelessSessions(t *testing.T) {
	for name, change := range map[string]func(*Options){"clear": func(*Options) {}, "concealed": concealed} {
		v := openVenue(t, change)
		with := func(calling, user, session string) func(*macwatch.Record) {
			return func(r *macwatch.Record) {
				r.Calling, r.UserName, r.SessionID = []byte(calling), []byte(user), []byte(session)
			}
		}
		v.store(
			v.record(1, macwatch.StatusStart, with("", "ana", "joined")),
			v.record(2, macwatch.StatusStart, with("192.168.100.101", "ben", "by-address")),
			v.record(3, macwatch.StatusStart, with(guest(3).String(), "eva", "names itself")),
			v.record(4, macwatch.StatusStart, with("", guest(4).String(), "by its user")),
			v.record(5, macwatch.StatusStart, with("10.1.1.1", "x", "646f26a4/"+guest(5).String()+"/911")),
			v.record(6, macwatch.StatusStart, with("", "ivo", "closed")),
			v.record(7, macwatch.StatusStart, with("", "leo", "nobody"), func(r *macwatch.Record) { r.MAC = 0 }),
		)
		v.store(v.record(6, macwatch.StatusStop, with("", "ivo", "closed")))
		v.restart()
		got := map[string]macwatch.MAC{}
		require.NoError(t, v.s.NamelessSessions(ctx, func(s *macwatch.Session) { got[s.SessionID] = s.MAC }))
		require.Equal(t, map[string]macwatch.MAC{"joined": guest(1), "by-address": guest(2), "nobody": 0}, got, name)
	}
}
