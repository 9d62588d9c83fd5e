package radiusd

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tallygate/licensing"
	"tallygate/macwatch"
)

var testMAC, _ = macwatch.ParseMAC("5c:1d:d9:20:a0:c1")

// history is what the history shows to a filter.
func (g *gateway) history(f macwatch.TraceFilter) (events []macwatch.TraceEvent, notes []string) {
	g.t.Helper()
	f.Follow = false
	require.NoError(g.t, g.Trace(context.Background(), f, func(line macwatch.TraceLine) error {
		if line.Event != nil {
			events = append(events, *line.Event)
		} else {
			notes = append(notes, line.Note)
		}
		return nil
	}))
	return events, notes
}

// Every request leaves one event that says who, where, through whom, what and why.
func TestTraceTellsWhatBecameOfEachRequest(t *testing.T) {
	g := start(t, func(g *gateway) {
		g.clients[0].Vendor = macwatch.VendorUniFiAP
		g.location.Settings.Room = licensing.RoomRule{Attribute: "nas-port-id"}
		g.venue.APs = macwatch.NewRoster([]macwatch.Slot{
			{ID: 1, Name: "lobby-2", Aliases: []string{"94:83:c4:01:42:27"}, ClaimedAt: g.license().ProvisionedAt},
		})
		g.venue.Rooms = macwatch.NewRoster([]macwatch.Slot{{ID: 2, Name: "412", ClaimedAt: g.license().ProvisionedAt}})
		g.venue.Blocked = map[macwatch.MAC]string{0x025566778899: "noisy"}
	})
	auth, acct := dial(t, g.AuthAddrs()[0]), dial(t, g.AcctAddrs()[0])
	before := time.Now().Add(-time.Second)
	auth.exchange(access(1, "a", text(87, "0412"), text(44, "s1")))
	auth.exchange(access(2, "b", text(31, "02-55-66-77-88-99"))) // the second Calling-Station-Id says nothing
	auth.exchange(build(1, 3, "c", signature, text(1, "bob\x1b[31m"), text(31, "02-55-66-77-88-99"), text(32, "ap-1")))
	acct.exchange(accounting(4, macwatch.StatusInterim, "s1", text(87, "412")))
	acct.send(append(accounting(5, macwatch.StatusStart, "s2")[:25], "garbage"...))
	g.waitDropped(acctListener, licensing.ReasonMalformed, 1)

	events, notes := g.history(macwatch.TraceFilter{})
	require.Empty(t, notes)
	require.Len(t, events, 5)
	for i, e := range events {
		require.True(t, e.At.After(before) && !e.At.After(time.Now()), "%v", e.At)
		require.Equal(t, 1, e.Count)
		require.Zero(t, e.Since)
		require.Equal(t, "ap-127.0.0.0/8", e.Client)
		require.Equal(t, "28N2S004", e.Location)
		require.Equal(t, macwatch.VendorUniFiAP, e.Vendor)
		require.Positive(t, e.Latency, "event %d", i)
		source, err := netip.ParseAddrPort(e.Source)
		require.NoError(t, err)
		require.True(t, source.Addr().IsLoopback())
		events[i].At, events[i].Latency, events[i].Source = time.Time{}, 0, ""
	}
	common := macwatch.TraceEvent{Count: 1, Listener: "auth", Client: "ap-127.0.0.0/8", Vendor: "unifi-ap", Location: "28N2S004"}
	accept, reject, record, drop := common, common, common, common
	accept.Result, accept.MAC, accept.AP, accept.SSID, accept.NAS = "accept", testMAC.String(), "lobby-2", "Guest", "ap-1"
	accept.Room, accept.UserName, accept.SessionID = "412", "5c1dd920a0c1", "s1"
	accept.License, accept.State = "TG-TEST-TEST-TEST", "In Use"
	require.Equal(t, accept, events[0])
	reject.Result, reject.Reason, reject.Text = "reject", "device-blocked", licensing.ReasonDeviceBlocked.Text()
	reject.WhatToDo = licensing.ReasonDeviceBlocked.Hint()
	reject.MAC, reject.AP, reject.NAS, reject.UserName = "02:55:66:77:88:99", "ap-1", "ap-1", "bob?[31m"
	reject.License, reject.State = accept.License, accept.State
	require.Equal(t, reject, events[2])
	record.Listener, record.Result, record.MAC, record.AP, record.SSID, record.NAS = "acct", "accounting", testMAC.String(), "lobby-2", "Guest", "ap-1"
	record.Room, record.UserName, record.SessionID, record.Status = "412", "5c1dd920a0c1", "s1", "Interim-Update"
	record.License, record.State = accept.License, accept.State
	require.Equal(t, record, events[3])
	drop.Listener, drop.Result, drop.Reason, drop.Text = "acct", "drop", "malformed", licensing.ReasonMalformed.Text()
	drop.WhatToDo, drop.Detail = licensing.ReasonMalformed.Hint(), string(defectLength)
	require.Equal(t, drop, events[4])
}

// What waits for the store is told when it has been answered, not before.
func TestTraceOfWhatWaits(t *testing.T) {
	g := start(t, func(g *gateway) { g.claims.hold, g.journal.hold = true, true })
	auth, acct := dial(t, g.AuthAddrs()[0]), dial(t, g.AcctAddrs()[0])
	auth.send(access(1, "a"))
	acct.send(accounting(1, macwatch.StatusStart, "s1"))
	require.Eventually(t, func() bool { return len(g.claims.claimed()) == 1 && len(g.journal.records()) == 1 }, 10*time.Second, time.Millisecond)
	events, _ := g.history(macwatch.TraceFilter{})
	require.Empty(t, events)

	g.claims.set(func(c *claims) { c.held[0].Result = macwatch.ClaimAPFull })
	g.claims.release()
	g.journal.set(func(j *journal) { j.held[0].Err = errors.New("disk full") })
	g.journal.commit()
	verify(t, access(1, "a"), auth.receive())
	events, _ = g.history(macwatch.TraceFilter{})
	require.Len(t, events, 2)
	for _, e := range events {
		require.Equal(t, "94:83:c4:01:42:27", e.AP)
		require.Equal(t, testMAC.String(), e.MAC)
	}
	reject, drop := events[0], events[1]
	if reject.Result == macwatch.ResultDrop {
		reject, drop = drop, reject
	}
	require.Equal(t, "ap-limit", reject.Reason)
	require.Equal(t, macwatch.ResultReject, reject.Result)
	require.Equal(t, "store-unavailable", drop.Reason)
	require.Equal(t, "disk full", drop.Detail)
	require.Equal(t, "Start", drop.Status)
}

func TestTraceFilter(t *testing.T) {
	g := prepare(t)
	g.venue.APs = macwatch.NewRoster([]macwatch.Slot{{ID: 1, Name: "lobby-2", Aliases: []string{"94:83:c4:01:42:27"}, ClaimedAt: g.license().ProvisionedAt}})
	g.venue.Blocked = map[macwatch.MAC]string{0x025566778899: ""}
	r := g.offline(authListener)
	r.answers(access(1, "a"))
	r.answers(build(1, 2, "b", signature, text(1, "bob"), text(31, "02-55-66-77-88-99"), text(32, "ap-1")))
	for _, tt := range []struct {
		name string
		f    macwatch.TraceFilter
		want string
	}{
		{"everything", macwatch.TraceFilter{}, "accept reject"},
		{"MAC", macwatch.TraceFilter{MAC: testMAC}, "accept"},
		{"AP by identity", macwatch.TraceFilter{AP: " lobby-2"}, "accept"},
		{"AP by alias in another notation", macwatch.TraceFilter{AP: "9483.C401.4227"}, "accept"},
		{"another AP", macwatch.TraceFilter{AP: "lobby-3"}, ""},
		{"client", macwatch.TraceFilter{Client: "AP-127.0.0.0/8"}, "accept reject"},
		{"another client", macwatch.TraceFilter{Client: "ap-::1/128"}, ""},
		{"Location", macwatch.TraceFilter{Location: "28n2s004"}, "accept reject"},
		{"result", macwatch.TraceFilter{Result: macwatch.ResultReject}, "reject"},
		{"reason", macwatch.TraceFilter{Reason: "device-blocked"}, "reject"},
		{"another reason", macwatch.TraceFilter{Reason: "ap-limit"}, ""},
		{"since", macwatch.TraceFilter{Since: time.Now().Add(-time.Minute)}, "accept reject"},
		{"since later", macwatch.TraceFilter{Since: time.Now().Add(time.Minute)}, ""},
		{"both", macwatch.TraceFilter{MAC: testMAC, Result: macwatch.ResultReject}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			events, _ := g.history(tt.f)
			for _, e := range events {
				got = append(got, string(e.Result))
			}
			require.Equal(t, tt.want, strings.Join(got, " "))
		})
	}
	for _, f := range []macwatch.TraceFilter{{Client: "nobody"}, {Location: "28N2S999"}, {Reason: "because"}} {
		var known *licensing.Error
		require.ErrorAs(t, g.Trace(t.Context(), f, nil), &known)
		require.NotEmpty(t, known.Hint)
	}
}

// A flood of every kind (accepts, another client's refusals of a thousand devices, the
// same refusal over and over, packets of nobody) leaves the one refusal of an hour ago.
func TestAFloodDoesNotEraseARefusal(t *testing.T) {
	g := prepare(t)
	g.options.TraceHistory = 64
	g.venue.Blocked = map[macwatch.MAC]string{0x025566778899: ""}
	r := g.offline(authListener)
	login := func(i int, calling string, more ...attr) {
		r.answers(build(1, byte(i), fmt.Sprint(i, calling, more), append([]attr{signature, text(1, "guest"), text(31, calling)}, more...)...))
	}
	login(0, "02-55-66-77-88-99", text(32, "quiet"))
	for i := range 1000 {
		r.answers(access(byte(i), fmt.Sprint("accept", i)))
		mac := macwatch.MAC(0x021000000000 + i)
		g.venue.Blocked[mac] = ""
		login(i, mac.String(), text(32, "noisy"))
		login(i, "02-10-00-00-00-00", text(32, "stuck"))
		r.from = routeOf(netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 1}), 1812))
		r.answers(access(byte(i), "stranger"))
		r.from = routeOf(netip.MustParseAddrPort("127.0.0.1:50000"))
	}
	events, _ := g.history(macwatch.TraceFilter{MAC: 0x025566778899})
	require.Len(t, events, 1)
	require.Equal(t, "quiet", events[0].NAS)

	events, _ = g.history(macwatch.TraceFilter{AP: "stuck"})
	require.Len(t, events, 1)
	require.Equal(t, 1000, events[0].Count)
	require.False(t, events[0].Since.IsZero() || events[0].Since.After(events[0].At))

	events, _ = g.history(macwatch.TraceFilter{Result: macwatch.ResultReject, AP: "noisy"})
	require.Greater(t, len(events), 16, "it may have what nobody else needs")
	events, _ = g.history(macwatch.TraceFilter{Reason: "unknown-client"})
	require.Greater(t, len(events), 16)
	events, _ = g.history(macwatch.TraceFilter{})
	require.Len(t, events, 2*64)
}

// The shelf is never larger than it may be, and whoever has fewest entries of all keeps
// them: against a model that scans.
func TestShelfIsFair(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		capacity := rapid.IntRange(1, 8).Draw(t, "capacity")
		s := newShelf(capacity)
		counts := map[shelfKey]int{}
		for i := range rapid.IntRange(1, 200).Draw(t, "events") {
			e := event{result: resultReject, reason: licensing.ReasonAPLimit, count: 1, sequence: uint64(i + 1)}
			e.client = rapid.Int64Range(1, 3).Draw(t, "client")
			e.mac = macwatch.MAC(rapid.IntRange(1, 12).Draw(t, "mac"))
			k := s.key(&e)
			sizes := map[party]int{}
			largest := 0
			for key := range counts {
				sizes[key.party]++
				largest = max(largest, sizes[key.party])
			}
			known := counts[k] > 0
			s.add(&e)
			if _, ok := s.byKey[k]; !ok {
				t.Fatal("the newest event is not there")
			}
			counts[k]++
			for key := range counts {
				if _, ok := s.byKey[key]; ok {
					continue
				}
				if known || len(counts) <= capacity {
					t.Fatal("something was pushed out without need")
				}
				if sizes[key.party] != largest {
					t.Fatalf("a party with %d entries lost one, the largest has %d", sizes[key.party], largest)
				}
				delete(counts, key)
			}
			if len(s.entries) > capacity || len(s.byKey) != len(counts) || len(s.order) != len(s.parties) {
				t.Fatalf("%d entries, %d keys, %d parties in order of %d", len(s.entries), len(s.byKey), len(s.parties), len(s.order))
			}
			for key, at := range s.byKey {
				if s.entries[at].count != counts[key] {
					t.Fatalf("an entry counts %d instead of %d", s.entries[at].count, counts[key])
				}
			}
		}
	})
}

// collect follows a trace until it ends.
func (g *gateway) collect(ctx context.Context, f macwatch.TraceFilter, began func(), each func(macwatch.TraceLine) error) error {
	f.Follow = true
	return g.Trace(ctx, f, func(line macwatch.TraceLine) error {
		if line.Now {
			began()
			return nil
		}
		return each(line)
	})
}

// What happens while a trace begins stands in it exactly once, in the history or live.
func TestNothingIsLostOrTwiceWhileATraceBegins(t *testing.T) {
	g := prepare(t)
	g.options.TraceHistory = 1000
	r := g.offline(authListener)
	const n = 400
	var senders sync.WaitGroup
	senders.Go(func() {
		for i := range n {
			r.serve(access(byte(i), fmt.Sprint(i), text(44, fmt.Sprint(i))), false)
			r.out.flush()
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	seen := map[string]int{}
	done := errors.New("all seen")
	err := g.collect(ctx, macwatch.TraceFilter{}, func() {}, func(line macwatch.TraceLine) error {
		require.NotNil(t, line.Event, "%+v", line)
		if seen[line.Event.SessionID]++; len(seen) == n {
			return done
		}
		return nil
	})
	senders.Wait()
	require.ErrorIs(t, err, done)
	for session, times := range seen {
		require.Equal(t, 1, times, session)
	}
	require.Nil(t, g.trace.watching.Load(), "who has left is not fed any more")
}

// What comes between the beginning of a watch and the reading of the history is live, and
// not in that history.
func TestTheHistoryOfAWatchEndsWhereItBegan(t *testing.T) {
	g := prepare(t)
	r := g.offline(authListener)
	r.answers(access(1, "before"))
	w, before, err := g.trace.watch(eventFilter{})
	require.NoError(t, err)
	defer g.trace.leave(w)
	r.answers(access(2, "after"))
	require.Len(t, g.trace.recall(eventFilter{}, before), 1)
	require.Len(t, w.events, 1)
	require.Len(t, g.trace.recall(eventFilter{}, ^uint64(0)), 2)
}

// A watcher that does not read costs the packets nothing, and is told why it was cut off.
func TestASlowWatcherIsCutOff(t *testing.T) {
	g := prepare(t)
	r := g.offline(authListener)
	began, blocked := make(chan struct{}), make(chan struct{})
	var lines []macwatch.TraceLine
	watched := make(chan error, 1)
	go func() {
		watched <- g.collect(context.Background(), macwatch.TraceFilter{}, func() { close(began) }, func(line macwatch.TraceLine) error {
			<-blocked
			lines = append(lines, line)
			return nil
		})
	}()
	<-began
	for i := range watcherQueue + 10 {
		require.Len(t, r.answers(access(byte(i), fmt.Sprint(i))), 1)
	}
	close(blocked)
	require.NoError(t, <-watched)
	last := lines[len(lines)-1]
	require.Contains(t, last.End, "cut off")
	require.LessOrEqual(t, len(lines), watcherQueue+3)
}

func TestWatchersAreBounded(t *testing.T) {
	g := prepare(t)
	g.offline(authListener)
	ended := make(chan error, maxWatchers)
	for range maxWatchers {
		began := make(chan struct{})
		go func() {
			ended <- g.collect(context.Background(), macwatch.TraceFilter{}, func() { close(began) }, func(line macwatch.TraceLine) error {
				if line.End != "the gateway is stopping" {
					return fmt.Errorf("%+v", line)
				}
				return nil
			})
		}()
		<-began
	}
	err := g.collect(context.Background(), macwatch.TraceFilter{}, func() {}, nil)
	require.ErrorContains(t, err, "16 traces run already")
	g.EndTraces()
	for range maxWatchers {
		require.NoError(t, <-ended)
	}
	require.ErrorContains(t, g.collect(context.Background(), macwatch.TraceFilter{}, func() {}, nil), "stopping")
}

func TestNoHistory(t *testing.T) {
	g := prepare(t)
	g.options.TraceHistory = 0
	r := g.offline(authListener)
	r.answers(access(1, "a"))
	r.answers([]byte("rubbish"))
	events, notes := g.history(macwatch.TraceFilter{})
	require.Empty(t, events)
	require.Len(t, notes, 1)
	require.Contains(t, notes[0], "trace.history is 0")
}

// Beyond its pace the history counts what it leaves out; refusals it never leaves out.
func TestTheHistoryHasAPace(t *testing.T) {
	g := prepare(t)
	g.options.TraceHistory = 2 * tracePace
	r := g.offline(authListener)
	for i := range tracePace + 5 {
		r.serve(access(byte(i), fmt.Sprint(i)), false)
		r.out.flush()
	}
	events, notes := g.history(macwatch.TraceFilter{})
	require.Len(t, events, tracePace)
	require.Equal(t, []string{fmt.Sprintf("5 more accepts since the start are not in the history: it takes at most %d a second", tracePace)}, notes)
}

// The trace takes nothing from the garbage collector: neither for what is kept, nor while
// somebody watches for another device.
func TestTracingDoesNotAllocate(t *testing.T) {
	g := prepare(t)
	g.options.TraceHistory = 256
	g.venue.APs = macwatch.NewRoster([]macwatch.Slot{{ID: 1, Name: "94:83:c4:01:42:27", ClaimedAt: g.license().ProvisionedAt}})
	r := g.offline(authListener)
	packets := requests(1024, func(id byte, salt string) []byte { return access(id, salt) })
	i := 0
	serve := func() {
		r.serve(packets[i%len(packets)], false)
		r.out.flush()
		i++
	}
	for range packets {
		serve()
	}
	require.Zero(t, testing.AllocsPerRun(500, serve))
	filter, err := g.view.Load().compile(macwatch.TraceFilter{MAC: 1, AP: "lobby"})
	require.NoError(t, err)
	w, _, err := g.trace.watch(filter)
	require.NoError(t, err)
	defer g.trace.leave(w)
	require.Zero(t, testing.AllocsPerRun(500, serve))
}

// FuzzPrintable: whatever a packet holds, what is shown steers no terminal.
func FuzzPrintable(f *testing.F) {
	for _, seed := range []string{"", "lobby", "\x1b[2J", "a\x00b", "\xff\xfe", "\u202e\u2066", "Zürich", strings.Repeat("é", 60)} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var c clip
		c.set(text)
		for _, r := range c.String() {
			if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == 0x202e || r == 0x2066 || r == 0x200b {
				t.Fatalf("%q is shown as %q", text, c.String())
			}
		}
	})
}

// Where a client serves several Locations, an event stands under the one that its packet
// is about.
func TestTraceNamesTheLocationOfThePacket(t *testing.T) {
	g := prepare(t)
	g.clients[0].Locations = []macwatch.LocationRule{{By: macwatch.BySSID, Value: "Guest", Location: "28N2S004"}}
	g.clients[0].Location, g.clients[0].LocationID = "28N2S999", 99
	r := g.offline(authListener)
	r.answers(access(1, "a"))
	for code, n := range map[string]int{"28n2s004": 1, "28N2S999": 0} {
		events, _ := g.history(macwatch.TraceFilter{Location: code})
		require.Len(t, events, n, code)
	}
	report, err := g.Rehearse(macwatch.Trial{Client: g.clients[0].Name, Source: netip.MustParseAddr("127.0.0.1"), MAC: testMAC, AP: "94:83:c4:01:42:27", SSID: "Guest"})
	require.NoError(t, err)
	require.Equal(t, macwatch.ResultAccept, report.Result)
}
