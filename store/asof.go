package store

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// License shows one as it stands, or stands at another time: in the past as the log
// says that it was, in the future as queue, pool and dates will have it.
func (s *Store) License(ctx context.Context, number string, asOf time.Time) (d licensing.Detail, err error) {
	st, now := s.state.Load(), s.Now()
	l, err := st.license(number)
	if err != nil {
		return d, err
	}
	past := !asOf.IsZero() && asOf.Before(now)
	switch {
	case past:
		if l, err = s.licenseWas(ctx, st, l, asOf); err != nil {
			return d, err
		}
	case asOf.IsZero():
		asOf = now
		fallthrough // what has come by itself may not be written down yet
	default:
		l = st.licenseWillBe(l, asOf)
	}
	d.License, d.AsOf = *l, asOf
	if d.Summary, err = st.summarize(ctx, s.readers, l, asOf); err != nil {
		return d, err
	}
	if past {
		if err := s.countWas(ctx, st, l, &d.Summary, asOf); err != nil {
			return d, err
		}
	}
	d.Receipt, err = readReceipt(ctx, s.readers, l.ID)
	if past && d.Receipt != nil && d.Receipt.RecordedAt.After(asOf) {
		d.Receipt = nil
	}
	return d, err
}

// licenseWas is the license as the log's latest facts up to then say. Before its first
// facts it is as it stands: what came later has then not happened yet.
func (s *Store) licenseWas(ctx context.Context, st *state, l *licensing.License, at time.Time) (*licensing.License, error) {
	versions, _, err := readVersions(ctx, s.readers, l.Number)
	if err != nil {
		return nil, err
	}
	was := licensing.VersionAt(versions, at)
	if was == nil {
		return l, nil
	}
	c := *was
	c.ID, c.Allotments = l.ID, slices.Clone(was.Allotments)
	c.Allotments = slices.DeleteFunc(c.Allotments, func(a licensing.Allotment) bool {
		_, err := st.location(a.Location)
		return err != nil
	})
	for i := range c.Allotments {
		at, _ := st.location(c.Allotments[i].Location)
		c.Allotments[i].LocationID = at.ID
	}
	return &c, nil
}

// licenseWillBe is the license as it stands, or, where the plan takes it from the pool
// by then, with the Location that it will have.
func (st *state) licenseWillBe(l *licensing.License, at time.Time) *licensing.License {
	if len(l.Allotments) > 0 {
		return l
	}
	for _, location := range st.locations {
		for _, planned := range location.Licenses {
			if planned.ID == l.ID && planned.AutoRenewal() && !planned.ProvisionedAt.After(at) {
				return planned
			}
		}
	}
	return l
}

// countWas brings the counts of a summary to what they were: devices first sighted
// later, and slots claimed later, were not there.
func (s *Store) countWas(ctx context.Context, st *state, l *licensing.License, sum *licensing.Summary, at time.Time) error {
	if l.Terms.CountWindow == 0 {
		counts := map[string]int{}
		if _, err := rows(ctx, s.readers, func(r *sql.Rows) (none struct{}, err error) {
			var code string
			var n int
			err = r.Scan(&code, &n)
			counts[code] = n
			return none, err
		}, `SELECT l.code, count(*) FROM counted c JOIN locations l ON l.id = c.location_id
			WHERE c.license_id = ? AND c.first_at <= ? GROUP BY l.code`, l.ID, micros(at)); err != nil {
			return err
		}
		sum.DevicesCounted = 0
		for i := range sum.Parts {
			sum.Parts[i].DevicesCounted = counts[sum.Parts[i].Location]
			sum.DevicesCounted = max(sum.DevicesCounted, counts[sum.Parts[i].Location])
		}
	}
	sum.APs.InUse, sum.Rooms.InUse = 0, 0
	for i := range sum.Parts {
		part := &sum.Parts[i]
		location, err := st.location(part.Location)
		if err != nil {
			return err
		}
		if part.Governs {
			v := st.venues[location.ID]
			part.APs.InUse, part.Rooms.InUse = usedThen(v.APs, at), usedThen(v.Rooms, at)
		}
		sum.APs.InUse, sum.Rooms.InUse = sum.APs.InUse+part.APs.InUse, sum.Rooms.InUse+part.Rooms.InUse
	}
	return nil
}

func usedThen(r *macwatch.Roster, at time.Time) (n int) {
	for _, slot := range r.Slots(int(licensing.Unlimited), at) {
		if slot.Holds(at) && !slot.ClaimedAt.After(at) {
			n++
		}
	}
	return n
}
