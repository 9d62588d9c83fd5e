package store

import (
	"context"
	"time"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// Purge deletes now, a step at a time, what retention would delete by and by. A rehearsal
// counts it. With rewrite the database is rewritten after that, so that its files hold
// nothing of what was deleted before; meanwhile no record is committed.
func (s *Store) Purge(ctx context.Context, ch licensing.Change, rewrite bool) (p macwatch.Purge, err error) {
	p = macwatch.Purge{Deleted: []macwatch.PurgedKind{}, Provisional: s.clock.Load().Provisional(), DryRun: ch.DryRun}
	var all purged
	if ch.DryRun {
		all, err = s.purgeable(ctx)
	} else {
		all, err = s.purge(ctx)
	}
	if err != nil {
		return p, err
	}
	deleted := map[string]int64{}
	for kind, rows := range all {
		p.Deleted = append(p.Deleted, macwatch.PurgedKind{Kind: retainedKinds[kind], Rows: rows})
		deleted[retainedKinds[kind]] = rows
	}
	if ch.DryRun {
		return p, nil
	}
	if err := s.change(ctx, ch, func(t *tx) error { return t.log("privacy.purge", "retention", deleted) }); err != nil || !rewrite {
		return p, err
	}
	if !s.onWriter(func() { err = s.w.rewrite() }) {
		return p, errClosing()
	}
	p.Rewritten = err == nil
	return p, unavailable(err)
}

func (s *Store) purge(ctx context.Context) (all purged, err error) {
	if err := s.flushDevices(ctx); err != nil {
		return all, err
	}
	if !s.onWriter(func() { s.w.sweep = sweep{} }) {
		return all, errClosing()
	}
	for again := true; again && err == nil; {
		if err = ctx.Err(); err != nil {
			return all, err
		}
		if !s.onWriter(func() {
			var step purged
			step, err = s.w.retainOnce()
			for kind, rows := range step {
				all[kind] += rows
			}
			again = step.sum() > 0 || s.w.sweep.due.IsZero() && s.keep.sweeps()
		}) {
			return all, errClosing()
		}
	}
	return all, unavailable(err)
}

// sweeps reports whether there is anything that only a sweep finds.
func (k Retention) sweeps() bool {
	return k.Devices > 0 || k.Counted > 0 || k.ReceiptDevices > 0 || k.Notices > 0
}

// purgeable counts what a purge would delete, as the tables stand.
func (s *Store) purgeable(ctx context.Context) (all purged, err error) {
	if err := s.flushDevices(ctx); err != nil {
		return all, err
	}
	count := func(kind int, keep time.Duration, query string, args ...any) {
		if keep == 0 || err != nil {
			return
		}
		var n int64
		err = s.readers.QueryRowContext(ctx, `SELECT count(*) FROM `+query, append([]any{micros(s.Now().Add(-max(keep, MinRetention)))}, args...)...).Scan(&n)
		all[kind] += n
	}
	k := s.keep
	count(kindSession, k.Sessions, `sessions WHERE ended_at IS NOT NULL AND ended_at < ?`)
	count(kindNASEvent, k.NASEvents, `nas_events WHERE recorded_at < ?`)
	count(kindRaw, k.RawRecords, `raw_records WHERE recorded_at < ?`)
	count(kindNotice, k.Notices, `attempts WHERE at < ? AND answer <> '' AND result <> ''`)
	count(kindNotice, k.Notices, `recipients WHERE removed_at < ? AND address <> ''`)
	if err != nil || s.clock.Load().Provisional() {
		return all, wrap("count what is too old", err)
	}
	st, now := s.state.Load(), s.Now()
	rests := `devices d WHERE last_seen < ?`
	var args []any
	for _, l := range st.licenses {
		if l.StateAt(now) != licensing.ContractFinalized {
			if l.StartedAt.IsZero() || l.Terms.CountWindow > 0 {
				rests += ` AND NOT EXISTS (SELECT 1 FROM counted c WHERE c.license_id = ? AND c.location_id = d.location_id AND c.mac = d.mac)`
				args = append(args, l.ID)
			}
			continue
		}
		if end, known := l.End(); known {
			for kind, table := range map[int]string{kindCounted: "counted", kindReceiptDevice: "receipt_devices"} {
				keep := map[int]time.Duration{kindCounted: k.Counted, kindReceiptDevice: k.ReceiptDevices}[kind]
				if keep > 0 && !end.After(now.Add(-max(keep, MinRetention))) {
					count(kind, keep, table+` WHERE ? > 0 AND license_id = ?`, l.ID)
				}
			}
		}
	}
	count(kindDevice, k.Devices, rests, args...)
	return all, wrap("count what is too old", err)
}
