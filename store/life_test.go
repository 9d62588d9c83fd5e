package store

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// lifeRun is one check of the property over the real store: whatever is entered, in
// whatever order, at whatever time, with whatever restarts, the rules hold. It knows no
// model but what must never happen.
type lifeRun struct {
	*venue
	rt        *rapid.T
	base      string
	dirs      int
	locations []licensing.Location
	licenses  map[string]*lifeOf // by number
	numbers   []string
	texts     []string // every order ever signed
	now       time.Time
	wentBack  bool // the clock, some time
	guests    int
}

// lifeOf is what is remembered of a license.
type lifeOf struct {
	applied   int
	denial    string // the distributor's, in force
	finalized bool
	startsAt  *time.Time
	undone    bool
}

func TestNoLifeOfAStoreBreaksTheRules(t *testing.T) {
	base := t.TempDir()
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		r := newLifeRun(rt, fmt.Sprintf("%s/%d", base, n))
		defer func() {
			_ = r.s.Close()
			_ = os.RemoveAll(r.base)
		}()
		rt.Repeat(map[string]func(*rapid.T){
			"":         r.check,
			"grant":    r.grant,
			"assign":   r.assign,
			"unassign": r.unassign,
			"guests":   r.guestsCome,
			"order":    r.order,
			"undo":     r.undo,
			"replay":   r.replay,
			"operator": r.operator,
			"decide":   r.decide,
			"claim":    r.claimSome,
			"settings": r.settings,
			"pass":     r.pass,
			"off":      r.off,
			"clock":    r.setClock,
			"reset":    r.resetClock,
		})
	})
}

func newLifeRun(rt *rapid.T, base string) *lifeRun {
	require.NoError(rt, os.Mkdir(base, 0o700))
	r := &lifeRun{venue: newVenue(rt, base+"/0"), rt: rt, base: base, licenses: map[string]*lifeOf{}}
	annex, err := r.s.AddLocation(ctx, by, licensing.Location{Name: "Annex", Realm: "hotelsol", Code: "28N2S005",
		Settings: licensing.Settings{Timezone: "Pacific/Kiritimati"}})
	require.NoError(rt, err)
	r.locations = []licensing.Location{r.location, annex}
	r.now = r.s.Now()
	return r
}

func (r *lifeRun) place(rt *rapid.T) licensing.Location {
	return rapid.SampledFrom(r.locations).Draw(rt, "location")
}

func (r *lifeRun) some(rt *rapid.T) string {
	if len(r.numbers) == 0 {
		rt.Skip("no license")
	}
	return rapid.SampledFrom(r.numbers).Draw(rt, "license")
}

func (r *lifeRun) grant(rt *rapid.T) {
	if len(r.numbers) > 5 {
		rt.Skip("enough")
	}
	terms := r.terms()
	terms.Threshold = 2
	terms.Term = licensing.Term{Days: rapid.IntRange(1, 3).Draw(rt, "days")}
	terms.APs = licensing.Limit(rapid.IntRange(-1, 3).Draw(rt, "aps"))
	switch rapid.SampledFrom([]string{"count", "count", "confirm", "window", "on-provision", "fixed-date", "trial", "monthly", "pool"}).Draw(rt, "form") {
	case "confirm":
		terms.ConfirmStart = 10 * time.Hour
	case "window":
		terms.CountWindow = time.Hour
	case "on-provision":
		terms.Start = licensing.StartOnProvision
	case "fixed-date":
		terms.Start, terms.StartDate = licensing.StartFixedDate, licensing.DateIn(r.now.AddDate(0, 0, rapid.IntRange(0, 2).Draw(rt, "in")), time.UTC)
	case "trial":
		terms.Trial, terms.Term = true, licensing.TrialTerm
	case "monthly":
		terms.ConfirmEvery, terms.Term = 2, licensing.Term{Years: 1}
	case "pool":
		terms.Quantity = 2
	}
	key, err := r.issuer.SignGrant(terms)
	require.NoError(rt, err)
	at := rapid.SampledFrom([]string{"", r.locations[0].Code, r.locations[1].Code}).Draw(rt, "at")
	a, err := r.s.Activate(ctx, by, key, at)
	if err != nil {
		require.True(rt, terms.Trial || terms.Start == licensing.StartFixedDate, "%v", err)
		return
	}
	for _, l := range a.Licenses {
		r.licenses[l.Number] = &lifeOf{}
		r.numbers = append(r.numbers, l.Number)
	}
}

func (r *lifeRun) assign(rt *rapid.T) {
	limits := rapid.SampledFrom([]*licensing.Limit{nil, limit(0), limit(1), limit(3)})
	_, _ = r.s.AssignLicense(ctx, by, r.some(rt), r.place(rt).Code, limits.Draw(rt, "aps"), limits.Draw(rt, "rooms"))
}

func (r *lifeRun) unassign(rt *rapid.T) {
	_, _ = r.s.UnassignLicense(ctx, by, r.some(rt), rapid.SampledFrom([]string{"", r.locations[0].Code, r.locations[1].Code}).Draw(rt, "from"))
}

// guestsCome lets new guests come, sometimes with a sighting of an hour ago.
func (r *lifeRun) guestsCome(rt *rapid.T) {
	at := r.place(rt)
	for range rapid.IntRange(1, 3).Draw(rt, "guests") {
		r.guests++
		record := r.record(r.guests%7, macwatch.StatusInterim, func(m *macwatch.Record) {
			m.Location, m.Input = at.ID, uint64(r.guests)
			if rapid.Bool().Draw(rt, "late") {
				m.HasEventTimestamp, m.EventTimestamp = true, uint32(r.s.Now().Add(-time.Hour).Unix())
			}
		})
		r.sight(record)
	}
}

func (r *lifeRun) order(rt *rapid.T) {
	number := r.some(rt)
	o := licensing.Order{ID: licensing.NewGrantID(), License: number, Sequence: r.licenses[number].applied + 1}
	switch rapid.SampledFrom([]string{"renewal", "upgrade", "deny", "restore", "confirm"}).Draw(rt, "kind") {
	case "renewal":
		renewal(licensing.Term{Days: 2})(&o)
	case "upgrade":
		upgrade(licensing.Upgrade{APs: limit(rapid.IntRange(-1, 3).Draw(rt, "aps"))})(&o)
	case "deny":
		denial(rapid.Bool().Draw(rt, "pause"))(&o)
	case "restore":
		id := r.licenses[number].denial
		if id == "" || rapid.IntRange(0, 3).Draw(rt, "another") == 0 {
			id = licensing.NewGrantID()
		}
		restoration(id)(&o)
	case "confirm":
		o.Kind = licensing.OrderConfirmation
		o.Confirmation = &licensing.Confirmation{Until: licensing.DateIn(r.now.AddDate(0, 0, 5), time.UTC)}
	}
	switch rapid.SampledFrom([]string{"", "", "", "early", "elsewhere"}).Draw(rt, "wrong") {
	case "early":
		o.Sequence++
	case "elsewhere":
		o.Gateway = "k4.public.elsewhere"
	}
	r.send(rt, o)
}

func (r *lifeRun) undo(rt *rapid.T) {
	number := r.some(rt)
	receipt := r.receipt(number)
	if receipt == nil {
		rt.Skip("it has not started")
	}
	hash, err := receipt.Hash()
	require.NoError(rt, err)
	r.send(rt, licensing.Order{Kind: licensing.OrderUndoStart, ID: licensing.NewGrantID(), License: number,
		Sequence: r.licenses[number].applied + 1, UndoStart: &licensing.UndoStart{Receipt: hash}})
}

// send enters an order and, if it was taken, remembers what it means.
func (r *lifeRun) send(rt *rapid.T, o licensing.Order) {
	text, err := r.issuer.SignOrder(o)
	require.NoError(rt, err)
	r.texts = append(r.texts, text)
	l := r.licenses[o.License]
	over := r.summary(o.License).State == licensing.ContractFinalized
	if _, err := r.s.Activate(ctx, by, text, ""); err != nil {
		require.Contains(rt, []licensing.Code{licensing.CodeRefused, licensing.CodeConflict}, licensing.CodeOf(err), "%v", err)
		return
	}
	require.False(rt, over, "an order was applied to a license that is over")
	require.Equal(rt, l.applied+1, o.Sequence, "out of sequence")
	require.Empty(rt, o.Gateway)
	l.applied++
	switch o.Kind {
	case licensing.OrderDeny:
		l.denial = o.ID
	case licensing.OrderRestore:
		require.Equal(rt, l.denial, o.Restore.Denial)
		l.denial = ""
	case licensing.OrderUndoStart:
		require.False(rt, l.undone, "undone twice")
		l.undone, l.startsAt = true, nil
	case licensing.OrderGrant, licensing.OrderUpgrade, licensing.OrderRenewal, licensing.OrderTransfer, licensing.OrderConfirmation, licensing.OrderClockReset:
	}
}

// replay enters a text again that was entered before, taken or not. One that was refused
// for its place in the sequence may be in its place by now.
func (r *lifeRun) replay(rt *rapid.T) {
	if len(r.texts) == 0 {
		rt.Skip("nothing was signed")
	}
	text := rapid.SampledFrom(r.texts).Draw(rt, "which")
	o, err := licensing.VerifyOrder(text, []string{r.issuer.Public()})
	require.NoError(rt, err)
	if o.Sequence == r.licenses[o.License].applied+1 {
		rt.Skip("it may come now")
	}
	_, err = r.s.Activate(ctx, by, text, "")
	require.Error(rt, err)
}

func (r *lifeRun) operator(rt *rapid.T) {
	number := r.some(rt)
	if rapid.Bool().Draw(rt, "deny") {
		_, _ = r.s.DenyLicense(ctx, by, number, "noise")
	} else {
		_, _ = r.s.RestoreLicense(ctx, by, number)
	}
}

func (r *lifeRun) decide(rt *rapid.T) {
	number := r.some(rt)
	if r.summary(number).ProposedStart == nil {
		rt.Skip("nothing is proposed")
	}
	if rapid.Bool().Draw(rt, "yes") {
		_, _ = r.s.ConfirmStart(ctx, by, number)
	} else {
		_, _ = r.s.DeclineStart(ctx, by, number, "too early")
	}
}

func (r *lifeRun) claimSome(rt *rapid.T) {
	c := collector{make(chan struct{}, 1)}
	claim := &macwatch.Claim{Location: r.place(rt).ID, AP: rapid.SampledFrom([]string{"ap-1", "ap-2", "ap-3", "ap-4"}).Draw(rt, "ap"), At: r.now, Done: c}
	require.True(rt, r.s.Claim(claim))
	<-c.done
	require.NoError(rt, claim.Err)
}

func (r *lifeRun) settings(rt *rapid.T) {
	at := r.place(rt)
	s := licensing.Settings{Timezone: at.Settings.Timezone,
		AutoRenewal: rapid.SampledFrom([]licensing.AutoRenewal{licensing.AutoRenewalOn, licensing.AutoRenewalOff}).Draw(rt, "auto-renewal")}
	_, err := r.s.SetLocation(ctx, by, at.Code, s)
	require.NoError(rt, err)
}

func (r *lifeRun) pass(rt *rapid.T) {
	r.set(r.clock.advance, time.Duration(rapid.SampledFrom([]int{1, 5, 11, 25, 60}).Draw(rt, "hours"))*time.Hour)
}

// off closes the store, or kills it, and opens it some time later.
func (r *lifeRun) off(rt *rapid.T) {
	later := time.Duration(rapid.SampledFrom([]int{0, 1, 11, 30, 100}).Draw(rt, "hours")) * time.Hour
	if rapid.Bool().Draw(rt, "kill") {
		r.dirs++
		dir := fmt.Sprintf("%s/%d", r.base, r.dirs)
		var err error
		require.True(rt, r.s.onWriter(func() { err = os.CopyFS(dir, os.DirFS(r.dir)) }))
		require.NoError(rt, err)
		r.dir, r.options.Dir = dir, dir
	}
	require.NoError(rt, r.s.Close())
	r.clock.advance(later)
	r.open()
}

func (r *lifeRun) setClock(rt *rapid.T) {
	r.set(r.clock.jump, time.Duration(rapid.SampledFrom([]int{3, 26, 100, -2, -25}).Draw(rt, "hours"))*time.Hour)
}

// resetClock lowers the mark by a signed order, where the wall clock lags behind it.
func (r *lifeRun) resetClock(rt *rapid.T) {
	mark := r.s.Now()
	lag := mark.Sub(r.clock.now())
	if lag <= 0 {
		rt.Skip("nothing is wrong")
	}
	text, err := r.issuer.SignOrder(licensing.Order{Kind: licensing.OrderClockReset, ID: licensing.NewGrantID(), Gateway: r.s.GatewayKey(),
		ClockReset: &licensing.ClockReset{Mark: mark, To: mark.Add(-lag)}})
	require.NoError(rt, err)
	_, err = r.s.Activate(ctx, by, text, "")
	require.NoError(rt, err)
	require.WithinDuration(rt, r.clock.now(), r.s.Now(), 0)
	_, err = r.s.Activate(ctx, by, text, "")
	require.Error(rt, err, "once")
}

// check is what must hold whatever has happened.
func (r *lifeRun) check(rt *rapid.T) {
	before := r.now
	r.now = r.s.Now()
	back := r.now.Before(before) // a jump was withdrawn, or the mark lowered: the dates decide again
	r.wentBack = r.wentBack || back
	for _, number := range r.numbers {
		l, sum := r.licenses[number], r.summary(number)
		require.Contains(rt, licensing.States(), sum.State)
		require.Equal(rt, l.applied+1, sum.NextOrder, number)
		if l.finalized && !back {
			require.Equal(rt, licensing.ContractFinalized, sum.State, "%s was revived", number)
		}
		l.finalized = sum.State == licensing.ContractFinalized
		if l.denial != "" {
			require.Contains(rt, []licensing.State{licensing.AccessDenied, licensing.ContractFinalized}, sum.State, number)
		}
		receipt := r.receipt(number)
		switch {
		case back || receipt == nil:
			l.startsAt = nil
		case l.startsAt != nil:
			require.True(rt, l.startsAt.Equal(receipt.StartsAt), "%s started twice", number)
		}
		if receipt != nil {
			// A start that a withdrawn jump had put into the future came back to now.
			require.False(rt, sum.StartsAt.After(receipt.StartsAt))
			require.True(rt, r.wentBack || sum.StartsAt.Equal(receipt.StartsAt))
			require.NotContains(rt, []licensing.State{licensing.PendingProvision, licensing.PendingStart}, sum.State)
			l.startsAt = &receipt.StartsAt
		} else {
			require.NotEqual(rt, licensing.InUse, sum.State, "%s runs without a receipt", number)
		}
		require.True(rt, sum.APs.Limit == licensing.Unlimited || sum.APs.Allotted != licensing.Unlimited && sum.APs.Allotted <= sum.APs.Limit)
	}
	for _, at := range r.locations {
		slots, err := r.s.Slots(ctx, at.Code, macwatch.KindAP)
		require.NoError(rt, err)
		admitted := 0
		for _, s := range slots {
			if s.Admitted {
				admitted++
			}
		}
		l := r.s.state.Load().locations[at.ID]
		require.True(rt, licensing.Limit(slotLimit(l, macwatch.KindAP, r.now)).Allows(admitted))
	}
	report, err := r.s.VerifyAudit(ctx)
	require.NoError(rt, err)
	require.True(rt, report.OK, report.Problems)
	require.Zero(rt, r.count(`SELECT count(*) FROM audit WHERE action = 'license.mismatch'`))
	require.Zero(rt, r.count(`SELECT count(*) FROM (SELECT subject FROM audit WHERE action = 'license.order' GROUP BY subject, detail ->> 'sequence' HAVING count(*) > 1)`))
	require.Zero(rt, r.count(`SELECT count(*) FROM receipts r JOIN licenses l ON l.id = r.license_id WHERE r.void = '' AND l.started_at IS NULL`))
}
