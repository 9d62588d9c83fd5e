package store

import (
	"fmt"
	"time"

	"tallygate/macwatch"
)

// hotelLedger is what the gateway should know, by the rules of the manual (README,
// "Sessions") and by what the hotel really did: which use of an id a record belongs to
// it need not find out.
type hotelLedger struct {
	h        *hotel
	uses     map[string][]*use // by session id of a NAS and device, in order of their first record
	boots    map[string]time.Time
	reports  map[string]bool // NASes that report while sessions last
	slotless map[*hotelAP]bool
	devices  map[macwatch.MAC]bool
	counted  map[macwatch.MAC]bool
	started  int // second since which the gateway runs

	repeats, wentOn int
}

// told is what the gateway has been told of a use.
type told struct {
	records       int
	begun         bool
	start, last   time.Time // event times
	heard         int       // second of its latest news
	seconds, gap  int
	input, output uint64
	end           time.Time
	by            macwatch.Closing
	followed      bool // the id has been given out again
}

func (t *told) open() bool { return t.by == macwatch.NotClosed }

func (u *use) ident() string {
	return fmt.Sprintf("%d|%s|%s|%s", u.ap.client, u.ap.nas(), u.id, u.guest.mac)
}

// arrived takes in a packet that the gateway has acknowledged.
func (l *hotelLedger) arrived(p *packet) {
	if p.of.arrived {
		l.repeats++
		return
	}
	p.of.arrived = true
	event := l.h.begin.Add(time.Duration(p.sent)*time.Second + p.ap.believed())
	if !p.ap.delays {
		event = l.h.begin.Add(time.Duration(p.at) * time.Second)
	}
	if p.use == nil {
		l.boot(p, event)
		return
	}
	u, t := p.use, &p.use.told
	l.devices[u.guest.mac] = true
	if !l.slotless[u.ap] {
		l.counted[u.guest.mac] = true
	}
	seconds := int(p.record.SessionTime)
	start := event.Add(-time.Duration(seconds) * time.Second)
	if t.records == 0 {
		all := l.uses[u.ident()]
		if len(all) > 0 {
			before := &all[len(all)-1].told
			before.followed = true
			if before.by == macwatch.ClosedByStop && u.ap.stopStart && event.Sub(before.end) <= 2*time.Second {
				l.reports[u.ap.nas()] = true
			}
			if before.open() {
				before.end, before.by = before.last, macwatch.ClosedByGateway
			}
		}
		l.uses[u.ident()] = append(all, u)
		t.start, t.last = start, event
		for _, key := range []string{bootName(u.ap, 0), bootName(u.ap, u.ap.bssid(u.radio))} {
			if at, ok := l.boots[key]; ok && !event.After(at) && start.Before(at) {
				t.end, t.by = at, macwatch.ClosedByNAS
			}
		}
	}
	t.records++
	t.heard = max(t.heard, p.at)
	if event.After(t.last) {
		t.last = event
	}
	switch status := p.record.Status; {
	case status == macwatch.StatusStart:
		t.begun, t.start = true, event
	case !t.begun && start.Before(t.start):
		t.start = start
	}
	switch p.record.Status {
	case macwatch.StatusInterim:
		l.reports[u.ap.nas()] = true
		if seconds > t.seconds && (t.begun || t.seconds > 0) {
			t.gap = max(t.gap, seconds-t.seconds)
		}
		later := t.by == macwatch.ClosedByGateway && event.After(t.end) || t.by == macwatch.ClosedByNAS && event.Sub(t.end) > time.Second
		switch {
		case later && !t.followed: // it goes on
			t.end, t.by = time.Time{}, macwatch.NotClosed
			l.wentOn++
		case later && t.by == macwatch.ClosedByGateway:
			t.end = event // its last news
		}
	case macwatch.StatusStop:
		if t.by != macwatch.ClosedByStop {
			t.end, t.by = event, macwatch.ClosedByStop
		}
	}
	t.seconds, t.input, t.output = max(t.seconds, seconds), max(t.input, p.input), max(t.output, p.output)
	if p.record.Status == macwatch.StatusStart {
		t.input, t.output = 0, 0
	}
}

func bootName(ap *hotelAP, bssid macwatch.MAC) string {
	return fmt.Sprintf("%d|%s|%s", ap.client, ap.nas(), bssid)
}

// boot closes what an Accounting-On names.
func (l *hotelLedger) boot(p *packet, event time.Time) {
	l.boots[bootName(p.ap, p.record.CalledMAC)] = event
	for _, all := range l.uses {
		u := all[len(all)-1]
		t := &u.told
		named := u.ap.client == p.ap.client && u.ap.nas() == p.ap.nas() &&
			(p.record.CalledMAC == 0 || p.record.CalledMAC == u.ap.bssid(u.radio))
		if named && t.open() && t.start.Before(event) {
			t.end, t.by = event, macwatch.ClosedByNAS
		}
	}
}

// lapse closes what was silent for three intervals: the longer of the ten minutes that the
// Location asks for and of what the NAS has shown. After a start of the gateway each NAS
// first has the time of one. Who has never reported between a Start and a Stop has a day.
func (l *hotelLedger) lapse(now int) {
	for _, all := range l.uses {
		t := &all[len(all)-1].told
		interval := max(600, t.gap)
		allowed := 3 * interval
		if !l.reports[all[0].ap.nas()] {
			allowed = aDay
		}
		if t.open() && now-t.heard > allowed && now-l.started > interval {
			t.end, t.by = t.last, macwatch.ClosedByGateway
		}
	}
}
