package licensing

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestParseState(t *testing.T) {
	for _, s := range States() {
		text, err := s.MarshalText()
		require.NoError(t, err)
		var got State
		require.NoError(t, got.UnmarshalText(text))
		require.Equal(t, s, got)
	}
	for _, name := range []string{"In Use", " IN USE ", "in-use", "in_use"} {
		got, err := ParseState(name)
		require.NoError(t, err)
		require.Equal(t, InUse, got)
	}
	for _, name := range []string{"", "active", "unknown", "In Used"} {
		_, err := ParseState(name)
		requireAdvice(t, err, CodeInvalid)
	}
	require.Equal(t, "unknown", State(5).String())
}

// DESIGN 2.2: Contract finalized > Access denied > what the dates say.
func TestStatePrecedence(t *testing.T) {
	const (
		provisioned = 1 << iota
		started
		byOperator
		byDistributor
		over
	)
	for _, c := range []struct {
		facts int
		want  State
	}{
		{0, PendingProvision},
		{byOperator, AccessDenied},
		{byDistributor, AccessDenied},
		{provisioned, PendingStart},
		{provisioned | byOperator, AccessDenied},
		{provisioned | byDistributor, AccessDenied},
		{provisioned | started, InUse},
		{provisioned | started | byOperator, AccessDenied},
		{provisioned | started | byDistributor, AccessDenied},
		{provisioned | started | byOperator | byDistributor, AccessDenied},
		{provisioned | started | over, ContractFinalized},
		{provisioned | started | over | byOperator, ContractFinalized},
		{provisioned | started | over | byDistributor, ContractFinalized},
		{provisioned | started | over | byOperator | byDistributor, ContractFinalized},
	} {
		l := yearLicense(t)
		now := l.StartedAt.Add(time.Hour)
		if c.facts&over != 0 {
			now, _ = l.End()
		}
		if c.facts&provisioned == 0 {
			l.ProvisionedAt = time.Time{}
		}
		if c.facts&started == 0 {
			l.StartedAt = time.Time{}
		}
		if c.facts&byOperator != 0 {
			l.Operator = Denial{At: l.ActivatedAt, Reason: "unpaid"}
		}
		if c.facts&byDistributor != 0 {
			l.Distributor = Denial{At: l.ActivatedAt, Reason: "stolen"}
		}
		require.Equal(t, c.want, l.StateAt(now), "facts %05b", c.facts)
	}
}

func TestStateThroughTime(t *testing.T) {
	l := yearLicense(t)
	end, _ := l.End()
	l.Operator.At = l.StartedAt.Add(time.Hour)
	for _, c := range []struct {
		at   time.Time
		want State
	}{
		{l.ProvisionedAt.Add(-1), PendingProvision},
		{l.ProvisionedAt, PendingStart},
		{l.StartedAt.Add(-1), PendingStart},
		{l.StartedAt, InUse},
		{l.Operator.At.Add(-1), InUse},
		{l.Operator.At, AccessDenied},
		{end.Add(-1), AccessDenied},
		{end, ContractFinalized},
	} {
		require.Equal(t, c.want, l.StateAt(c.at), "%s", c.at)
	}
	denial, denied := l.DenialAt(l.Operator.At)
	require.True(t, denied)
	require.Equal(t, l.Operator, denial)
	l.Distributor = Denial{At: l.Operator.At, Reason: "order 7"}
	denial, _ = l.DenialAt(l.Operator.At)
	require.Equal(t, "order 7", denial.Reason, "the one that the operator cannot lift is shown")
}

func TestStateOfAFixedDate(t *testing.T) {
	l := yearLicense(t)
	l.StartedAt, l.Terms.Start, l.Terms.StartDate = time.Time{}, StartFixedDate, Date{2026, 4, 1}
	start, _ := l.Starts()
	require.Equal(t, PendingStart, l.StateAt(start.Add(-1)))
	require.Equal(t, InUse, l.StateAt(start))
	require.True(t, Decide(Facts{License: l}, start.Add(-1)).Allowed, "guests are served before the date")

	l.ProvisionedAt = start.AddDate(0, 1, 0) // assigned a month late
	require.Equal(t, PendingProvision, l.StateAt(start))
	require.Equal(t, InUse, l.StateAt(l.ProvisionedAt))
}

func TestLatestEndEndsWhatNeverStarted(t *testing.T) {
	l := yearLicense(t)
	l.StartedAt, l.Terms.LatestEnd = time.Time{}, Date{2026, 6, 30}
	over := instant(t, "2026-06-30T22:00:00Z") // midnight in Madrid
	require.Equal(t, PendingStart, l.StateAt(over.Add(-1)))
	require.Equal(t, ContractFinalized, l.StateAt(over))
	_, known := l.End()
	require.False(t, known, "the contract itself has no end before its start")
	require.True(t, over.Equal(Decide(Facts{License: l}, over.Add(-1)).Until))
}

func TestSettled(t *testing.T) {
	now := instant(t, "2026-05-01T00:00:00Z")
	future := now.AddDate(10, 0, 0)
	l := yearLicense(t)
	l.Operator.At, l.ProvisionedAt = future, future
	l.Allotments = []Allotment{{LocationID: 1, At: future}, {LocationID: 2, At: now.Add(-1)}}
	require.Equal(t, PendingProvision, l.StateAt(now), "the denial lies in the future")

	s := l.Settled(now)
	require.Equal(t, AccessDenied, s.StateAt(now))
	require.Equal(t, now, s.ProvisionedAt)
	require.Equal(t, now, s.Allotments[0].At)
	require.Equal(t, now.Add(-1), s.Allotments[1].At, "the past stays")
	require.Equal(t, l.StartedAt, s.StartedAt)
	require.Zero(t, s.Distributor)
	require.Equal(t, future, l.Allotments[0].At, "l is as it was")
}

// drawLicense makes up facts, sensible or not.
func drawLicense(t *rapid.T) *License {
	moment := rapid.Custom(func(t *rapid.T) time.Time {
		if rapid.Bool().Draw(t, "unset") {
			return time.Time{}
		}
		return time.Unix(rapid.Int64Range(0, 3e9).Draw(t, "unix"), 0)
	})
	day := rapid.Custom(func(t *rapid.T) Date {
		if rapid.Bool().Draw(t, "unset") {
			return Date{}
		}
		return Date{1990, 1, 1}.AddDays(rapid.IntRange(0, 30000).Draw(t, "day"))
	})
	return &License{
		ID: rapid.Int64Range(1, 4).Draw(t, "id"),
		Terms: Terms{
			Start:     rapid.SampledFrom([]StartPolicy{"", StartFifthDevice, StartOnProvision, StartFixedDate, "?"}).Draw(t, "policy"),
			StartDate: day.Draw(t, "start date"),
			LatestEnd: day.Draw(t, "latest end"),
			Zone:      rapid.SampledFrom([]string{"", "America/Havana"}).Draw(t, "key's zone"),
			Term:      Term{Years: rapid.IntRange(0, 5).Draw(t, "years"), Days: rapid.IntRange(0, 40).Draw(t, "days")},
		},
		Zone:          rapid.SampledFrom(append(testZones(), "", "Nowhere")).Draw(t, "zone"),
		ProvisionedAt: moment.Draw(t, "provisioned"),
		StartedAt:     moment.Draw(t, "started"),
		Operator:      Denial{At: moment.Draw(t, "denied")},
		Distributor:   Denial{At: moment.Draw(t, "denied by order")},
		PausedDays:    rapid.IntRange(0, 60).Draw(t, "paused"),
	}
}

func TestStateIsOneOfFiveAndFinalizedIsFinal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := drawLicense(t)
		now := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "now"), 0)
		over := false
		t.Repeat(map[string]func(*rapid.T){
			"time goes on": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.Int64Range(0, int64(400*24*time.Hour)).Draw(t, "by")))
			},
			"operator denies":      func(*rapid.T) { l.Operator.At = now },
			"operator restores":    func(*rapid.T) { l.Operator = Denial{} },
			"distributor denies":   func(*rapid.T) { l.Distributor.At = now },
			"distributor restores": func(*rapid.T) { l.Distributor = Denial{} },
			"": func(t *rapid.T) {
				s := l.StateAt(now)
				require.Contains(t, States(), s)
				require.False(t, over && s != ContractFinalized, "revived as %s", s)
				over = s == ContractFinalized
				v := Decide(Facts{License: l}, now)
				require.Equal(t, s == PendingStart || s == InUse, v.Allowed, "guests are served in two states only")
				require.Equal(t, v.Reason, l.Counts(CountFacts{SlotOK: true, Event: now, Arrival: now}, CountAccounting, time.Time{}))
			},
		})
	})
}
