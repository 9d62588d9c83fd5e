package store

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// shortTerms are those of a license that ends with the next day.
func (v *venue) shortTerms() licensing.Terms {
	terms := v.terms()
	terms.Term = licensing.Term{Days: 1}
	return terms
}

// pool enters a key for n licenses without a Location.
func (v *venue) pool(n int, terms licensing.Terms) []licensing.Summary {
	v.t.Helper()
	terms.Quantity = n
	key, err := v.issuer.SignGrant(terms)
	require.NoError(v.t, err)
	a, err := v.s.Activate(ctx, by, key, "")
	require.NoError(v.t, err)
	return a.Licenses
}

func (v *venue) governing() *licensing.License {
	return licensing.Governing(v.s.state.Load().locations[v.location.ID].Licenses, v.s.Now())
}

// The bug that this file began with: a license that starts on provision must wait its turn.
func TestTheNextInTheQueueTakesOverAtTheExactEndWithoutACount(t *testing.T) {
	for _, start := range []licensing.StartPolicy{licensing.StartFifthDevice, licensing.StartOnProvision} {
		t.Run(string(start), func(t *testing.T) {
			v := openVenue(t)
			first := v.activate(v.shortTerms())
			v.startByDevices()
			end := *v.summary(first).EndsAt
			terms := v.shortTerms()
			terms.Start = start
			second := v.activate(terms)
			terms.GrantID = licensing.NewGrantID()
			third := v.activate(terms)
			sum := v.summary(second)
			require.Equal(t, licensing.PendingStart, sum.State)
			require.True(t, end.Equal(*sum.StartsAt), "it is known when its turn comes")
			require.Equal(t, 1, sum.QueuePosition)
			require.Nil(t, v.receipt(second))

			v.clock.advance(end.Sub(v.clock.now()) - time.Nanosecond)
			require.Equal(t, first, v.governing().Number)
			v.clock.advance(time.Nanosecond)
			require.Equal(t, second, v.governing().Number, "nothing has to run")
			require.Equal(t, licensing.InUse, v.governing().StateAt(v.s.Now()))
			v.sight(v.record(9, macwatch.StatusStart))
			require.Equal(t, 1, v.summary(second).DevicesCounted)

			v.set(v.clock.advance, time.Second)
			receipt := v.receipt(second)
			require.True(t, end.Equal(receipt.StartsAt))
			require.Contains(t, receipt.Rule, "without a count")
			require.NoError(t, v.s.Close())
			v.clock.advance(10 * 24 * time.Hour)
			v.open()
			require.True(t, v.summary(second).EndsAt.Equal(v.receipt(third).StartsAt), "right after downtime, too")
			require.Equal(t, licensing.ContractFinalized, v.summary(third).State)
			require.Equal(t, 3, v.count(`SELECT count(*) FROM audit WHERE action = 'license.start'`))
			v.restart()
			require.Equal(t, 3, v.count(`SELECT count(*) FROM receipts`))
		})
	}
}

func TestBehindALicenseThatNeverRanTheNextCountsForItself(t *testing.T) {
	v := openVenue(t)
	terms := v.shortTerms()
	terms.LatestEnd = licensing.Date{Year: 2026, Month: 11, Day: 24}
	v.activate(terms)
	second := v.activate(v.shortTerms())
	v.set(v.clock.advance, 72*time.Hour)
	require.Equal(t, second, v.governing().Number)
	require.Equal(t, licensing.PendingStart, v.summary(second).State)
	v.startByDevices()
	require.Equal(t, licensing.InUse, v.summary(second).State)
	require.Len(t, v.receipt(second).Sightings, 5)
}

func TestALicenseWhoseTurnCameWhileDeniedStartsWithItsRestoration(t *testing.T) {
	v := openVenue(t)
	first := v.activate(v.shortTerms())
	v.startByDevices()
	second := v.activate(v.shortTerms())
	_, err := v.s.DenyLicense(ctx, by, second, "unpaid")
	require.NoError(t, err)
	v.set(v.clock.advance, 72*time.Hour)
	require.Equal(t, licensing.ContractFinalized, v.summary(first).State)
	require.Equal(t, licensing.AccessDenied, v.summary(second).State)
	require.Nil(t, v.summary(second).StartsAt)
	sum, err := v.s.RestoreLicense(ctx, by, second)
	require.NoError(t, err)
	require.Equal(t, licensing.InUse, sum.State)
	require.WithinDuration(t, v.clock.now(), *sum.StartsAt, 0)
}

func TestAutoRenewalTakesTheNextOfThePool(t *testing.T) {
	v := openVenue(t)
	first := v.activate(v.shortTerms())
	v.startByDevices()
	end := *v.summary(first).EndsAt
	pool := v.pool(3, v.shortTerms())
	require.Equal(t, 3, v.summary(pool[0].Number).LicensesLeft)
	v.clock.advance(end.Sub(v.clock.now()))
	require.Equal(t, pool[0].Number, v.governing().Number, "at the exact end, though nothing has run")
	require.Equal(t, licensing.InUse, v.governing().StateAt(v.s.Now()))
	v.set(v.clock.advance, time.Second)
	sum := v.summary(pool[0].Number)
	require.Equal(t, licensing.InUse, sum.State)
	require.True(t, end.Equal(*sum.StartsAt))
	require.Equal(t, []string{v.location.Code}, sum.Locations)
	require.Equal(t, 2, sum.LicensesLeft)
	v.crash(t.TempDir())
	require.Equal(t, licensing.InUse, v.summary(pool[0].Number).State)

	// Two ends pass while the gateway is off.
	require.NoError(t, v.s.Close())
	v.clock.advance(4 * 24 * time.Hour)
	v.open()
	require.Equal(t, licensing.ContractFinalized, v.summary(pool[0].Number).State)
	require.True(t, v.summary(pool[0].Number).EndsAt.Equal(*v.summary(pool[1].Number).StartsAt))
	require.True(t, v.summary(pool[1].Number).EndsAt.Equal(*v.summary(pool[2].Number).StartsAt))
	require.Equal(t, 4, v.count(`SELECT count(*) FROM receipts`))
	require.Equal(t, 3, v.count(`SELECT count(*) FROM audit WHERE action = 'license.assign' AND detail LIKE '%auto_renewal%'`))
	require.Zero(t, v.summary(first).LicensesLeft)
	v.restart()
	require.Equal(t, 4, v.count(`SELECT count(*) FROM receipts`))
	report, err := v.s.VerifyAudit(ctx)
	require.NoError(t, err)
	require.True(t, report.OK, report.Problems)
}

func TestWithoutAutoRenewalThePoolStays(t *testing.T) {
	v := openVenue(t)
	off := licensing.Settings{Timezone: "Europe/Madrid", AutoRenewal: licensing.AutoRenewalOff}
	_, err := v.s.SetLocation(ctx, by, v.location.Code, off)
	require.NoError(t, err)
	first := v.activate(v.shortTerms())
	v.startByDevices()
	pool := v.pool(2, v.shortTerms())
	v.set(v.clock.advance, 72*time.Hour)
	require.Equal(t, licensing.ContractFinalized, v.governing().StateAt(v.s.Now()))
	// Switched on later, it makes nothing of an end that has passed.
	off.AutoRenewal = licensing.AutoRenewalOn
	_, err = v.s.SetLocation(ctx, by, v.location.Code, off)
	require.NoError(t, err)
	v.set(v.clock.advance, time.Hour)
	v.restart()
	require.Equal(t, first, v.governing().Number)
	require.Equal(t, 2, v.summary(pool[0].Number).LicensesLeft)
}

func TestAKeyEnteredAfterTheEndIsNotTakenForIt(t *testing.T) {
	v := openVenue(t)
	first := v.activate(v.shortTerms())
	v.startByDevices()
	v.set(v.clock.advance, 72*time.Hour)
	v.pool(2, v.shortTerms())
	v.set(v.clock.advance, time.Hour)
	v.restart()
	require.Equal(t, first, v.governing().Number)
}

func TestOfSeveralLocationsTheFirstToEndGetsTheLastOfThePool(t *testing.T) {
	v := openVenue(t)
	other, err := v.s.AddLocation(ctx, by, licensing.Location{Name: "Annex", Realm: "hotelsol", Code: "28N2S005",
		Settings: licensing.Settings{Timezone: "Atlantic/Canary"}}) // an hour behind
	require.NoError(t, err)
	terms := v.shortTerms()
	terms.Start = licensing.StartOnProvision
	there := v.shortTerms()
	there.Start = licensing.StartOnProvision
	key, err := v.issuer.SignGrant(there)
	require.NoError(t, err)
	_, err = v.s.Activate(ctx, by, key, other.Code)
	require.NoError(t, err)
	v.activate(terms)
	pool := v.pool(1, v.shortTerms())
	require.NoError(t, v.s.Close())
	v.clock.advance(72 * time.Hour)
	v.open()
	require.Equal(t, []string{v.location.Code}, v.summary(pool[0].Number).Locations, "Madrid's day ends first")
}

func TestAWithdrawnJumpTakesAStartByDateBack(t *testing.T) {
	var first, second string
	v := jumped(t, 240*time.Hour, func(v *venue) {
		first = v.activate(v.shortTerms())
		v.set(v.clock.jump, -240*time.Hour)
		v.startByDevices()
		second = v.activate(v.shortTerms())
		v.set(v.clock.jump, 240*time.Hour)
		require.Equal(t, licensing.ContractFinalized, v.summary(first).State)
		require.NotNil(t, v.receipt(second))
	})
	require.Equal(t, licensing.InUse, v.summary(first).State, "the dates decide again")
	require.Equal(t, licensing.PendingStart, v.summary(second).State)
	require.Nil(t, v.receipt(second))
	require.Equal(t, 1, v.count(`SELECT count(*) FROM audit WHERE action = 'license.start-withdrawn'`))
	v.set(v.clock.advance, 72*time.Hour)
	require.True(t, v.summary(first).EndsAt.Equal(v.receipt(second).StartsAt))
	v.restart()
	require.Zero(t, v.count(`SELECT count(*) FROM audit WHERE action = 'license.mismatch'`))
}

// What a jump had carried out does not count as carried out when the jump is withdrawn.
func TestAfterAWithdrawnJumpAutoRenewalStillComes(t *testing.T) {
	v := openVenue(t)
	v.set(v.clock.advance, 25*time.Hour)
	first := v.activate(v.shortTerms())
	v.startByDevices()
	v.set(v.clock.jump, 1000*time.Hour) // nothing is in the pool at this end
	require.Equal(t, licensing.ContractFinalized, v.summary(first).State)
	_, err := v.s.AddOrganization(ctx, by, licensing.Organization{Name: "Hostal Luna", Realm: "hostalluna", Code: "LUN"})
	require.NoError(t, err)
	require.NoError(t, v.s.Close())
	v.clock.jump(-1000 * time.Hour)
	v.open()
	require.Equal(t, licensing.InUse, v.summary(first).State)
	pool := v.pool(1, v.shortTerms())
	require.NoError(t, v.s.Close())
	v.clock.advance(72 * time.Hour)
	v.open()
	require.True(t, v.summary(first).EndsAt.Equal(*v.summary(pool[0].Number).StartsAt))
}

func TestAStartIsWrittenThoughAForgedReceiptStandsInItsWay(t *testing.T) {
	v := openVenue(t)
	number := v.activate(v.terms())
	_, err := second(t, v.dir).Exec(`INSERT INTO receipts (license_id, text) VALUES (1, '{}')`)
	require.NoError(t, err)
	v.startByDevices()
	require.Equal(t, licensing.InUse, v.summary(number).State)
	require.Len(t, v.receipt(number).Sightings, 5)
}

func TestATrialIsGrantedOncePerGateway(t *testing.T) {
	v := openVenue(t)
	trial := func() string {
		terms := v.terms()
		terms.Trial, terms.Term = true, licensing.TrialTerm
		key, err := v.issuer.SignGrant(terms)
		require.NoError(t, err)
		return key
	}
	backup := t.TempDir()
	var err error
	require.True(t, v.s.onWriter(func() { err = os.CopyFS(backup, os.DirFS(v.dir)) }))
	require.NoError(t, err)
	key := trial()
	_, err = v.s.Activate(ctx, licensing.Change{By: "tester", DryRun: true}, key, v.location.Code)
	require.NoError(t, err)
	a, err := v.s.Activate(ctx, by, key, v.location.Code)
	require.NoError(t, err)
	v.startByDevices()
	require.Equal(t, "2027-02-22", v.summary(a.License).LastDay.String())
	_, err = v.s.Activate(ctx, by, v.order(a.License, renewal(licensing.Term{Years: 1})), "")
	require.ErrorContains(t, err, "is a trial")
	refused := func() {
		t.Helper()
		_, err := v.s.Activate(ctx, by, trial(), v.location.Code)
		require.Equal(t, licensing.CodeRefused, licensing.CodeOf(err))
		require.ErrorContains(t, err, "has had its trial")
	}
	refused()
	v.restart()
	refused()

	// The database from before the trial does not know of it; the file beside it does.
	require.NoError(t, v.s.Close())
	for _, name := range []string{"tallygate.db", "audit.head"} {
		old, err := os.ReadFile(filepath.Join(backup, name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(v.dir, name), old, 0o600))
	}
	wal, err := os.ReadFile(filepath.Join(backup, "tallygate.db-wal"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(v.dir, "tallygate.db-wal"), wal, 0o600))
	v.open()
	require.Zero(t, v.count(`SELECT count(*) FROM licenses`))
	refused()
	_, err = v.s.Activate(ctx, by, key, v.location.Code)
	require.NoError(t, err, "the very same trial is no second one")
}
