package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// order signs an order for a license, the next in its sequence.
func (v *venue) order(number string, change func(*licensing.Order)) string {
	v.t.Helper()
	o := licensing.Order{ID: licensing.NewGrantID(), IssuedAt: v.clock.now(), License: number, Sequence: v.summary(number).NextOrder}
	change(&o)
	text, err := v.issuer.SignOrder(o)
	require.NoError(v.t, err)
	return text
}

// enter applies an order and expects that it goes.
func (v *venue) enter(number string, change func(*licensing.Order)) licensing.Activation {
	v.t.Helper()
	a, err := v.s.Activate(ctx, by, v.order(number, change), "")
	require.NoError(v.t, err)
	return a
}

func (v *venue) receipt(number string) *licensing.Receipt {
	v.t.Helper()
	l, err := v.s.state.Load().license(number)
	require.NoError(v.t, err)
	r, err := readReceipt(ctx, v.s.readers, l.ID)
	require.NoError(v.t, err)
	return r
}

// startByDevices lets five guests start the license that governs.
func (v *venue) startByDevices() {
	v.t.Helper()
	for n := range 5 {
		v.sight(v.record(n, macwatch.StatusStart))
	}
}

func renewal(t licensing.Term) func(*licensing.Order) {
	return func(o *licensing.Order) { o.Kind, o.Renewal = licensing.OrderRenewal, &licensing.Renewal{Term: t} }
}

func denial(pause bool) func(*licensing.Order) {
	return func(o *licensing.Order) {
		o.Kind, o.Deny = licensing.OrderDeny, &licensing.DenyOrder{Reason: "unpaid", PauseClock: pause}
	}
}

func restoration(of string) func(*licensing.Order) {
	return func(o *licensing.Order) {
		o.Kind, o.Restore = licensing.OrderRestore, &licensing.RestoreOrder{Denial: of}
	}
}

func upgrade(u licensing.Upgrade) func(*licensing.Order) {
	return func(o *licensing.Order) { o.Kind, o.Upgrade = licensing.OrderUpgrade, &u }
}

func (v *venue) denialID(number string) string {
	v.t.Helper()
	l, err := v.s.state.Load().license(number)
	require.NoError(v.t, err)
	return l.Distributor.Order
}

func limit(n int) *licensing.Limit {
	l := licensing.Limit(n)
	return &l
}

func TestAnOrderIsAppliedOnceInItsSequenceAndOnlyWhereItBelongs(t *testing.T) {
	v := openVenue(t)
	number := v.activate(v.terms())
	first := v.order(number, renewal(licensing.Term{Months: 1}))
	third := v.order(number, func(o *licensing.Order) { renewal(licensing.Term{Months: 1})(o); o.Sequence = 3 })
	elsewhere := v.order(number, func(o *licensing.Order) { renewal(licensing.Term{Months: 1})(o); o.Gateway = "k4.public.other" })
	foreign := v.order(number, func(o *licensing.Order) {
		renewal(licensing.Term{Months: 1})(o)
		o.License = licensing.LicenseNumber("00", 0)
	})
	stranger, err := licensing.NewIssuerKey().SignOrder(licensing.Order{Kind: licensing.OrderRenewal, ID: licensing.NewGrantID(),
		License: number, Sequence: 1, Renewal: &licensing.Renewal{Term: licensing.Term{Years: 5}}})
	require.NoError(t, err)

	refuse := func(text string, code licensing.Code, message string) {
		t.Helper()
		before := v.dump()
		_, err := v.s.Activate(ctx, by, text, "")
		require.Equal(t, code, licensing.CodeOf(err), "%v", err)
		require.ErrorContains(t, err, message)
		require.Equal(t, before, v.dump())
	}
	refuse(third, licensing.CodeRefused, "out of sequence: the next one is 1")
	refuse(elsewhere, licensing.CodeRefused, "for another gateway")
	refuse(foreign, licensing.CodeRefused, "does not hold")
	refuse(stranger, licensing.CodeRefused, "not trusted")
	refuse(first[:50]+"A"+first[51:], licensing.CodeRefused, "forged or altered")

	dry, err := v.s.Activate(ctx, licensing.Change{By: "tester", DryRun: true}, first, "")
	require.NoError(t, err)
	require.True(t, dry.DryRun)
	require.Equal(t, 1, v.summary(number).NextOrder, "a rehearsal uses nothing up")
	a, err := v.s.Activate(ctx, by, first, "")
	require.NoError(t, err)
	require.Equal(t, licensing.OrderRenewal, a.Kind)
	require.Equal(t, number, a.License)
	require.Equal(t, dry.Changes, a.Changes)
	refuse(first, licensing.CodeConflict, "has had its order 1 already")
	v.restart()
	refuse(first, licensing.CodeConflict, "has had its order 1 already")
	require.Equal(t, 1, v.count(`SELECT count(*) FROM audit WHERE action = 'license.order'`))
}

func TestRenewalInTimeMovesTheEnd(t *testing.T) {
	v := openVenue(t)
	number := v.activate(v.terms())
	v.startByDevices()
	a := v.enter(number, renewal(licensing.Term{Years: 2}))
	require.Contains(t, a.Changes, licensing.ChangeLine{What: "last day", From: "2027-11-22", To: "2029-11-22"})
	require.Equal(t, "2029-11-22", v.summary(number).LastDay.String())
	v.restart()
	require.Equal(t, "2029-11-22", v.summary(number).LastDay.String())
	require.Zero(t, v.count(`SELECT count(*) FROM audit WHERE action = 'license.mismatch'`), "a renewal is no forgery")
}

func TestALateRenewalIsANewLicenseThatRunsAtOnce(t *testing.T) {
	v := openVenue(t)
	terms := v.terms()
	terms.Term = licensing.Term{Days: 1}
	number := v.activate(terms)
	v.startByDevices()
	late := v.order(number, renewal(licensing.Term{Years: 1}))

	next := v.terms()
	next.Renews, next.Start = number, licensing.StartOnProvision
	key, err := v.issuer.SignGrant(next)
	require.NoError(t, err)
	_, err = v.s.Activate(ctx, by, key, "")
	require.Equal(t, licensing.CodeConflict, licensing.CodeOf(err))
	require.ErrorContains(t, err, "that is not over")

	v.set(v.clock.advance, 72*time.Hour)
	_, err = v.s.Activate(ctx, by, late, "")
	require.Equal(t, licensing.CodeConflict, licensing.CodeOf(err))
	require.ErrorContains(t, err, "too late")

	a, err := v.s.Activate(ctx, by, key, "")
	require.NoError(t, err)
	require.Equal(t, licensing.InUse, a.Licenses[0].State)
	require.Equal(t, []string{v.location.Code}, a.Licenses[0].Locations, "where the old one was")
	require.Equal(t, "2027-11-25", a.Licenses[0].LastDay.String())
	require.Equal(t, licensing.ContractFinalized, v.summary(number).State)
	require.Empty(t, v.receipt(a.License).Sightings)
}

func TestUndoStartCountsAnewOnce(t *testing.T) {
	v := openVenue(t)
	number := v.activate(v.terms())
	v.startByDevices()
	hash, err := v.receipt(number).Hash()
	require.NoError(t, err)
	undo := func(hash string) func(*licensing.Order) {
		return func(o *licensing.Order) {
			o.Kind, o.UndoStart = licensing.OrderUndoStart, &licensing.UndoStart{Receipt: hash}
		}
	}
	_, err = v.s.Activate(ctx, by, v.order(number, undo("00"+hash[2:])), "")
	require.ErrorContains(t, err, "undoes another start")
	v.clock.advance(time.Hour)
	v.enter(number, undo(hash))
	sum := v.summary(number)
	require.Equal(t, licensing.PendingStart, sum.State)
	require.Zero(t, sum.DevicesCounted)
	require.Nil(t, v.receipt(number))
	require.Equal(t, 1, v.count(`SELECT count(*) FROM receipts WHERE void = 'undone'`))
	require.Equal(t, "before-recount", v.devices()[guest(0).String()].Reason)

	v.sight(v.record(7, macwatch.StatusStart, stamped(v.clock.now().Add(-30*time.Minute))))
	require.Zero(t, v.summary(number).DevicesCounted, "it happened before the undo")
	v.restart()
	v.clock.advance(time.Minute)
	for n := range 5 {
		v.sight(v.record(n, macwatch.StatusInterim))
	}
	require.Equal(t, licensing.InUse, v.summary(number).State)
	require.Len(t, v.receipt(number).Sightings, 5)
	again, err := v.receipt(number).Hash()
	require.NoError(t, err)
	_, err = v.s.Activate(ctx, by, v.order(number, undo(again)), "")
	require.ErrorContains(t, err, "undone already")
	v.restart()
	require.Zero(t, v.count(`SELECT count(*) FROM audit WHERE action = 'license.mismatch'`))
}

func TestTheDistributorsDenialOnlyAnOrderLifts(t *testing.T) {
	for name, pause := range map[string]bool{"the clock runs": false, "the clock is paused": true} {
		t.Run(name, func(t *testing.T) {
			v := openVenue(t)
			number := v.activate(v.terms())
			v.startByDevices()
			v.clock.advance(24 * time.Hour)
			v.enter(number, denial(pause))
			id := v.denialID(number)
			require.Equal(t, licensing.AccessDenied, v.summary(number).State)
			require.Equal(t, pause, v.summary(number).EndsAt == nil, "while the clock is paused no end is known")
			_, err := v.s.RestoreLicense(ctx, by, number)
			require.Equal(t, licensing.CodeRefused, licensing.CodeOf(err))
			_, err = v.s.Activate(ctx, by, v.order(number, restoration("00112233445566778899aabbccddeeff")), "")
			require.ErrorContains(t, err, "lifts another denial")

			v.set(v.clock.advance, 49*time.Hour) // three days, the last one whole
			v.restart()
			require.Equal(t, licensing.AccessDenied, v.summary(number).State)
			v.enter(number, restoration(id))
			want := map[bool]string{false: "2027-11-22", true: "2027-11-25"}[pause]
			require.Equal(t, want, v.summary(number).LastDay.String())
			require.Equal(t, licensing.InUse, v.summary(number).State)
		})
	}
}

func TestAPausedContractDoesNotRunOut(t *testing.T) {
	v := openVenue(t)
	terms := v.terms()
	terms.Term = licensing.Term{Days: 2}
	number := v.activate(terms)
	v.startByDevices()
	v.enter(number, denial(true))
	v.set(v.clock.advance, 30*24*time.Hour)
	require.Equal(t, licensing.AccessDenied, v.summary(number).State)
	v.enter(number, restoration(v.denialID(number)))
	require.Equal(t, licensing.InUse, v.summary(number).State)
	require.Equal(t, "2026-12-24", v.summary(number).LastDay.String())
}

func TestWithoutItsConfirmationALicenseIsDenied(t *testing.T) {
	v := openVenue(t)
	terms := v.terms()
	terms.ConfirmEvery, terms.Payment = 31, licensing.PaymentMonthly
	number := v.activate(terms)
	v.startByDevices()
	v.clock.advance(31 * 24 * time.Hour)
	require.Equal(t, licensing.InUse, v.summary(number).State)
	v.clock.advance(24 * time.Hour)
	sum := v.summary(number)
	require.Equal(t, licensing.AccessDenied, sum.State)
	require.Equal(t, licensing.ConfirmationOverdue, sum.Reason)
	_, err := v.s.RestoreLicense(ctx, by, number)
	require.Equal(t, licensing.CodeRefused, licensing.CodeOf(err))
	v.enter(number, func(o *licensing.Order) {
		o.Kind, o.Confirmation = licensing.OrderConfirmation, &licensing.Confirmation{Until: licensing.Date{Year: 2027, Month: 1, Day: 22}}
	})
	require.Equal(t, licensing.InUse, v.summary(number).State)
	v.restart()
	v.clock.advance(31 * 24 * time.Hour)
	require.Equal(t, licensing.AccessDenied, v.summary(number).State)
}

func TestAnUpgradeThatShrinksTakesFromWhoCameLast(t *testing.T) {
	v := openVenue(t)
	terms := v.terms()
	terms.APs = 5
	number := v.activate(terms)
	for _, ap := range []string{"ap-1", "ap-2", "ap-3"} {
		require.Equal(t, macwatch.ClaimGranted, v.claim(ap))
	}
	v.sight(v.record(1, macwatch.StatusStart, func(r *macwatch.Record) { r.AP = []byte("ap-3") }))
	a := v.enter(number, upgrade(licensing.Upgrade{APs: limit(2), AddModules: []string{"events"}}))
	require.Equal(t, []string{"ap-3"}, a.CutOff.APs)
	require.Equal(t, 1, a.CutOff.Sessions)
	require.Contains(t, a.Changes, licensing.ChangeLine{What: "APs", From: "5", To: "2"})
	require.Equal(t, []string{"events"}, v.summary(number).Modules)
	require.Equal(t, macwatch.ClaimAPFull, v.claim("ap-4"))
	v.restart()
	require.Equal(t, licensing.Limit(2), v.summary(number).APs.Limit)
	require.Zero(t, v.count(`SELECT count(*) FROM audit WHERE action = 'license.mismatch'`))
	v.enter(number, upgrade(licensing.Upgrade{APs: limit(-1)}))
	require.Equal(t, macwatch.ClaimGranted, v.claim("ap-4"))
}

func TestAClockResetLowersTheMark(t *testing.T) {
	v := openVenue(t)
	v.set(v.clock.advance, 25*time.Hour)
	terms := v.terms()
	number := v.activate(terms)
	v.startByDevices()
	v.set(v.clock.jump, 5*365*24*time.Hour)
	v.set(v.clock.advance, 25*time.Hour) // it has stood its trial
	wrong := v.s.Now()
	require.Equal(t, licensing.ContractFinalized, v.summary(number).State)
	order := licensing.Order{Kind: licensing.OrderClockReset, ID: licensing.NewGrantID(), Gateway: v.s.GatewayKey(),
		ClockReset: &licensing.ClockReset{Mark: wrong, To: wrong.Add(-5 * 365 * 24 * time.Hour)}}
	text, err := v.issuer.SignOrder(order)
	require.NoError(t, err)
	_, err = v.s.Activate(ctx, by, text, "")
	require.ErrorContains(t, err, "machine's own clock still shows")
	v.set(v.clock.jump, -5*365*24*time.Hour)
	require.Equal(t, wrong, v.s.Now(), "set back, it revives nothing by itself")

	v.set(v.clock.advance, time.Hour)
	a, err := v.s.Activate(ctx, licensing.Change{By: "tester", DryRun: true}, text, "")
	require.NoError(t, err)
	require.Equal(t, licensing.OrderClockReset, a.Kind)
	require.Equal(t, wrong.Add(time.Hour), v.s.Now(), "a rehearsal")
	_, err = v.s.Activate(ctx, by, text, "")
	require.NoError(t, err)
	require.WithinDuration(t, v.clock.now(), v.s.Now(), 0, "what passed since the reading is added")
	require.Equal(t, licensing.InUse, v.summary(number).State)
	v.restart()
	require.WithinDuration(t, v.clock.now(), v.s.Now(), 0)
	_, err = v.s.Activate(ctx, by, text, "")
	require.Equal(t, licensing.CodeConflict, licensing.CodeOf(err), "%v", err)
}
