package store

import (
	"database/sql"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// run is one check of the property: a real store, the model beside it, and the
// guests and NASes that send.
type run struct {
	*venue
	rt      *rapid.T
	m       *model
	number  string
	clients []macwatch.Client
	visits  []*visit
	flying  []*sent // sent, not arrived yet
	landed  []*sent // arrived: may be repeated
	n       uint64  // makes counters differ
	dirs    int
	base    string
}

// visit is one RADIUS session of a guest, as it truly is.
type visit struct {
	mac    macwatch.MAC
	client int64
	nas    string
	id     string
	start  time.Time
	input  uint64
	over   bool
}

// sent is a packet on its way.
type sent struct {
	visit *visit
	at    time.Time // when it was sent
	r     macwatch.Record
}

func TestTheStoreAgreesWithTheModel(t *testing.T) {
	checkModel(t, func(*run) map[string]func(*rapid.T) { return nil })
}

// checkModel runs a store beside the model; more are actions that not every check has; nil: one that this has not.
func checkModel(t *testing.T, more func(*run) map[string]func(*rapid.T)) {
	t.Helper()
	base := t.TempDir()
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		r := newRun(rt, fmt.Sprintf("%s/%d", base, n))
		defer r.end()
		actions := map[string]func(*rapid.T){
			"":           r.look,
			"arrive":     r.arrive,
			"arrive too": r.arrive,
			"go on":      r.goOn,
			"leave":      r.leave,
			"land":       r.land,
			"repeat":     r.repeat,
			"burst":      r.burst,
			"nas":        r.nasRestarts,
			"unknown":    r.unknownStatus,
			"provision":  r.provision,
			"claim":      r.claimAP,
			"lab":        r.lab,
			"exempt":     r.exempt,
			"deny":       r.deny,
			"settings":   r.settings,
			"reopen":     r.reopen,
			"pass":       r.pass,
			"clock":      r.setClock,
		}
		maps.Copy(actions, more(r))
		maps.DeleteFunc(actions, func(_ string, f func(*rapid.T)) bool { return f == nil })
		rt.Repeat(actions)
		r.compare()
	})
}

// modelSilence keeps silent sessions open: how they close has tests of its own.
const modelSilence = 1 << 31

func newRun(rt *rapid.T, base string) *run {
	require.NoError(rt, os.Mkdir(base, 0o700))
	zone, err := time.LoadLocation("Europe/Madrid")
	require.NoError(rt, err)
	r := &run{venue: newVenue(rt, base+"/0"), rt: rt, m: newModel(zone), base: base}
	other, err := r.s.AddClient(ctx, by, macwatch.Client{Name: "other", Prefix: netip.MustParsePrefix("192.0.2.1/32"), Secret: "x", Location: r.location.Code})
	require.NoError(rt, err)
	r.clients = []macwatch.Client{r.client, other}
	r.location.Settings.StaleAfter = modelSilence
	_, err = r.s.SetLocation(ctx, by, r.location.Code, r.location.Settings)
	require.NoError(rt, err)
	return r
}

func (r *run) end() {
	_ = r.s.Close()
	_ = os.RemoveAll(r.base)
}

// tick lets a little time pass, so that no two things happen in the same second.
func (r *run) tick() { r.set(r.clock.advance, time.Second) }

var population = func() (macs []macwatch.MAC) {
	for n := range 5 {
		macs = append(macs, guest(n))
	}
	return append(macs, 0x021122000001, 0x021122000002, 0xfe1122000003)
}()

var modelAPs = []string{"aa:aa:aa:00:00:01", "aa:aa:aa:00:00:02", "aa:aa:aa:00:00:03"}

// arrive begins a visit, with or without a Start.
func (r *run) arrive(rt *rapid.T) {
	r.tick()
	v := &visit{
		mac:    rapid.SampledFrom(population).Draw(rt, "guest"),
		client: r.clients[rapid.IntRange(0, 1).Draw(rt, "client")].ID,
		nas:    rapid.SampledFrom([]string{"ap-1", "ap-2"}).Draw(rt, "nas"),
		id:     rapid.SampledFrom([]string{"0001", "0002"}).Draw(rt, "session"),
		start:  r.s.Now(),
	}
	for _, old := range r.visits {
		if old.mac == v.mac && old.client == v.client && old.nas == v.nas && old.id == v.id && (!old.over || r.inFlight(old)) {
			rt.Skip("that session runs")
		}
	}
	again := false
	if legs := r.m.sessions[fmt.Sprintf("%d|%s|%s|%s", v.client, v.nas, v.id, v.mac)]; len(legs) > 0 {
		again = true
		if legs[len(legs)-1].end.IsZero() {
			rt.Skip("a NAS does not give a session id twice without a Stop or a restart")
		}
	}
	r.visits = append(r.visits, v)
	if again { // without its Start it could not be told from the one before
		r.send(rt, v, macwatch.StatusStart, false)
		return
	}
	switch rapid.SampledFrom([]string{"start", "late start", "no start"}).Draw(rt, "begin") {
	case "start":
		r.send(rt, v, macwatch.StatusStart, false)
	case "late start":
		r.send(rt, v, macwatch.StatusStart, true)
	}
}

func (r *run) inFlight(v *visit) bool {
	return slices.ContainsFunc(r.flying, func(s *sent) bool { return s.visit == v })
}

func (r *run) goOn(rt *rapid.T) {
	r.tick()
	r.send(rt, r.someVisit(rt), macwatch.StatusInterim, rapid.Bool().Draw(rt, "late"))
}

func (r *run) leave(rt *rapid.T) {
	r.tick()
	v := r.someVisit(rt)
	v.over = true
	r.send(rt, v, macwatch.StatusStop, rapid.Bool().Draw(rt, "late"))
}

func (r *run) someVisit(rt *rapid.T) *visit {
	var open []*visit
	for _, v := range r.visits {
		if !v.over {
			open = append(open, v)
		}
	}
	if len(open) == 0 {
		rt.Skip("nobody is here")
	}
	return open[rapid.IntRange(0, len(open)-1).Draw(rt, "visit")]
}

// send makes a packet; a late one stays in flight.
func (r *run) send(rt *rapid.T, v *visit, status macwatch.Status, late bool) {
	now := r.s.Now()
	s := &sent{visit: v, at: now, r: macwatch.Record{
		Location: r.location.ID, Client: v.client, Status: status, MAC: v.mac, NAS: []byte(v.nas), SessionID: []byte(v.id),
		AP: []byte(rapid.SampledFrom(modelAPs).Draw(rt, "ap")), Accepted: rapid.Bool().Draw(rt, "accepted"), UserName: []byte("guest"),
	}}
	if status != macwatch.StatusStart {
		r.n++
		v.input += r.n
		s.r.Input, s.r.Output, s.r.SessionTime = v.input, 2*v.input, uint32(now.Sub(v.start)/time.Second)
	}
	// A clock that was never set still runs: two Starts of one stamp would be one.
	never := time.Unix(1, 0).Add(now.Sub(opening))
	stamp := map[string]time.Time{"true": now, "long ago": now.Add(-25 * time.Hour), "ahead": now.Add(6 * time.Minute), "1970": never}
	kind := rapid.SampledFrom([]string{"true", "true", "none", "long ago", "ahead", "1970"}).Draw(rt, "stamp")
	if late && kind == "ahead" {
		// It arrives when its stamp can be believed, and seems to be of then: with less time
		// and fewer octets than are known, or as a Start, it is another leg's.
		kind = "true"
	}
	if kind != "none" {
		s.r.HasEventTimestamp, s.r.EventTimestamp = true, uint32(stamp[kind].Unix())
	}
	if late {
		r.flying = append(r.flying, s)
		return
	}
	r.arriveAt(s)
}

// record is the packet as it arrives now.
func (s *sent) record(now time.Time) *macwatch.Record {
	c := s.r
	c.Arrival = now
	if now.After(s.at) {
		c.Delay = uint32(now.Sub(s.at) / time.Second)
	}
	return &c
}

func (r *run) arriveAt(packets ...*sent) {
	now := r.s.Now()
	var records []*macwatch.Record
	for _, s := range packets {
		record := s.record(now)
		records = append(records, record)
		r.m.record(record)
		if d := r.m.devices[record.MAC]; d != nil {
			r.rt.Logf("%s status %d of session %s at %s, event %s: against it %q", record.MAC, record.Status, record.SessionID,
				record.Arrival.Format(time.DateTime), eventTime(record).Format(time.DateTime), d.why)
		}
		if !slices.Contains(r.landed, s) {
			r.landed = append(r.landed, s)
		}
	}
	r.sight(records...)
}

// lose drops what is older than any event time can be believed: then nobody knows
// when its session began, in lab mode or before.
func (r *run) lose() {
	r.flying = slices.DeleteFunc(r.flying, func(s *sent) bool {
		return r.s.Now().Sub(s.at) > macwatch.MaxEventAge
	})
}

func (r *run) land(rt *rapid.T) {
	r.tick()
	r.lose()
	if len(r.flying) == 0 {
		rt.Skip("nothing is in flight")
	}
	i := rapid.IntRange(0, len(r.flying)-1).Draw(rt, "which")
	s := r.flying[i]
	r.flying = slices.Delete(r.flying, i, i+1)
	r.arriveAt(s)
}

func (r *run) repeat(rt *rapid.T) {
	r.tick()
	if len(r.landed) == 0 {
		rt.Skip("nothing has arrived")
	}
	s := r.landed[rapid.IntRange(0, len(r.landed)-1).Draw(rt, "which")]
	if !s.r.HasEventTimestamp && r.s.Now().Sub(s.at) > macwatch.MaxEventAge {
		rt.Skip("nobody could tell it from a new one")
	}
	r.arriveAt(s)
}

// burst lands everything in flight in one batch, some of it twice.
func (r *run) burst(rt *rapid.T) {
	r.tick()
	r.lose()
	if len(r.flying) == 0 {
		rt.Skip("nothing is in flight")
	}
	all := append(slices.Clone(r.flying), r.flying[rapid.IntRange(0, len(r.flying)-1).Draw(rt, "twice")])
	r.flying = nil
	for i := len(all) - 1; i > 0; i-- {
		j := rapid.IntRange(0, i).Draw(rt, "order")
		all[i], all[j] = all[j], all[i]
	}
	r.arriveAt(all...)
}

func (r *run) nasRestarts(rt *rapid.T) {
	r.tick()
	client, nas := r.clients[rapid.IntRange(0, 1).Draw(rt, "client")].ID, rapid.SampledFrom([]string{"ap-1", "ap-2"}).Draw(rt, "nas")
	for _, v := range r.visits {
		if v.client == client && v.nas == nas {
			v.over = true
			r.flying = slices.DeleteFunc(r.flying, func(s *sent) bool { return s.visit == v })
		}
	}
	s := &sent{visit: &visit{over: true}, at: r.s.Now(), r: macwatch.Record{
		Location: r.location.ID, Client: client, NAS: []byte(nas), AP: []byte(nas),
		Status: rapid.SampledFrom([]macwatch.Status{macwatch.StatusOn, macwatch.StatusOff}).Draw(rt, "status"),
	}}
	r.arriveAt(s)
}

func (r *run) unknownStatus(rt *rapid.T) {
	r.tick()
	r.n++
	r.arriveAt(&sent{visit: &visit{over: true}, at: r.s.Now(), r: macwatch.Record{
		Location: r.location.ID, Client: r.client.ID, NAS: []byte("ap-1"), AP: []byte("ap-1"), Input: r.n,
		Status: macwatch.Status(rapid.SampledFrom([]uint32{0, 4, 6, 9, 15, 1 << 31}).Draw(rt, "status")), Packet: []byte("packet"),
		HasEventTimestamp: true, EventTimestamp: uint32(r.s.Now().Unix()),
	}})
}

func (r *run) provision(rt *rapid.T) {
	r.tick()
	if r.m.license != nil {
		rt.Skip("one key is enough")
	}
	terms := r.terms()
	terms.Threshold = rapid.IntRange(2, 5).Draw(rt, "threshold")
	terms.Term = licensing.Term{Days: rapid.IntRange(1, 3).Draw(rt, "days")}
	terms.IgnorePriv = rapid.Bool().Draw(rt, "ignore private")
	terms.APs = licensing.Limit(rapid.IntRange(-1, 2).Draw(rt, "aps"))
	terms.Start = rapid.SampledFrom([]licensing.StartPolicy{
		licensing.StartFifthDevice, licensing.StartFifthDevice, licensing.StartFifthDevice, licensing.StartOnProvision, licensing.StartFixedDate,
	}).Draw(rt, "start")
	if terms.Start == licensing.StartFixedDate {
		terms.StartDate = licensing.DateIn(r.s.Now().AddDate(0, 0, rapid.IntRange(0, 1).Draw(rt, "in days")), r.m.zone)
	}
	r.m.license = &modelLicense{terms: terms, provisioned: r.s.Now(), firsts: map[macwatch.MAC]time.Time{}}
	r.number = r.activate(terms)
}

func (r *run) claimAP(rt *rapid.T) {
	r.tick()
	ap := rapid.SampledFrom(modelAPs).Draw(rt, "ap")
	result := r.claim(ap)
	if r.m.license == nil || slices.Contains(r.m.claimed, ap) {
		require.Equal(rt, macwatch.ClaimGranted, result)
		return
	}
	if limit := r.m.license.terms.APs; limit >= 0 && len(r.m.claimed) >= int(limit) {
		require.Equal(rt, macwatch.ClaimAPFull, result)
		return
	}
	require.Equal(rt, macwatch.ClaimGranted, result)
	r.m.claimed = append(r.m.claimed, ap)
}

func (r *run) lab(rt *rapid.T) {
	r.tick()
	now := r.s.Now()
	runs := r.m.lab(now)
	if runs {
		_, err := r.s.StopLab(ctx, by, r.location.Code)
		require.NoError(rt, err)
		r.m.labs[len(r.m.labs)-1].to = now
		return
	}
	_, err := r.s.StartLab(ctx, by, r.location.Code)
	if r.m.license != nil && slices.Contains([]licensing.State{licensing.AccessDenied, licensing.ContractFinalized}, r.m.state(now)) {
		require.Equal(rt, licensing.CodeConflict, licensing.CodeOf(err), "lab mode is not available")
		return
	}
	require.NoError(rt, err)
	to := now.Add(8 * time.Hour)
	if r.m.license != nil {
		if end, known := r.m.end(); known && end.Before(to) {
			to = end
		}
	}
	r.m.labs = append(r.m.labs, &modelLab{now, to})
}

func (r *run) exempt(rt *rapid.T) {
	r.tick()
	mac := rapid.SampledFrom(population).Draw(rt, "guest")
	if r.m.exempt[mac] {
		require.NoError(rt, r.s.UnlistDevice(ctx, by, r.location.Code, "exempt", mac))
	} else {
		require.NoError(rt, r.s.ListDevice(ctx, by, r.location.Code, macwatch.ListedDevice{MAC: mac, Kind: "exempt"}))
	}
	r.m.exempt[mac] = !r.m.exempt[mac]
}

func (r *run) deny(rt *rapid.T) {
	r.tick()
	if r.m.license == nil {
		rt.Skip("there is no license")
	}
	now, l := r.s.Now(), r.m.license
	over := r.m.state(now) == licensing.ContractFinalized
	var err error
	if l.denied.IsZero() {
		_, err = r.s.DenyLicense(ctx, by, r.number, "unpaid")
		if !over {
			l.denied = now
			for _, lab := range r.m.labs {
				if lab.to.After(now) {
					lab.to = now // lab mode ends at a denial
				}
			}
		}
	} else {
		_, err = r.s.RestoreLicense(ctx, by, r.number)
		if !over {
			l.denied = time.Time{}
		}
	}
	if over {
		require.Equal(rt, licensing.CodeConflict, licensing.CodeOf(err), "final is final")
		return
	}
	require.NoError(rt, err)
}

func (r *run) settings(rt *rapid.T) {
	r.tick()
	s := licensing.Settings{Timezone: rapid.SampledFrom([]string{"Europe/Madrid", "America/Havana"}).Draw(rt, "zone"), Count: licensing.CountAccounting, StaleAfter: modelSilence}
	if r.m.license == nil {
		s.Timezone = "Europe/Madrid" // the zone is frozen with the first provisioning
	}
	r.m.accepted = rapid.Bool().Draw(rt, "count accepted only")
	if r.m.accepted {
		s.Count = licensing.CountAccepted
	}
	_, err := r.s.SetLocation(ctx, by, r.location.Code, s)
	require.NoError(rt, err)
}

func (r *run) reopen(rt *rapid.T) {
	r.tick()
	if rapid.Bool().Draw(rt, "crash") {
		r.dirs++
		r.crash(fmt.Sprintf("%s/%d", r.base, r.dirs))
		return
	}
	r.restart()
}

func (r *run) pass(rt *rapid.T) {
	d := time.Duration(rapid.SampledFrom([]int{1, 60, 600, 3600, 9 * 3600, 25 * 3600, 49 * 3600}).Draw(rt, "seconds")) * time.Second
	before := r.s.Now()
	r.set(r.clock.advance, d)
	require.WithinDuration(rt, before.Add(d), r.s.Now(), 0, "time that passed while it ran always counts")
}

// setClock sets the wall clock, forwards or back.
func (r *run) setClock(rt *rapid.T) {
	r.tick()
	before := r.s.Now()
	d := time.Duration(rapid.SampledFrom([]int{3 * 3600, 26 * 3600, -2 * 3600, -5 * 3600}).Draw(rt, "seconds")) * time.Second
	if slices.ContainsFunc(r.m.labs, func(l *modelLab) bool { return !l.from.After(before.Add(d)) && l.to.After(before.Add(d)) }) {
		rt.Skip("whether lab mode that was stopped in a withdrawn jump runs again is open")
	}
	r.set(r.clock.jump, d)
	now := r.s.Now()
	switch {
	case d > 0 && now.Before(before):
		rt.Fatalf("a clock set forward took the time back from %s to %s", before, now)
	case now.Before(before):
		// A jump was withdrawn. What was sent before would be another event now.
		r.m.withdraw(now)
		r.flying, r.landed = nil, nil
		for _, v := range r.visits {
			v.over = true
		}
	}
}

// look compares at every other step only: to look into the sessions folds the journal
// into them, and a crash must also meet what nobody has looked at.
func (r *run) look(rt *rapid.T) {
	if rapid.Bool().Draw(rt, "look") {
		r.compare()
	}
}

// compare holds all that the store shows against the model.
func (r *run) compare() {
	rt, m := r.rt, r.m
	devices := r.devices()
	require.Len(rt, devices, len(m.devices))
	veil := r.s.state.Load().venues[r.location.ID].Veil
	for mac, want := range m.devices {
		name := mac
		if veil != nil {
			name = veil.Name(mac)
		}
		got, ok := devices[name.String()]
		require.True(rt, ok, "device %s is missing", mac)
		require.WithinDuration(rt, want.first, got.FirstSeen, 0, "first_seen of %s", mac)
		require.WithinDuration(rt, want.last, got.LastSeen, 0, "last_seen of %s", mac)
		require.Equal(rt, mac.Private(), got.PrivateAddress)
		counted := false
		if m.license != nil {
			_, counted = m.license.firsts[mac]
		}
		require.Equal(rt, counted, got.Counted, "%s counted; the store says %q, the model %q", mac, got.Reason, want.why)
		if counted {
			require.Empty(rt, got.Reason)
		} else {
			require.Contains(rt, want.why, got.Reason, "why %s does not count", mac)
		}
	}
	if m.license != nil {
		r.compareLicense()
	}
	r.compareSessions()
	r.compareTables()
	report, err := r.s.VerifyAudit(ctx)
	require.NoError(rt, err)
	require.True(rt, report.OK, report.Problems)
	require.True(rt, r.s.Writable())
}

func (r *run) compareLicense() {
	rt, m := r.rt, r.m
	sum := r.summary(r.number)
	now := r.s.Now()
	require.Equal(rt, len(m.license.firsts), sum.DevicesCounted, "devices_counted")
	require.Equal(rt, m.state(now).String(), sum.State.String(), "at %s", now)
	start, started := m.starts()
	require.Equal(rt, started, sum.StartsAt != nil, "starts_at %v, model %s", sum.StartsAt, start)
	if !started {
		require.Nil(rt, sum.LastDay)
		return
	}
	require.WithinDuration(rt, start, *sum.StartsAt, 0, "starts_at")
	day, _ := m.lastDay()
	require.Equal(rt, day.Format(time.DateOnly), sum.LastDay.String())
	end, _ := m.end()
	require.WithinDuration(rt, end, *sum.EndsAt, 0)
}

func (r *run) compareSessions() {
	r.sessions() // brings the rows up to date
	type key struct {
		ident string
		leg   int
	}
	rt, got := r.rt, map[key]modelLeg{}
	order := map[string]int{}
	list, err := rows(ctx, r.s.readers, func(q *sql.Rows) (string, error) {
		var l modelLeg
		var mac, in, out, start int64
		var end sql.NullInt64
		err := q.Scan(&l.client, &l.nas, &mac, &l.session, &start, &end, &in, &out, &l.seconds, &l.records)
		l.mac = r.address(macwatch.MAC(mac), population)
		l.input, l.output, l.start = uint64(in), uint64(out), fromMicros(start)
		l.end = fromNullMicros(end)
		id := fmt.Sprintf("%d|%s|%s|%s", l.client, l.nas, l.session, l.mac)
		got[key{id, order[id]}] = l
		order[id]++
		return id, err
	}, `SELECT client_id, nas, mac, session_id, started_at, ended_at, input_octets, output_octets, session_time, records FROM sessions ORDER BY leg, id`)
	require.NoError(rt, err)
	legs := 0
	for id, want := range r.m.sessions {
		legs += len(want)
		for i, w := range want {
			g, ok := got[key{id, i}]
			require.True(rt, ok, "session %s leg %d is missing", id, i)
			require.Equal(rt, []any{w.input, w.output, w.seconds, w.records}, []any{g.input, g.output, g.seconds, g.records}, "%s leg %d", id, i)
			require.Equal(rt, w.end.IsZero(), g.end.IsZero(), "session %s leg %d: ended at %s, want %s", id, i, g.end, w.end)
			require.WithinDuration(rt, w.start, g.start, 0, "start of %s leg %d", id, i)
			if w.stops == 1 {
				require.WithinDuration(rt, w.end, g.end, 0, "end of %s leg %d", id, i)
			}
		}
	}
	require.Len(rt, list, legs)
}

// compareTables holds counters against the rows they count.
func (r *run) compareTables() {
	records := 0
	for _, s := range r.m.stored {
		if s.status >= macwatch.StatusStart && s.status <= macwatch.StatusInterim {
			records++
		}
	}
	started := 0
	if start, ok := r.m.starts(); ok && !start.After(r.s.Now()) {
		started = 1
	}
	for query, want := range map[string]int{
		`SELECT coalesce(sum(records), 0) FROM sessions`: records,
		`SELECT count(*) FROM nas_events`:                r.m.events,
		`SELECT count(*) FROM raw_records`:               r.m.raw,
		`SELECT count(*) FROM receipts WHERE void = ''`:  started,
		`SELECT (SELECT count(*) FROM audit WHERE action = 'license.start') -
			(SELECT count(*) FROM audit WHERE action = 'license.start-withdrawn')`: started,
		`SELECT (SELECT coalesce(sum(devices), 0) FROM counts) - (SELECT count(*) FROM counted)`: 0,
	} {
		var got int
		require.NoError(r.rt, r.s.readers.QueryRowContext(ctx, query).Scan(&got))
		require.Equal(r.rt, want, got, query)
	}
}
