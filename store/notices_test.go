package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tallygate/licensing"
	"tallygate/macwatch"
)

func (v *venue) recipient(name string, change ...func(*licensing.Recipient)) licensing.NewRecipient {
	v.t.Helper()
	r := licensing.Recipient{Name: name, Channel: licensing.ChannelEmail, Address: name + "@hotel.example", Language: licensing.LanguageEnglish}
	for _, f := range change {
		f(&r)
	}
	added, err := v.s.AddRecipient(ctx, by, r)
	require.NoError(v.t, err)
	return added
}

func (v *venue) planNotices() time.Time {
	v.t.Helper()
	next, err := v.s.PlanNotices(ctx)
	require.NoError(v.t, err)
	return next
}

func (v *venue) takeNotices(limit int) []licensing.Delivery {
	v.t.Helper()
	taken, _, _, err := v.s.TakeDeliveries(ctx, limit)
	require.NoError(v.t, err)
	return taken
}

func (v *venue) finishNotice(d licensing.Delivery, result licensing.AttemptResult, answer string) {
	v.t.Helper()
	require.NoError(v.t, v.s.FinishDelivery(ctx, d, licensing.Outcome{Result: result, Answer: answer}))
}

func (v *venue) ledger(f licensing.LedgerFilter) (out []licensing.LedgerEntry) {
	v.t.Helper()
	require.NoError(v.t, v.s.Ledger(ctx, f, func(e licensing.LedgerEntry) error {
		out = append(out, e)
		return nil
	}))
	return out
}

// told is the ledger in short: kind, recipient and state of each line.
func (v *venue) told(kinds ...string) (out []string) {
	v.t.Helper()
	for _, e := range v.ledger(licensing.LedgerFilter{}) {
		for _, k := range kinds {
			if len(e.Kind) >= len(k) && e.Kind[:len(k)] == k {
				out = append(out, e.Kind+" "+e.Recipient+" "+string(e.State))
			}
		}
	}
	return out
}

// untilNotice moves the time on to an instant, as if the gateway had been off.
func (v *venue) untilNotice(at time.Time) {
	v.t.Helper()
	v.set(v.clock.advance, at.Sub(v.clock.now()))
}

// ends is the ladder of the license as the facts give it.
func (v *venue) ends(number string) licensing.Ladder {
	v.t.Helper()
	l, err := v.s.state.Load().license(number)
	require.NoError(v.t, err)
	ladders, err := latestLadders(ctx, v.s.readers, v.s.state.Load().licenses)
	require.NoError(v.t, err)
	return ladders[l.ID].Ladder
}

func TestAStartIsToldOnceToWhoAsked(t *testing.T) {
	v := openVenue(t)
	number := v.activate(v.terms())
	v.recipient("all")
	v.recipient("sol", func(r *licensing.Recipient) { r.Organization = "Hotel Sol" })
	v.recipient("this", func(r *licensing.Recipient) { r.License = number })
	v.recipient("limits", func(r *licensing.Recipient) { r.Kinds = []string{"ap-limit.*"} })
	_, err := v.s.AddOrganization(ctx, by, licensing.Organization{Name: "Hotel Mar", Realm: "hotelmar", Code: "MAR"})
	require.NoError(t, err)
	v.recipient("mar", func(r *licensing.Recipient) { r.Organization = "hotelmar" })
	v.planNotices()
	require.Empty(t, v.takeNotices(10))
	v.startByDevices()
	v.sight(v.record(6, macwatch.StatusStart))
	for range 3 {
		v.planNotices()
	}
	require.Equal(t, []string{"license.start all waiting", "license.start sol waiting", "license.start this waiting"}, v.told("license.start"))
	taken := v.takeNotices(10)
	require.Len(t, taken, 3)
	for _, d := range taken {
		require.Equal(t, 1, d.Attempt)
		require.Equal(t, number, d.Event.License)
		require.Equal(t, "Hotel Sol", d.Context.Organization)
		require.Equal(t, []licensing.EventLocation{{ID: "28N2S004", Name: "Lobby"}}, d.Context.Locations)
		require.Equal(t, "2027-11-22", d.Context.LastDay.String())
		require.Equal(t, licensing.DeliveryID(d.Event.ID, d.Recipient.ID), d.ID)
		v.finishNotice(d, licensing.AttemptSent, "250 ok")
	}
	require.Empty(t, v.takeNotices(10))
	entries := v.ledger(licensing.LedgerFilter{State: licensing.DeliverySent, Recipient: "sol"})
	require.Len(t, entries, 1)
	require.Equal(t, []licensing.Attempt{{Number: 1, At: v.clock.now(), Result: licensing.AttemptSent, Answer: "250 ok"}}, entries[0].Attempts)
	require.Len(t, v.ledger(licensing.LedgerFilter{License: strings.ToLower(number), Kind: "license.*"}), 3)
	require.Empty(t, v.ledger(licensing.LedgerFilter{License: licensing.LicenseNumber(licensing.NewGrantID(), 0)}))
	require.Equal(t, licensing.CodeInvalid, licensing.CodeOf(v.s.Ledger(ctx, licensing.LedgerFilter{License: "TG-none"}, nil)))
}

// A year in which the schedule wakes when the store says that something is due.
func TestTheLadderInTheLedger(t *testing.T) {
	v := openVenue(t)
	v.recipient("it")
	number := v.activate(v.terms())
	v.startByDevices()
	ladder := v.ends(number)
	require.Equal(t, "2027-11-22", ladder.LastDay.String())
	upcoming, err := v.s.UpcomingNotices(ctx)
	require.NoError(t, err)
	require.Len(t, upcoming, 6)
	require.Equal(t, licensing.UpcomingNotice{At: ladder.Notices()[0].Due.UTC(), Kind: licensing.EventMonth, License: number,
		LastDay: ladder.LastDay, Zone: "Europe/Madrid", Recipients: []string{"it"}}, utc(upcoming[0]))

	var sent []string
	for next := v.planNotices(); !next.IsZero(); next = v.planNotices() {
		v.untilNotice(next.Add(-time.Second))
		v.planNotices()
		for _, d := range v.takeNotices(10) {
			v.finishNotice(d, licensing.AttemptSent, "")
		}
		v.untilNotice(next)
		v.planNotices()
		for _, d := range v.takeNotices(10) {
			require.True(t, d.Event.At.Equal(next), "at its time")
			sent = append(sent, d.Event.Kind)
			v.finishNotice(d, licensing.AttemptSent, "")
		}
	}
	require.Equal(t, []string{licensing.EventMonth, licensing.Event15Days, licensing.Event7Days, licensing.Event1Day, licensing.EventEnd, licensing.EventReminder}, sent)
	require.Len(t, v.told("notice.", "license.end"), 6)
	upcoming, err = v.s.UpcomingNotices(ctx)
	require.NoError(t, err)
	require.Empty(t, upcoming)
}

func utc(n licensing.UpcomingNotice) licensing.UpcomingNotice {
	n.At = n.At.UTC()
	return n
}

// Off from before the month notice until after the end, and the mail server was down
// before that: only the latest is sent.
func TestCatchingUpAfterDowntime(t *testing.T) {
	v := openVenue(t)
	v.recipient("it")
	number := v.activate(v.terms())
	v.startByDevices()
	n := v.ends(number).Notices()
	v.planNotices()
	for _, d := range v.takeNotices(10) {
		v.finishNotice(d, licensing.AttemptSent, "")
	}
	v.untilNotice(n[0].Due)
	v.planNotices()
	d := v.takeNotices(1)[0]
	v.finishNotice(d, licensing.AttemptRetry, "down")
	require.NoError(t, v.s.Close())
	v.clock.advance(n[4].Due.Sub(v.clock.now()) + time.Hour)
	v.open()
	require.NoError(t, v.s.ResumeDeliveries(ctx))
	require.True(t, n[5].Due.Equal(v.planNotices()))
	v.planNotices()
	require.Equal(t, []string{"notice.month it superseded", "notice.15-days  superseded", "notice.7-days  superseded", "notice.1-day  superseded", "license.end it waiting"},
		v.told("notice.", "license.end"))
	taken := v.takeNotices(10)
	require.Len(t, taken, 1)
	require.Equal(t, licensing.EventEnd, taken[0].Event.Kind)
}

// alter changes what an order would change, in a transaction of an operator.
func (v *venue) alter(query string, args ...any) {
	v.t.Helper()
	require.NoError(v.t, v.s.change(ctx, by, func(t *tx) error {
		_, err := t.exec(nil, query, args...)
		return err
	}))
}

// An end that is moved begins the ladder anew; of the old one nothing goes out any more.
func TestAMovedEndCancelsTheOldLadder(t *testing.T) {
	v := openVenue(t)
	v.recipient("it")
	number := v.activate(v.terms())
	v.startByDevices()
	v.planNotices()
	for _, d := range v.takeNotices(10) {
		v.finishNotice(d, licensing.AttemptSent, "")
	}
	old := v.ends(number).Notices()
	v.untilNotice(old[1].Due)
	v.planNotices() // the month notice is superseded, that of 15 days is under way when the end moves
	underWay := v.takeNotices(10)[0]
	require.Equal(t, licensing.Event15Days, underWay.Event.Kind)

	v.alter(`UPDATE licenses SET paused_days = 20`)
	v.finishNotice(underWay, licensing.AttemptRetry, "down")
	require.Equal(t, []string{"notice.month  superseded", "notice.15-days it cancelled", "notice.7-days  cancelled", "notice.1-day  cancelled",
		"license.end  cancelled", "notice.reminder  cancelled"}, v.told("notice.", "license.end"))
	fresh := v.ends(number)
	require.Equal(t, 2, fresh.Turn)
	require.Equal(t, "2027-12-12", fresh.LastDay.String())
	require.True(t, fresh.Notices()[0].Due.Equal(v.planNotices()), "a month before the new last day")

	// Moved back by an undo, then the same day again: other ids, each told once more.
	v.alter(`UPDATE licenses SET paused_days = 0`)
	v.alter(`UPDATE licenses SET paused_days = 20`)
	require.Equal(t, 4, v.ends(number).Turn)
	v.untilNotice(v.planNotices())
	v.planNotices()
	taken := v.takeNotices(10)
	require.Len(t, taken, 1)
	require.Equal(t, licensing.EventMonth, taken[0].Event.Kind)

	// A rehearsal moves nothing.
	before := v.dump()
	require.NoError(t, v.s.change(ctx, licensing.Change{By: "tester", DryRun: true}, func(t *tx) error {
		_, err := t.exec(nil, `UPDATE licenses SET paused_days = 30`)
		return err
	}))
	require.Equal(t, before, v.dump())
}

// A clock that jumped ahead and is set back within the day: what was told in error is
// told again when its time comes.
func TestAWithdrawnJumpBeginsTheLadderAnew(t *testing.T) {
	v := openVenue(t)
	v.recipient("it")
	number := v.activate(v.terms())
	v.startByDevices()
	v.planNotices()
	for range 25 { // the first time seen stands its trial
		v.set(v.clock.advance, time.Hour)
	}
	for _, d := range v.takeNotices(10) {
		v.finishNotice(d, licensing.AttemptSent, "")
	}
	const ahead = 3 * 365 * 24 * time.Hour
	v.set(v.clock.jump, ahead)
	v.planNotices()
	require.Equal(t, "notice.reminder", v.takeNotices(10)[0].Event.Kind, "believed at once")
	require.Len(t, v.told("notice.", "license.end"), 6)
	v.set(v.clock.jump, -ahead)
	v.planNotices()
	require.Equal(t, 2, v.ends(number).Turn)
	require.True(t, v.ends(number).Notices()[0].Due.Equal(v.planNotices()))
	v.untilNotice(v.planNotices())
	v.planNotices()
	taken := v.takeNotices(10)
	require.Len(t, taken, 1)
	require.Equal(t, licensing.EventMonth, taken[0].Event.Kind)
}

// An end that was taken back while the clock was wrong leaves nothing to do, again and again.
func TestALadderWithoutAnEndIsAtRest(t *testing.T) {
	v := openVenue(t)
	v.activate(v.terms())
	for range 25 {
		v.set(v.clock.advance, time.Hour)
	}
	v.set(v.clock.jump, 24*time.Hour)
	v.startByDevices()
	v.alter(`UPDATE licenses SET started_at = NULL`)
	v.set(v.clock.jump, -24*time.Hour)
	for range 3 {
		require.True(t, v.planNotices().IsZero())
	}
}

// Killed during an attempt: the next run says so, and makes another with the same id.
func TestACrashDuringAnAttempt(t *testing.T) {
	v := openVenue(t)
	v.recipient("it")
	v.activate(v.terms())
	v.startByDevices()
	v.planNotices()
	first := v.takeNotices(1)[0]
	v.crash(t.TempDir())
	require.Empty(t, v.takeNotices(10), "it stands as under way")
	require.NoError(t, v.s.ResumeDeliveries(ctx))
	v.planNotices()
	second := v.takeNotices(10)
	require.Len(t, second, 1)
	require.Equal(t, first.ID, second[0].ID)
	require.Equal(t, first.Event.ID, second[0].Event.ID)
	require.Equal(t, 2, second[0].Attempt)
	v.finishNotice(second[0], licensing.AttemptSent, "250 ok")
	e := v.ledger(licensing.LedgerFilter{Kind: licensing.EventStart})
	require.Len(t, e, 1)
	require.Equal(t, []licensing.AttemptResult{licensing.AttemptInterrupted, licensing.AttemptSent}, []licensing.AttemptResult{e[0].Attempts[0].Result, e[0].Attempts[1].Result})
	require.Contains(t, e[0].Attempts[0].Answer, "it may have arrived")
}

// What was cancelled while an attempt was under way is not taken up again.
func TestACrashDuringAnAttemptThatWasCancelled(t *testing.T) {
	v := openVenue(t)
	v.recipient("it")
	v.activate(v.terms())
	v.startByDevices()
	v.planNotices()
	require.Len(t, v.takeNotices(10), 1)
	require.NoError(t, v.s.RemoveRecipient(ctx, by, "it"))
	v.crash(t.TempDir())
	require.NoError(t, v.s.ResumeDeliveries(ctx))
	require.Empty(t, v.takeNotices(10))
	require.Equal(t, []string{"license.start it cancelled"}, v.told("license.start"))
}

// An attempt put off by a clock that was years ahead is made when the clock is right again.
func TestAnAttemptPlannedByAWrongClock(t *testing.T) {
	v := openVenue(t)
	v.recipient("it")
	v.activate(v.terms())
	v.startByDevices()
	for range 25 {
		v.set(v.clock.advance, time.Hour)
	}
	v.planNotices()
	const ahead = 200 * 24 * time.Hour
	v.set(v.clock.jump, ahead)
	v.finishNotice(v.takeNotices(1)[0], licensing.AttemptRetry, "down")
	require.Empty(t, v.takeNotices(1))
	v.set(v.clock.jump, -ahead)
	require.Len(t, v.takeNotices(1), 1)
}

// Ten attempts, put off longer and longer, over restarts; then it is given up, and
// tried again when somebody says so.
func TestRetriesUntilItIsGivenUp(t *testing.T) {
	v := openVenue(t)
	v.recipient("it")
	v.activate(v.terms())
	v.startByDevices()
	v.planNotices()
	var waits []time.Duration
	var id string
	for n := 1; ; n++ {
		taken := v.takeNotices(10)
		require.Len(t, taken, 1)
		id = taken[0].ID
		require.Equal(t, n, taken[0].Attempt)
		v.finishNotice(taken[0], licensing.AttemptRetry, "try later")
		_, next, open, err := v.s.TakeDeliveries(ctx, 10)
		require.NoError(t, err)
		if next.IsZero() {
			require.Zero(t, open)
			break
		}
		require.Equal(t, 1, open)
		waits = append(waits, next.Sub(v.s.Now()))
		if n%3 == 0 {
			v.restart()
			require.NoError(t, v.s.ResumeDeliveries(ctx))
		}
		v.untilNotice(next.Add(-time.Millisecond))
		require.Empty(t, v.takeNotices(10))
		v.untilNotice(next)
	}
	require.Equal(t, "[5s 5m0s 30m0s 2h0m0s 5h0m0s 10h0m0s 14h0m0s 20h0m0s 24h0m0s]", fmt.Sprint(waits))
	e := v.ledger(licensing.LedgerFilter{State: licensing.DeliveryFailed})
	require.Len(t, e, 1)
	require.Len(t, e[0].Attempts, 10)
	require.Equal(t, "given up after 10 attempts: try later", e[0].Reason)

	replayed, err := v.s.ReplayDelivery(ctx, by, id)
	require.NoError(t, err)
	require.Equal(t, licensing.DeliveryWaiting, replayed.State)
	again := v.takeNotices(10)
	require.Len(t, again, 1)
	require.Equal(t, 11, again[0].Attempt)
	v.finishNotice(again[0], licensing.AttemptSent, "")
	require.Empty(t, v.takeNotices(10))
	_, err = v.s.ReplayDelivery(ctx, by, "nothing")
	require.Equal(t, licensing.CodeNotFound, licensing.CodeOf(err))
}

// What the gateway's own settings hold up waits until the next start, without using up
// its attempts.
func TestHeldUntilTheNextStart(t *testing.T) {
	v := openVenue(t)
	v.recipient("it")
	v.activate(v.terms())
	v.startByDevices()
	v.planNotices()
	v.finishNotice(v.takeNotices(1)[0], licensing.AttemptHeld, "no mail server is configured")
	v.untilNotice(v.clock.now().Add(100 * time.Hour))
	require.Empty(t, v.takeNotices(10))
	e := v.ledger(licensing.LedgerFilter{State: licensing.DeliveryWaiting})
	require.Equal(t, "no mail server is configured", e[0].Reason)
	require.Nil(t, e[0].NextAt)
	v.restart()
	require.NoError(t, v.s.ResumeDeliveries(ctx))
	d := v.takeNotices(10)
	require.Len(t, d, 1)
	v.finishNotice(d[0], licensing.AttemptRetry, "greylisted")
	_, next, _, err := v.s.TakeDeliveries(ctx, 1)
	require.NoError(t, err)
	require.Equal(t, 5*time.Second, next.Sub(v.s.Now()), "the first attempt that counts")
}

func TestWhoWantsNothingAnyMore(t *testing.T) {
	v := openVenue(t)
	hook := func(r *licensing.Recipient) {
		r.Channel, r.Address = licensing.ChannelWebhook, "https://hooks.example/x"
	}
	secret := v.recipient("hook", hook).Secret
	require.NoError(t, keyed(secret))
	number := v.activate(v.terms())
	v.startByDevices()
	v.planNotices()
	d := v.takeNotices(1)[0]
	require.Equal(t, []string{secret}, d.Recipient.Secrets(v.clock.now()))
	require.NoError(t, v.s.FinishDelivery(ctx, d, licensing.Outcome{Result: licensing.AttemptFailed, Answer: "410 Gone", Gone: true}))
	all, err := v.s.Recipients(ctx)
	require.NoError(t, err)
	require.Equal(t, "410 Gone", all[0].OffReason)
	_, err = v.s.DenyLicense(ctx, by, number, "unpaid")
	require.NoError(t, err)
	require.NoError(t, v.s.change(ctx, by, func(t *tx) error {
		return t.emit(licensing.Event{Kind: licensing.EventRestore, At: t.now, License: number})
	}))
	v.planNotices()
	require.Equal(t, []string{"license.restore hook failed"}, v.told("license.restore"))
	_, err = v.s.ReplayDelivery(ctx, by, d.ID)
	require.Equal(t, licensing.CodeConflict, licensing.CodeOf(err))

	// A test that arrives switches it on again; one that does not is not repeated.
	for _, result := range []licensing.AttemptResult{licensing.AttemptRetry, licensing.AttemptSent} {
		test, err := v.s.TestRecipient(ctx, by, "hook")
		require.NoError(t, err)
		require.Equal(t, licensing.EventTest, test.Event.Kind)
		v.finishNotice(test, result, "")
		require.Empty(t, v.takeNotices(10))
		v.clock.advance(time.Second)
	}
	require.Equal(t, []string{"test hook failed", "test hook sent"}, v.told("test"))
	all, err = v.s.Recipients(ctx)
	require.NoError(t, err)
	require.Empty(t, all[0].OffReason)

	// Two secrets for a day.
	fresh, err := v.s.RotateRecipient(ctx, by, "HOOK")
	require.NoError(t, err)
	require.NotEqual(t, secret, fresh.Secret)
	_, err = v.s.ReplayDelivery(ctx, by, d.ID)
	require.NoError(t, err)
	d = v.takeNotices(1)[0]
	require.Equal(t, []string{fresh.Secret, secret}, d.Recipient.Secrets(v.clock.now()))

	// Removed while an attempt is under way: it may still arrive, but is not repeated.
	require.NoError(t, v.s.RemoveRecipient(ctx, by, "hook"))
	v.finishNotice(d, licensing.AttemptRetry, "503")
	require.Contains(t, v.told("license.start"), "license.start hook cancelled")
	_, err = v.s.ReplayDelivery(ctx, by, d.ID)
	require.Equal(t, licensing.CodeConflict, licensing.CodeOf(err))
	v.recipient("hook", hook) // the name is free again
}

func keyed(secret string) error {
	_, err := licensing.WebhookKey(secret)
	return err
}

func TestWhatRecipientsRefuse(t *testing.T) {
	v := openVenue(t)
	v.recipient("it")
	for name, f := range map[licensing.Code]func() error{
		licensing.CodeConflict: func() error {
			_, err := v.s.AddRecipient(ctx, by, licensing.Recipient{Name: "IT", Channel: licensing.ChannelEmail, Address: "a@b.example"})
			return err
		},
		licensing.CodeInvalid: func() error {
			_, err := v.s.AddRecipient(ctx, by, licensing.Recipient{Name: "x", Channel: licensing.ChannelEmail, Address: "nobody"})
			return err
		},
		licensing.CodeNotFound: func() error {
			_, err := v.s.AddRecipient(ctx, by, licensing.Recipient{Name: "x", Channel: licensing.ChannelEmail, Address: "a@b.example", Organization: "nobody"})
			return err
		},
	} {
		require.Equal(t, name, licensing.CodeOf(f()))
	}
	_, err := v.s.RotateRecipient(ctx, by, "it")
	require.Equal(t, licensing.CodeConflict, licensing.CodeOf(err))
	_, err = v.s.TestRecipient(ctx, by, "nobody")
	require.Equal(t, licensing.CodeNotFound, licensing.CodeOf(err))
	require.Equal(t, licensing.CodeNotFound, licensing.CodeOf(v.s.RemoveRecipient(ctx, by, "nobody")))

	// A rehearsal goes all the way and leaves nothing behind.
	dry := licensing.Change{By: "tester", DryRun: true}
	before := v.dump()
	added, err := v.s.AddRecipient(ctx, dry, licensing.Recipient{Name: "x", Channel: licensing.ChannelWebhook, Address: "https://h.example"})
	require.NoError(t, err)
	require.NotEmpty(t, added.Secret)
	_, err = v.s.TestRecipient(ctx, dry, "it")
	require.NoError(t, err)
	require.NoError(t, v.s.RemoveRecipient(ctx, dry, "it"))
	require.Equal(t, before, v.dump())
}

// Levels of a limit are told when they are reached, once each time, and refusals once
// a day.
func TestLimitsAreTold(t *testing.T) {
	v := openVenue(t)
	terms := v.terms()
	terms.APs, terms.Rooms = 10, 2
	v.activate(terms)
	v.recipient("it")
	for n := range 12 {
		v.claim(fmt.Sprintf("ap-%02d", n))
	}
	v.planNotices()
	require.Equal(t, []string{"ap-limit.80 it waiting", "ap-limit.100 it waiting", "ap-limit.refused it waiting"}, v.told("ap-limit"))
	e := v.ledger(licensing.LedgerFilter{Kind: licensing.EventAP80})
	require.Equal(t, "28N2S004", e[0].Location)
	for _, d := range v.takeNotices(10) {
		if d.Event.Kind == licensing.EventAP80 {
			require.Equal(t, map[string]any{"limit": 10.0, "in_use": 8.0}, d.Event.Data)
		}
	}

	// Refused all day long: told once. The next local day: once more.
	for range 30 {
		v.set(v.clock.advance, 20*time.Minute)
		v.s.Observe(v.location.ID, seen("ap-99"))
		v.s.onWriter(func() {})
	}
	v.planNotices()
	require.Len(t, v.told("ap-limit.refused"), 1)
	v.set(v.clock.advance, 5*time.Hour) // it is past midnight in Madrid
	v.s.Observe(v.location.ID, seen("ap-99"))
	v.s.onWriter(func() {})
	v.planNotices()
	require.Len(t, v.told("ap-limit.refused"), 2)

	// A slot released and taken again reaches the limit once more.
	_, err := v.s.ReleaseSlot(ctx, by, v.location.Code, macwatch.KindAP, "ap-00")
	require.NoError(t, err)
	v.set(v.clock.advance, 25*time.Hour)
	require.Equal(t, macwatch.ClaimGranted, v.claim("ap-new"))
	v.planNotices()
	require.Len(t, v.told("ap-limit.100"), 2)
	require.Len(t, v.told("ap-limit.80"), 1)

	// Rooms that an operator declares count the same; a limit of two has no 80 %.
	for _, room := range []string{"101", "102"} {
		_, err := v.s.DeclareSlot(ctx, by, v.location.Code, macwatch.KindRoom, room, nil)
		require.NoError(t, err)
	}
	v.s.Observe(v.location.ID, seen("ap-01")) // it holds a slot: it was the room that was refused
	v.s.onWriter(func() {})
	v.planNotices()
	require.Equal(t, []string{"room-limit.100 it waiting", "room-limit.refused it waiting"}, v.told("room-limit"))
	require.NotContains(t, v.slots(macwatch.KindAP), "ap-99x")
}

// An undeclared AP is refused for another reason than the limit.
func TestAnUnknownAPIsNoLimit(t *testing.T) {
	v := openVenue(t)
	terms := v.terms()
	terms.APs = 1
	v.activate(terms)
	_, err := v.s.SetLocation(ctx, by, v.location.Code, licensing.Settings{Guests: "open", Count: "accounting", APs: licensing.APsDeclared, Timezone: "Europe/Madrid"})
	require.NoError(t, err)
	_, err = v.s.DeclareSlot(ctx, by, v.location.Code, macwatch.KindAP, "ap-1", nil)
	require.NoError(t, err)
	v.s.Observe(v.location.ID, seen("stranger"))
	v.s.onWriter(func() {})
	v.planNotices()
	require.Empty(t, v.told("ap-limit.refused"))
	require.Contains(t, v.slots(macwatch.KindAP), "stranger", "but it is observed")
}

// Whatever happens between, in whatever order: an event reaches each of its recipients
// through one delivery, a delivery is sent at most once, and of a ladder never two
// notices go out together.
func TestTheLedgerHoldsEachNoticeOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir := t.TempDir()
		v := newVenue(rt, dir)
		defer func() { _ = v.s.Close() }()
		v.recipient("a")
		v.recipient("b")
		terms := v.terms()
		terms.Term = licensing.Term{Days: rapid.IntRange(1, 60).Draw(rt, "days")}
		v.activate(terms)
		v.startByDevices()
		underWay := []licensing.Delivery{}
		days := 0
		for range rapid.IntRange(5, 40).Draw(rt, "steps") {
			switch rapid.SampledFrom([]string{"pass", "pass", "plan", "plan", "take", "finish", "finish", "restart", "move", "jump"}).Draw(rt, "step") {
			case "pass":
				v.set(v.clock.advance, time.Duration(rapid.IntRange(1, 10*24).Draw(rt, "hours"))*time.Hour)
			case "jump":
				v.set(v.clock.jump, time.Duration(rapid.IntRange(-72, 72).Draw(rt, "hours"))*time.Hour)
			case "plan":
				v.planNotices()
			case "take":
				underWay = append(underWay, v.takeNotices(rapid.IntRange(1, 3).Draw(rt, "limit"))...)
			case "finish":
				if len(underWay) > 0 {
					result := rapid.SampledFrom([]licensing.AttemptResult{licensing.AttemptSent, licensing.AttemptRetry, licensing.AttemptFailed, licensing.AttemptHeld}).Draw(rt, "result")
					v.finishNotice(underWay[0], result, "")
					underWay = underWay[1:]
				}
			case "restart":
				v.restart()
				require.NoError(rt, v.s.ResumeDeliveries(ctx))
				underWay = nil
			case "move":
				days += rapid.IntRange(1, 20).Draw(rt, "by")
				v.alter(`UPDATE licenses SET paused_days = ?`, days)
			}
			v.checkLedger(rt)
		}
	})
}

// checkLedger holds the ledger to its promises.
func (v *venue) checkLedger(t require.TestingT) {
	type key struct{ event, recipient string }
	seen, sent := map[key]bool{}, map[string]int{}
	for _, e := range v.ledger(licensing.LedgerFilter{}) {
		k := key{e.Event, e.Recipient}
		require.False(t, seen[k], "twice in the ledger")
		seen[k] = true
		for i, a := range e.Attempts {
			require.Equal(t, i+1, a.Number)
			if a.Result == licensing.AttemptSent {
				sent[e.ID]++
			}
		}
		require.LessOrEqual(t, sent[e.ID], 1)
		require.Equal(t, e.State == licensing.DeliverySent, sent[e.ID] == 1)
	}
	var together int
	err := v.s.readers.QueryRowContext(context.Background(), `SELECT coalesce(max(n), 0) FROM (SELECT count(*) AS n FROM outbox
		WHERE ladder_id IS NOT NULL AND state = '' AND addressed_at IS NOT NULL GROUP BY ladder_id, addressed_at)`).Scan(&together)
	require.NoError(t, err)
	require.LessOrEqual(t, together, 1, "two notices of an end at once")
}

// The orders of the distributor: a renewal is told and moves the ladder, a denial that
// pauses the clock leaves none, its restoration begins one for the later end, and the
// license that waits in the queue is named.
func TestOrdersMoveTheLadder(t *testing.T) {
	v := openVenue(t)
	v.recipient("it")
	number := v.activate(v.terms())
	v.startByDevices()
	require.Equal(t, "2027-11-22", v.ends(number).LastDay.String())
	v.enter(number, renewal(licensing.Term{Years: 1}))
	require.Equal(t, "2028-11-22", v.ends(number).LastDay.String())
	v.enter(number, denial(true))
	require.True(t, v.ends(number).LastDay.IsZero(), "while the clock is paused nobody knows the end")
	require.True(t, v.planNotices().IsZero())
	v.untilNotice(v.clock.now().Add(36 * time.Hour))
	v.enter(number, restoration(v.denialID(number)))
	require.Equal(t, "2028-11-24", v.ends(number).LastDay.String(), "a day and a half, rounded up")
	require.Equal(t, 4, v.ends(number).Turn)
	next := v.activate(v.terms())
	v.planNotices()
	require.Equal(t, []string{"license.start it waiting", "license.renew it waiting", "license.deny it waiting", "license.restore it waiting"},
		v.told("license.start", "license.renew", "license.deny", "license.restore"))
	require.Empty(t, slices.DeleteFunc(v.told("notice."), func(line string) bool { return strings.HasSuffix(line, " cancelled") }))

	v.untilNotice(v.ends(number).Notices()[0].Due)
	v.planNotices()
	taken := v.takeNotices(10)
	d := taken[len(taken)-1]
	require.Equal(t, licensing.EventMonth, d.Event.Kind)
	require.Equal(t, number, d.Event.License)
	require.Equal(t, next, d.Context.Next)
	require.Equal(t, "2028-11-24", d.Context.LastDay.String())
}
