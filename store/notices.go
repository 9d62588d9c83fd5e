package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"tallygate/licensing"
)

// addressStep bounds the events that one transaction hands to their recipients.
const addressStep = 500

// PlanNotices writes down which notices of the ladders are due, and hands every event
// of the outbox to its recipients. Next is when the next notice is due; zero: none is
// known. It sees whatever was committed before it is called.
func (s *Store) PlanNotices(ctx context.Context) (next time.Time, err error) {
	err = s.ledger(ctx, func(n *notices) (work func() error, err error) {
		work, next, err = n.plan(s.w.state)
		return work, err
	})
	return next, err
}

// ledger looks on the writer what there is to do, and does it in one transaction. It
// bears on no decision, so that nothing is published; nil from look: nothing to do.
func (s *Store) ledger(ctx context.Context, look func(*notices) (func() error, error)) error {
	var err error
	run := func() {
		if err = ctx.Err(); err != nil {
			return // the caller has gone before its turn came
		}
		n := &notices{context.WithoutCancel(ctx), s, s.w.conn, s.Now().Truncate(time.Microsecond)}
		var work func() error
		if work, err = look(n); err == nil && work != nil {
			err = s.w.write(work)
		}
	}
	if !s.onWriter(run) {
		return errClosing()
	}
	return unavailable(err)
}

// write carries out f in a transaction of its own.
func (w *writer) write(f func() error) error {
	err := w.begin()
	if err == nil {
		if err = f(); err == nil {
			err = w.exec("COMMIT")
		}
		if err != nil {
			w.rollback()
		}
	}
	if diskFault(err) {
		w.fail(err)
	}
	if err == nil {
		w.recovered()
	}
	return err
}

// plan works out what there is to write, without writing.
func (n *notices) plan(st *state) (work func() error, next time.Time, err error) {
	ladders, err := latestLadders(n.ctx, n.conn, st.licenses)
	if err != nil {
		return nil, next, err
	}
	recorded, err := n.recorded()
	if err != nil {
		return nil, next, err
	}
	var todo []func() error
	for _, l := range st.licenses {
		do, due := n.planLicense(l, ladders[l.ID], recorded)
		if do != nil {
			todo = append(todo, do)
		}
		if !due.IsZero() && (next.IsZero() || due.Before(next)) {
			next = due
		}
	}
	var waiting bool
	if err := n.conn.QueryRowContext(n.ctx, `SELECT EXISTS (SELECT 1 FROM outbox WHERE addressed_at IS NULL)`).Scan(&waiting); err != nil {
		return nil, next, wrap("read the outbox", err)
	}
	if len(todo) == 0 && !waiting {
		return nil, next, nil
	}
	return func() error {
		for _, do := range todo {
			if err := do(); err != nil {
				return err
			}
		}
		return n.address(st)
	}, next, nil
}

// planLicense is plan for the ladder of one license.
func (n *notices) planLicense(l *licensing.License, old ladder, recorded map[int64]map[string]bool) (work func() error, next time.Time) {
	present := l.Ladder(old.Turn, old.ArmedAt)
	if !present.SameEnd(old.Ladder) {
		// What moved the end has armed the new one in its own transaction, but for ends
		// that move by themselves, such as that of the next license in a queue.
		return func() error { return n.arm(l, old, "the end of the license was moved") }, n.now
	}
	if old.LastDay.IsZero() {
		return nil, next
	}
	known := func(id string) bool { return recorded[old.row][id] }
	if old.Withdrawn(known, n.now) {
		return func() error { return n.arm(l, old, "the clock was set back") }, n.now
	}
	plan := old.Plan(known, n.now)
	if len(plan.Send)+len(plan.Superseded) == 0 {
		return nil, plan.Next
	}
	return func() error {
		for _, notice := range plan.Superseded {
			if err := n.record(old, notice, licensing.DeliverySuperseded, "a later notice was due as well when notices could be sent again"); err != nil {
				return err
			}
		}
		for _, notice := range plan.Send {
			if err := n.record(old, notice, "", ""); err != nil {
				return err
			}
		}
		return nil
	}, plan.Next
}

// pending is an event of the outbox that nobody has been given yet.
type pending struct {
	licensing.Event
	seq    int64
	ladder sql.NullInt64
}

// address gives the events of the outbox to the recipients who asked for them.
func (n *notices) address(st *state) error {
	events, err := rows(n.ctx, n.conn, func(r *sql.Rows) (p pending, err error) {
		var at int64
		var data string
		if err = r.Scan(&p.seq, &p.ID, &p.Kind, &at, &p.License, &p.Location, &data, &p.ladder); err != nil {
			return p, err
		}
		p.At = fromMicros(at)
		return p, json.Unmarshal([]byte(data), &p.Data)
	}, `SELECT seq, id, kind, at, license, location, data, ladder_id FROM outbox WHERE addressed_at IS NULL ORDER BY seq LIMIT ?`, addressStep)
	if err != nil {
		return err
	}
	if len(events) == addressStep {
		n.s.noticesChanged() // there may be more
	}
	recipients, err := readRecipients(n.ctx, n.conn)
	if err != nil {
		return err
	}
	for _, p := range events {
		if err := n.addressOne(st, p, recipients); err != nil {
			return err
		}
	}
	return nil
}

func (n *notices) addressOne(st *state, p pending, recipients []licensing.Recipient) error {
	about := st.eventContext(p.Event)
	text, err := json.Marshal(about)
	if err != nil {
		return faultf("cannot write what a notice is about: %w", err)
	}
	if err := n.exec(`UPDATE outbox SET addressed_at = ?, context = ? WHERE seq = ?`, micros(n.now), string(text), p.seq); err != nil {
		return err
	}
	if p.ladder.Valid {
		// Whoever did not get the notice before needs only this one.
		err := n.stop(ladder{row: p.ladder.Int64}, p.seq, licensing.DeliverySuperseded, "a later notice of the same end took its place")
		if err != nil {
			return err
		}
	}
	for _, r := range recipients {
		if !r.Wants(p.Event, about) {
			continue
		}
		if err := n.deliver(p.seq, p.ID, r, licensing.DeliveryWaiting); err != nil {
			return err
		}
	}
	return nil
}

// deliver enters a delivery into the ledger.
func (n *notices) deliver(seq int64, event string, r licensing.Recipient, state licensing.DeliveryState) error {
	next := any(micros(n.now))
	if r.OffReason != "" {
		state, next = licensing.DeliveryFailed, nil
	}
	return n.exec(`INSERT INTO deliveries (id, outbox_seq, recipient_id, state, reason, next_at) VALUES (?, ?, ?, ?, ?, ?)`,
		licensing.DeliveryID(event, r.ID), seq, r.ID, string(state), r.OffReason, next)
}

// eventContext is how things stand about an event.
func (st *state) eventContext(e licensing.Event) (c licensing.EventContext) {
	if l, err := st.location(e.Location); err == nil && e.Location != "" {
		c.Organization, c.Realm, c.Zone = l.Organization, l.Realm, l.Settings.Timezone
		c.Locations = []licensing.EventLocation{{ID: l.Code, Name: l.Name}}
	}
	i := slices.IndexFunc(st.licenses, func(l *licensing.License) bool { return l.Number == e.License })
	if e.License == "" || i < 0 {
		return c
	}
	l := st.licenses[i]
	c.Organization, c.Realm, c.Zone, c.State = l.Terms.Organization, l.Terms.Realm, l.Zone, l.StateAt(e.At).String()
	if e.Location == "" {
		for _, a := range l.Allotments {
			c.Locations = append(c.Locations, licensing.EventLocation{ID: a.Location, Name: st.locations[a.LocationID].Name})
		}
	}
	if ladder := l.Ladder(0, e.At); !ladder.LastDay.IsZero() {
		c.LastDay, c.EndsAt = ladder.LastDay, ladder.End
		c.Next = st.successor(l, ladder.End)
	}
	return c
}

// successor is the license that serves where l did, once l has ended; "" when none
// does everywhere.
func (st *state) successor(l *licensing.License, end time.Time) string {
	var next []string
	for _, a := range l.Allotments {
		g := licensing.Governing(st.locations[a.LocationID].Licenses, end)
		if g == nil || g.ID == l.ID {
			return ""
		}
		if s := g.StateAt(end); s != licensing.PendingStart && s != licensing.InUse {
			return ""
		}
		if !slices.Contains(next, g.Number) {
			next = append(next, g.Number)
		}
	}
	return strings.Join(next, ", ")
}

// NoticeContext is what a notice about a license says of it now, with its number as
// written in lists.
func (s *Store) NoticeContext(_ context.Context, number string) (string, licensing.EventContext, error) {
	st := s.state.Load()
	l, err := st.license(number)
	if err != nil {
		return "", licensing.EventContext{}, err
	}
	return l.Number, st.eventContext(licensing.Event{License: l.Number, At: s.Now()}), nil
}
