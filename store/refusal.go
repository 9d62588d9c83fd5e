package store

import (
	"sync"
	"time"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// refusalPause is how often the writer is asked to tell of a refusal at a limit: who
// is refused asks again and again.
const refusalPause = time.Minute

// refusals remembers when a Location's refusals were last handed to the writer.
type refusals struct {
	mu   sync.Mutex
	last map[refusalKey]time.Time
}

type refusalKey struct {
	location int64
	kind     macwatch.Kind
}

// due reports whether the writer should be asked, and takes it that it is.
func (r *refusals) due(key refusalKey, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if since := now.Sub(r.last[key]); since >= 0 && since < refusalPause {
		return false
	}
	if r.last == nil {
		r.last = map[refusalKey]time.Time{}
	}
	r.last[key] = now
	return true
}

// refusedKind is the limit that an AP's request was refused at, if it was one: that of
// APs where this AP has no slot and none is free, else that of rooms where all are taken.
func (st *state) refusedKind(location int64, ap macwatch.APSight, now time.Time) (macwatch.Kind, usage, bool) {
	l, v := st.locations[location], st.venues[location]
	if l == nil || v == nil {
		return "", usage{}, false
	}
	at := v.APs.Index(ap.Name)
	if at < 0 {
		at = v.APs.Fold(ap)
	}
	if l.Settings.APs == licensing.APsDeclared && (at < 0 || !v.APs.At(at).Declared) {
		return "", usage{}, false // ap-unknown: not for want of a slot
	}
	if u, limited := st.usageAt(location, macwatch.KindAP, now); limited && ap.Name != "" && v.APs.StandAt(at, int(u.limit), now) == macwatch.StandingFull {
		return macwatch.KindAP, u, true
	}
	u, limited := st.usageAt(location, macwatch.KindRoom, now)
	return macwatch.KindRoom, u, limited && u.used >= int(u.limit)
}

// tellRefusal has the writer tell that a limit refuses guests, and says which; "" when
// it was none.
func (s *Store) tellRefusal(location int64, ap macwatch.APSight) macwatch.Kind {
	now := s.Now()
	kind, _, ok := s.state.Load().refusedKind(location, ap, now)
	if !ok {
		return ""
	}
	if !s.refusals.due(refusalKey{location, kind}, now) {
		return kind
	}
	s.queue.push(op{note: func(b *batch) error {
		if p := b.place(location); p != nil {
			return b.refuseClaim(p, ap)
		}
		return nil
	}})
	return kind
}

// refuseClaim tells of a claim that came too late for the last slot.
func (b *batch) refuseClaim(p *place, ap macwatch.APSight) error {
	if kind, u, ok := b.state.refusedKind(p.location.ID, ap, b.now); ok {
		return b.emitRefusal(p.location, kind, u)
	}
	return nil
}

// emitRefusal tells it once per Location and local day: the id holds no other time.
func (b *batch) emitRefusal(l *licensing.Location, kind macwatch.Kind, u usage) error {
	name := licensing.EventAPRefused
	if kind == macwatch.KindRoom {
		name = licensing.EventRoomRefused
	}
	zone, err := licensing.LoadZone(l.Settings.Timezone)
	if err != nil {
		zone = time.UTC
	}
	e := u.event(name, l.Code, b.now)
	e.ID = licensing.EventID(licensing.Event{Kind: name, Location: l.Code}, licensing.DateIn(b.now, zone).String())
	return b.emit(e)
}
