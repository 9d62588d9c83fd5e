package store

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// Six years of one gateway with five Locations, as a table: what is done when, and what
// everybody must be told and each guest be answered, worked out by hand from the
// calendars of the five zones. Instants are UTC, days are local.
//
//	Madrid      renewed early; the next one in the queue; a gap; renewed late
//	Santiago    cut-offs where midnight does not exist, and where it comes an hour late; denied with and without a pause
//	Havana      a pause that moves the end to a night without midnight; denied over the end
//	Cairo       both nights of the year that are not like others; 29 February
//	Kiritimati  a day ahead; monthly confirmations; auto-renewal until the pool is empty

var yearsZones = map[string]string{"Madrid": "Europe/Madrid", "Santiago": "America/Santiago", "Havana": "America/Havana",
	"Cairo": "Africa/Cairo", "Kiritimati": "Pacific/Kiritimati"}

// yearsOff is when the gateway is off, from and to.
var yearsOff = [][2]string{
	{"2027-10-27T00:00:00Z", "2027-11-01T00:00:00Z"}, // over Cairo's cut-off of 28 October
	{"2028-08-20T00:00:00Z", "2028-08-30T12:00:00Z"}, // over Santiago's seven days
	{"2028-12-30T05:00:00Z", "2029-01-08T05:00:00Z"}, // over Kiritimati's auto-renewal
	{"2030-11-05T00:00:00Z", "2030-11-17T00:00:00Z"}, // over two notices of Madrid
}

// yearsAnswers says from when on which license decides at a Location, and what a guest
// is told.
var yearsAnswers = map[string][]struct {
	from, license string
	reason        licensing.Reason
}{
	"Madrid": {
		{"2026-11-22T10:00:00Z", "", licensing.ReasonNoLicense},
		{"2026-11-22T11:00:00Z", "madrid-1", licensing.ReasonNone},
		{"2029-11-22T23:00:00Z", "madrid-2", licensing.ReasonNone},
		{"2030-11-23T23:00:00Z", "madrid-2", licensing.ReasonContractFinalized},
		{"2030-12-02T15:00:00Z", "madrid-3", licensing.ReasonNone},
		{"2031-12-02T23:00:00Z", "madrid-3", licensing.ReasonContractFinalized},
	},
	"Santiago": {
		{"2026-11-22T10:00:00Z", "", licensing.ReasonNoLicense},
		{"2027-09-02T15:00:00Z", "santiago-1", licensing.ReasonNone},
		{"2028-03-01T12:00:00Z", "santiago-1", licensing.ReasonAccessDenied},
		{"2028-03-20T12:00:00Z", "santiago-1", licensing.ReasonNone},
		{"2028-09-03T04:00:00Z", "santiago-2", licensing.ReasonNone},              // 01:00: the clocks skip midnight
		{"2029-04-08T04:00:00Z", "santiago-2", licensing.ReasonContractFinalized}, // the hour before midnight came twice
		{"2029-04-20T15:00:00Z", "santiago-3", licensing.ReasonNone},
		{"2030-06-10T19:00:00Z", "santiago-3", licensing.ReasonAccessDenied},
		{"2030-06-15T14:00:00Z", "santiago-3", licensing.ReasonNone},
		{"2032-04-26T04:00:00Z", "santiago-3", licensing.ReasonContractFinalized},
	},
	"Havana": {
		{"2026-11-22T10:00:00Z", "", licensing.ReasonNoLicense},
		{"2027-03-06T17:00:00Z", "havana-1", licensing.ReasonNone},
		{"2027-10-01T12:00:00Z", "havana-1", licensing.ReasonAccessDenied},
		{"2027-10-05T18:00:00Z", "havana-1", licensing.ReasonNone},
		{"2028-03-12T05:00:00Z", "havana-1", licensing.ReasonContractFinalized}, // 01:00: the clocks skip midnight
		{"2028-04-01T12:00:00Z", "havana-2", licensing.ReasonNone},
		{"2029-05-01T00:00:00Z", "havana-2", licensing.ReasonAccessDenied},
		{"2029-05-02T00:00:00Z", "havana-2", licensing.ReasonNone},
		{"2030-03-20T12:00:00Z", "havana-2", licensing.ReasonAccessDenied},
		{"2030-04-04T04:00:00Z", "havana-3", licensing.ReasonNone},
		{"2032-04-05T04:00:00Z", "havana-3", licensing.ReasonContractFinalized},
	},
	"Cairo": {
		{"2026-11-22T10:00:00Z", "", licensing.ReasonNoLicense},
		{"2027-01-10T09:00:00Z", "cairo-1", licensing.ReasonNone},
		{"2027-04-29T22:00:00Z", "cairo-2", licensing.ReasonNone},              // 01:00: the clocks skip midnight
		{"2027-10-28T22:00:00Z", "cairo-2", licensing.ReasonContractFinalized}, // the hour before midnight came twice
		{"2028-02-29T09:00:00Z", "cairo-3", licensing.ReasonNone},
		{"2032-02-29T22:00:00Z", "cairo-3", licensing.ReasonContractFinalized},
	},
	"Kiritimati": {
		{"2026-11-22T10:00:00Z", "", licensing.ReasonNoLicense},
		{"2027-01-01T00:00:00Z", "kiritimati-1", licensing.ReasonNone},
		{"2027-02-01T10:00:00Z", "kiritimati-1", licensing.ReasonAccessDenied}, // nobody confirmed
		{"2027-02-03T08:00:00Z", "kiritimati-1", licensing.ReasonNone},
		{"2028-01-01T10:00:00Z", "pool-1", licensing.ReasonNone},
		{"2029-01-02T10:00:00Z", "pool-2", licensing.ReasonNone},
		{"2030-01-03T10:00:00Z", "pool-3", licensing.ReasonNone},
		{"2031-01-04T10:00:00Z", "pool-3", licensing.ReasonContractFinalized},
	},
}

// yearsStarts is the start of each license, and how many sightings stand on its receipt.
var yearsStarts = map[string]string{
	"madrid-1": "2026-11-22T12:00:00Z 5", "madrid-2": "2029-11-22T23:00:00Z 0", "madrid-3": "2030-12-02T15:00:00Z 0",
	"santiago-1": "2027-09-02T15:00:00Z 0", "santiago-2": "2028-09-03T04:00:00Z 0", "santiago-3": "2029-04-20T15:00:00Z 0",
	"havana-1": "2027-03-06T17:00:00Z 0", "havana-2": "2028-04-03T15:00:00Z 5", "havana-3": "2030-04-04T04:00:00Z 0",
	"cairo-1": "2027-01-10T10:00:00Z 5", "cairo-2": "2027-04-29T22:00:00Z 0", "cairo-3": "2028-02-29T09:00:00Z 0",
	"kiritimati-1": "2027-01-01T00:00:00Z 0", "pool-1": "2028-01-01T10:00:00Z 0", "pool-2": "2029-01-02T10:00:00Z 0", "pool-3": "2030-01-03T10:00:00Z 0",
}

// yearsEnds is every end that a license had: its last day, the day one calendar month
// before it, the cut-off, and from when until when this was its end.
var yearsEnds = []struct{ license, zone, month, lastDay, end, from, dropped string }{
	{"madrid-1", "Madrid", "2027-10-22", "2027-11-22", "2027-11-22T23:00:00Z", "2026-11-22T12:00:00Z", "2027-11-03T10:00:00Z"},
	{"madrid-1", "Madrid", "2029-10-22", "2029-11-22", "2029-11-22T23:00:00Z", "2027-11-03T10:00:00Z", ""},
	{"madrid-2", "Madrid", "2030-10-23", "2030-11-23", "2030-11-23T23:00:00Z", "2029-11-10T10:00:00Z", ""},
	{"madrid-3", "Madrid", "2031-11-02", "2031-12-02", "2031-12-02T23:00:00Z", "2030-12-02T15:00:00Z", ""},
	{"santiago-1", "Santiago", "2028-08-02", "2028-09-02", "2028-09-03T04:00:00Z", "2027-09-02T15:00:00Z", ""},
	{"santiago-2", "Santiago", "2029-03-07", "2029-04-07", "2029-04-08T04:00:00Z", "2028-05-01T12:00:00Z", ""},
	{"santiago-3", "Santiago", "2032-03-20", "2032-04-20", "2032-04-21T04:00:00Z", "2029-04-20T15:00:00Z", "2030-06-10T19:00:00Z"},
	{"santiago-3", "Santiago", "2032-03-25", "2032-04-25", "2032-04-26T04:00:00Z", "2030-06-15T14:00:00Z", ""},
	{"havana-1", "Havana", "2028-02-06", "2028-03-06", "2028-03-07T05:00:00Z", "2027-03-06T17:00:00Z", "2027-10-01T12:00:00Z"},
	{"havana-1", "Havana", "2028-02-11", "2028-03-11", "2028-03-12T05:00:00Z", "2027-10-05T18:00:00Z", ""},
	{"havana-2", "Havana", "2030-03-03", "2030-04-03", "2030-04-04T04:00:00Z", "2028-04-03T15:00:00Z", ""},
	{"havana-3", "Havana", "2031-03-04", "2031-04-04", "2031-04-05T04:00:00Z", "2030-02-01T12:00:00Z", "2031-03-25T12:00:00Z"},
	{"havana-3", "Havana", "2032-03-04", "2032-04-04", "2032-04-05T04:00:00Z", "2031-03-25T12:00:00Z", ""},
	{"cairo-1", "Cairo", "2027-03-29", "2027-04-29", "2027-04-29T22:00:00Z", "2027-01-10T10:00:00Z", ""},
	{"cairo-2", "Cairo", "2027-09-28", "2027-10-28", "2027-10-28T22:00:00Z", "2027-03-01T09:00:00Z", ""},
	{"cairo-3", "Cairo", "2029-01-28", "2029-02-28", "2029-02-28T22:00:00Z", "2028-02-29T09:00:00Z", "2029-01-20T09:00:00Z"},
	{"cairo-3", "Cairo", "2032-01-29", "2032-02-29", "2032-02-29T22:00:00Z", "2029-01-20T09:00:00Z", ""},
	{"kiritimati-1", "Kiritimati", "2027-12-01", "2028-01-01", "2028-01-01T10:00:00Z", "2027-01-01T00:00:00Z", ""},
	{"pool-1", "Kiritimati", "2028-12-02", "2029-01-02", "2029-01-02T10:00:00Z", "2028-01-01T10:00:00Z", ""},
	{"pool-2", "Kiritimati", "2029-12-03", "2030-01-03", "2030-01-03T10:00:00Z", "2029-01-08T05:00:00Z", ""},
	{"pool-3", "Kiritimati", "2030-12-04", "2031-01-04", "2031-01-04T10:00:00Z", "2030-01-01T14:00:00Z", ""},
}

// yearsInError is what the clock that ran ten days ahead made the gateway tell. When it
// was right again, all of that was told once more, at its time.
var yearsInError = []string{
	"pool-2 notice.1-day due 2030-01-01T19:00:00Z superseded -",
	"pool-2 license.end due 2030-01-03T10:00:00Z superseded -",
	"pool-2 notice.reminder due 2030-01-03T19:00:00Z sent 2030-01-11T12:00:00Z",
	"pool-3 notice.month due 2030-12-03T19:00:00Z cancelled -",
	"pool-3 notice.15-days due 2030-12-19T19:00:00Z cancelled -",
	"pool-3 notice.7-days due 2030-12-27T19:00:00Z cancelled -",
	"pool-3 notice.1-day due 2031-01-02T19:00:00Z cancelled -",
	"pool-3 license.end due 2031-01-04T10:00:00Z cancelled -",
	"pool-3 notice.reminder due 2031-01-04T19:00:00Z cancelled -",
}

// years is the gateway on its way through them.
type years struct {
	*venue
	places  map[string]licensing.Location
	numbers map[string]string // of each license, by its name
	names   map[string]string // the other way round
	next    time.Time         // the store's own: when a notice is due
}

func instant(text string) time.Time {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return at
}

func TestSixYears(t *testing.T) {
	y := &years{venue: openVenue(t), places: map[string]licensing.Location{}, numbers: map[string]string{}, names: map[string]string{}}
	y.found()
	actions := y.actions(t)
	stops := []time.Time{instant("2032-11-22T10:00:00Z")}
	for at := range actions {
		stops = append(stops, instant(at))
	}
	for _, answers := range yearsAnswers {
		for _, a := range answers {
			stops = append(stops, instant(a.from).Add(-time.Second), instant(a.from))
		}
	}
	for at := y.clock.now(); at.Before(stops[0]); at = at.Add(17 * time.Hour) { // at every hour of a day
		stops = append(stops, at)
	}
	slices.SortFunc(stops, time.Time.Compare)
	stops = slices.DeleteFunc(stops, y.clock.now().After)

	restarts := 0
	for len(stops) > 0 {
		now := y.clock.now()
		if to, off := offAt(now); off {
			require.NoError(t, y.s.Close())
			y.clock.advance(to.Sub(now))
			y.open()
			require.NoError(t, y.s.ResumeDeliveries(ctx))
		} else {
			at := stops[0]
			if !y.next.IsZero() && y.next.Before(at) {
				at = y.next
			}
			for _, o := range yearsOff {
				if off := instant(o[0]); off.After(now) && off.Before(at) {
					at = off
				}
			}
			y.pass(at, actions[at.UTC().Format(time.RFC3339)] != nil)
		}
		y.deliver()
		now = y.clock.now()
		if do := actions[now.UTC().Format(time.RFC3339)]; do != nil {
			do()
			y.deliver()
		}
		y.compareAnswers()
		for len(stops) > 0 && !stops[0].After(now) {
			stops = stops[1:]
		}
		if month := int(now.Sub(instant("2026-11-22T10:00:00Z")).Hours()) / (24 * 40); month > restarts {
			restarts = month
			y.again(month)
			y.compareAnswers()
		}
	}
	require.Greater(t, restarts, 50)
	y.compareStarts()
	y.compareNotices()
	report, err := y.s.VerifyAudit(ctx)
	require.NoError(t, err)
	require.True(t, report.OK, report.Problems)
	require.Zero(t, y.count(`SELECT count(*) FROM audit WHERE action = 'license.mismatch'`))
}

// found is the first hour: the Locations, of which only Kiritimati renews by itself, and
// who is told.
func (y *years) found() {
	y.t.Helper()
	y.recipient("it")
	for i, name := range []string{"Madrid", "Santiago", "Havana", "Cairo", "Kiritimati"} {
		settings := licensing.Settings{Timezone: yearsZones[name], AutoRenewal: licensing.AutoRenewalOff}
		if name == "Kiritimati" {
			settings.AutoRenewal = licensing.AutoRenewalOn
		}
		if name == "Madrid" {
			l, err := y.s.SetLocation(ctx, by, y.location.Code, settings)
			require.NoError(y.t, err)
			y.places[name] = l
			continue
		}
		l, err := y.s.AddLocation(ctx, by, licensing.Location{Name: name, Realm: "hotelsol", Code: fmt.Sprintf("28N2S%03d", 10+i), Settings: settings})
		require.NoError(y.t, err)
		y.places[name] = l
	}
}

// actions is what distributor, operator and guests do, and when.
func (y *years) actions(t *testing.T) map[string]func() {
	late := func(of string) func(*licensing.Terms) {
		return func(terms *licensing.Terms) { terms.Renews = y.numbers[of] }
	}
	term := func(term licensing.Term) func(*licensing.Terms) {
		return func(terms *licensing.Terms) { terms.Term = term }
	}
	atOnce := func(terms *licensing.Terms) { terms.Start = licensing.StartOnProvision }
	monthly := func(terms *licensing.Terms) {
		terms.ConfirmEvery, terms.Payment = 31, licensing.PaymentMonthly
	}
	confirm := func(until licensing.Date) func(*licensing.Order) {
		return func(o *licensing.Order) {
			o.Kind, o.Confirmation = licensing.OrderConfirmation, &licensing.Confirmation{Until: until}
		}
	}
	order := func(name string, change func(*licensing.Order)) func() {
		return func() { y.enter(y.numbers[name], change) }
	}
	restore := func(name string) func() {
		return func() { y.enter(y.numbers[name], restoration(y.denialID(y.numbers[name]))) }
	}
	grant := func(name, place string, change ...func(*licensing.Terms)) func() {
		return func() { y.grant([]string{name}, place, change...) }
	}
	return map[string]func(){
		"2026-11-22T11:00:00Z": grant("madrid-1", "Madrid"),
		"2026-11-22T12:00:00Z": func() { y.guests("Madrid", 5) },
		"2027-11-03T10:00:00Z": order("madrid-1", renewal(licensing.Term{Years: 2})),
		"2029-11-10T10:00:00Z": grant("madrid-2", "Madrid"),
		"2030-12-02T15:00:00Z": func() { y.grant([]string{"madrid-3"}, "", atOnce, late("madrid-2")) },

		"2027-09-02T15:00:00Z": grant("santiago-1", "Santiago", atOnce),
		"2028-03-01T12:00:00Z": order("santiago-1", denial(false)),
		"2028-03-20T12:00:00Z": restore("santiago-1"),
		"2028-05-01T12:00:00Z": grant("santiago-2", "Santiago", term(licensing.Term{Days: 216})),
		"2029-04-20T15:00:00Z": func() {
			y.grant([]string{"santiago-3"}, "", atOnce, late("santiago-2"), term(licensing.Term{Years: 3}))
		},
		"2030-06-10T19:00:00Z": order("santiago-3", denial(true)), // 15:00 there
		"2030-06-15T14:00:00Z": restore("santiago-3"),             // 10:00: five days, rounded up

		"2027-03-06T17:00:00Z": grant("havana-1", "Havana", atOnce),
		"2027-10-01T12:00:00Z": order("havana-1", denial(true)),
		"2027-10-05T18:00:00Z": restore("havana-1"), // five days as well
		"2028-04-01T12:00:00Z": grant("havana-2", "Havana", term(licensing.Term{Years: 2})),
		"2028-04-02T15:00:00Z": func() { y.guests("Havana", 4) },
		"2028-04-03T15:00:00Z": func() { y.guests("Havana", 5) },
		"2029-05-01T00:00:00Z": func() {
			_, err := y.s.DenyLicense(ctx, by, y.numbers["havana-2"], "noise")
			require.NoError(t, err)
		},
		"2029-05-02T00:00:00Z": func() {
			_, err := y.s.RestoreLicense(ctx, by, y.numbers["havana-2"])
			require.NoError(t, err)
		},
		"2030-02-01T12:00:00Z": grant("havana-3", "Havana"),
		"2030-03-20T12:00:00Z": order("havana-2", denial(false)),
		"2031-03-25T12:00:00Z": order("havana-3", renewal(licensing.Term{Years: 1})),

		"2027-01-10T09:00:00Z": grant("cairo-1", "Cairo", term(licensing.Term{Days: 109})),
		"2027-01-10T10:00:00Z": func() { y.guests("Cairo", 5) },
		"2027-03-01T09:00:00Z": grant("cairo-2", "Cairo", term(licensing.Term{Days: 181})),
		"2028-02-29T09:00:00Z": func() { y.grant([]string{"cairo-3"}, "", atOnce, late("cairo-2")) },
		"2029-01-20T09:00:00Z": order("cairo-3", renewal(licensing.Term{Years: 3})),

		"2027-01-01T00:00:00Z": grant("kiritimati-1", "Kiritimati", atOnce, monthly),
		"2027-02-03T08:00:00Z": order("kiritimati-1", confirm(licensing.Date{Year: 2027, Month: 6, Day: 30})),
		"2027-02-10T08:00:00Z": func() { y.grant([]string{"pool-1", "pool-2", "pool-3"}, "") },
		"2027-06-20T08:00:00Z": order("kiritimati-1", confirm(licensing.Date{Year: 2028, Month: 1, Day: 31})),
		"2030-01-01T12:00:00Z": func() { y.clockRunsAhead(t) },
	}
}

// grant signs a key for a license, or a pool of them, and enters it.
func (y *years) grant(names []string, place string, change ...func(*licensing.Terms)) {
	y.t.Helper()
	terms := y.terms()
	if len(names) > 1 {
		terms.Quantity = len(names)
	}
	for _, f := range change {
		f(&terms)
	}
	key, err := y.issuer.SignGrant(terms)
	require.NoError(y.t, err)
	a, err := y.s.Activate(ctx, by, key, y.places[place].Code)
	require.NoError(y.t, err)
	require.Len(y.t, a.Licenses, len(names))
	for i, name := range names {
		y.numbers[name], y.names[a.Licenses[i].Number] = a.Licenses[i].Number, name
	}
}

// guests lets the first n of them use a Location.
func (y *years) guests(place string, n int) {
	y.t.Helper()
	for i := range n {
		y.sight(y.record(i, macwatch.StatusInterim, func(r *macwatch.Record) {
			r.Location, r.SessionID = y.places[place].ID, fmt.Appendf(nil, "%s-%d-%d", place, i, y.clock.now().Unix())
		}))
	}
}

// clockRunsAhead: for two hours the machine's clock is ten days ahead, over an end.
func (y *years) clockRunsAhead(t *testing.T) {
	const ahead = 10 * 24 * time.Hour
	y.set(y.clock.jump, ahead)
	y.deliver()
	require.Equal(t, verdict{"pool-3", licensing.ReasonNone}, y.answers()["Kiritimati"], "believed at once")
	y.set(y.clock.advance, 2*time.Hour)
	y.set(y.clock.jump, -ahead)
	y.deliver()
	require.Equal(t, 1, y.count(`SELECT count(*) FROM audit WHERE action = 'clock.jump withdrawn'`))
	require.Equal(t, 1, y.count(`SELECT count(*) FROM receipts WHERE void = 'withdrawn'`))
}

// offAt tells until when the gateway is off at an instant.
func offAt(at time.Time) (to time.Time, off bool) {
	for _, o := range yearsOff {
		if !at.Before(instant(o[0])) && at.Before(instant(o[1])) {
			return instant(o[1]), true
		}
	}
	return to, false
}

// pass moves the time on. At the new instant, before anything has run, guests get their
// answers already; those that hang on what is done then, still the old ones.
func (y *years) pass(to time.Time, done bool) {
	y.t.Helper()
	var answers map[string]verdict
	var err error
	require.True(y.t, y.s.onWriter(func() {
		y.clock.advance(to.Sub(y.clock.now()))
		answers = y.answers()
		err = y.s.w.housekeep(true)
	}))
	require.NoError(y.t, err)
	if done {
		to = to.Add(-time.Second)
	}
	require.Equal(y.t, wantedAnswers(to), answers, to)
}

// deliver is what the scheduler of package notice does when it is woken.
func (y *years) deliver() {
	y.t.Helper()
	for range 10 {
		y.next = y.planNotices()
		for _, d := range y.takeNotices(100) {
			y.finishNotice(d, licensing.AttemptSent, "250 ok")
		}
		if y.next.After(y.clock.now()) || y.next.IsZero() {
			return
		}
	}
	require.Fail(y.t, "notices are due again and again", y.clock.now())
}

// again ends the gateway and starts it: in order, or as after a kill -9; and a guest is
// there at each Location, whom nobody else has to count.
func (y *years) again(month int) {
	y.t.Helper()
	if month%10 == 0 {
		y.crash(fmt.Sprintf("%s-%d", y.dir, month))
	} else {
		y.restart()
	}
	require.NoError(y.t, y.s.ResumeDeliveries(ctx))
	for _, place := range []string{"Madrid", "Santiago", "Havana", "Cairo", "Kiritimati"} {
		y.guests(place, 1)
	}
}

// verdict is which license decides at a Location, and what a guest is told there.
type verdict struct {
	license string
	reason  licensing.Reason
}

// answers asks for each Location, as an Access-Request does.
func (y *years) answers() map[string]verdict {
	out := map[string]verdict{}
	st, now := y.s.state.Load(), y.s.Now()
	for place, l := range y.places {
		governing := licensing.Governing(st.locations[l.ID].Licenses, now)
		a := verdict{reason: licensing.Decide(licensing.Facts{License: governing}, now).Reason}
		if governing != nil {
			a.license = y.names[governing.Number]
		}
		out[place] = a
	}
	return out
}

func wantedAnswers(now time.Time) map[string]verdict {
	out := map[string]verdict{}
	for place, answers := range yearsAnswers {
		for _, a := range answers {
			if !instant(a.from).After(now) {
				out[place] = verdict{a.license, a.reason}
			}
		}
	}
	return out
}

func (y *years) compareAnswers() {
	y.t.Helper()
	require.Equal(y.t, wantedAnswers(y.clock.now()), y.answers(), y.clock.now())
}

// compareStarts: each license has started once, and says so on one receipt.
func (y *years) compareStarts() {
	y.t.Helper()
	got := map[string]string{}
	for name, number := range y.numbers {
		r := y.receipt(number)
		require.NotNil(y.t, r, name)
		got[name] = fmt.Sprintf("%s %d", r.StartsAt.UTC().Format(time.RFC3339), len(r.Sightings))
	}
	require.Equal(y.t, yearsStarts, got)
	require.Equal(y.t, len(yearsStarts), y.count(`SELECT count(*) FROM receipts WHERE void = ''`))
	require.Equal(y.t, len(yearsStarts)+1, y.count(`SELECT count(*) FROM audit WHERE action = 'license.start'`), "one was withdrawn with the clock")
}

// compareNotices holds the ledger against the calendar, line by line.
func (y *years) compareNotices() {
	y.t.Helper()
	want := slices.Clone(yearsInError)
	for _, e := range yearsEnds {
		zone, err := time.LoadLocation(yearsZones[e.zone])
		require.NoError(y.t, err)
		last, err := time.Parse(time.DateOnly, e.lastDay)
		require.NoError(y.t, err)
		month, err := time.Parse(time.DateOnly, e.month)
		require.NoError(y.t, err)
		morning := func(day time.Time, days int) time.Time {
			return time.Date(day.Year(), day.Month(), day.Day()+days, 9, 0, 0, 0, zone)
		}
		notices := []struct {
			kind string
			due  time.Time
		}{
			{"notice.month", morning(month, 0)}, {"notice.15-days", morning(last, -15)}, {"notice.7-days", morning(last, -7)},
			{"notice.1-day", morning(last, -1)}, {"license.end", instant(e.end)}, {"notice.reminder", morning(last, 1)},
		}
		for i, n := range notices {
			if n.due.Before(instant(e.from)) {
				continue
			}
			became := "sent " + n.due.UTC().Format(time.RFC3339)
			on, off := offAt(n.due)
			switch {
			case e.dropped != "" && !n.due.Before(instant(e.dropped)):
				became = "cancelled -"
			case off && i+1 < len(notices) && !notices[i+1].due.After(on):
				became = "superseded -"
			case off:
				became = "sent " + on.Format(time.RFC3339)
			}
			want = append(want, fmt.Sprintf("%s %s due %s %s", e.license, n.kind, n.due.UTC().Format(time.RFC3339), became))
		}
	}

	var got []string
	starts := map[string]int{}
	for _, e := range y.ledger(licensing.LedgerFilter{}) {
		name := y.names[e.License]
		if e.Kind == licensing.EventStart {
			starts[name]++
		}
		if e.Kind != licensing.EventEnd && !strings.HasPrefix(e.Kind, "notice.") {
			require.Equal(y.t, licensing.DeliverySent, e.State, e)
			continue
		}
		sent := "-"
		if len(e.Attempts) > 0 {
			require.Len(y.t, e.Attempts, 1)
			sent = e.Attempts[0].At.UTC().Format(time.RFC3339)
		}
		got = append(got, fmt.Sprintf("%s %s due %s %s %s", name, e.Kind, e.At.UTC().Format(time.RFC3339), e.State, sent))
	}
	require.ElementsMatch(y.t, want, got)
	for name := range yearsStarts {
		times := 1
		if name == "pool-3" {
			times = 2 // once while the clock was wrong
		}
		require.Equal(y.t, times, starts[name], name)
	}
}
