package store

import (
	"context"
	"database/sql"
	"time"

	"tallygate/macwatch"
)

// nasEvent closes what an Accounting-On or Accounting-Off names: the sessions of
// this client and NAS, and, where Called-Station-Id names an AP, of that AP only.
// Never "everything from this address": controllers speak for many.
func (b *batch) nasEvent(r *macwatch.Record, ident macwatch.Ident, event time.Time) error {
	added, err := b.w.stmts.insertNASEvent.exec(r.Client, string(r.NAS), repeatKey(r, ident), int64(r.Status),
		int64(r.CalledMAC), micros(event), micros(r.Arrival), repeatGuard(r))
	if err != nil || added == 0 {
		return wrap("keep an Accounting-On/Off", err)
	}
	b.w.boots.note(r, event)
	if err := b.foldAll(); err != nil {
		return err
	}
	open, err := b.w.openSessionsOf(r.Client, string(r.NAS), r.CalledMAC)
	if err != nil {
		return err
	}
	for _, s := range open {
		if !s.CloseByNAS(r.Status, event) {
			continue
		}
		if err := b.w.updateSession(s, s.ID); err != nil {
			return err
		}
		if err := b.replace(s); err != nil {
			return err
		}
	}
	return nil
}

// bootKey names what an Accounting-On or Accounting-Off names: a NAS, or one AP of it.
type bootKey struct {
	client int64
	nas    string
	ap     macwatch.MAC // 0: all
}

// boot is the latest such event.
type boot struct {
	status macwatch.Status
	at     time.Time
}

// maxBoots bounds them: more NASes than a gateway serves.
const maxBoots = 1 << 16

// boots is when each NAS was started or stopped last. A record of before that may arrive
// after it, and must not open a session that nothing closes.
type boots map[bootKey]boot

func (all boots) note(r *macwatch.Record, event time.Time) {
	key := bootKey{r.Client, string(r.NAS), r.CalledMAC}
	if old, known := all[key]; known && !event.After(old.at) || !known && len(all) >= maxBoots {
		return
	}
	all[key] = boot{r.Status, event}
}

// settle brings times after now back to it (a jump of the clock was withdrawn): or what is
// heard from now on would seem to be of before.
func (all boots) settle(now time.Time) {
	for key, e := range all {
		if e.at.After(now) {
			all[key] = boot{e.status, now}
		}
	}
}

// closeByEarlierEvent closes a session that opens with a record of before its NAS said
// that it was over. An event of the future is one of a clock that has been set back.
func (b *batch) closeByEarlierEvent(s *macwatch.Session) {
	for _, ap := range [...]macwatch.MAC{0, s.CalledMAC} {
		if e, ok := b.w.boots[bootKey{s.Client, s.NAS, ap}]; ok && !s.UpdatedAt.After(e.at) && !e.at.After(s.HeardAt) {
			s.CloseByNAS(e.status, e.at)
		}
	}
}

// loadBoots takes up what the events of the last days say: no record is older.
func (w *writer) loadBoots(ctx context.Context) error {
	w.boots = boots{}
	_, err := rows(ctx, w.conn, func(r *sql.Rows) (none struct{}, err error) {
		var rec macwatch.Record
		var nas string
		var at int64
		if err = r.Scan(&rec.Client, &nas, &rec.CalledMAC, &rec.Status, &at); err == nil {
			rec.NAS = []byte(nas)
			w.boots.note(&rec, fromMicros(at))
		}
		return none, err
	}, `SELECT client_id, nas, called_mac, status, event_at FROM nas_events WHERE recorded_at > ?`,
		micros(w.s.Now().Add(-MinRetention)))
	return wrap("read the events of NASes", err)
}
