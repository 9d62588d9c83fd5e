package store

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tallygate/macwatch"
)

// counters gives a record what only a later one has.
func counters(seconds uint32, in, out uint64) func(*macwatch.Record) {
	return func(r *macwatch.Record) { r.SessionTime, r.Input, r.Output = seconds, in, out }
}

func delayed(seconds uint32) func(*macwatch.Record) {
	return func(r *macwatch.Record) { r.Delay = seconds }
}

func TestARepeatOfAnEarlierLegIsNotStoredAgain(t *testing.T) {
	for _, restart := range []bool{false, true} {
		v := openVenue(t)
		began := v.clock.now()
		v.sight(v.record(1, macwatch.StatusStart, stamped(began)))
		v.clock.advance(time.Minute)
		stop := v.clock.now()
		v.sight(v.record(1, macwatch.StatusStop, stamped(stop), counters(60, 1, 2)))
		v.clock.advance(time.Minute)
		v.sight(v.record(1, macwatch.StatusStart, stamped(v.clock.now())))
		if restart {
			v.restart()
		}
		v.clock.advance(time.Minute)
		v.sight(v.record(1, macwatch.StatusStart, stamped(began), delayed(180)), v.record(1, macwatch.StatusStop, stamped(stop), counters(60, 1, 2), delayed(120)))
		sessions := v.sessions()
		require.Len(t, sessions, 2)
		require.Equal(t, []int{2, 1}, []int{sessions[0].Records, sessions[1].Records})
		require.NotNil(t, sessions[0].EndedAt)
		require.Nil(t, sessions[1].EndedAt, "a repeated Stop of the first leg does not end the second")
	}
}

// What comes late for an earlier leg, and is new, belongs to it: it neither ends the
// present one nor adds to its counters.
func TestALateRecordOfAnEarlierLegGoesToIt(t *testing.T) {
	for _, restart := range []bool{false, true} {
		v := openVenue(t)
		began := v.clock.now()
		at := func(m int) func(*macwatch.Record) { return stamped(began.Add(time.Duration(m) * time.Minute)) }
		v.clock.advance(time.Hour)
		v.sight(v.record(1, macwatch.StatusStart, at(0)), v.record(1, macwatch.StatusStop, at(10), counters(600, 50, 50)))
		v.sight(v.record(1, macwatch.StatusStart, at(20)))
		v.sight(v.record(1, macwatch.StatusStop, at(30), counters(600, 5, 5)))
		v.sight(v.record(1, macwatch.StatusStart, at(40)))
		if restart {
			v.restart()
		}
		v.sight(v.record(1, macwatch.StatusInterim, at(5), counters(300, 70, 25)), v.record(1, macwatch.StatusInterim, at(25), counters(300, 4, 9)))
		list := v.sessions()
		require.Len(t, list, 3)
		for i, want := range [][]any{{3, uint64(70), uint64(50)}, {3, uint64(5), uint64(9)}, {1, uint64(0), uint64(0)}} {
			require.Equal(t, want, []any{list[i].Records, list[i].InputOctets, list[i].OutputOctets}, "leg %d", i)
		}
		require.Equal(t, []bool{true, true, false}, []bool{list[0].EndedAt != nil, list[1].EndedAt != nil, list[2].EndedAt != nil})
	}
}

// RFC 2866 section 5.2: Acct-Delay-Time differs in every retransmission.
func TestRFC2866Section5_2RetransmissionsAreOneRecord(t *testing.T) {
	for name, change := range map[string]func(*macwatch.Record){
		"with Event-Timestamp":    stamped(time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)),
		"without Event-Timestamp": func(*macwatch.Record) {},
	} {
		t.Run(name, func(t *testing.T) {
			v := openVenue(t)
			for _, status := range []macwatch.Status{macwatch.StatusStart, macwatch.StatusInterim, macwatch.StatusStop} {
				sent := v.clock.now()
				for range 4 {
					late := delayed(uint32(v.clock.now().Sub(sent) / time.Second))
					v.sight(v.record(1, status, change, late, counters(7, 8, 9)), v.record(1, status, change, late, counters(7, 8, 9)))
					v.clock.advance(3 * time.Second)
				}
			}
			require.Len(t, v.sessions(), 1)
			require.Equal(t, 3, v.sessions()[0].Records)
			require.Len(t, v.devices(), 1)
		})
	}
}

func TestSessionsWithoutAStart(t *testing.T) {
	v := openVenue(t)
	number := v.activate(v.terms())
	v.clock.advance(2 * time.Hour)
	v.sight(v.record(1, macwatch.StatusInterim, counters(3600, 10, 20)), v.record(2, macwatch.StatusStop, counters(1800, 30, 40)))
	list := v.sessions()
	require.Len(t, list, 2)
	require.Equal(t, v.clock.now().Add(-time.Hour), list[0].StartedAt)
	require.Nil(t, list[0].EndedAt)
	require.Equal(t, v.clock.now().Add(-30*time.Minute), list[1].StartedAt)
	require.Equal(t, v.clock.now(), *list[1].EndedAt)
	require.Equal(t, 2, v.summary(number).DevicesCounted)
	// Its Start, late: now it is exact.
	v.sight(v.record(1, macwatch.StatusStart, stamped(v.clock.now().Add(-61*time.Minute))))
	require.Equal(t, v.clock.now().Add(-61*time.Minute), v.sessions()[0].StartedAt)
}

func TestEqualSessionIdsOfTwoNASesAreTwoSessions(t *testing.T) {
	v := openVenue(t)
	id := func(r *macwatch.Record) { r.SessionID = []byte("00000001") }
	nas := func(s string) func(*macwatch.Record) { return func(r *macwatch.Record) { r.NAS = []byte(s) } }
	client := func(n int64) func(*macwatch.Record) { return func(r *macwatch.Record) { r.Client = n } }
	v.sight(v.record(1, macwatch.StatusStart, id), v.record(1, macwatch.StatusStart, id, nas("ap-2")), v.record(1, macwatch.StatusStart, id, client(99)),
		v.record(2, macwatch.StatusStart, id))
	require.Len(t, v.sessions(), 4)
	require.Len(t, v.devices(), 2)
}

// RFC 2866 section 5.9: the Acct-Session-Id may come again after the NAS restarted.
func TestLegsOfOneSession(t *testing.T) {
	v := openVenue(t)
	at := func(m int) func(*macwatch.Record) {
		return stamped(time.Date(2026, 11, 22, 10, m, 0, 0, time.UTC))
	}
	v.clock.advance(time.Hour)
	v.sight(v.record(1, macwatch.StatusStop, at(10), counters(300, 5, 5)))
	v.sight(v.record(1, macwatch.StatusStart, at(5)))
	require.Len(t, v.sessions(), 1, "a Start from before the Stop belongs to it")
	require.Equal(t, 2, v.sessions()[0].Records)
	v.sight(v.record(1, macwatch.StatusInterim, at(11), counters(360, 6, 6)))
	require.Len(t, v.sessions(), 1)
	require.NotNil(t, v.sessions()[0].EndedAt, "an Interim after the Stop does not reopen")
	v.sight(v.record(1, macwatch.StatusStart, at(20)))
	list := v.sessions()
	require.Len(t, list, 2)
	require.Nil(t, list[1].EndedAt)
	require.Zero(t, list[1].InputOctets, "the second leg counts anew")
	v.restart()
	v.sight(v.record(1, macwatch.StatusStop, at(30), counters(600, 1, 1)))
	require.Equal(t, uint64(1), v.sessions()[1].InputOctets)
	require.NotNil(t, v.sessions()[1].EndedAt)
}

// RFC 2866 section 4.1 and 5.1: a NAS that restarts has no sessions any more.
func TestAccountingOnAndOffCloseWhatTheyName(t *testing.T) {
	a, b := macwatch.MAC(0xaaaaaa000001), macwatch.MAC(0xaaaaaa000002)
	on := func(v *venue, status macwatch.Status, change ...func(*macwatch.Record)) *macwatch.Record {
		return v.record(0, status, append([]func(*macwatch.Record){func(r *macwatch.Record) {
			r.MAC, r.SessionID, r.UserName, r.AP = 0, nil, nil, r.NAS
		}}, change...)...)
	}
	called := func(m macwatch.MAC) func(*macwatch.Record) {
		return func(r *macwatch.Record) { r.CalledMAC = m }
	}
	other := func(r *macwatch.Record) { r.Client = 99 }
	ap2 := func(r *macwatch.Record) { r.NAS = []byte("ap-2") }
	for name, tt := range map[string]struct {
		change []func(*macwatch.Record)
		open   []string // of s-1 (called a), s-2 (called b), s-3 (NAS ap-2), s-4 (other client)
	}{
		"the NAS":                    {nil, []string{"s-3", "s-4"}},
		"one AP behind it":           {[]func(*macwatch.Record){called(a)}, []string{"s-2", "s-3", "s-4"}},
		"another NAS":                {[]func(*macwatch.Record){ap2}, []string{"s-1", "s-2", "s-4"}},
		"another client":             {[]func(*macwatch.Record){other}, []string{"s-1", "s-2", "s-3"}},
		"an AP without sessions":     {[]func(*macwatch.Record){called(0xaaaaaa000009)}, []string{"s-1", "s-2", "s-3", "s-4"}},
		"what was before sessions":   {[]func(*macwatch.Record){stamped(time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC))}, []string{"s-1", "s-2", "s-3", "s-4"}},
		"without Event-Timestamp":    {[]func(*macwatch.Record){delayed(5)}, []string{"s-3", "s-4"}},
		"with a session id of 0 (i)": {[]func(*macwatch.Record){func(r *macwatch.Record) { r.SessionID = []byte("00000000") }}, []string{"s-3", "s-4"}},
	} {
		for _, status := range []macwatch.Status{macwatch.StatusOn, macwatch.StatusOff} {
			t.Run(name, func(t *testing.T) {
				v := openVenue(t)
				v.sight(v.record(1, macwatch.StatusStart, called(a)), v.record(2, macwatch.StatusStart, called(b)),
					v.record(3, macwatch.StatusStart, ap2, called(a)), v.record(4, macwatch.StatusStart, other, called(a)))
				v.restart() // sessions come from the database, not from memory
				v.clock.advance(time.Minute)
				v.sight(on(v, status, tt.change...), on(v, status, tt.change...))
				var open []string
				for _, s := range v.sessions() {
					if s.EndedAt == nil {
						open = append(open, s.SessionID)
					}
				}
				require.Equal(t, tt.open, open)
				var events int
				require.NoError(t, v.s.readers.QueryRow(`SELECT count(*) FROM nas_events`).Scan(&events))
				require.Equal(t, 1, events, "twice the same is one")
				require.Len(t, v.devices(), 4, "it is no device")
			})
		}
	}
}

func TestAnIgnoredRecordIsKeptRawOnce(t *testing.T) {
	v := openVenue(t)
	number := v.activate(v.terms())
	raw := func(r *macwatch.Record) { r.Packet, r.Ignored = []byte{4, 1, 0, 20}, "unknown-status" }
	sent := v.clock.now()
	v.sight(v.record(1, 9, raw, stamped(sent)), v.record(1, 9, raw, stamped(sent), delayed(3)))
	v.restart()
	v.clock.advance(3 * time.Second)
	v.sight(v.record(1, 9, raw, stamped(sent), delayed(3)), v.record(1, 15, raw, stamped(sent)), v.record(2, 9, raw, stamped(sent)))
	var n int
	require.NoError(t, v.s.readers.QueryRow(`SELECT count(*) FROM raw_records WHERE reason <> '' AND length(packet) = 4`).Scan(&n))
	require.Equal(t, 3, n)
	require.Empty(t, v.sessions())
	require.Zero(t, v.summary(number).DevicesCounted, "an unknown status is no sighting")
}

func TestKeepRawKeepsEveryPacketAndCountsNothingTwice(t *testing.T) {
	v := openVenue(t, func(o *Options) { o.KeepRaw = true })
	packet := func(r *macwatch.Record) { r.Packet = []byte("packet") }
	v.sight(v.record(1, macwatch.StatusStart, packet), v.record(1, macwatch.StatusStart, packet), v.record(2, macwatch.StatusStart, packet))
	var n int
	require.NoError(t, v.s.readers.QueryRow(`SELECT count(*) FROM raw_records`).Scan(&n))
	require.GreaterOrEqual(t, n, 2)
	require.Len(t, v.sessions(), 2)
	require.Equal(t, 1, v.sessions()[0].Records)
}

// RFC 2869 section 5.1 and 5.2: counters of 64 bits.
func TestRFC2869Section5_1GigawordsAndTheLargestCounters(t *testing.T) {
	v := openVenue(t)
	big := uint64(math.MaxUint64)
	gigawords := uint64(2)<<32 | math.MaxUint32
	v.sight(v.record(1, macwatch.StatusInterim, counters(100, gigawords, 3<<32)), v.record(2, macwatch.StatusInterim, counters(math.MaxUint32, big, big-1)))
	v.sight(v.record(1, macwatch.StatusInterim, counters(90, 5, 5))) // an older one, late
	check := func() {
		byMAC := map[string]macwatch.SessionInfo{}
		for _, s := range v.sessions() {
			byMAC[s.MAC] = s
		}
		one, two := byMAC[guest(1).String()], byMAC[guest(2).String()]
		require.Equal(t, []uint64{gigawords, 3 << 32, 100}, []uint64{one.InputOctets, one.OutputOctets, uint64(one.SessionTime)})
		require.Equal(t, []uint64{big, big - 1, math.MaxUint32}, []uint64{two.InputOctets, two.OutputOctets, uint64(two.SessionTime)})
	}
	check()
	v.restart()
	v.sight(v.record(2, macwatch.StatusStop, counters(5, 1, 1)))
	check()
}

func TestEveryTerminateCauseHasItsName(t *testing.T) {
	v := openVenue(t)
	for n := range uint32(20) {
		v.sight(v.record(int(n), macwatch.StatusStop, func(r *macwatch.Record) { r.TerminateCause = n }))
	}
	var causes []string
	for _, s := range v.sessions() {
		causes = append(causes, s.TerminateCause)
	}
	require.Equal(t, append(append([]string{""}, terminateCauses[:]...), "19"), causes)
}

func TestOctetsThatAreNoTextSurvive(t *testing.T) {
	v := openVenue(t)
	odd := []byte{0xff, 0x00, '\'', 0xc3, 0x28}
	change := func(r *macwatch.Record) {
		r.SessionID, r.UserName, r.SSID, r.NAS, r.AP, r.Class, r.Calling, r.Called, r.Room = odd, odd, odd, odd, odd, odd, odd, odd, odd
	}
	v.sight(v.record(1, macwatch.StatusStart, change))
	v.restart()
	v.clock.advance(time.Minute)
	v.sight(v.record(1, macwatch.StatusStop, change, counters(60, 1, 1)))
	require.Len(t, v.sessions(), 1)
	require.Equal(t, 2, v.sessions()[0].Records)
}

func TestMoreRecordsThanTheStoreRemembersStayInOneSession(t *testing.T) {
	v := openVenue(t)
	for n := range uint32(100) {
		v.clock.advance(time.Minute)
		v.sight(v.record(1, macwatch.StatusInterim, counters(60*n, uint64(n), uint64(n))))
		v.sight(v.record(1, macwatch.StatusInterim, counters(60*n, uint64(n), uint64(n)), delayed(0)))
	}
	require.Len(t, v.sessions(), 1)
	require.Equal(t, 100, v.sessions()[0].Records)
}

func TestLastSeenSurvivesACloseAndACrash(t *testing.T) {
	v := openVenue(t)
	v.sight(v.record(1, macwatch.StatusStart))
	v.clock.advance(time.Minute)
	v.sight(v.record(1, macwatch.StatusInterim, counters(60, 1, 1)))
	v.restart()
	require.Equal(t, v.clock.now(), v.devices()[guest(1).String()].LastSeen)
	v.clock.advance(time.Minute)
	v.sight(v.record(1, macwatch.StatusInterim, counters(120, 1, 1)))
	last := v.clock.now()
	v.clock.advance(time.Minute)
	v.crash(t.TempDir())
	require.Equal(t, last, v.devices()[guest(1).String()].LastSeen)
}
