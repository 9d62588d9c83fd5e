package store

import (
	"context"
	"database/sql"
	"time"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// propose puts the start that the devices have made to an operator. A sighting that
// arrives late may still move it back; forward nothing does, though a count window no
// longer knows what has passed out of it.
func (b *batch) propose(p *place, at time.Time, made []sighting) error {
	first := p.license.Proposal.At.IsZero()
	if !first && !at.Before(p.license.Proposal.Start) {
		return nil
	}
	proposed := p.license.Propose(at, b.now)
	ctx := context.Background()
	if _, err := b.w.conn.ExecContext(ctx, `UPDATE licenses SET proposed_at = ?, proposed_start = ? WHERE id = ?`,
		micros(proposed.Proposal.At), micros(at), proposed.ID); err != nil {
		return wrap("propose a start", err)
	}
	if _, err := b.w.conn.ExecContext(ctx, `DELETE FROM proposed_sightings WHERE license_id = ?`, proposed.ID); err != nil {
		return wrap("propose a start", err)
	}
	for _, m := range made {
		if _, err := b.w.conn.ExecContext(ctx, `INSERT INTO proposed_sightings (license_id, location_id, mac, at, ap, session) VALUES (?, ?, ?, ?, ?, ?)`,
			proposed.ID, p.location.ID, int64(m.mac), micros(m.at), m.ap, m.session); err != nil {
			return wrap("propose a start", err)
		}
	}
	if first {
		if err := b.audit.add(ctx, b.w.conn, entry{b.now, "tallygate", "license.start-proposed", proposed.Number, proposed.Proposal}); err != nil {
			return err
		}
		if err := b.emit(licensing.Event{Kind: licensing.EventProposed, At: b.now, License: proposed.Number,
			Data: map[string]any{"starts_at": at, "answer_by": b.now.Add(proposed.Terms.ConfirmStart)}}); err != nil {
			return err
		}
	}
	if err := b.audit.add(ctx, b.w.conn, entry{b.now, "tallygate", actionFacts, proposed.Number, loggedLicense{proposed.ID, *proposed}}); err != nil {
		return err
	}
	b.replaceLicense(proposed)
	b.replan() // when the next one begins may follow from it
	return nil
}

// ConfirmStart is an operator's yes to a proposed start: it happens now.
func (s *Store) ConfirmStart(ctx context.Context, ch licensing.Change, number string) (sum licensing.Summary, err error) {
	err = s.change(ctx, ch, func(t *tx) error {
		old, err := t.state.license(number)
		if err != nil {
			return err
		}
		l, err := old.ConfirmStart(t.now)
		if err != nil {
			return err
		}
		location, made, err := t.proposedSightings(t.state, l)
		if err != nil {
			return err
		}
		t.summarize(l, &sum)
		if err := t.log("license.start-confirmed", l.Number, l.Proposal); err != nil {
			return err
		}
		return t.start(l, location, made)
	})
	return sum, err
}

// DeclineStart is an operator's no, once: what was sighted so far does not count.
func (s *Store) DeclineStart(ctx context.Context, ch licensing.Change, number, reason string) (sum licensing.Summary, err error) {
	err = s.change(ctx, ch, func(t *tx) error {
		old, err := t.state.license(number)
		if err != nil {
			return err
		}
		l, err := old.DeclineStart(reason, t.now)
		if err != nil {
			return err
		}
		if err := t.recount(l); err != nil {
			return err
		}
		if err := t.saveLicense(l); err != nil {
			return err
		}
		t.summarize(l, &sum)
		return t.log("license.start-declined", l.Number, map[string]any{"proposed": old.Proposal, "reason": reason})
	})
	return sum, err
}

// recount lets the count of a license begin anew: what was sighted so far makes no start.
func (t *tx) recount(l *licensing.License) error {
	for _, table := range []string{"counted", "counted_guests", "counts", "window_sightings", "proposed_sightings"} {
		if _, err := t.exec(nil, `DELETE FROM `+table+` WHERE license_id = ?`, l.ID); err != nil {
			return err
		}
	}
	return nil
}

// summarize fills in what the change has made of l, once that is known.
func (t *tx) summarize(l *licensing.License, sum *licensing.Summary) {
	t.report = func(next *state) error {
		after, err := next.license(l.Number)
		if err != nil {
			return err
		}
		*sum, err = next.summarize(t.ctx, t.conn, after, t.now)
		return err
	}
}

// proposedSightings reads what a proposed start rests on.
func (t *tx) proposedSightings(st *state, l *licensing.License) (location string, made []sighting, err error) {
	var id int64
	made, err = rows(t.ctx, t.conn, func(r *sql.Rows) (s sighting, err error) {
		var mac, at int64
		err = r.Scan(&id, &mac, &at, &s.ap, &s.session)
		s.mac, s.at = macwatch.MAC(mac), fromMicros(at)
		return s, err
	}, `SELECT location_id, mac, at, ap, session FROM proposed_sightings WHERE license_id = ? ORDER BY at, mac`, l.ID)
	if at := st.locations[id]; at != nil {
		location = at.Code
	}
	return location, made, err
}
