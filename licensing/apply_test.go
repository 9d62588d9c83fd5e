package licensing

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// running is a license of one year, In Use from 10 March 2026 in Madrid.
func running(t *testing.T) *License {
	t.Helper()
	l := yearLicense(t)
	l.Number, l.StartedBy = LicenseNumber(testTerms().GrantID, 0), StartedByCount
	l.Allotments = []Allotment{{LocationID: 1, Location: "28N2S004", At: l.ProvisionedAt, APs: l.Terms.APs, Rooms: l.Terms.Rooms}}
	return l
}

func here(l *License, now time.Time) OrderTarget {
	return OrderTarget{Gateway: "here", Receipt: orderOf(OrderUndoStart).UndoStart.Receipt, Now: now}
}

func TestApplyRefusesWhatIsNotMeant(t *testing.T) {
	l := running(t)
	now := l.StartedAt.AddDate(0, 1, 0)
	end, _ := l.End()
	for why, c := range map[string]struct {
		change func(*Order)
		now    time.Time
		code   Code
		text   string
	}{
		"another license":        {func(o *Order) { o.License = LicenseNumber("00", 0) }, now, CodeRefused, "is for license"},
		"another gateway":        {func(o *Order) { o.Gateway = "there" }, now, CodeRefused, "for another gateway"},
		"before its turn":        {func(o *Order) { o.Sequence = 2 }, now, CodeRefused, "the next one is 1"},
		"once more":              {func(o *Order) { o.Sequence = 0 }, now, CodeConflict, "already"},
		"at the end":             {func(*Order) {}, end, CodeConflict, "too late for this renewal"},
		"another order too late": {func(o *Order) { *o = orderOf(OrderDeny) }, end, CodeConflict, "no order revives it"},
	} {
		t.Run(why, func(t *testing.T) {
			o := orderOf(OrderRenewal)
			c.change(&o)
			_, err := l.Apply(o, here(l, c.now))
			requireAdvice(t, err, c.code)
			require.ErrorContains(t, err, c.text)
		})
	}
	_, err := l.Apply(orderOf(OrderRenewal), here(l, end.Add(-1)))
	require.NoError(t, err, "the last instant is in time")
}

func TestRenewalKeepsTheDayOfTheMonth(t *testing.T) {
	for _, c := range []struct {
		why, start string
		first      Term
		renewals   []Term
		paused     int
		latest     Date
		want       string
	}{
		{"a year", "2026-03-10", Term{Years: 1}, []Term{{Years: 1}}, 0, Date{}, "2028-03-10"},
		{"29 February where it exists", "2024-02-29", Term{Years: 1}, []Term{{Years: 3}}, 0, Date{}, "2028-02-29"},
		{"and not where it does not", "2024-02-29", Term{Years: 1}, []Term{{Years: 1}}, 0, Date{}, "2026-02-28"},
		{"the 31st after a short month", "2026-01-31", Term{Months: 1}, []Term{{Months: 1}}, 0, Date{}, "2026-03-31"},
		{"and again", "2026-01-31", Term{Months: 1}, []Term{{Months: 2}, {Months: 1}}, 0, Date{}, "2026-05-31"},
		{"days give a new day of the month", "2026-01-31", Term{Days: 30}, []Term{{Months: 1}}, 0, Date{}, "2026-04-02"},
		{"with paused days", "2024-02-29", Term{Years: 1}, []Term{{Years: 3}}, 2, Date{}, "2028-03-02"},
		{"up to the latest end", "2026-03-10", Term{Years: 1}, []Term{{Years: 2}}, 0, Date{2027, 12, 31}, "2027-12-31"},
	} {
		t.Run(c.why, func(t *testing.T) {
			l := running(t)
			l.StartedAt = instant(t, c.start+"T12:00:00Z")
			l.Terms.Term, l.PausedDays, l.Terms.LatestEnd = c.first, c.paused, c.latest
			for i, term := range c.renewals {
				o := orderOf(OrderRenewal)
				o.Renewal.Term, o.Sequence = term, i+1
				var err error
				l, err = l.Apply(o, here(l, l.StartedAt))
				require.NoError(t, err)
			}
			day, ok := l.LastDay()
			require.True(t, ok)
			require.Equal(t, c.want, day.String())
		})
	}
	l := running(t)
	l.Terms.LatestEnd = Date{2027, 1, 31}
	_, err := l.Apply(orderOf(OrderRenewal), here(l, l.StartedAt))
	require.ErrorContains(t, err, "adds nothing")
	l.Terms.Trial = true
	_, err = l.Apply(orderOf(OrderRenewal), here(l, l.StartedAt))
	require.ErrorContains(t, err, "a trial")
}

func TestPausedTimeIsRoundedUpToWholeLocalDays(t *testing.T) {
	for _, c := range []struct {
		why, zone, denied, restored string
		days                        int
	}{
		{"a minute is a day", "Europe/Madrid", "2026-05-01T18:00:00+02:00", "2026-05-01T18:01:00+02:00", 1},
		{"overnight is a day", "Europe/Madrid", "2026-05-01T18:00:00+02:00", "2026-05-02T10:00:00+02:00", 1},
		{"a day to the second", "Europe/Madrid", "2026-05-01T18:00:00+02:00", "2026-05-02T18:00:00+02:00", 1},
		{"a second more", "Europe/Madrid", "2026-05-01T18:00:00+02:00", "2026-05-02T18:00:01+02:00", 2},
		{"a day of 23 hours", "Europe/Madrid", "2026-03-28T12:00:00+01:00", "2026-03-29T12:00:00+02:00", 1},
		{"a day of 25 hours", "Europe/Madrid", "2026-10-24T12:00:00+02:00", "2026-10-25T12:00:00+01:00", 1},
		{"across a midnight that is none", "America/Santiago", "2026-09-05T12:00:00-04:00", "2026-09-06T12:30:00-03:00", 2},
		{"a month", "Pacific/Kiritimati", "2026-05-01T00:00:00+14:00", "2026-06-01T00:00:00+14:00", 31},
	} {
		t.Run(c.why, func(t *testing.T) {
			l := running(t)
			l.Zone = c.zone
			before, _ := l.LastDay()
			denied, err := l.Apply(orderOf(OrderDeny), here(l, instant(t, c.denied)))
			require.NoError(t, err)
			_, known := denied.End()
			require.False(t, known, "nobody knows when the pause ends")
			require.Equal(t, AccessDenied, denied.StateAt(instant(t, "2040-01-01T00:00:00Z")), "the contract does not run out")
			_, err = denied.Restore(instant(t, c.restored))
			require.Equal(t, CodeRefused, CodeOf(err))
			o := orderOf(OrderRestore)
			o.Sequence = 2
			restored, err := denied.Apply(o, here(l, instant(t, c.restored)))
			require.NoError(t, err)
			after, _ := restored.LastDay()
			require.Equal(t, before.AddDays(c.days), after)
		})
	}
}

func TestADenialThatDoesNotPauseEndsAPause(t *testing.T) {
	l := running(t)
	at := instant(t, "2026-05-01T12:00:00Z")
	l, err := l.Apply(orderOf(OrderDeny), here(l, at))
	require.NoError(t, err)
	second := orderOf(OrderDeny)
	second.ID, second.Sequence, second.Deny = "00ffeeddccbbaa998877665544332211", 2, &DenyOrder{Reason: "still unpaid"}
	l, err = l.Apply(second, here(l, at.Add(36*time.Hour)))
	require.NoError(t, err)
	day, known := l.LastDay()
	require.True(t, known)
	require.Equal(t, "2027-03-12", day.String())
	lift := orderOf(OrderRestore)
	lift.Sequence = 3
	_, err = l.Apply(lift, here(l, at.Add(48*time.Hour)))
	require.ErrorContains(t, err, "lifts another denial")
	lift.Restore.Denial = second.ID
	l, err = l.Apply(lift, here(l, at.Add(48*time.Hour)))
	require.NoError(t, err)
	require.Equal(t, InUse, l.StateAt(at.Add(48*time.Hour)))
}

func TestConfirmations(t *testing.T) {
	l := running(t)
	l.Terms.ConfirmEvery = 31
	due, ok := l.ConfirmationDue()
	require.True(t, ok)
	require.Equal(t, "2026-04-11T00:00:00+02:00", due.Format(time.RFC3339))
	require.Equal(t, InUse, l.StateAt(due.Add(-1)))
	require.Equal(t, AccessDenied, l.StateAt(due))
	d, _ := l.DenialAt(due)
	require.Equal(t, ConfirmationOverdue, d.Reason)
	l.Operator = Denial{At: due, Reason: "noise"}
	d, _ = l.DenialAt(due)
	require.Equal(t, ConfirmationOverdue, d.Reason, "what the operator cannot lift is shown")

	l, err := l.Apply(orderOf(OrderConfirmation), here(l, due.AddDate(0, 0, 3)))
	require.NoError(t, err)
	due, _ = l.ConfirmationDue()
	require.Equal(t, "2026-07-01T00:00:00+02:00", due.Format(time.RFC3339))
	end, _ := l.End()
	require.Equal(t, ContractFinalized, l.StateAt(end), "the end goes before it")
	l.StartedAt = time.Time{}
	_, ok = l.ConfirmationDue()
	require.False(t, ok, "before the start none is due")
}

func TestUndoStart(t *testing.T) {
	l := running(t)
	now := l.StartedAt.AddDate(0, 0, 3)
	for why, change := range map[string]func(*License, *OrderTarget){
		"not started":      func(l *License, target *OrderTarget) { l.StartedAt, target.Receipt = time.Time{}, "" },
		"another receipt":  func(_ *License, target *OrderTarget) { target.Receipt = "00" },
		"for the 2nd time": func(l *License, _ *OrderTarget) { l.UndoneAt = now },
		"a fixed date":     func(l *License, _ *OrderTarget) { l.Terms.Start, l.Terms.StartDate = StartFixedDate, Date{2026, 3, 10} },
	} {
		c, target := *l, here(l, now)
		change(&c, &target)
		_, err := c.Apply(orderOf(OrderUndoStart), target)
		require.Error(t, err, why)
	}
	l.Terms.Start = StartOnProvision
	undone, err := l.Apply(orderOf(OrderUndoStart), here(l, now))
	require.NoError(t, err)
	require.Equal(t, PendingStart, undone.StateAt(now))
	require.True(t, undone.Counting(), "devices decide now, whatever the policy")
	facts := CountFacts{SlotOK: true, Event: now, Arrival: now.Add(time.Hour)}
	require.Equal(t, ReasonBeforeRecount, undone.Counts(facts, CountAccounting, undone.ProvisionedAt))
	facts.Event = now.Add(1)
	require.Equal(t, ReasonNone, undone.Counts(facts, CountAccounting, undone.ProvisionedAt))
}

func TestUpgrade(t *testing.T) {
	l := running(t)
	l.Terms.APs, l.Terms.Rooms, l.Terms.Modules = 10, Unlimited, []string{"guest", "business"}
	whole := []Allotment{{LocationID: 1, Location: "28N2S004", APs: 10, Rooms: Unlimited}}
	parts := []Allotment{{LocationID: 1, APs: 6, Rooms: Unlimited}, {LocationID: 2, APs: 3, Rooms: Unlimited}}
	limit := func(n Limit) *Limit { return &n }
	for _, c := range []struct {
		why        string
		allotments []Allotment
		upgrade    Upgrade
		aps, rooms []Limit
	}{
		{"more for the one who has all", whole, Upgrade{APs: limit(20)}, []Limit{20}, []Limit{Unlimited}},
		{"no limit any more", whole, Upgrade{APs: limit(Unlimited)}, []Limit{Unlimited}, []Limit{Unlimited}},
		{"rooms are limited now", whole, Upgrade{Rooms: limit(5)}, []Limit{10}, []Limit{5}},
		{"more stays unallotted", parts, Upgrade{APs: limit(20)}, []Limit{6, 3}, []Limit{Unlimited, Unlimited}},
		{"the last one loses first", parts, Upgrade{APs: limit(7)}, []Limit{6, 1}, []Limit{Unlimited, Unlimited}},
		{"then the one before", parts, Upgrade{APs: limit(4)}, []Limit{4, 0}, []Limit{Unlimited, Unlimited}},
		{"of rooms now limited, the first has all", parts, Upgrade{Rooms: limit(5)}, []Limit{6, 3}, []Limit{5, 0}},
	} {
		t.Run(c.why, func(t *testing.T) {
			l := *l
			l.Allotments = c.allotments
			o := orderOf(OrderUpgrade)
			o.Upgrade = &c.upgrade
			after, err := l.Apply(o, here(&l, l.StartedAt))
			require.NoError(t, err)
			var aps, rooms []Limit
			for _, a := range after.Allotments {
				aps, rooms = append(aps, a.APs), append(rooms, a.Rooms)
			}
			require.Equal(t, c.aps, aps)
			require.Equal(t, c.rooms, rooms)
			require.Equal(t, Limit(10), l.Terms.APs, "a change makes a copy")
		})
	}
	after, err := l.Apply(orderOf(OrderUpgrade), here(l, l.StartedAt))
	require.NoError(t, err)
	require.Equal(t, []string{"business", "events"}, after.Terms.Modules)
	require.Equal(t, []string{"guest", "business"}, l.Terms.Modules)

	granted := *l
	require.Equal(t, after.Terms, Rebuild(&granted, []Order{orderOf(OrderUpgrade)}).Terms, "the signed texts alone say the same")
}
