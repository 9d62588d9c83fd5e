package licensing

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTermsValidate(t *testing.T) {
	require.NoError(t, testTerms().Validate())
	for why, change := range map[string]func(*Terms){
		"a single license, quantity left out": func(t *Terms) { t.Quantity = 0 },
		"the largest pool":                    func(t *Terms) { t.Quantity, t.Index = 1000, 999 },
		"nothing allowed at all":              func(t *Terms) { t.APs, t.Rooms = 0, 0 },
		"60 months":                           func(t *Terms) { t.Term = Term{Months: 60} },
		"1830 days":                           func(t *Terms) { t.Term = Term{Days: 1830} },
		"one day":                             func(t *Terms) { t.Term = Term{Days: 1} },
		"threshold 1":                         func(t *Terms) { t.Threshold = 1 },
		"the shortest window":                 func(t *Terms) { t.CountWindow = time.Minute },
		"the longest window":                  func(t *Terms) { t.CountWindow = 366 * 24 * time.Hour },
		"a fixed date":                        func(t *Terms) { t.Start, t.StartDate = StartFixedDate, Date{2026, 4, 1} },
		"bound to nothing": func(t *Terms) {
			t.Location, t.Gateway, t.Zone, t.Modules, t.ActivateBy, t.LatestEnd = "", "", "", nil, Date{}, Date{}
		},
		"a realm of 12": func(t *Terms) { t.Realm = "Hotel-Sol.12" },
	} {
		terms := testTerms()
		change(&terms)
		require.NoError(t, terms.Validate(), why)
	}
	for why, change := range map[string]func(*Terms){
		"no grant id":               func(t *Terms) { t.GrantID = "" },
		"a short grant id":          func(t *Terms) { t.GrantID = "00ff" },
		"no Organization":           func(t *Terms) { t.Organization = " " },
		"a control character":       func(t *Terms) { t.Organization = "Hotel\x1b[31m" },
		"no realm":                  func(t *Terms) { t.Realm = "" },
		"a realm of 5":              func(t *Terms) { t.Realm = "hotel" },
		"a realm of 13":             func(t *Terms) { t.Realm = "hotelsolhotel" },
		"a realm with an @":         func(t *Terms) { t.Realm = "hotel@sol" },
		"a realm with an ñ":         func(t *Terms) { t.Realm = "español" },
		"a Location that is none":   func(t *Terms) { t.Location = "28N2S04" },
		"no term":                   func(t *Terms) { t.Term = Term{} },
		"two terms":                 func(t *Terms) { t.Term = Term{Years: 1, Months: 1} },
		"6 years":                   func(t *Terms) { t.Term = Term{Years: 6} },
		"61 months":                 func(t *Terms) { t.Term = Term{Months: 61} },
		"1831 days":                 func(t *Terms) { t.Term = Term{Days: 1831} },
		"a negative term":           func(t *Terms) { t.Term = Term{Years: 2, Days: -1} },
		"negative APs":              func(t *Terms) { t.APs = -2 },
		"negative rooms":            func(t *Terms) { t.Rooms = -2 },
		"negative quantity":         func(t *Terms) { t.Quantity = -1 },
		"a pool of 1001":            func(t *Terms) { t.Quantity = 1001 },
		"an index out of the pool":  func(t *Terms) { t.Index = 1 },
		"negative exempt":           func(t *Terms) { t.MaxExempt = -1 },
		"negative lab hours":        func(t *Terms) { t.LabHours = -1 },
		"negative aliases":          func(t *Terms) { t.MaxAliases = -1 },
		"an empty module":           func(t *Terms) { t.Modules = []string{"guest", ""} },
		"a module with a space":     func(t *Terms) { t.Modules = []string{"guest", " business"} },
		"a module twice":            func(t *Terms) { t.Modules = []string{"guest", "guest"} },
		"threshold 0":               func(t *Terms) { t.Threshold = 0 },
		"no start policy":           func(t *Terms) { t.Start = "" },
		"an unknown start policy":   func(t *Terms) { t.Start = "at-noon" },
		"a fixed date without one":  func(t *Terms) { t.Start = StartFixedDate },
		"a date without fixed-date": func(t *Terms) { t.StartDate = Date{2026, 4, 1} },
		"a window of a second":      func(t *Terms) { t.CountWindow = time.Second },
		"a negative window":         func(t *Terms) { t.CountWindow = -time.Hour },
		"a window of 367 days":      func(t *Terms) { t.CountWindow = 367 * 24 * time.Hour },
		"an unknown zone":           func(t *Terms) { t.Zone = "Europe/Atlantis" },
		"the zone Local":            func(t *Terms) { t.Zone = "Local" },
		"a day that is none":        func(t *Terms) { t.ActivateBy = Date{2026, 2, 30} },
		"an end before the start": func(t *Terms) {
			t.Start, t.StartDate, t.LatestEnd = StartFixedDate, Date{2026, 4, 2}, Date{2026, 4, 1}
		},
	} {
		t.Run(why, func(t *testing.T) {
			terms := testTerms()
			change(&terms)
			requireAdvice(t, terms.Validate(), CodeInvalid)
		})
	}
}

func TestTermsLicenses(t *testing.T) {
	terms := testTerms()
	terms.Quantity = 3
	at := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	pool := terms.Licenses(at)
	require.Len(t, pool, 3)
	for i, l := range pool {
		require.Equal(t, LicenseNumber(terms.GrantID, i), l.Number)
		require.Equal(t, i, l.Terms.Index)
		require.Equal(t, at, l.ActivatedAt)
		require.Equal(t, PendingProvision, l.StateAt(at))
		require.NoError(t, l.Terms.Validate())
	}
	pool[0].Terms.Modules[0] = "changed"
	require.Equal(t, "guest", pool[1].Terms.Modules[0], "members share nothing")
	terms.Quantity = 0
	require.Len(t, terms.Licenses(at), 1)
}
