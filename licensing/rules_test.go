package licensing

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// world is two Locations, their licenses and a pool, without any store: each action is
// a pure function, and what has happened by itself is recorded after each.
type world struct {
	now       time.Time
	since     time.Time
	licenses  []*License
	locations []*Location
	denials   map[int64]string // the distributor's, by license
	applied   map[int64]int
	finalized map[int64]bool
	started   map[int64]time.Time
	undone    map[int64]bool
	orders    int
}

func TestNoLifeBreaksTheRules(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l := newWorld(rt)
		rt.Repeat(map[string]func(*rapid.T){
			"": l.check,
			"grant": func(rt *rapid.T) {
				if len(l.licenses) > 5 {
					rt.Skip("enough")
				}
				l.grant(rt)
			},
			"assign":   l.assign,
			"unassign": l.unassign,
			"devices":  l.devices,
			"again":    l.devices,
			"undo":     l.undo,
			"decide":   l.decide,
			"operator": l.operator,
			"order":    l.order,
			"order 2":  l.order,
			"pass":     l.pass,
		})
	})
}

func newWorld(rt *rapid.T) *world {
	l := &world{
		now: time.Date(2026, 2, 27, 9, 0, 0, 0, time.UTC), denials: map[int64]string{}, applied: map[int64]int{},
		finalized: map[int64]bool{}, started: map[int64]time.Time{}, undone: map[int64]bool{},
	}
	for i := range 2 {
		l.locations = append(l.locations, &Location{
			ID: int64(i + 1), Code: fmt.Sprintf("28N2S00%d", i+1), Realm: "hotelsol", Organization: "Hotel Sol",
			Settings: Settings{
				Timezone:    rapid.SampledFrom([]string{"Europe/Madrid", "America/Santiago", "Pacific/Kiritimati"}).Draw(rt, "zone"),
				AutoRenewal: rapid.SampledFrom([]AutoRenewal{AutoRenewalOn, AutoRenewalOff}).Draw(rt, "auto-renewal"),
			},
		})
	}
	return l
}

// plan brings queues and plan up to date, and records what has happened by itself.
func (l *world) plan() {
	for again := true; again; {
		again = false
		for _, at := range l.locations {
			at.Licenses = nil
		}
		type place struct {
			Allotment
			license *License
		}
		var places []place
		var pool []*License
		for i, license := range l.licenses {
			c := *license
			l.licenses[i] = &c
			if len(c.Allotments) == 0 {
				pool = append(pool, &c)
			}
			for _, a := range c.Allotments {
				places = append(places, place{a, &c})
			}
		}
		slices.SortStableFunc(places, func(a, b place) int { return a.At.Compare(b.At) })
		for _, p := range places {
			at := l.locations[p.LocationID-1]
			at.Licenses = append(at.Licenses, p.license)
		}
		Plan(l.locations, pool, l.since, l.now)
		for _, at := range l.locations {
			for _, license := range at.Licenses {
				start, by, due := license.Planned(l.now)
				if license.AutoRenewal() {
					start, by, due = license.ProvisionedAt, StartedByQueue, !license.ProvisionedAt.After(l.now)
				}
				if !due || again {
					continue
				}
				c, err := license.Start(start, by)
				if err != nil {
					panic(err)
				}
				l.replace(c)
				again = true
			}
		}
	}
	l.since = l.now
}

func (l *world) replace(c *License) {
	for i := range l.licenses {
		if l.licenses[i].ID == c.ID {
			l.licenses[i] = c
		}
	}
}

func (l *world) some(rt *rapid.T) *License {
	if len(l.licenses) == 0 {
		rt.Skip("no license")
	}
	return l.licenses[rapid.IntRange(0, len(l.licenses)-1).Draw(rt, "license")]
}

func (l *world) grant(rt *rapid.T) {
	terms := Terms{
		GrantID: fmt.Sprintf("%032x", len(l.licenses)+1), Realm: "hotelsol", Organization: "Hotel Sol", Threshold: 5,
		Term: rapid.SampledFrom([]Term{{Days: 2}, {Months: 1}, {Years: 1}}).Draw(rt, "term"),
		APs:  Limit(rapid.IntRange(-1, 4).Draw(rt, "aps")), Rooms: Limit(rapid.IntRange(-1, 4).Draw(rt, "rooms")),
		Start: rapid.SampledFrom([]StartPolicy{StartFifthDevice, StartOnProvision, StartFixedDate}).Draw(rt, "start"),
	}
	switch terms.Start {
	case StartFixedDate:
		terms.StartDate = DateIn(l.now, time.UTC).AddDays(rapid.IntRange(0, 3).Draw(rt, "in days"))
	case StartFifthDevice:
		terms.ConfirmStart = time.Duration(rapid.SampledFrom([]int{0, 24}).Draw(rt, "confirm")) * time.Hour
	case StartOnProvision:
	}
	if rapid.Bool().Draw(rt, "monthly") {
		terms.ConfirmEvery = 31
	}
	if rapid.Bool().Draw(rt, "bounded") {
		terms.LatestEnd = DateIn(l.now, time.UTC).AddDays(rapid.IntRange(5, 500).Draw(rt, "latest"))
	}
	c := terms.Licenses(l.now)[0]
	c.ID = int64(len(l.licenses) + 1)
	l.licenses = append(l.licenses, c)
	l.plan()
}

func (l *world) assign(rt *rapid.T) {
	var limits [2]*Limit
	for i := range limits {
		if rapid.Bool().Draw(rt, "say") {
			n := Limit(rapid.IntRange(0, 4).Draw(rt, "so many"))
			limits[i] = &n
		}
	}
	at := l.locations[rapid.IntRange(0, 1).Draw(rt, "at")]
	if c, err := l.some(rt).Allot(at, limits[0], limits[1], l.now); err == nil {
		l.replace(c)
		l.plan()
	}
}

func (l *world) unassign(rt *rapid.T) {
	at := l.locations[rapid.IntRange(0, 1).Draw(rt, "at")]
	if c, err := l.some(rt).Unallot(at.Code, 0, 0, l.now); err == nil {
		l.replace(c)
		l.plan()
	}
}

// devices lets the threshold be reached by whichever license governs.
func (l *world) devices(rt *rapid.T) {
	g := Governing(l.locations[rapid.IntRange(0, 1).Draw(rt, "at")].Licenses, l.now)
	if g == nil || !g.Counting() || g.StateAt(l.now) != PendingStart {
		rt.Skip("nobody counts")
	}
	if g.Terms.ConfirmStart > 0 {
		l.replace(g.Propose(l.now, l.now))
	} else {
		c, err := g.Start(l.now, StartedByCount)
		require.NoError(rt, err)
		l.replace(c)
	}
	l.plan()
}

// pick is one of those that fit.
func (l *world) pick(rt *rapid.T, fits func(*License) bool) *License {
	var some []*License
	for _, license := range l.licenses {
		if fits(license) {
			some = append(some, license)
		}
	}
	if len(some) == 0 {
		rt.Skip("none fits")
	}
	return rapid.SampledFrom(some).Draw(rt, "one")
}

func (l *world) decide(rt *rapid.T) {
	license := l.pick(rt, func(license *License) bool { return !license.Proposal.At.IsZero() && license.StartedAt.IsZero() })
	var c *License
	var err error
	if rapid.Bool().Draw(rt, "yes") {
		c, err = license.ConfirmStart(l.now)
	} else {
		c, err = license.DeclineStart("too early", l.now)
	}
	if err != nil {
		return
	}
	require.True(rt, license.DeclinedAt.IsZero() || c.DeclinedAt.Equal(license.DeclinedAt), "declined twice")
	l.replace(c)
	l.plan()
}

func (l *world) operator(rt *rapid.T) {
	license := l.some(rt)
	var c *License
	var err error
	if rapid.Bool().Draw(rt, "deny") {
		c, err = license.Deny("noise", l.now)
	} else {
		c, err = license.Restore(l.now)
	}
	if err != nil {
		return
	}
	require.Equal(rt, license.Distributor, c.Distributor, "the operator has no say in it")
	l.replace(c)
	l.plan()
}

func (l *world) order(rt *rapid.T) {
	kinds := []OrderKind{OrderUpgrade, OrderRenewal, OrderDeny, OrderRestore, OrderConfirmation}
	l.enter(rt, l.some(rt), rapid.SampledFrom(kinds).Draw(rt, "kind"))
}

func (l *world) undo(rt *rapid.T) {
	l.enter(rt, l.pick(rt, func(license *License) bool { return !license.StartedAt.IsZero() }), OrderUndoStart)
}

func (l *world) enter(rt *rapid.T, license *License, kind OrderKind) {
	l.orders++
	o := Order{ID: fmt.Sprintf("%032x", 1000+l.orders), License: license.Number, Sequence: license.Sequence + 1, Kind: kind}
	target := OrderTarget{Gateway: "here", Now: l.now}
	if !license.StartedAt.IsZero() {
		target.Receipt = fmt.Sprintf("%064x", license.StartedAt.Unix())
	}
	switch o.Kind {
	case OrderUpgrade:
		n := Limit(rapid.IntRange(-1, 4).Draw(rt, "limit"))
		o.Upgrade = &Upgrade{APs: &n}
	case OrderRenewal:
		o.Renewal = &Renewal{Term: rapid.SampledFrom([]Term{{Days: 3}, {Months: 1}, {Years: 1}}).Draw(rt, "term")}
	case OrderDeny:
		o.Deny = &DenyOrder{Reason: "unpaid", PauseClock: rapid.Bool().Draw(rt, "pause")}
	case OrderRestore:
		o.Restore = &RestoreOrder{Denial: rapid.SampledFrom([]string{l.denials[license.ID], "another"}).Draw(rt, "denial")}
	case OrderConfirmation:
		o.Confirmation = &Confirmation{Until: DateIn(l.now, time.UTC).AddDays(rapid.IntRange(0, 40).Draw(rt, "until"))}
	case OrderUndoStart:
		o.UndoStart = &UndoStart{Receipt: rapid.SampledFrom([]string{target.Receipt, "another"}).Draw(rt, "receipt")}
	case OrderGrant, OrderTransfer, OrderClockReset:
	}
	wrong := rapid.SampledFrom([]string{"", "", "", "early", "again", "elsewhere"}).Draw(rt, "wrong")
	switch wrong {
	case "early":
		o.Sequence++
	case "again":
		o.Sequence--
	case "elsewhere":
		o.Gateway = "there"
	}
	over := license.StateAt(l.now) == ContractFinalized
	c, err := license.Apply(o, target)
	if wrong != "" || over {
		require.Error(rt, err)
	}
	if err != nil {
		return
	}
	l.applied[license.ID]++
	switch o.Kind {
	case OrderDeny:
		l.denials[license.ID] = o.ID
	case OrderRestore:
		require.Equal(rt, l.denials[license.ID], o.Restore.Denial)
		delete(l.denials, license.ID)
	case OrderUndoStart:
		require.False(rt, l.undone[license.ID], "undone twice")
		l.undone[license.ID] = true
		delete(l.started, license.ID)
	case OrderRenewal:
		before, known := license.End()
		after, _ := c.End()
		require.True(rt, !known || after.After(before))
	case OrderGrant, OrderUpgrade, OrderConfirmation, OrderTransfer, OrderClockReset:
	}
	l.replace(c)
	l.plan()
}

func (l *world) pass(rt *rapid.T) {
	// What the plan says of the instants to come is what they bring.
	d := time.Duration(rapid.SampledFrom([]int{1, 5, 24, 72, 24 * 31, 24 * 200}).Draw(rt, "hours")) * time.Hour
	said := map[int]*License{}
	for i, at := range l.locations {
		said[i] = Governing(at.Licenses, l.now.Add(d))
	}
	one := l.renewalsAhead() < 2
	l.now = l.now.Add(d)
	l.plan()
	for i, at := range l.locations {
		g := Governing(at.Licenses, l.now)
		if one && said[i] != nil && said[i].StateAt(l.now) != ContractFinalized {
			require.NotNil(rt, g)
			require.Equal(rt, said[i].Number, g.Number, "at %s", at.Code)
			require.Equal(rt, said[i].StateAt(l.now), g.StateAt(l.now))
		}
	}
}

// renewalsAhead: one is planned per Location; with more in the pool, a Location's second
// renewal may come before another one's first.
func (l *world) renewalsAhead() (n int) {
	for _, license := range l.licenses {
		if len(license.Allotments) == 0 {
			n++
		}
	}
	return n
}

func (l *world) check(rt *rapid.T) {
	for _, license := range l.licenses {
		state := license.StateAt(l.now)
		require.Contains(rt, States(), state)
		if l.finalized[license.ID] {
			require.Equal(rt, ContractFinalized, state, "%s was revived", license.Number)
		}
		l.finalized[license.ID] = state == ContractFinalized
		if at, ok := l.started[license.ID]; ok {
			require.Equal(rt, at, license.StartedAt, "%s started twice", license.Number)
		} else if !license.StartedAt.IsZero() {
			l.started[license.ID] = license.StartedAt
		}
		require.Equal(rt, l.applied[license.ID], license.Sequence)
		if id, denied := l.denials[license.ID]; denied {
			require.Equal(rt, id, license.Distributor.Order)
			require.Contains(rt, []State{AccessDenied, ContractFinalized}, state)
		}
		if day, ok := license.LastDay(); ok && !license.Terms.LatestEnd.IsZero() {
			require.False(rt, day.After(license.Terms.LatestEnd))
		}
		checkSum(rt, license.Terms.APs, license.Allotments, func(a Allotment) Limit { return a.APs })
		checkSum(rt, license.Terms.Rooms, license.Allotments, func(a Allotment) Limit { return a.Rooms })
	}
}

func checkSum(rt *rapid.T, total Limit, parts []Allotment, of func(Allotment) Limit) {
	if total == Unlimited {
		return
	}
	sum := Limit(0)
	for _, a := range parts {
		require.NotEqual(rt, Unlimited, of(a))
		sum += of(a)
	}
	require.LessOrEqual(rt, sum, total)
}
