package licensing

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCheckActivation(t *testing.T) {
	location := &Location{Code: "28N2S004", Organization: "Hotel Sol", Realm: "hotelsol", Settings: Settings{Timezone: "America/Havana"}}
	right := Target{Gateway: "gateway-1", Location: location, OrganizationRealm: "HOTELSOL", OrganizationName: "hotel sol ", Now: instant(t, "2026-06-01T00:00:00Z")}

	for _, c := range []struct {
		why     string
		terms   func(*Terms)
		target  func(*Target)
		message string // "": it may be activated
	}{
		{"right, in any case", nil, nil, ""},
		{"bound to nothing", func(g *Terms) { g.Gateway, g.Location = "", "" }, func(to *Target) { to.Location = nil }, ""},
		{"another gateway", nil, func(to *Target) { to.Gateway = "gateway-2" }, "another gateway: gateway-1"},
		{"another realm", nil, func(to *Target) { to.OrganizationRealm = "hotelmar" }, `not "hotel sol "`},
		{"another name", nil, func(to *Target) { to.OrganizationName = "Hotel Mar" }, `not "Hotel Mar"`},
		{"a Location of another Organization", nil, func(to *Target) {
			to.Location = &Location{Code: "28N2S004", Organization: "Hotel Mar", Realm: "hotelmar"}
		}, `not "Hotel Mar" (realm hotelmar)`},
		{"another Location", nil, func(to *Target) { c := *location; c.Code = "28N2S005"; to.Location = &c }, "for Location 28N2S004, not 28N2S005"},
		{"no Location", nil, func(to *Target) { to.Location = nil }, "none is chosen"},

		{"the last day, in the key's zone", nil, func(to *Target) { to.Now = instant(t, "2026-12-31T22:59:59Z") }, ""},
		{"the day after", nil, func(to *Target) { to.Now = instant(t, "2026-12-31T23:00:00Z") }, "by 2026-12-31; today is 2027-01-01"},
		{"the last day, in the Location's zone", func(g *Terms) { g.Zone = "" }, func(to *Target) { to.Now = instant(t, "2027-01-01T04:59:59Z") }, ""},
		{"the day after, in the Location's zone", func(g *Terms) { g.Zone = "" }, func(to *Target) { to.Now = instant(t, "2027-01-01T05:00:00Z") }, "today is 2027-01-01"},

		{"after the latest end", func(g *Terms) { g.ActivateBy = Date{} }, func(to *Target) { to.Now = instant(t, "2030-01-01T00:00:00Z") }, "over before it begins"},
		{"a fixed date that begins later", func(g *Terms) { g.Start, g.StartDate = StartFixedDate, Date{2026, 7, 1} }, nil, ""},
		{"a fixed date whose term has passed", func(g *Terms) { g.Start, g.StartDate = StartFixedDate, Date{2024, 5, 1} }, nil, "over before it begins"},
	} {
		t.Run(c.why, func(t *testing.T) {
			terms, target := testTerms(), right
			if c.terms != nil {
				c.terms(&terms)
			}
			if c.target != nil {
				c.target(&target)
			}
			require.NoError(t, terms.Validate())
			err := CheckActivation(terms, target)
			if c.message == "" {
				require.NoError(t, err)
				return
			}
			requireAdvice(t, err, CodeRefused)
			require.ErrorContains(t, err, c.message)
		})
	}
}
