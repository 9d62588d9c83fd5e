package store

import (
	"fmt"
	"slices"
	"time"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// model says what a gateway of one Location should show, in the words of DESIGN 2.2
// to 2.5 and nothing else: it was written without a look at the code that it judges,
// and keeps everything it ever saw.
type model struct {
	zone     *time.Location
	license  *modelLicense
	accepted bool // the Location counts accepted devices only
	exempt   map[macwatch.MAC]bool
	labs     []*modelLab
	claimed  []string // APs, in order of their claims
	devices  map[macwatch.MAC]*modelDevice
	sessions map[string][]*modelLeg
	stored   []modelRecord
	events   int // Accounting-On and Accounting-Off
	raw      int
}

type modelLicense struct {
	terms       licensing.Terms
	provisioned time.Time
	started     time.Time // by counting
	denied      time.Time
	firsts      map[macwatch.MAC]time.Time
}

type modelLab struct{ from, to time.Time }

type modelDevice struct {
	first, last time.Time
	why         []string // what stood against its latest sighting; none: it counted
}

type modelLeg struct {
	start, end      time.Time // end zero: open
	begun, stopped  bool
	input, output   uint64
	seconds         uint32
	records         int
	stops           int // which of several is the end, DESIGN leaves open
	session         string
	client          int64
	nas             string
	mac             macwatch.MAC
	closedByRestart bool // by Accounting-On or -Off
}

// modelRecord is what tells a repeat from another record.
type modelRecord struct {
	ident         string
	status        macwatch.Status
	stamped       bool
	stamp         uint32
	seconds       uint32
	input, output uint64
	event         time.Time
}

func newModel(zone *time.Location) *model {
	return &model{zone: zone, exempt: map[macwatch.MAC]bool{}, devices: map[macwatch.MAC]*modelDevice{}, sessions: map[string][]*modelLeg{}}
}

// eventTime is DESIGN 2.3, "Event time".
func eventTime(r *macwatch.Record) time.Time {
	if r.HasEventTimestamp {
		at := time.Unix(int64(r.EventTimestamp), 0)
		if at.Sub(r.Arrival) <= 5*time.Minute && r.Arrival.Sub(at) <= 24*time.Hour {
			if at.After(r.Arrival) {
				at = r.Arrival
			}
			return at.UTC()
		}
	}
	if ago := time.Duration(r.Delay) * time.Second; ago <= 24*time.Hour {
		return r.Arrival.Add(-ago)
	}
	return r.Arrival
}

func identOf(r *macwatch.Record) string {
	return fmt.Sprintf("%d|%s|%s|%s", r.Client, r.NAS, r.SessionID, r.MAC)
}

// record takes in one Accounting-Request, and does nothing for a repeat.
func (m *model) record(r *macwatch.Record) {
	rec := modelRecord{identOf(r), r.Status, r.HasEventTimestamp, r.EventTimestamp, r.SessionTime, r.Input, r.Output, eventTime(r)}
	for _, old := range m.stored {
		same := old
		same.event = rec.event
		apart := old.event.Sub(rec.event).Abs()
		if same == rec && (rec.stamped || apart <= 5*time.Second && !m.another(r, rec.event)) {
			return
		}
	}
	m.stored = append(m.stored, rec)
	switch r.Status {
	case macwatch.StatusStart, macwatch.StatusInterim, macwatch.StatusStop:
		m.sight(r, rec.event, m.session(r, rec.event))
	case macwatch.StatusOn, macwatch.StatusOff:
		m.events++
		m.restart(r, rec.event)
	default:
		m.raw++
	}
}

// session is DESIGN 2.5, "Sessions".
func (m *model) session(r *macwatch.Record, event time.Time) *modelLeg {
	id := identOf(r)
	legs := m.sessions[id]
	if len(legs) == 0 || m.another(r, event) {
		m.sessions[id] = append(legs, &modelLeg{client: r.Client, nas: string(r.NAS), mac: r.MAC, session: string(r.SessionID)})
	}
	leg := m.sessions[id][len(m.sessions[id])-1]
	begin := event
	if r.Status != macwatch.StatusStart {
		begin = event.Add(-time.Duration(r.SessionTime) * time.Second)
	}
	switch exact := r.Status == macwatch.StatusStart; {
	case leg.records == 0, exact && !leg.begun, exact == leg.begun && begin.Before(leg.start):
		leg.start = begin
	}
	leg.begun = leg.begun || r.Status == macwatch.StatusStart
	leg.input, leg.output, leg.seconds = max(leg.input, r.Input), max(leg.output, r.Output), max(leg.seconds, r.SessionTime)
	leg.records++
	if r.Status == macwatch.StatusStop {
		leg.end, leg.stopped = event, true
		leg.stops++
	}
	return leg
}

// another reports whether a record is the Start of another leg of its session: without
// Event-Timestamp the Starts of two legs look the same, and only the time tells.
func (m *model) another(r *macwatch.Record, event time.Time) bool {
	legs := m.sessions[identOf(r)]
	if r.Status != macwatch.StatusStart || len(legs) == 0 {
		return false
	}
	last := legs[len(legs)-1]
	return !last.end.IsZero() && !event.Before(last.end)
}

// restart closes what a NAS that restarted had open before it.
func (m *model) restart(r *macwatch.Record, event time.Time) {
	for _, legs := range m.sessions {
		leg := legs[len(legs)-1]
		if leg.end.IsZero() && leg.client == r.Client && leg.nas == string(r.NAS) && !leg.start.After(event) {
			leg.end, leg.closedByRestart = event, true
		}
	}
}

// sight is DESIGN 2.3, "The count that starts a license".
func (m *model) sight(r *macwatch.Record, event time.Time, leg *modelLeg) {
	d := m.devices[r.MAC]
	if d == nil {
		d = &modelDevice{first: event, last: event}
		m.devices[r.MAC] = d
	}
	if event.Before(d.first) {
		d.first = event
	}
	if event.After(d.last) {
		d.last = event
	}
	d.why = m.against(r, event, leg)
	if len(d.why) > 0 {
		return
	}
	l := m.license
	if first, known := l.firsts[r.MAC]; !known || event.Before(first) {
		l.firsts[r.MAC] = event
	}
	if l.terms.Start == licensing.StartFifthDevice && l.started.IsZero() && len(l.firsts) >= l.terms.Threshold {
		var firsts []time.Time
		for _, at := range l.firsts {
			firsts = append(firsts, at)
		}
		slices.SortFunc(firsts, time.Time.Compare)
		l.started = firsts[l.terms.Threshold-1]
	}
}

// against lists everything that keeps a sighting from counting.
func (m *model) against(r *macwatch.Record, event time.Time, leg *modelLeg) (why []string) {
	l := m.license
	if l == nil {
		return []string{"no-license", "not-sighted", "before-provisioning"}
	}
	add := func(not bool, reason string) {
		if not {
			why = append(why, reason)
		}
	}
	state := m.state(r.Arrival)
	add(state == licensing.ContractFinalized, "contract-finalized")
	add(state == licensing.AccessDenied, "access-denied")
	add(event.Before(l.provisioned), "before-provisioning")
	add(m.exempt[r.MAC], "exempt-device")
	add(l.terms.IgnorePriv && r.MAC.Private(), "private-address")
	add(m.lab(leg.start) || m.lab(event), "lab-mode")
	add(m.accepted && !r.Accepted, "not-accepted")
	holds := slices.Contains(m.claimed, string(r.AP))
	add(!holds && l.terms.APs >= 0 && len(m.claimed) >= int(l.terms.APs), "ap-without-slot")
	return why
}

func (m *model) lab(at time.Time) bool {
	return slices.ContainsFunc(m.labs, func(l *modelLab) bool { return !at.Before(l.from) && at.Before(l.to) })
}

func (m *model) starts() (time.Time, bool) {
	switch l := m.license; {
	case l == nil:
		return time.Time{}, false
	case l.terms.Start == licensing.StartOnProvision:
		return l.provisioned, true
	case l.terms.Start == licensing.StartFixedDate:
		d := l.terms.StartDate
		return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, m.zone), true
	default:
		return l.started, !l.started.IsZero()
	}
}

// lastDay is a midnight of the license's zone; Madrid has one every day.
func (m *model) lastDay() (time.Time, bool) {
	start, ok := m.starts()
	if !ok {
		return start, false
	}
	y, mo, d := start.In(m.zone).Date()
	return time.Date(y, mo, d+m.license.terms.Term.Days, 0, 0, 0, 0, m.zone), true
}

func (m *model) end() (time.Time, bool) {
	day, ok := m.lastDay()
	return day.AddDate(0, 0, 1), ok
}

// state is DESIGN 2.2, with its precedence.
func (m *model) state(now time.Time) licensing.State {
	if end, ok := m.end(); ok && !now.Before(end) {
		return licensing.ContractFinalized
	}
	if !m.license.denied.IsZero() {
		return licensing.AccessDenied
	}
	if start, ok := m.starts(); ok && !now.Before(start) {
		return licensing.InUse
	}
	return licensing.PendingStart
}

// withdraw takes facts of a jump of the clock back to where the time is now: what
// was done has been done, and cannot lie in the future.
func (m *model) withdraw(now time.Time) {
	var facts []*time.Time
	if l := m.license; l != nil {
		facts = append(facts, &l.provisioned, &l.started, &l.denied)
		for mac, at := range l.firsts {
			if at.After(now) {
				l.firsts[mac] = now
			}
		}
	}
	for _, d := range m.devices {
		facts = append(facts, &d.first, &d.last)
	}
	for _, legs := range m.sessions {
		for _, leg := range legs {
			facts = append(facts, &leg.start, &leg.end)
		}
	}
	for _, lab := range m.labs {
		if lab.from.After(now) {
			lab.from, lab.to = now, now
		}
	}
	for _, at := range facts {
		if at.After(now) {
			*at = now
		}
	}
}
