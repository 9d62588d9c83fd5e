package licensing

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// life is a license that everything has happened to, version after version.
func life(t *testing.T) (versions []Version, at func(string) time.Time) {
	t.Helper()
	at = func(text string) time.Time {
		v, err := time.Parse("2006-01-02 15:04", text)
		require.NoError(t, err)
		return v
	}
	l := License{Number: "TG-1", ActivatedAt: at("2026-01-10 09:00"), Terms: Terms{
		Organization: "Hotel Sol", Realm: "hotelsol", Term: Term{Months: 3}, APs: 2, Rooms: Unlimited, Modules: []string{"guest"},
		Threshold: 5, Start: StartFifthDevice,
	}}
	change := func(when, by string, alter func(*License)) {
		alter(&l)
		text, err := json.Marshal(l) // as the log keeps it
		require.NoError(t, err)
		var copied License
		require.NoError(t, json.Unmarshal(text, &copied))
		versions = append(versions, Version{at(when), by, copied})
	}
	change("2026-01-10 09:00", "ana@console", func(*License) {})
	change("2026-01-11 09:00", "ana@console", func(l *License) {
		l.ProvisionedAt, l.Zone = at("2026-01-11 09:00"), "Europe/Madrid"
		l.Allotments = []Allotment{{Location: "28N2S004", At: l.ProvisionedAt, APs: 2, Rooms: Unlimited}}
	})
	change("2026-01-20 18:00", "tallygate", func(l *License) { l.StartedAt, l.StartedBy = at("2026-01-20 17:59"), StartedByCount })
	change("2026-02-01 10:00", "ana@console", func(l *License) { l.Operator = Denial{At: at("2026-02-01 10:00"), Reason: "invoice 4711 unpaid."} })
	change("2026-02-02 10:00", "ana@console", func(l *License) { l.Operator = Denial{} })
	change("2026-02-10 10:00", "ana@console", func(l *License) { l.Terms.APs, l.Terms.Modules, l.Sequence = 5, []string{"guest", "pms"}, 1 })
	change("2026-04-01 10:00", "ana@console", func(l *License) { l.Renewals, l.Sequence = []Term{{Months: 1}}, 2 })
	return versions, at
}

func TestHistory(t *testing.T) {
	versions, at := life(t)
	remarks := []Remark{
		{At: at("2026-02-10 10:00"), By: "ana@console", Kind: "upgrade", Order: "aa"},
		{At: at("2026-03-01 10:00"), By: "ana@console", Kind: "confirmation", Order: "bb"},
		{At: at("2026-03-02 10:00"), By: "tallygate", Kind: "license.mismatch", Text: "Its row was altered in the database."},
		{At: at("2026-04-01 10:00"), By: "ana@console", Kind: "renewal", Order: "cc"},
	}
	got := History(versions, remarks, at("2026-12-31 00:00"))
	type line struct{ at, by, kind, text, state, order string }
	var lines []line
	for _, e := range got {
		lines = append(lines, line{e.At.UTC().Format("2006-01-02 15:04"), e.By, e.Kind, e.Text, e.State.String(), e.Order})
	}
	require.Equal(t, []line{
		{"2026-01-10 09:00", "ana@console", "activated", "The key was entered: a license of Hotel Sol for 3 months, with 2 APs, rooms not limited, modules guest.",
			"Pending Provision", ""},
		{"2026-01-11 09:00", "ana@console", "assigned", "Assigned to 28N2S004: 2 APs, rooms not limited.", "Pending Start", ""},
		{"2026-01-20 18:00", "tallygate", "started", "The contract period began on 2026-01-20 18:59:00 CET. The contract starts with the 5th distinct device " +
			"sighted after the license was assigned. Its last day is 2026-04-20.", "In Use", ""},
		{"2026-02-01 10:00", "ana@console", "denied", "Access denied by the operator: invoice 4711 unpaid.", "Access denied", ""},
		{"2026-02-02 10:00", "ana@console", "restored", "The denial by the operator was lifted.", "In Use", ""},
		{"2026-02-10 10:00", "ana@console", "upgraded", "The AP limit became 5; it was 2.", "In Use", "aa"},
		{"2026-02-10 10:00", "ana@console", "upgraded", "The modules became guest, pms; they were guest.", "In Use", "aa"},
		{"2026-03-01 10:00", "ana@console", "confirmation", "The signed order confirmation was applied and altered nothing.", "In Use", "bb"},
		{"2026-03-02 10:00", "tallygate", "license.mismatch", "Its row was altered in the database.", "In Use", ""},
		{"2026-04-01 10:00", "ana@console", "renewed", "Renewed by 1 month. Its last day is 2026-05-20.", "In Use", "cc"},
		{"2026-05-20 22:00", "calendar", "ended", "The contract ended with its last day, 2026-05-20: no guest is served under it any more.", "Contract finalized", ""},
	}, lines)

	// Seen from an earlier day, what lies ahead has not happened.
	require.Len(t, History(versions, remarks, at("2026-05-20 21:59")), len(got)-1)
}

func TestHistoryTellsWhatTheCalendarDid(t *testing.T) {
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	l := License{Number: "TG-1", ActivatedAt: start, ProvisionedAt: start, Zone: "America/Santiago", Terms: Terms{
		Term: Term{Years: 1}, Start: StartFixedDate, StartDate: Date{2026, 4, 1}, ConfirmEvery: 31}}
	got := History([]Version{{start, "ana", l}}, nil, time.Date(2027, 6, 1, 0, 0, 0, 0, time.UTC))
	var kinds, days []string
	for _, e := range got {
		kinds, days = append(kinds, e.Kind), append(days, e.At.In(l.location()).Format("2006-01-02 15:04"))
	}
	require.Equal(t, []string{"activated", "noted", "started", "denied", "ended"}, kinds)
	require.Equal(t, []string{"2026-03-01 09:00", "2026-03-01 09:00", "2026-04-01 00:00", "2026-05-03 00:00", "2027-04-02 00:00"}, days)
	require.Contains(t, got[3].Text, ConfirmationOverdue)
}

// Whatever differs between two versions is told, known by name or not.
func TestNoAlterationIsLeftOut(t *testing.T) {
	for kind, alter := range map[string]func(*License){
		"unassigned":     func(l *License) { l.Allotments = nil },
		"allotted":       func(l *License) { l.Allotments = []Allotment{{Location: "L1", APs: 7}} },
		"assigned":       func(l *License) { l.Allotments = append([]Allotment{{Location: "L2"}}, l.Allotments...) },
		"start-undone":   func(l *License) { l.StartedAt = time.Time{} },
		"started":        func(l *License) { l.StartedAt = l.StartedAt.Add(time.Hour) },
		"start-proposed": func(l *License) { l.Proposal.At = l.StartedAt },
		"start-declined": func(l *License) { l.DeclinedAt = l.StartedAt },
		"denied":         func(l *License) { l.Distributor = Denial{At: l.StartedAt, Reason: "x"} },
		"paused":         func(l *License) { l.PausedDays = 3 },
		"confirmed":      func(l *License) { l.ConfirmedUntil = Date{2026, 2, 1} },
		"renewed":        func(l *License) { l.Renewals = []Term{{Years: 1}} },
		"upgraded":       func(l *License) { l.Terms.Rooms = 8 },
		"terms":          func(l *License) { l.Terms.Payment = PaymentAnnual },
		"transferred":    func(l *License) { l.Partner = "sur" },
		"released":       func(l *License) { l.ReleasedAt, l.ReleasedTo = l.StartedAt, "k4" },
		"noted":          func(l *License) { l.Sequence++ },
	} {
		before := License{Number: "TG-1", StartedAt: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Zone: "UTC",
			Allotments: []Allotment{{Location: "L1", APs: 2}}}
		after := before
		after.Allotments = append([]Allotment{}, before.Allotments...)
		alter(&after)
		found := alterations(&before, &after)
		require.Len(t, found, 1, kind)
		require.Equal(t, kind, found[0].kind, found[0].text)
		require.Regexp(t, `^[A-Z].*\.$`, found[0].text)
	}
}

// What a license brings with it when it comes from another gateway was done by many
// orders, all noted at the same instant.
func TestHistoryOfWhatCameNamesTheOrderOfEach(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	orders := func(kinds ...OrderKind) (all []Remark) {
		for i, kind := range kinds {
			all = append(all, Remark{At: at, By: "ana", Kind: string(kind), Order: fmt.Sprint(i + 1)})
		}
		return all
	}
	told := func(versions []Version, remarks []Remark) (all []string) {
		for _, e := range History(versions, remarks, at) {
			all = append(all, e.Kind+" "+e.Order)
		}
		return all
	}
	l := License{Number: "TG-1", ActivatedAt: at.Add(-time.Hour), Partner: "sur", Hop: 1, ConfirmedUntil: Date{2026, 4, 1},
		Renewals: []Term{{Years: 1}, {Years: 2}}, Operator: Denial{At: at, Reason: "x"}, Terms: Terms{Term: Term{Years: 1}}}
	came := []Version{{at, "ana", l}}
	require.Equal(t, []string{"activated ", "denied ", "renewed 2", "renewed 4", "confirmed 3", "transferred 6"},
		told(came, orders(OrderUpgrade, OrderRenewal, OrderConfirmation, OrderRenewal, OrderDeny, OrderTransfer)))
	require.Equal(t, []string{"activated ", "denied ", "renewed 3", "renewed 4", "confirmed ", "transferred "},
		told(came, orders(OrderConfirmation, OrderConfirmation, OrderRenewal, OrderRenewal)), "either confirmation may have been it")

	left := l
	left.Renewals, left.ReleasedAt, left.ReleasedTo = l.Renewals[:1], at.Add(-time.Minute), "k4"
	back := []Version{{at.Add(-time.Minute), "ana", left}, {at, "ana", l}}
	require.Equal(t, []string{"renewed 1", "returned "}, told(back, orders(OrderRenewal))[len(told(back[:1], nil)):])
}

func TestPausedDaysAreTold(t *testing.T) {
	for days, text := range map[[2]int]string{
		{0, 1}: "moved the last day by 1 day.", {1, 4}: "moved the last day by 3 days.",
		{1, 0}: "had added to the term, 1 day, was taken back.", {3, 0}: "had added to the term, 3 days, was taken back.",
	} {
		found := alterations(&License{PausedDays: days[0]}, &License{PausedDays: days[1]})
		require.Len(t, found, 1)
		require.Contains(t, found[0].text, text)
	}
}

// What a grant does not give is no change.
func TestChangesOfANewLicense(t *testing.T) {
	l := License{Number: "TG-1", Terms: Terms{Term: Term{Years: 1}, APs: 2}}
	for _, c := range Changes(nil, &l, time.Now()) {
		require.NotEqual(t, "days added by pauses", c.What)
	}
	paused := l
	paused.PausedDays = 3
	require.Equal(t, []ChangeLine{{"days added by pauses", "", "3"}}, Changes(&l, &paused, time.Now()))
}

func TestVersionAt(t *testing.T) {
	versions, at := life(t)
	require.Nil(t, VersionAt(versions, at("2026-01-10 08:59")))
	require.Equal(t, PendingProvision, VersionAt(versions, at("2026-01-10 09:00")).StateAt(at("2026-01-10 09:00")))
	require.Equal(t, "invoice 4711 unpaid.", VersionAt(versions, at("2026-02-02 09:59")).Operator.Reason, "though it was lifted since")
	require.Empty(t, VersionAt(versions, at("2026-02-02 10:00")).Operator.Reason)
	require.Equal(t, Limit(5), VersionAt(versions, at("2030-01-01 00:00")).Terms.APs)
}
