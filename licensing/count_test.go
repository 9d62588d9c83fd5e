package licensing

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestCounts(t *testing.T) {
	now := instant(t, "2026-06-01T12:00:00Z")
	allotted := now.Add(-24 * time.Hour)
	plain := CountFacts{SlotOK: true, Event: now, Arrival: now}
	everything := CountFacts{Private: true, Exempt: true, Lab: true, Event: allotted.Add(-1), Arrival: now}
	with := func(f CountFacts, change func(*CountFacts)) CountFacts { change(&f); return f }

	inUse := yearLicense(t)
	ignores := yearLicense(t)
	ignores.Terms.IgnorePriv = true
	pending := yearLicense(t)
	pending.StartedAt = time.Time{}
	unassigned := yearLicense(t)
	unassigned.ProvisionedAt = time.Time{}
	denied := yearLicense(t)
	denied.Distributor.At = now
	over := yearLicense(t)
	over.StartedAt = now.AddDate(-2, 0, 0)

	for _, c := range []struct {
		why     string
		license *License
		facts   CountFacts
		policy  Count
		want    Reason
	}{
		{"in use: the count goes on", inUse, plain, CountAccounting, ReasonNone},
		{"pending start", pending, plain, CountAccounting, ReasonNone},
		{"randomised addresses count by default", inUse, with(plain, func(f *CountFacts) { f.Private = true }), CountAccounting, ReasonNone},
		{"an event at the allotment", inUse, with(plain, func(f *CountFacts) { f.Event = allotted }), CountAccounting, ReasonNone},
		{"accepted", inUse, with(plain, func(f *CountFacts) { f.Accepted = true }), CountAccepted, ReasonNone},
		{"a record held back until the denial", denied, with(plain, func(f *CountFacts) { f.Arrival = now.Add(-1) }), CountAccounting, ReasonNone},

		{"no license", nil, plain, CountAccounting, ReasonNoLicense},
		{"unassigned", unassigned, everything, CountAccepted, ReasonPendingProvision},
		{"denied at the arrival", denied, with(everything, func(f *CountFacts) { f.Event = now.Add(-1) }), CountAccepted, ReasonAccessDenied},
		{"over", over, everything, CountAccepted, ReasonContractFinalized},

		// Each of these has everything against it but the reasons of the lines above.
		{"order 1", ignores, everything, CountAccepted, ReasonBeforeProvisioning},
		{"order 2", ignores, with(everything, func(f *CountFacts) { f.Event = now }), CountAccepted, ReasonLabMode},
		{"order 3", ignores, with(everything, func(f *CountFacts) { f.Event, f.Lab = now, false }), CountAccepted, ReasonExemptDevice},
		{"order 4", ignores, CountFacts{Private: true, Event: now, Arrival: now}, CountAccepted, ReasonPrivateAddress},
		{"order 5", ignores, CountFacts{Event: now, Arrival: now}, CountAccepted, ReasonAPWithoutSlot},
		{"order 6", ignores, plain, CountAccepted, ReasonNotAccepted},
	} {
		t.Run(c.why, func(t *testing.T) { require.Equal(t, c.want, c.license.Counts(c.facts, c.policy, allotted)) })
	}
}

func TestStartInstant(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		firsts := rapid.SliceOf(rapid.Map(rapid.Int64Range(0, 20), func(s int64) time.Time { return time.Unix(s, 0) })).Draw(t, "firsts")
		threshold := rapid.IntRange(-1, 8).Draw(t, "threshold")
		before := slices.Clone(firsts)
		at, ok := StartInstant(firsts, threshold)
		require.Equal(t, before, firsts, "the argument is left as it was")
		require.Equal(t, threshold >= 1 && len(firsts) >= threshold, ok)
		if !ok {
			return
		}
		earlier, until := 0, 0
		for _, f := range firsts {
			if f.Before(at) {
				earlier++
			}
			if !f.After(at) {
				until++
			}
		}
		require.Less(t, earlier, threshold, "not yet before it")
		require.GreaterOrEqual(t, until, threshold, "but with it")
	})
}

func TestRule(t *testing.T) {
	l := yearLicense(t)
	require.Equal(t, "The contract starts with the 5th distinct device sighted after the license was assigned.", l.Rule())
	l.Terms.CountWindow, l.Terms.IgnorePriv, l.Terms.Threshold = 24*time.Hour, true, 1
	require.Equal(t, "The contract starts with the 1st distinct device sighted after the license was assigned, all of them within 24 hours; private (randomised) addresses do not count.", l.Rule())
	l.Terms.CountWindow = 90 * time.Minute
	require.Contains(t, l.Rule(), "within 1h30m;")
	l.Terms.Start = StartOnProvision
	require.Equal(t, "The contract starts when the license is assigned to a Location.", l.Rule())
	l.Terms.Start, l.Terms.StartDate = StartFixedDate, Date{2026, 4, 1}
	require.Equal(t, "The contract starts on 2026-04-01, local time.", l.Rule())
	for n, want := range map[int]string{1: "1st", 2: "2nd", 3: "3rd", 4: "4th", 11: "11th", 12: "12th", 13: "13th", 21: "21st", 112: "112th", 122: "122nd"} {
		require.Equal(t, want, ordinal(n))
	}
}
