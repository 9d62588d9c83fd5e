package store

import (
	"context"
	"database/sql"
	"time"

	"tallygate/licensing"
)

// summarize is one line of `license list` at a time.
func (st *state) summarize(ctx context.Context, q querier, l *licensing.License, now time.Time) (licensing.Summary, error) {
	sum := licensing.Summary{
		Number: l.Number, Organization: l.Terms.Organization, State: l.StateAt(now), Threshold: l.Terms.Threshold,
		APs: licensing.Usage{Limit: l.Terms.APs}, Rooms: licensing.Usage{Limit: l.Terms.Rooms},
		Modules: append([]string{}, l.Terms.Modules...), Locations: []string{}, Parts: []licensing.Part{}, NextOrder: l.Sequence + 1,
	}
	if at, by, due := l.Planned(now); due && by == licensing.StartedByLapse {
		started, err := l.Start(at, by) // by then it has happened
		if err != nil {
			return sum, err
		}
		l = started
	}
	if d, denied := l.DenialAt(now); denied {
		sum.Reason = d.Reason
	}
	if at, ok := l.Starts(); ok {
		sum.StartsAt = &at
	}
	if at, ok := l.End(); ok {
		sum.EndsAt = &at
	}
	if day, ok := l.LastDay(); ok {
		sum.LastDay = &day
	}
	if p := l.Proposal; !p.At.IsZero() && l.StartedAt.IsZero() {
		sum.ProposedStart = &p.Start
	}
	if due, ok := l.StartDue(); ok {
		sum.StartDue = &due
	}
	counted, err := devicesCounted(ctx, q, l, now)
	if err != nil {
		return sum, err
	}
	for _, a := range l.Allotments {
		sum.DevicesCounted = max(sum.DevicesCounted, counted[a.LocationID])
		st.addPart(&sum, l, a, counted[a.LocationID], now)
	}
	st.complete(&sum, l, now)
	return sum, nil
}

// addPart adds what a Location has of the license. Slots are in use under the license
// that governs there, not under one that waits or is over.
func (st *state) addPart(sum *licensing.Summary, l *licensing.License, a licensing.Allotment, counted int, now time.Time) {
	part := licensing.Part{
		Location: a.Location, Since: a.At, DevicesCounted: counted,
		APs: licensing.Usage{Limit: a.APs, Allotted: a.APs}, Rooms: licensing.Usage{Limit: a.Rooms, Allotted: a.Rooms},
	}
	if g := licensing.Governing(st.locations[a.LocationID].Licenses, now); g != nil && g.ID == l.ID {
		v := st.venues[a.LocationID]
		part.Governs, part.APs.InUse, part.Rooms.InUse = true, v.APs.Used(now), v.Rooms.Used(now)
	}
	sum.Locations, sum.Parts = append(sum.Locations, a.Location), append(sum.Parts, part)
	for _, u := range []struct {
		all  *licensing.Usage
		part licensing.Usage
	}{{&sum.APs, part.APs}, {&sum.Rooms, part.Rooms}} {
		u.all.InUse += u.part.InUse
		if u.part.Allotted == licensing.Unlimited || u.all.Allotted == licensing.Unlimited {
			u.all.Allotted = licensing.Unlimited
			continue
		}
		u.all.Allotted += u.part.Allotted
	}
}

// devicesCounted is how many devices count, per Location; under a count window those of
// the present one. The license's number is the largest: the first Location to reach the
// threshold starts it.
func devicesCounted(ctx context.Context, q querier, l *licensing.License, now time.Time) (map[int64]int, error) {
	query, args := `SELECT location_id, devices FROM counts WHERE license_id = ?`, []any{l.ID}
	if w := l.Terms.CountWindow; w > 0 {
		query = `SELECT location_id, count(*) FROM counted WHERE license_id = ? AND last_at > ? GROUP BY location_id`
		args = append(args, micros(now.Add(-w)))
	}
	counts := map[int64]int{}
	_, err := rows(ctx, q, func(r *sql.Rows) (none struct{}, err error) {
		var id int64
		var n int
		err = r.Scan(&id, &n)
		counts[id] = n
		return none, err
	}, query, args...)
	return counts, err
}
