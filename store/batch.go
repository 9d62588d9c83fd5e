package store

import (
	"time"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// batch is one open transaction of the writer: what it has changed lives here until
// the commit, and is dropped with it when that fails. Its reads see its own writes.
type batch struct {
	w      *writer
	now    time.Time // believed time when the batch began
	state  *state    // the writer's, or a changed copy
	places map[int64]*place
	near   *place    // the one that was asked for last
	order  []*inHand // sessions that were changed, in order of the first change
	hands  []*inHand // all there are, those in use first
	inUse  int

	folded    folded
	journaled int64                            // the batch's journal row
	devices   map[macwatch.DeviceKey]*newcomer // to be journaled
	counts    map[countKey]countOf
	cached    []cacheEntry
	hits      int // of the cache
	misses    int
	audit     chain
	passes    passEdits
	reporters []nasKey // that report, and this was not noted yet
}

// cacheEntry is a device that counts from first on, with nothing against it.
type cacheEntry struct {
	key      macwatch.DeviceKey
	epoch    uint32
	first    time.Time
	counting bool // the license counts: the LRU is asked
	known    bool // the known devices say so already
}

// place is what a batch knows of a Location: looked up once, then at hand.
type place struct {
	location  *licensing.Location
	venue     *macwatch.Venue
	license   *licensing.License // governing; nil when there is none
	allotment licensing.Allotment
	epoch     uint32
}

// newBatch begins a batch. There is one at a time: it takes over the memory of the last.
func (w *writer) newBatch() *batch {
	b := &w.batch
	if b.w == nil {
		*b = batch{
			places:  map[int64]*place{},
			devices: map[macwatch.DeviceKey]*newcomer{},
			counts:  map[countKey]countOf{},
			passes:  passEdits{table: &w.s.passes},
		}
	}
	clear(b.places)
	clear(b.devices)
	clear(b.counts)
	clear(b.passes.put)
	*b = batch{
		w: w, now: w.s.Now().Truncate(time.Microsecond), state: w.state, audit: w.audit,
		places: b.places, order: b.order[:0], hands: b.hands, devices: b.devices, counts: b.counts,
		cached: b.cached[:0], folded: folded{fresh: b.folded.fresh[:0]}, passes: b.passes, reporters: b.reporters[:0],
	}
	return b
}

func (b *batch) apply(o *op) error {
	switch {
	case o.record != nil:
		return b.record(o.record)
	case o.claim != nil:
		return b.claim(o.claim)
	case o.deed != nil:
		return o.deed.run(b)
	default:
		return o.note(b)
	}
}

// place finds the Location; nil when it is gone.
func (b *batch) place(id int64) *place {
	if b.near != nil && b.near.location.ID == id {
		return b.near
	}
	if p, ok := b.places[id]; ok {
		b.near = p
		return p
	}
	location := b.state.locations[id]
	if location == nil {
		return nil
	}
	p := &place{location: location, venue: b.state.venues[id]}
	governing := int64(0)
	if p.license = licensing.Governing(location.Licenses, b.now); p.license != nil {
		governing = p.license.ID
		p.allotment, _ = p.license.AllotmentAt(id)
	}
	p.epoch = b.w.epochOf(id, governing)
	b.places[id], b.near = p, p
	return p
}

// epochOf is the counting epoch of a Location under the license that governs it (0: none).
func (w *writer) epochOf(location, governing int64) uint32 {
	e, ok := w.epochs[location]
	if !ok || e.license != governing {
		// Another license counts anew: what the LRU knows no longer holds. An epoch
		// that a failed transaction used is simply never used again.
		w.lastEpoch++
		e = epoch{w.lastEpoch, governing}
		w.epochs[location] = e
	}
	return e.number
}

// change gives the batch a state of its own to change.
func (b *batch) change() *state {
	if b.state == b.w.state {
		b.state = b.w.state.clone()
	}
	return b.state
}

// replaceLicense puts a changed license in the place of the old one wherever that stands.
func (b *batch) replaceLicense(changed *licensing.License) {
	st := b.change()
	for i, l := range st.licenses {
		if l.ID == changed.ID {
			st.licenses[i] = changed
		}
	}
	for id, l := range st.locations {
		for i, old := range l.Licenses {
			if old.ID != changed.ID {
				continue
			}
			c := *l
			c.Licenses = append([]*licensing.License(nil), l.Licenses...)
			c.Licenses[i] = changed
			st.locations[id] = &c
			break
		}
	}
	for _, p := range b.places {
		if p.license != nil && p.license.ID == changed.ID {
			p.license = changed
			p.location = st.locations[p.location.ID]
		}
	}
}

// replaceRoster puts a changed roster in the place of the old one.
func (b *batch) replaceRoster(location int64, kind macwatch.Kind, r *macwatch.Roster) {
	st := b.change()
	v := *st.venues[location]
	if kind == macwatch.KindAP {
		v.APs = r
	} else {
		v.Rooms = r
	}
	st.venues[location] = &v
	if p, ok := b.places[location]; ok {
		p.venue = &v
	}
}
