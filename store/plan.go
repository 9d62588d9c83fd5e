package store

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"time"

	"tallygate/licensing"
)

// loadPlan reads up to when everything that happens by itself was carried out, and
// works out what comes next.
func (st *state) loadPlan(ctx context.Context, q querier, now time.Time) error {
	text, err := readText(ctx, q, `SELECT value FROM meta WHERE key = 'carried_out'`)
	if err != nil {
		return err
	}
	us, _ := strconv.ParseInt(text, 10, 64) // none yet: from the beginning
	if st.since = fromMicros(us); st.since.After(now) {
		st.since = now // the clock has gone back since: the dates decide again
	}
	st.plan(now)
	return nil
}

// plan notes in the licenses and Locations, which nobody else holds yet, what will
// happen by itself (licensing.Plan).
func (st *state) plan(now time.Time) {
	var locations []*licensing.Location
	for _, id := range slices.Sorted(maps.Keys(st.locations)) {
		locations = append(locations, st.locations[id])
	}
	var pool []*licensing.License
	for _, l := range st.licenses {
		if len(l.Allotments) == 0 && l.ReleasedAt.IsZero() {
			pool = append(pool, l)
		}
	}
	licensing.Plan(locations, pool, st.since, now)
}

// replan works it out anew after a packet has changed a license.
func (b *batch) replan() {
	st := b.change()
	fresh := make(map[*licensing.License]*licensing.License, len(st.licenses))
	for i, l := range st.licenses {
		c := *l
		fresh[l], st.licenses[i] = &c, &c
	}
	for id, at := range st.locations {
		c := *at
		c.Licenses = nil
		for _, l := range at.Licenses {
			if f := fresh[l]; f != nil { // else it only was a plan
				c.Licenses = append(c.Licenses, f)
			}
		}
		st.locations[id] = &c
	}
	st.plan(b.now)
	for id, p := range b.places {
		p.location = st.locations[id]
		for _, l := range p.location.Licenses {
			if p.license != nil && l.ID == p.license.ID {
				p.license = l
			}
		}
	}
}

// due reports whether something has happened by itself that is not written down yet.
func (st *state) due(now time.Time) bool {
	for _, at := range st.locations {
		for _, l := range at.Licenses {
			if _, _, due := l.Planned(now); due || l.AutoRenewal() && !l.ProvisionedAt.After(now) {
				return true
			}
		}
	}
	return false
}

// advance writes down what has happened by itself: contracts that a date, a queue or
// the lapse of a proposal has begun, and renewals from the pool. All of it is in force
// without this, from the instant on; this makes it durable, with receipt and audit.
func (w *writer) advance() error {
	if !w.verified || !w.state.due(w.s.Now()) {
		return nil
	}
	return w.changeNow(context.Background(), licensing.Change{By: "tallygate"}, func(*tx) error { return nil })
}

// carryOut follows every change: it writes down what the change, or the time, has
// brought about. next is the state after the change; it returns the one after that.
func (t *tx) carryOut(next *state) (*state, error) {
	if !t.w.verified {
		return next, nil // what was altered is put back first
	}
	for next.due(t.now) {
		for _, s := range next.steps(t.now) {
			if err := t.take(next, s); err != nil {
				return nil, err
			}
		}
		var err error
		if next, err = loadState(t.ctx, t.conn, t.now, t.w.s.veils); err != nil {
			return nil, err
		}
	}
	next.since = t.now
	return next, t.carriedOut()
}

// carriedOut notes that everything up to now was carried out, or can be no more.
func (t *tx) carriedOut() error {
	if !t.w.verified {
		return nil
	}
	_, err := t.exec(nil, `INSERT INTO meta (key, value) VALUES ('carried_out', ?) ON CONFLICT DO UPDATE SET value = excluded.value`,
		strconv.FormatInt(micros(t.now), 10))
	return err
}

// step is a start that is due.
type step struct {
	license  *licensing.License
	location *licensing.Location // where it is due
	at       time.Time
	by       licensing.StartCause
}

// steps lists them in order of time.
func (st *state) steps(now time.Time) (due []step) {
	known := map[int64]bool{}
	for _, id := range slices.Sorted(maps.Keys(st.locations)) {
		for _, l := range st.locations[id].Licenses {
			at, by, ok := l.Planned(now)
			if l.AutoRenewal() && !l.ProvisionedAt.After(now) {
				at, by, ok = l.ProvisionedAt, licensing.StartedByQueue, true
			}
			if ok && !known[l.ID] {
				known[l.ID] = true
				due = append(due, step{l, st.locations[id], at, by})
			}
		}
	}
	slices.SortStableFunc(due, func(a, b step) int { return a.at.Compare(b.at) })
	return due
}

// take writes a step down.
func (t *tx) take(st *state, s step) error {
	if s.license.AutoRenewal() {
		if err := errors.Join(t.saveLicense(s.license), t.saveAllotments(s.license)); err != nil {
			return err
		}
		if err := t.log("license.assign", s.license.Number, assignment{s.license.Allotments, true}); err != nil {
			return err
		}
	}
	started, err := s.license.Start(s.at, s.by)
	if err != nil {
		return err
	}
	location := s.location.Code
	var made []sighting
	if s.by == licensing.StartedByLapse {
		if location, made, err = t.proposedSightings(st, s.license); err != nil {
			return err
		}
	}
	return t.start(started, location, made)
}
