package store

import (
	"context"
	"database/sql"
	"time"

	"tallygate/macwatch"
)

const (
	reporterMemory = 7 * 24 * time.Hour // a NAS that has sent no Interim-Update for so long sends none
	reporterNoted  = 24 * time.Hour     // how often it is noted that it does
	maxReporters   = 1 << 16            // more NASes than a gateway serves; of those beyond, silence says nothing
)

// nasKey names a NAS: session ids are its own.
type nasKey struct {
	client int64
	nas    string
}

// reporters is which NASes send Interim-Updates, and when that was last noted. Some makes
// send none unless they are told to (Aruba's controllers): there a guest is silent from
// the Start to the Stop.
type reporters map[nasKey]time.Time

// has reports whether a NAS sends Interim-Updates, as far as is known.
func (all reporters) has(client int64, nas string, now time.Time) bool {
	noted, ok := all[nasKey{client, nas}]
	return ok && now.Sub(noted) < reporterMemory
}

// settle brings times after now back to it (a jump of the clock was withdrawn).
func (all reporters) settle(now time.Time) {
	for key, noted := range all {
		if noted.After(now) {
			all[key] = now
		}
	}
}

// noteReporter notes, once a day, that the NAS of a session reports while it lasts.
func (b *batch) noteReporter(s *macwatch.Session) error {
	key := nasKey{s.Client, s.NAS}
	noted, known := b.w.reporters[key]
	if known && b.now.Sub(noted) < reporterNoted || !known && len(b.w.reporters) >= maxReporters {
		return nil
	}
	for _, other := range b.reporters {
		if other == key {
			return nil
		}
	}
	if err := b.w.stmts.noteReporter.write(key.client, key.nas, micros(b.now)); err != nil {
		return wrap("note that a NAS sends Interim-Updates", err)
	}
	b.reporters = append(b.reporters, key)
	return nil
}

// loadReporters takes up what is known of the NASes, without those that have not reported
// for long.
func (w *writer) loadReporters(ctx context.Context) error {
	w.reporters = reporters{}
	_, err := rows(ctx, w.conn, func(r *sql.Rows) (none struct{}, err error) {
		var key nasKey
		var noted int64
		if err = r.Scan(&key.client, &key.nas, &noted); err == nil {
			w.reporters[key] = fromMicros(noted)
		}
		return none, err
	}, `SELECT client_id, nas, reported_at FROM reporters WHERE reported_at > ? ORDER BY reported_at DESC LIMIT ?`,
		micros(w.s.Now().Add(-reporterMemory)), maxReporters)
	return wrap("read which NASes send Interim-Updates", err)
}
