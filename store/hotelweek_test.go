package store

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// week is a hotel, the gateway that it talks to, and what that should know.
type week struct {
	*venue
	test   *testing.T
	hotel  *hotel
	ledger *hotelLedger
	number string
	slots  int
	recent []*packet
}

const (
	anHour = 3600
	aDay   = 24 * anHour
)

// A week of a hotel with everything that goes wrong in one: at several points in between
// and at the end, who is online, what each session and each guest has used, how many devices
// there are and how many count, and the slots, are exactly what the hotel knows.
func TestHotelWeek(t *testing.T) {
	w := newWeek(t, 20261125)
	w.until(1*aDay + 3*anHour)
	w.restart()
	w.ledger.started = w.hotel.now
	w.until(1*aDay + 14*anHour)
	w.hotel.cable(w.hotel.aps[3:20], 100*60) // silent for too long, and yet nobody has left
	w.until(1*aDay + 15*anHour)
	w.compare()
	w.until(1*aDay + 20*anHour)
	w.kill(t)

	w.until(2*aDay + 14*anHour)
	w.hotel.powerCut(w.hotel.aps, 8*60, 0) // everything at once, and soon back
	w.until(2*aDay + 15*anHour)
	w.compare()

	w.until(3*aDay + 20*anHour)
	w.hotel.powerCut(w.hotel.aps, 2*anHour, 60) // longer than silence is allowed; most do not even say that they are back
	w.until(3*aDay + 21*anHour)
	w.compare()
	w.until(3*aDay + 23*anHour)

	w.until(4*aDay + 19*anHour)
	w.off(40 * 60)
	w.compare()

	w.until(5*aDay + 18*anHour)
	for _, ap := range w.hotel.aps {
		if ap.site == "9f0c2a31-a" { // the controller of one site restarts; its access points and guests do not
			w.hotel.announce(ap)
			break
		}
	}
	w.until(5*aDay + 18*anHour + 10*60)
	w.compare()
	w.until(6*aDay + 12*anHour)
	w.hotel.powerCut(w.hotel.aps[:len(w.hotel.aps)/2], 5*60, 30)
	w.kill(t)
	w.until(8*aDay + 6*anHour) // everybody has left, and what was lost is silent
	w.compare()
	require.Zero(t, w.onlineCount())
	w.requireCalamities()
}

// requireCalamities holds that the week had everything in it.
func (w *week) requireCalamities() {
	had := map[string]int{}
	for _, all := range w.ledger.uses {
		for _, u := range all {
			t := &u.told
			had["uses"]++
			had["ended by "+string(t.by)]++
			had["records"] += t.records
			if !t.begun {
				had["Starts lost"]++
			}
			if t.followed {
				had["ids given out again"]++
				if t.by == macwatch.ClosedByGateway {
					had["and their Stop was lost"]++
				}
			}
			if t.followed && !t.begun {
				had["and their Start was lost"]++
			}
			if u.ap.narrow && t.output > 1<<32 {
				had["counters that wrapped"]++
			}
			if u.ap.interval == 0 && t.seconds > 3*600 && t.by == macwatch.ClosedByStop {
				had["in silence until their Stop"]++
			}
			if u.ap.interval == 0 && t.by == macwatch.ClosedByGateway {
				had["given up after a day of silence"]++
			}
			if u.multi != "" {
				had["linked hops"]++
			}
		}
	}
	had["repeats"], had["went on after an end"] = w.ledger.repeats, w.ledger.wentOn
	w.test.Log(had)
	for _, what := range []string{"ended by stop", "ended by nas", "ended by gateway", "Starts lost", "ids given out again", "and their Stop was lost",
		"and their Start was lost", "counters that wrapped", "linked hops", "in silence until their Stop", "given up after a day of silence", "repeats", "went on after an end"} {
		require.Greater(w.t, had[what], 4, what)
	}
}

func newWeek(t *testing.T, seed uint64) *week {
	v := openVenue(t)
	controller, err := v.s.AddClient(ctx, by, macwatch.Client{Name: "controller", Prefix: netip.MustParsePrefix("192.0.2.1/32"), Secret: "x", Location: v.location.Code})
	require.NoError(t, err)
	h := &hotel{rng: rand.New(rand.NewPCG(seed, 1)), begin: v.clock.now(), latest: map[*hotelGuest]map[*hotelAP]*use{}, location: v.location.ID}
	h.open(4, 250, [2]int64{v.client.ID, controller.ID})
	w := &week{venue: v, test: t, hotel: h, ledger: &hotelLedger{
		h: h, uses: map[string][]*use{}, boots: map[string]time.Time{}, reports: map[string]bool{}, slotless: map[*hotelAP]bool{},
		devices: map[macwatch.MAC]bool{}, counted: map[macwatch.MAC]bool{},
	}}
	// Two access points too many: their guests are served by nobody, but accounted for.
	w.slots = len(h.aps) - 2
	terms := v.terms()
	terms.APs = licensing.Limit(w.slots)
	w.number = v.activate(terms)
	for i, ap := range h.aps {
		want := macwatch.ClaimGranted
		if i >= w.slots {
			want = macwatch.ClaimAPFull
			w.ledger.slotless[ap] = true
		}
		require.Equal(t, want, v.claim(ap.bssid(0).String()))
	}
	return w
}

// until lets time pass, ten minutes at once.
func (w *week) until(at int) {
	w.t.Helper()
	for w.hotel.now < at {
		w.hotel.runUntil(min(w.hotel.now+600, at))
		w.deliver(w.hotel.arriving(w.hotel.now))
		w.step()
		if w.hotel.now%(6*anHour) == 0 {
			w.compare()
		}
	}
}

// deliver hands over what has arrived, in order.
func (w *week) deliver(packets []*packet) {
	w.t.Helper()
	for batch := range slices.Chunk(packets, 256) {
		var records []*macwatch.Record
		for _, p := range batch {
			records = append(records, w.hotel.arrives(p))
		}
		w.sight(records...)
		for _, p := range batch {
			w.ledger.arrived(p)
		}
	}
	w.recent = append(w.recent, packets...)
	w.recent = w.recent[max(0, len(w.recent)-200):]
}

// step is the writer's housekeeping, at the time that the hotel has.
func (w *week) step() {
	w.t.Helper()
	var err error
	require.True(w.t, w.s.onWriter(func() {
		w.clock.advance(w.hotel.begin.Add(time.Duration(w.hotel.now) * time.Second).Sub(w.clock.now()))
		for range 3 {
			if err == nil {
				err = w.s.w.foldSome(len(w.s.w.backlog.order))
			}
			if err == nil {
				err = w.s.w.housekeep(false)
			}
		}
	}))
	require.NoError(w.t, err)
	w.ledger.lapse(w.hotel.now)
}

// kill ends the gateway in the middle of things, and starts it again: what was acknowledged
// is there, and whose answer was lost says it again.
func (w *week) kill(t *testing.T) {
	t.Helper()
	w.crash(t.TempDir())
	w.ledger.started = w.hotel.now
	for _, p := range w.recent {
		if p.ap.delays {
			again := *p
			again.at = w.hotel.now
			w.hotel.fly(&again)
		}
	}
	w.compare()
}

// off is a gateway that is switched off for a while.
func (w *week) off(seconds int) {
	w.t.Helper()
	require.NoError(w.t, w.s.Close())
	w.hotel.runUntil(w.hotel.now + seconds)
	w.hotel.hold(w.hotel.arriving(w.hotel.now), w.hotel.now)
	w.clock.advance(time.Duration(seconds) * time.Second)
	w.open()
	w.ledger.started = w.hotel.now
	w.deliver(w.hotel.arriving(w.hotel.now))
	w.step()
}

func (w *week) onlineCount() (n int) {
	require.NoError(w.t, w.s.Sessions(ctx, macwatch.SessionFilter{Online: true}, func(macwatch.SessionInfo) error {
		n++
		return nil
	}))
	return n
}

// line is what is compared of a session.
type line struct {
	start, end    string
	by            macwatch.Closing
	seconds       int
	input, output uint64
	records       int
}

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format("02 15:04:05")
}

// compare holds the gateway against the ledger.
func (w *week) compare() {
	w.t.Helper()
	when := w.clock.now().Format("Mon 15:04:05")
	got, gotSums, gotOnline := map[string][]line{}, map[string]line{}, map[string]bool{}
	gotGuests := map[string][2]uint64{}
	require.NoError(w.t, w.s.Sessions(ctx, macwatch.SessionFilter{Location: w.location.Code}, func(s macwatch.SessionInfo) error {
		client := w.client.ID
		if s.NAS[0] == '9' { // a site's
			client++
		}
		ident := fmt.Sprintf("%d|%s|%s|%s", client, s.NAS, s.SessionID, s.MAC)
		l := line{moment(s.StartedAt), "", s.ClosedBy, int(s.SessionTime), s.InputOctets, s.OutputOctets, s.Records}
		if s.EndedAt != nil {
			l.end = moment(*s.EndedAt)
		} else {
			require.False(w.t, gotOnline[ident], "%s: two legs of %s are open", when, ident)
			gotOnline[ident] = true
		}
		got[ident] = append(got[ident], l)
		sum := gotSums[ident]
		sum.input, sum.output = sum.input+l.input, sum.output+l.output
		gotSums[ident] = sum
		used := gotGuests[s.MAC]
		gotGuests[s.MAC] = [2]uint64{used[0] + l.input, used[1] + l.output}
		return nil
	}))
	wantOnline, wantGuests := map[string]bool{}, map[string][2]uint64{}
	for ident, all := range w.ledger.uses {
		var want []line
		var sum line
		for _, u := range all {
			t := &u.told
			want = append(want, line{moment(t.start), moment(t.end), t.by, t.seconds, t.input, t.output, t.records})
			sum.input, sum.output = sum.input+t.input, sum.output+t.output
			used := wantGuests[u.guest.mac.String()]
			wantGuests[u.guest.mac.String()] = [2]uint64{used[0] + t.input, used[1] + t.output}
		}
		if all[len(all)-1].told.open() {
			wantOnline[ident] = true
		}
		if all[0].ap.stopStart {
			// Which minute a Start or Stop belongs to cannot be told once some were lost.
			require.Equal(w.t, sum, gotSums[ident], "%s: %s", when, ident)
			continue
		}
		slices.SortFunc(got[ident], func(a, b line) int { return strings.Compare(a.start, b.start) })
		slices.SortFunc(want, func(a, b line) int { return strings.Compare(a.start, b.start) })
		require.Equal(w.t, want, got[ident], "%s: %s", when, ident)
	}
	require.Equal(w.t, len(w.ledger.uses), len(got), when)
	require.Equal(w.t, wantOnline, gotOnline, when)
	require.Equal(w.t, wantGuests, gotGuests, when)
	require.Len(w.t, w.devices(), len(w.ledger.devices), when)
	sum := w.summary(w.number)
	require.Equal(w.t, len(w.ledger.counted), sum.DevicesCounted, when)
	require.Equal(w.t, w.slots, sum.APs.InUse, when)
	require.Equal(w.t, len(w.ledger.counted) >= 5, sum.StartsAt != nil, when)
}
