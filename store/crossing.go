package store

import (
	"time"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// usage is how much of a limit is taken at a Location.
type usage struct {
	license *licensing.License // the governing one
	limit   licensing.Limit
	used    int
}

// usageAt is a Location's usage of one kind; false where nothing limits it, or nobody
// is served.
func (st *state) usageAt(location int64, kind macwatch.Kind, now time.Time) (usage, bool) {
	l, v := st.locations[location], st.venues[location]
	if l == nil || v == nil {
		return usage{}, false
	}
	g := licensing.Governing(l.Licenses, now)
	if g == nil {
		return usage{}, false
	}
	switch g.StateAt(now) {
	case licensing.PendingStart, licensing.InUse:
	case licensing.PendingProvision, licensing.AccessDenied, licensing.ContractFinalized:
		return usage{}, false
	}
	u := usage{g, licensing.Limit(slotLimit(l, kind, now)), rosterOf(v, kind).Used(now)}
	return u, u.limit != licensing.Unlimited
}

// level is how full the limit is: 0, 80 or 100 percent at least. A limit of none at
// all has no level.
func (u usage) level() int {
	switch {
	case u.limit <= 0 || 10*u.used < 8*int(u.limit):
		return 0
	case u.used < int(u.limit):
		return 80
	}
	return 100
}

func (u usage) event(kind, location string, now time.Time) licensing.Event {
	return licensing.Event{Kind: kind, At: now, License: u.license.Number, Location: location,
		Data: map[string]any{"limit": int(u.limit), "in_use": u.used}}
}

// crossing is the event of a level that was not reached before; false when none was.
// Who passes both levels at once is told of the higher one only.
func crossing(kind macwatch.Kind, location string, before, after usage, now time.Time) (licensing.Event, bool) {
	if after.level() <= before.level() {
		return licensing.Event{}, false
	}
	kinds := map[macwatch.Kind][2]string{
		macwatch.KindAP:   {licensing.EventAP80, licensing.EventAP100},
		macwatch.KindRoom: {licensing.EventRoom80, licensing.EventRoom100},
	}[kind]
	if after.level() == 100 {
		return after.event(kinds[1], location, now), true
	}
	return after.event(kinds[0], location, now), true
}

// emitCrossings tells of every limit that an operator's change has filled to a level
// that it had not reached before, be it by more slots or by a smaller limit.
func (t *tx) emitCrossings(next *state) error {
	for id, l := range next.locations {
		for _, kind := range []macwatch.Kind{macwatch.KindAP, macwatch.KindRoom} {
			after, limited := next.usageAt(id, kind, t.now)
			if !limited {
				continue
			}
			before, _ := t.state.usageAt(id, kind, t.now)
			if e, ok := crossing(kind, l.Code, before, after, t.now); ok {
				if err := t.emit(e); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// emitCrossing is emitCrossings for a slot that a request has claimed.
func (b *batch) emitCrossing(p *place, kind macwatch.Kind, before usage) error {
	after, limited := b.state.usageAt(p.location.ID, kind, b.now)
	if !limited {
		return nil
	}
	e, ok := crossing(kind, p.location.Code, before, after, b.now)
	if !ok {
		return nil
	}
	return b.emit(e)
}
