package licensing

import (
	"slices"
	"time"
)

// planned is a start that will come, or has come, by itself; recording it makes it a fact.
type planned struct {
	at  time.Time
	by  StartCause
	new bool // the license is taken from the pool for it
}

// Planned is the start that the license will make, or has made, by itself and that is
// not recorded yet; due reports whether its time has come.
func (l *License) Planned(now time.Time) (at time.Time, by StartCause, due bool) {
	switch {
	case !l.StartedAt.IsZero() || !l.ReleasedAt.IsZero():
		return time.Time{}, "", false
	case l.lapsed(now):
		return l.Proposal.Start, StartedByLapse, true
	case l.planned.new:
		return time.Time{}, "", false // it is assigned first
	case l.Terms.Start == StartFixedDate:
		at, ok := l.Starts()
		return at, StartedByDate, ok && happened(l.ProvisionedAt, now) && !now.Before(at)
	}
	return l.planned.at, l.planned.by, happened(l.planned.at, now)
}

// AutoRenewal reports whether l stands at its Location only because Plan has taken it
// from the pool, from an instant on that may lie ahead.
func (l *License) AutoRenewal() bool { return l.planned.new }

// Plan works out who follows whom at each Location, and when, as far as the facts say:
//
//   - A license that waits behind others takes over at the exact end of the last of
//     them, without a count, if that one had started.
//   - One that starts when it is assigned does so in its turn.
//   - Where the queue of a Location ends, and its settings say auto-renewal, the oldest
//     license of the pool follows. Only ends later than since are looked at: earlier
//     ones have had their renewal, or none was there. One renewal later than now is
//     enough; the next one is planned when it has come.
//
// What comes first is settled first, so that the pool goes to whom it is due. Plan
// notes the result in the licenses, and adds those that come from the pool, as copies,
// to the Locations: from then on Governing and StateAt answer for every instant without
// anything having to run. It changes what it is given, and belongs before it is
// published. pool holds the licenses without a Location, oldest first.
func Plan(locations []*Location, pool []*License, since, now time.Time) {
	p := planning{locations: locations, pool: slices.Clone(pool), since: since, now: now, first: make([]step, len(locations))}
	for _, at := range locations {
		at.Licenses = slices.DeleteFunc(at.Licenses, (*License).AutoRenewal)
		for _, l := range at.Licenses {
			l.planned = planned{}
		}
	}
	for i := range locations {
		p.first[i] = p.look(i)
	}
	for p.next() {
	}
}

type planning struct {
	locations  []*Location
	pool       []*License
	since, now time.Time
	first      []step // of each Location: what happens next there
}

// step is one thing that happens by itself; without a license it is nothing.
type step struct {
	at       time.Time
	by       StartCause
	license  *License
	location *Location // that gets the license from the pool
}

func (s step) before(o step) bool {
	switch {
	case s.license == nil || o.license == nil:
		return s.license != nil
	case !s.at.Equal(o.at):
		return s.at.Before(o.at)
	case (s.location == nil) != (o.location == nil):
		return s.location == nil
	}
	return s.license.ID < o.license.ID
}

// next settles what happens first; false when there is nothing left.
func (p *planning) next() bool {
	var s step
	for _, candidate := range p.first {
		if candidate.before(s) {
			s = candidate
		}
	}
	if s.license == nil {
		return false
	}
	if s.location == nil {
		s.license.planned = planned{at: s.at, by: s.by}
	} else {
		p.take(s)
	}
	for i, at := range p.locations {
		if _, here := s.license.AllotmentAt(at.ID); here || at == s.location || p.first[i].license == s.license {
			p.first[i] = p.look(i)
		}
	}
	return true
}

// look finds what happens next at the i-th Location.
func (p *planning) look(i int) step {
	at := p.locations[i]
	first := p.renewal(at)
	for i, l := range at.Licenses {
		if s, ok := l.turn(at, at.Licenses[:i]); ok && s.before(first) {
			first = s
		}
	}
	return first
}

// turn is when l starts by itself at a Location where before it stand these.
func (l *License) turn(at *Location, before []*License) (step, bool) {
	waits := l.StartedAt.IsZero() && l.planned.at.IsZero() && l.Terms.Start != StartFixedDate && l.UndoneAt.IsZero()
	if !waits || !l.Operator.At.IsZero() || !l.Distributor.At.IsZero() || !l.ReleasedAt.IsZero() {
		return step{}, false
	}
	allotment, _ := l.AllotmentAt(at.ID)
	end, last, known := queueEnd(before)
	if !known {
		return step{}, false
	}
	s := step{at: allotment.At, by: StartedByProvision, license: l}
	follows := last != nil && end.After(allotment.At)
	if follows {
		s.at, s.by = end, StartedByQueue
	}
	if l.HeldUntil.After(s.at) {
		s.at = l.HeldUntil
	}
	if l.Terms.Start != StartOnProvision {
		if !follows || !last.runs() {
			return step{}, false
		}
	}
	if over, bounded := l.until(); bounded && !s.at.Before(over) {
		return step{}, false // its key is over before its turn
	}
	return s, true
}

// queueEnd is when the last of these ends, and which that is; known is false while the
// end of one of them is not. One that has left for another gateway ended with that here.
func queueEnd(ls []*License) (end time.Time, last *License, known bool) {
	for _, l := range ls {
		over, ok := l.afterLapse().until()
		if due, proposed := l.StartDue(); proposed && over.Before(due) {
			over = due // a short contract is over with its very start
		}
		if !l.ReleasedAt.IsZero() {
			over, ok = l.ReleasedAt, true
		}
		if !ok {
			return time.Time{}, nil, false
		}
		if last == nil || over.After(end) {
			end, last = over, l
		}
	}
	return end, last, true
}

// runs reports whether a contract has begun here, or will; of no license, and of one
// that has left, it has not.
func (l *License) runs() bool {
	if l == nil || !l.ReleasedAt.IsZero() {
		return false
	}
	_, ok := l.afterLapse().Starts()
	return ok
}

// afterLapse is l as it will be when its proposed start happens by itself, if one is
// proposed: until somebody declines it, that is what is to be expected.
func (l *License) afterLapse() *License {
	if _, proposed := l.StartDue(); !proposed {
		return l
	}
	c := *l
	c.StartedAt = l.Proposal.Start
	return &c
}

// renewal is the license from the pool that follows at a Location.
func (p *planning) renewal(at *Location) step {
	if at.Settings.AutoRenewal == AutoRenewalOff || len(at.Licenses) == 0 {
		return step{}
	}
	end, last, known := queueEnd(at.Licenses)
	if !known || !end.After(p.since) || last.Terms.Trial || last.planned.new && last.planned.at.After(p.now) {
		return step{}
	}
	if !last.runs() {
		return step{}
	}
	for _, l := range p.pool {
		if l.mayFollow(at, end) {
			return step{at: end, by: StartedByQueue, license: l, location: at}
		}
	}
	return step{}
}

// mayFollow reports whether l may be taken from the pool for a Location at an instant.
func (l *License) mayFollow(at *Location, when time.Time) bool {
	t := l.Terms
	fits := sameName(t.Realm, at.Realm) && (t.Location == "" || t.Location == at.Code) && t.Start != StartFixedDate && !t.Trial
	if !fits || !l.Operator.At.IsZero() || !l.Distributor.At.IsZero() || !l.ReleasedAt.IsZero() {
		return false
	}
	c := l.allottedTo(at, when)
	over, bounded := c.until()
	return !bounded || when.Before(over)
}

// take gives the Location the license from the pool.
func (p *planning) take(s step) {
	p.pool = slices.DeleteFunc(p.pool, func(l *License) bool { return l == s.license })
	c := s.license.allottedTo(s.location, s.at)
	c.planned = planned{at: s.at, by: s.by, new: true}
	_ = c.ResolveZone() // only a shortcut
	s.location.Licenses = append(s.location.Licenses, c)
}
