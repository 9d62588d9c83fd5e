package disconnect

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"hash/fnv"
	"time"

	"go.uber.org/zap"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// How often the watcher looks, beyond what it is told.
const (
	watchTick    = time.Second     // contracts, lab modes and accounts end by the clock
	closedAgain  = time.Minute     // where nobody may be, for who is still accounted for
	somebody     = 5 * time.Minute // where somebody must not be
	fullAgain    = 5 * time.Second // there was no room for all
	bookAgain    = 15 * time.Second
	labAftermath = time.Hour
)

// facts are what sessions may have to end for, at one Location. While they stay the
// same, nothing but time is a reason to look again.
type facts struct {
	closed  licensing.Reason
	labs    int    // lab periods that are over
	expired int    // accounts and inputs
	lists   uint64 // digest of the blocked and the removed, and of the clients' settings
}

// watched is what the watcher remembers of a Location.
type watched struct {
	facts facts
	epoch uint64 // raised with each change of facts
	lists *lists // of the present snapshot
	due   time.Time
}

// lists are what a snapshot says of a Location, worked out once for each venue.
type lists struct {
	venue    *macwatch.Venue
	clients  uint64 // digest of their settings
	digest   uint64 // of all of them
	any      bool   // somebody is blocked or removed
	expiries []time.Time
}

// watch looks for sessions that must not be, until the Service ends: at the start,
// since the run before may have been cut off in the middle; whenever a change says so;
// and by the clock.
func (s *Service) watch() {
	ticker := time.NewTicker(watchTick)
	defer ticker.Stop()
	places := map[int64]*watched{}
	for epoch := uint64(1); ; {
		epoch = s.look(places, epoch)
		select {
		case <-s.news:
		case <-ticker.C:
		case <-s.ctx.Done():
			return
		}
	}
}

// look goes through all Locations once; it returns the next epoch.
func (s *Service) look(places map[int64]*watched, epoch uint64) uint64 {
	v, now := s.snapshot.Load(), s.options.Now()
	if s.digested.of != v {
		s.digested.of, s.digested.clients = v, v.digest()
	}
	clients := s.digested.clients
	for id := range places {
		if v.Locations[id] == nil {
			delete(places, id)
		}
	}
	for id := range v.Locations {
		if s.ctx.Err() != nil {
			return epoch
		}
		p, _ := v.place(id)
		w := places[id]
		if w == nil {
			w = &watched{}
			places[id] = w
		}
		if w.lists == nil || w.lists.venue != p.venue || w.lists.clients != clients {
			w.lists = p.lists(clients)
		}
		f := p.facts(w.lists, now)
		if w.epoch == 0 || f != w.facts {
			w.facts, w.epoch = f, epoch
			epoch++
			if f.mayEnd(w.lists) {
				w.due = time.Now()
			}
		}
		if !w.due.IsZero() && !time.Now().Before(w.due) {
			w.due = s.sweep(v, p, w)
		}
	}
	return epoch
}

// sum adds elements up to a digest: maps have no order.
type sum uint64

func (d *sum) add(kind byte, text string, n uint64) {
	h := fnv.New64a()
	_, _ = h.Write(binary.BigEndian.AppendUint64([]byte{kind}, n))
	_, _ = h.Write([]byte(text))
	*d += sum(h.Sum64())
}

// digest is one of how the clients' NAS are asked: other settings are worth another try.
// What their packets are taken for may change by itself, and is not.
func (v *Snapshot) digest() uint64 {
	var d sum
	for i := range v.Clients {
		c := &v.Clients[i]
		d.add('c', string(c.Vendor)+string(c.Disconnect.Address)+c.DisconnectSecret+"\x00"+c.Secret, uint64(c.ID)<<16|uint64(c.Disconnect.Port))
		if c.Disconnect.Off {
			d.add('o', "", uint64(c.ID))
		}
	}
	return uint64(d)
}

func (p place) lists(clients uint64) *lists {
	v := p.venue
	l := &lists{venue: v, clients: clients, any: len(v.Blocked)+len(v.RetiredAccounts)+len(v.RetiredInputs) > 0}
	d := sum(clients)
	for mac := range v.Blocked {
		d.add('b', "", uint64(mac))
	}
	for name, at := range v.RetiredAccounts {
		d.add('a', name, uint64(at.UnixNano()))
	}
	for mac, at := range v.RetiredInputs {
		d.add('m', at.String(), uint64(mac))
	}
	l.digest = uint64(d)
	for _, a := range v.Accounts {
		l.expiries = append(l.expiries, a.ExpiresAt)
	}
	for _, m := range v.Inputs {
		l.expiries = append(l.expiries, m.ExpiresAt)
	}
	return l
}

func (p place) facts(l *lists, now time.Time) facts {
	f := facts{closed: p.closed(now), lists: l.digest}
	for _, lab := range p.Labs {
		if !lab.End.After(now) {
			f.labs++
		}
	}
	if p.Settings.Guests == licensing.GuestsLocal {
		for _, at := range l.expiries {
			if !at.IsZero() && !at.After(now) {
				f.expired++
			}
		}
	}
	return f
}

// mayEnd reports whether there can be a session at all that must end.
func (f facts) mayEnd(l *lists) bool {
	return f.closed != licensing.ReasonNone || f.labs > 0 || f.expired > 0 || l.any
}

// again is when to look without news, after a sweep that found nothing left to do.
func (p place) again(f facts, l *lists, now time.Time) time.Time {
	switch {
	case f.closed != licensing.ReasonNone:
		return time.Now().Add(closedAgain)
	case f.expired > 0 || l.any:
		return time.Now().Add(somebody)
	}
	for _, lab := range p.Labs {
		if d := now.Sub(lab.End); d >= 0 && d < labAftermath {
			return time.Now().Add(somebody)
		}
	}
	return time.Time{}
}

// errEnough ends a sweep early.
var errEnough = errors.New("enough")

// sweep asks for every open session of a Location to end that must not be; it returns
// when to look again (zero: when there is news). What finds no room in the queue is
// found again then, if it is still open: the queue never holds what is long over.
func (s *Service) sweep(v *Snapshot, p place, w *watched) time.Time {
	now := s.options.Now()
	due := p.again(w.facts, w.lists, now)
	sooner := func(t time.Time) {
		if due.IsZero() || t.Before(due) {
			due = t
		}
	}
	asked := 0
	err := s.options.Book.OpenSessions(s.ctx, p.ID, func(session *macwatch.Session) error {
		why := p.why(session, w.facts.closed, now)
		if why == "" {
			return nil
		}
		ok, next := s.ask(v, session, why, w.epoch)
		switch {
		case ok:
			asked++
			sooner(time.Now().Add(roundWaits[0]))
		case !next.IsZero():
			sooner(next)
		}
		if s.ctx.Err() != nil {
			return errEnough
		}
		return nil
	})
	if err != nil && s.ctx.Err() == nil && !errors.Is(err, context.Canceled) {
		s.options.Log.Warn("cannot read the open sessions; whoever must go is looked for again", zap.String("location", p.Code), zap.Error(err))
		sooner(time.Now().Add(bookAgain))
	}
	if asked > 0 {
		s.options.Log.Info("asking for sessions to end", zap.String("location", p.Code), zap.Int("sessions", asked))
	}
	return due
}

// ask queues a session of its own accord; if not, next is when to try again (zero: not
// under these facts).
func (s *Service) ask(v *Snapshot, session *macwatch.Session, why string, epoch uint64) (ok bool, next time.Time) {
	k := keyOf(session)
	if ok, next = s.outcomes.begin(k, epoch, time.Now()); !ok {
		return false, next
	}
	j, impossible := v.job(session, why)
	if impossible != "" {
		s.impossible(k, why, impossible)
		s.sender.log.impossible(session, why, impossible)
		return false, time.Time{}
	}
	// Before it is queued: an answer may come before add has returned.
	s.outcomes.note(k, j.outcome(macwatch.DisconnectRequested, "", s.options.Now()), false, time.Now())
	j.done = func(o macwatch.Disconnect) { s.outcomes.note(k, o, true, time.Now()) }
	j.wanted = func() bool {
		p, known := s.snapshot.Load().place(session.Location)
		if !known {
			return false
		}
		now := s.options.Now()
		return p.why(session, p.closed(now), now) != ""
	}
	if !s.sender.add(j) {
		s.outcomes.cancel(k, epoch)
		return false, time.Now().Add(fullAgain)
	}
	return true, time.Time{}
}

// impossible notes that nobody can be asked.
func (s *Service) impossible(k key, why, detail string) macwatch.Disconnect {
	o := macwatch.Disconnect{State: macwatch.DisconnectImpossible, Why: why, Detail: detail, At: s.options.Now().UTC()}
	s.metrics.result(o.State)
	s.outcomes.note(k, o, true, time.Now())
	return o
}

// job makes the job of a session, or says in a sentence why there can be none.
func (v *Snapshot) job(session *macwatch.Session, why string) (j *job, impossible string) {
	c := v.client(session.Client)
	if c == nil {
		return nil, "the client that reported it was removed"
	}
	r := recipeOf(c.Vendor, session.Origin.Vendor, c.Detected)
	switch {
	case c.Disconnect.Off:
		return nil, "Disconnect is off for client " + c.Name + ": Session-Timeout ends the session"
	case r.none != "":
		return nil, r.none
	}
	steps, missing := r.usable(session)
	if len(steps) == 0 {
		return nil, "its packets held no " + missing + ", by which this NAS knows a session: Session-Timeout ends it"
	}
	to := c.Disconnect.Address.Of(session.Origin).Unmap().WithZone("")
	if !to.IsValid() || to.IsUnspecified() {
		return nil, "its packets held no NAS-IP-Address, which --disconnect-address of client " + c.Name + " asks for"
	}
	secret := cmp.Or(c.DisconnectSecret, c.Secret)
	if secret == "" {
		return nil, "client " + c.Name + " has no shared secret to sign with: give it one with --disconnect-secret"
	}
	return &job{
		session: session, client: c.Name, to: to, port: c.Disconnect.Port, secret: []byte(secret),
		recipe: r, steps: steps, why: why,
	}, ""
}
