package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// proposed is a venue whose license has a start proposed for 24 hours.
func proposed(t *testing.T) (*venue, string, time.Time) {
	t.Helper()
	v := openVenue(t)
	terms := v.terms()
	terms.ConfirmStart = 24 * time.Hour
	number := v.activate(terms)
	var fifth time.Time
	for n := range 5 {
		v.clock.advance(time.Minute)
		fifth = v.clock.now()
		v.sight(v.record(n, macwatch.StatusStart))
	}
	sum := v.summary(number)
	require.Equal(t, licensing.PendingStart, sum.State)
	require.True(t, fifth.Equal(*sum.ProposedStart))
	require.True(t, fifth.Add(24*time.Hour).Equal(*sum.StartDue))
	require.Nil(t, sum.StartsAt)
	require.Nil(t, v.receipt(number))
	return v, number, fifth
}

func TestAProposedStartHappensByItself(t *testing.T) {
	for name, pass := range map[string]func(*venue){
		"while it runs":  func(v *venue) { v.set(v.clock.advance, 24*time.Hour) },
		"after downtime": func(v *venue) { _ = v.s.Close(); v.clock.advance(72 * time.Hour); v.open() },
	} {
		t.Run(name, func(t *testing.T) {
			v, number, fifth := proposed(t)
			v.restart()
			pass(v)
			sum := v.summary(number)
			require.Equal(t, licensing.InUse, sum.State)
			require.True(t, fifth.Equal(*sum.StartsAt), "the fifth device, as ever")
			require.Nil(t, sum.StartDue)
			r := v.receipt(number)
			require.Len(t, r.Sightings, 5)
			require.Contains(t, r.Rule, "nobody declined it within 24 hours")
			v.restart()
			require.Equal(t, 1, v.count(`SELECT count(*) FROM audit WHERE action = 'license.start'`))
		})
	}
}

func TestTheStateIsRightBeforeTheLapseIsWrittenDown(t *testing.T) {
	v, number, _ := proposed(t)
	v.clock.advance(24*time.Hour - time.Nanosecond)
	require.Equal(t, licensing.PendingStart, v.summary(number).State)
	v.clock.advance(time.Nanosecond)
	require.Equal(t, licensing.InUse, v.summary(number).State)
	require.NotNil(t, v.summary(number).EndsAt)
}

func TestAnOperatorConfirmsOrDeclinesAProposedStart(t *testing.T) {
	v, number, fifth := proposed(t)
	_, err := v.s.DeclineStart(ctx, by, number, " ")
	require.Equal(t, licensing.CodeInvalid, licensing.CodeOf(err))
	v.clock.advance(time.Minute)
	sum, err := v.s.DeclineStart(ctx, by, number, "the installers were here")
	require.NoError(t, err)
	require.Zero(t, sum.DevicesCounted)
	require.Nil(t, sum.ProposedStart)
	v.restart()
	v.sight(v.record(6, macwatch.StatusStart, stamped(fifth)))
	require.Zero(t, v.summary(number).DevicesCounted, "it came before")

	v.clock.advance(time.Minute)
	for n := range 5 {
		v.sight(v.record(n, macwatch.StatusInterim))
	}
	_, err = v.s.DeclineStart(ctx, by, number, "again")
	require.Equal(t, licensing.CodeRefused, licensing.CodeOf(err))
	again := v.clock.now()
	v.clock.advance(time.Hour)
	sum, err = v.s.ConfirmStart(ctx, by, number)
	require.NoError(t, err)
	require.Equal(t, licensing.InUse, sum.State)
	require.True(t, again.Equal(*sum.StartsAt))
	_, err = v.s.ConfirmStart(ctx, by, number)
	require.Equal(t, licensing.CodeConflict, licensing.CodeOf(err))
	v.restart()
	require.Equal(t, 1, v.count(`SELECT count(*) FROM receipts`))
	require.Zero(t, v.count(`SELECT count(*) FROM audit WHERE action = 'license.mismatch'`))
}

func TestAnEarlierSightingThatArrivesLateMovesTheProposal(t *testing.T) {
	v, number, fifth := proposed(t)
	v.sight(v.record(8, macwatch.StatusStart, stamped(fifth.Add(-30*time.Second))))
	require.True(t, fifth.Add(-30*time.Second).Equal(*v.summary(number).ProposedStart))
	require.True(t, fifth.Add(24*time.Hour).Equal(*v.summary(number).StartDue), "the time to decide in stays")
	sum, err := v.s.ConfirmStart(ctx, by, number)
	require.NoError(t, err)
	require.True(t, fifth.Add(-30*time.Second).Equal(*sum.StartsAt))
	require.Len(t, v.receipt(number).Sightings, 5)
}

func TestWhileDeniedAProposedStartWaits(t *testing.T) {
	v, number, fifth := proposed(t)
	_, err := v.s.DenyLicense(ctx, by, number, "unpaid")
	require.NoError(t, err)
	v.set(v.clock.advance, 48*time.Hour)
	require.Nil(t, v.summary(number).StartsAt)
	_, err = v.s.ConfirmStart(ctx, by, number)
	require.Equal(t, licensing.CodeConflict, licensing.CodeOf(err))
	sum, err := v.s.RestoreLicense(ctx, by, number)
	require.NoError(t, err)
	require.Equal(t, licensing.InUse, sum.State)
	require.True(t, fifth.Equal(*sum.StartsAt))
}

// Under a count window what made the proposal passes out of the window long before
// anybody decides.
func TestAProposalUnderACountWindowStands(t *testing.T) {
	v := openVenue(t)
	terms := v.terms()
	terms.ConfirmStart, terms.CountWindow, terms.Threshold = 240*time.Hour, time.Hour, 2
	number := v.activate(terms)
	v.clock.advance(time.Minute)
	v.sight(v.record(0, macwatch.StatusStart), v.record(1, macwatch.StatusStart))
	start := v.clock.now()
	require.True(t, start.Equal(*v.summary(number).ProposedStart))
	v.set(v.clock.advance, 100*time.Hour)
	v.sight(v.record(2, macwatch.StatusStart), v.record(3, macwatch.StatusStart))
	require.True(t, start.Equal(*v.summary(number).ProposedStart))
	v.set(v.clock.advance, 140*time.Hour)
	require.True(t, start.Equal(*v.summary(number).StartsAt))
	require.Len(t, v.receipt(number).Sightings, 2)
}
