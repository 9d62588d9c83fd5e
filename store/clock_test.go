package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// A machine whose battery failed wakes up years ahead, guests come, and then the
// time server corrects it: the jump is withdrawn (DESIGN 2.2, "Clock").
func jumped(t *testing.T, ahead time.Duration, during func(v *venue)) *venue {
	t.Helper()
	v := openVenue(t)
	v.set(v.clock.advance, 25*time.Hour) // the first time seen has stood its trial
	v.set(v.clock.jump, ahead)
	during(v)
	v.set(v.clock.advance, time.Minute)
	v.set(v.clock.jump, -ahead)
	require.WithinDuration(t, v.clock.now(), v.s.Now(), 0, "the jump was withdrawn")
	return v
}

func TestDevicesCountedDuringAWithdrawnJumpDoNotStartTheContractInTheFuture(t *testing.T) {
	var number string
	v := jumped(t, 10*365*24*time.Hour, func(v *venue) {
		number = v.activate(v.terms())
		for n := range 4 {
			v.sight(v.record(n, macwatch.StatusStart))
		}
	})
	v.clock.advance(time.Hour)
	v.sight(v.record(4, macwatch.StatusStart))
	sum := v.summary(number)
	require.Equal(t, 5, sum.DevicesCounted)
	require.Equal(t, licensing.InUse.String(), sum.State.String(), "it starts at %v, now is %s", sum.StartsAt, v.s.Now())
}

func TestLabModeOfAWithdrawnJumpDoesNotComeBack(t *testing.T) {
	v := jumped(t, 10*time.Hour, func(v *venue) {
		v.activate(v.terms())
		_, err := v.s.StartLab(ctx, by, v.location.Code)
		require.NoError(t, err)
	})
	now := v.s.Now()
	labs, err := v.s.Labs(ctx, v.location.Code)
	require.NoError(t, err)
	for _, l := range labs {
		require.False(t, l.Start.After(now), "lab mode would start by itself at %s, now is %s", l.Start, now)
		require.False(t, l.End.After(now.Add(licensing.LabDuration)), "lab mode would last until %s, now is %s", l.End, now)
	}
}

func TestASlotReleasedDuringAWithdrawnJumpIsFreeAfterADay(t *testing.T) {
	v := jumped(t, 1000*time.Hour, func(v *venue) {
		terms := v.terms()
		terms.APs = 1
		v.activate(terms)
		require.Equal(t, macwatch.ClaimGranted, v.claim("ap-1"))
		_, err := v.s.ReleaseSlot(ctx, by, v.location.Code, macwatch.KindAP, "ap-1")
		require.NoError(t, err)
	})
	v.set(v.clock.advance, 25*time.Hour)
	require.Equal(t, macwatch.ClaimGranted, v.claim("ap-2"))
}

func TestADenialDuringAWithdrawnJumpStays(t *testing.T) {
	var number string
	v := jumped(t, 10*time.Hour, func(v *venue) {
		number = v.activate(v.terms())
		_, err := v.s.DenyLicense(ctx, by, number, "unpaid")
		require.NoError(t, err)
	})
	require.Equal(t, licensing.AccessDenied, v.summary(number).State)
	v.restart()
	require.Equal(t, licensing.AccessDenied, v.summary(number).State)
}

// After a restart too: what the run before believed was a jump.
func TestAJumpWithdrawnWhileTheGatewayWasOffIsSettledToo(t *testing.T) {
	v := openVenue(t)
	v.set(v.clock.advance, 25*time.Hour)
	v.set(v.clock.jump, 10*time.Hour)
	number := v.activate(v.terms())
	_, err := v.s.DenyLicense(ctx, by, number, "unpaid")
	require.NoError(t, err)
	require.NoError(t, v.s.Close())
	v.clock.jump(-10 * time.Hour)
	v.open()
	require.WithinDuration(t, v.clock.now(), v.s.Now(), 0, "the jump was withdrawn")
	require.Equal(t, licensing.AccessDenied, v.summary(number).State)
	var entries int
	require.NoError(t, v.s.readers.QueryRow(`SELECT count(*) FROM audit WHERE action = 'clock.jump withdrawn'`).Scan(&entries))
	require.Equal(t, 1, entries, "an audit entry tells of it")
}

func TestAClockSetBackRevivesNothing(t *testing.T) {
	v := openVenue(t)
	terms := v.terms()
	terms.Start, terms.Term = licensing.StartOnProvision, licensing.Term{Days: 1}
	number := v.activate(terms)
	v.set(v.clock.advance, 72*time.Hour)
	require.Equal(t, licensing.ContractFinalized, v.summary(number).State)
	v.set(v.clock.jump, -71*time.Hour)
	require.Equal(t, licensing.ContractFinalized, v.summary(number).State)
	v.restart()
	require.Equal(t, licensing.ContractFinalized, v.summary(number).State)
	v.crash(t.TempDir())
	require.Equal(t, licensing.ContractFinalized, v.summary(number).State)
}

func TestTheClockIsNotedEvery15Seconds(t *testing.T) {
	v := openVenue(t)
	v.set(v.clock.advance, 25*time.Hour)
	v.set(v.clock.advance, time.Hour)
	before := v.s.Now()
	v.clock.jump(-20 * time.Hour)
	v.crash(t.TempDir())
	require.False(t, v.s.Now().Before(before.Add(-clockInterval)), "%s", v.s.Now())
}

// An AP that was switched on during the jump must not seem to be switched on later than
// whatever is heard of it from then on.
func TestAnAccountingOnOfAWithdrawnJumpClosesNothingLater(t *testing.T) {
	v := jumped(t, 10*time.Hour, func(v *venue) {
		v.sight(v.record(0, macwatch.StatusOn, func(r *macwatch.Record) { r.MAC, r.SessionID = 0, nil }))
	})
	v.set(v.clock.advance, time.Hour)
	v.sight(v.record(1, macwatch.StatusStart))
	for _, again := range []func(){func() {}, v.restart} {
		again()
		v.set(v.clock.advance, 10*time.Hour)
		// Of an hour ago, which during the jump would have been before it.
		v.sight(v.record(2, macwatch.StatusStart, stamped(v.s.Now().Add(-90*time.Minute))))
		for _, s := range v.sessions() {
			require.NotEqual(t, "NAS-Reboot", s.TerminateCause, "%+v", s)
		}
	}
}

func TestATicketOfAWithdrawnJumpIsValidFromNow(t *testing.T) {
	var code string
	v := jumped(t, 1000*time.Hour, func(v *venue) {
		v.activate(v.terms())
		v.local()
		code = v.tickets(1, 1, 24*time.Hour)[0]
		require.NoError(t, v.use(v.pass(code), guest(1)).Err)
	})
	for _, again := range []func(){func() {}, v.restart} {
		again()
		require.WithinDuration(t, v.s.Now().Add(24*time.Hour), v.pass(code).End(), time.Hour)
	}
}

func TestDaysOfAWithdrawnJumpAreReckonedUpAgain(t *testing.T) {
	v := jumped(t, 100*24*time.Hour, func(v *venue) {
		days, err := v.s.Days(ctx, v.location.Code, licensing.Date{}, licensing.Date{})
		require.NoError(t, err)
		require.Len(t, days, 102)
	})
	days, err := v.s.Days(ctx, v.location.Code, licensing.Date{}, licensing.Date{})
	require.NoError(t, err)
	require.Len(t, days, 2)
	require.False(t, days[0].Final)
}
