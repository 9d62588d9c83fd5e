package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"go.uber.org/zap"

	"tallygate/licensing"
	"tallygate/macwatch"
)

const (
	reckonEvery = time.Minute    // looks for days that are over
	reckonBack  = 400            // days at most, after a long time without the gateway
	reckonFinal = 25 * time.Hour // after its end a day is complete: accounting comes up to 24 h late
)

// reckon reckons up the days of all Locations as they end, beside the writer, until the
// store is closed. What is missed is made up for at the next start.
func (s *Store) reckon(ctx context.Context) {
	defer close(s.reckoned)
	t := time.NewTicker(reckonEvery)
	defer t.Stop()
	for {
		select {
		case <-t.C:
		case <-ctx.Done():
			return
		}
		for _, l := range s.state.Load().locations {
			if err := s.reckonLocation(ctx, l); err != nil && ctx.Err() == nil && licensing.CodeOf(err) != licensing.CodeUnavailable {
				s.log.Warn("a day could not be reckoned up; it is tried again", zap.String("location", l.Code), zap.Error(err))
			}
		}
	}
}

// reckonLocation reckons up each day of a Location that is over and not reckoned up for
// good yet.
func (s *Store) reckonLocation(ctx context.Context, l *licensing.Location) error {
	zone, err := licensing.LoadZone(l.Settings.Timezone)
	if err != nil {
		return err
	}
	now := s.Now()
	today := licensing.DateIn(now, zone)
	day := today.AddDays(-reckonBack)
	if first := licensing.DateIn(l.CreatedAt, zone); first.After(day) {
		day = first
	}
	done, err := s.reckonedDays(ctx, l.ID, day)
	if err != nil {
		return err
	}
	for ; day.Before(today); day = day.AddDays(1) {
		final, known := done[day.String()]
		complete := !now.Before(day.AddDays(1).Start(zone).Add(reckonFinal))
		if final || known && !complete {
			continue
		}
		d, err := s.tallyDay(ctx, l, day, zone)
		if err != nil {
			return err
		}
		d.Final = complete
		if err := s.saveDay(l.ID, d); err != nil {
			return err
		}
	}
	return nil
}

// reckonedDays are the days that are there, from one on, and whether for good.
func (s *Store) reckonedDays(ctx context.Context, location int64, from licensing.Date) (map[string]bool, error) {
	done := map[string]bool{}
	_, err := rows(ctx, s.readers, func(r *sql.Rows) (none struct{}, err error) {
		var day string
		var final bool
		err = r.Scan(&day, &final)
		done[day] = final
		return none, err
	}, `SELECT day, final FROM days WHERE location_id = ? AND day >= ?`, location, from.String())
	return done, err
}

// tallyDay reckons a day up from the sessions.
func (s *Store) tallyDay(ctx context.Context, l *licensing.Location, day licensing.Date, zone *time.Location) (macwatch.Day, error) {
	if _, err := s.flushSessions(); err != nil {
		return macwatch.Day{}, unavailable(err)
	}
	now, from, to := s.Now(), day.Start(zone), day.AddDays(1).Start(zone)
	tally := macwatch.NewDayTally(day.String(), from, to)
	const columns = `SELECT mac, ap, room, started_at, updated_at, ended_at, input_octets, output_octets FROM sessions`
	// Two questions, so that each has its index.
	_, err := rows(ctx, s.readers, func(r *sql.Rows) (none struct{}, err error) {
		var stay macwatch.Stay
		var mac, started, updated, input, output int64
		var ended sql.NullInt64
		if err = r.Scan(&mac, &stay.AP, &stay.Room, &started, &updated, &ended, &input, &output); err != nil {
			return none, err
		}
		stay.MAC, stay.From, stay.To, stay.Open = macwatch.MAC(mac), fromMicros(started), fromNullMicros(ended), !ended.Valid
		stay.Input, stay.Output = uint64(input), uint64(output)
		switch {
		case stay.Open && now.Before(to):
			stay.To = now
		case stay.Open:
			stay.To = fromMicros(updated) // what it did after its latest news nobody knows yet
		}
		tally.Add(stay)
		return none, nil
	}, columns+` WHERE ended_at >= ?2 AND started_at < ?3 AND location_id = ?1
		UNION ALL `+columns+` WHERE ended_at IS NULL AND started_at < ?3 AND location_id = ?1`, l.ID, micros(from), micros(to))
	if err != nil {
		return macwatch.Day{}, err
	}
	d := tally.Day()
	err = s.readers.QueryRowContext(ctx, `SELECT count(*) FROM devices WHERE location_id = ? AND first_seen >= ? AND first_seen < ?`,
		l.ID, micros(from), micros(to)).Scan(&d.New)
	if err != nil {
		return d, wrap("count the new devices", err)
	}
	s.fillSlots(&d, l.ID, now)
	return d, nil
}

// fillSlots says how many slots are taken, of how many.
func (s *Store) fillSlots(d *macwatch.Day, location int64, now time.Time) {
	st := s.state.Load()
	l, venue := st.locations[location], st.venues[location]
	if l == nil || venue == nil {
		return
	}
	d.APSlots, d.RoomSlots = venue.APs.Used(now), venue.Rooms.Used(now)
	if license := licensing.Governing(l.Licenses, now); license != nil {
		part, _ := license.AllotmentAt(location)
		d.APLimit, d.RoomLimit = limitOf(part.APs), limitOf(part.Rooms)
	}
}

// limitOf is nil for one that never refuses.
func limitOf(l licensing.Limit) *int {
	if l == licensing.Unlimited {
		return nil
	}
	n := int(l)
	return &n
}

// saveDay keeps a day. It can be reckoned up again, so that nobody waits for the disk.
func (s *Store) saveDay(location int64, d macwatch.Day) error {
	body, err := json.Marshal(d)
	if err != nil {
		return faultf("cannot write a day: %w", err)
	}
	if !s.onWriter(func() {
		err = s.w.within(func() error {
			return s.w.exec(`INSERT OR REPLACE INTO days (location_id, day, final, body) VALUES (?, ?, ?, ?)`, location, d.Day, d.Final, string(body))
		})
		if diskFault(err) {
			s.w.fail(err)
		}
	}) {
		return errClosing()
	}
	return unavailable(err)
}

// Days lists a Location's days from one to another, both inclusive, oldest first: those
// that are over, and today as it is so far. A zero date leaves its side open.
func (s *Store) Days(ctx context.Context, location string, from, to licensing.Date) ([]macwatch.Day, error) {
	l, err := s.Location(ctx, location)
	if err != nil {
		return nil, err
	}
	if !to.IsZero() && to.Before(from) {
		return nil, licensing.Errorf(licensing.CodeInvalid, "%s lies before %s", to, from).WithHint("give the earlier day first")
	}
	zone, err := licensing.LoadZone(l.Settings.Timezone)
	if err != nil {
		return nil, err
	}
	if err := s.reckonLocation(ctx, &l); err != nil {
		return nil, err
	}
	last := to.String()
	if to.IsZero() {
		last = "9999-12-31"
	}
	days, err := rows(ctx, s.readers, func(r *sql.Rows) (d macwatch.Day, err error) {
		var body string
		if err = r.Scan(&body); err != nil {
			return d, err
		}
		return d, json.Unmarshal([]byte(body), &d)
	}, `SELECT body FROM days WHERE location_id = ? AND day BETWEEN ? AND ? ORDER BY day`, l.ID, from.String(), last)
	if err != nil {
		return nil, err
	}
	today := licensing.DateIn(s.Now(), zone)
	if today.Before(from) || !to.IsZero() && to.Before(today) {
		return days, nil
	}
	d, err := s.tallyDay(ctx, &l, today, zone)
	return append(days, d), errors.Join(err, ctx.Err())
}
