package licensing

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestValidateOrganization(t *testing.T) {
	right := Organization{Name: "Hotel Sol, S.L.", Realm: "hotelsol", Code: "N2S"}
	require.NoError(t, ValidateOrganization(right))
	for why, change := range map[string]func(*Organization){
		"no name":       func(o *Organization) { o.Name = "\t" },
		"a long name":   func(o *Organization) { o.Name = strings.Repeat("a", 201) },
		"no realm":      func(o *Organization) { o.Realm = "" },
		"a short realm": func(o *Organization) { o.Realm = "hotel" },
		"no code":       func(o *Organization) { o.Code = "" },
		"a short code":  func(o *Organization) { o.Code = "N2" },
		"lower case":    func(o *Organization) { o.Code = "n2s" },
		"no letter":     func(o *Organization) { o.Code = "N2é"[:3] },
	} {
		t.Run(why, func(t *testing.T) {
			o := right
			change(&o)
			requireAdvice(t, ValidateOrganization(o), CodeInvalid)
		})
	}
	require.NoError(t, right.CheckLocationCode("28N2S004"))
	for _, code := range []string{"", "28N3S004", "28N2S04", "N2S28004"} {
		requireAdvice(t, right.CheckLocationCode(code), CodeInvalid)
	}
}

func TestValidateLocation(t *testing.T) {
	right := Location{Code: "28N2S004", Name: "Hotel Sol Madrid", Sector: "hospitality", Settings: Settings{Timezone: "Europe/Madrid"}.WithDefaults()}
	require.NoError(t, ValidateLocation(right))
	for why, change := range map[string]func(*Location){
		"no code":           func(l *Location) { l.Code = "" },
		"a short code":      func(l *Location) { l.Code = "28N2S04" },
		"lower case":        func(l *Location) { l.Code = "28n2s004" },
		"letters at end":    func(l *Location) { l.Code = "28N2S0A4" },
		"no ASCII":          func(l *Location) { l.Code = "2éN2S04"[:8] },
		"no name":           func(l *Location) { l.Name = "" },
		"a sector of words": func(l *Location) { l.Sector = "big hotels" },
		"no zone":           func(l *Location) { l.Settings.Timezone = "" },
	} {
		t.Run(why, func(t *testing.T) {
			l := right
			change(&l)
			requireAdvice(t, ValidateLocation(l), CodeInvalid)
		})
	}
}

func TestValidateSettings(t *testing.T) {
	right := Settings{Timezone: "Europe/Madrid"}.WithDefaults()
	require.Equal(t, Settings{Guests: GuestsOpen, Count: CountAccounting, APs: APsFirstCome, Reply: DefaultReply(), Timezone: "Europe/Madrid", AutoRenewal: AutoRenewalOn}, right)
	chosen := Settings{Guests: GuestsLocal, Count: CountAccepted, APs: APsDeclared, Reply: Reply{VLAN: 12}, Timezone: "UTC", AutoRenewal: AutoRenewalOff}
	require.Equal(t, chosen, chosen.WithDefaults(), "what is chosen stays")

	for why, change := range map[string]func(*Settings){
		"as it is":     func(*Settings) {},
		"rooms":        func(s *Settings) { s.Room = RoomRule{Attribute: "vlan", Pattern: `^1(\d{3})$`, Required: true} },
		"VLAN 4094":    func(s *Settings) { s.Reply.VLAN = 4094 },
		"interim 60":   func(s *Settings) { s.Reply.InterimInterval = 60 },
		"no interim":   func(s *Settings) { s.Reply.InterimInterval = 0 },
		"SSID modules": func(s *Settings) { s.Modules = map[string]string{"Sol Business": "business"} },
	} {
		s := right
		change(&s)
		require.NoError(t, ValidateSettings(s), why)
	}
	for why, change := range map[string]func(*Settings){
		"unknown guests":        func(s *Settings) { s.Guests = "closed" },
		"unknown count":         func(s *Settings) { s.Count = "" },
		"unknown AP policy":     func(s *Settings) { s.APs = "any" },
		"unknown zone":          func(s *Settings) { s.Timezone = "Mars/Olympus" },
		"room attribute":        func(s *Settings) { s.Room.Attribute = "shoe-size" },
		"room pattern":          func(s *Settings) { s.Room = RoomRule{Attribute: "vlan", Pattern: "("} },
		"pattern of nothing":    func(s *Settings) { s.Room.Pattern = ".*" },
		"required of nothing":   func(s *Settings) { s.Room.Required = true },
		"VLAN 4095":             func(s *Settings) { s.Reply.VLAN = 4095 },
		"VLAN -1":               func(s *Settings) { s.Reply.VLAN = -1 },
		"interim 59":            func(s *Settings) { s.Reply.InterimInterval = 59 },
		"negative timeout":      func(s *Settings) { s.Reply.SessionTimeout = -1 },
		"negative idle":         func(s *Settings) { s.Reply.IdleTimeout = -1 },
		"negative bandwidth":    func(s *Settings) { s.Reply.BandwidthUp = -1 },
		"filter id of 254":      func(s *Settings) { s.Reply.FilterID = strings.Repeat("x", 254) },
		"an empty SSID":         func(s *Settings) { s.Modules = map[string]string{"": "guest"} },
		"an SSID of 33":         func(s *Settings) { s.Modules = map[string]string{strings.Repeat("x", 33): "guest"} },
		"a module with no name": func(s *Settings) { s.Modules = map[string]string{"Sol": " "} },
	} {
		t.Run(why, func(t *testing.T) {
			s := right
			change(&s)
			requireAdvice(t, ValidateSettings(s), CodeInvalid)
		})
	}
}
