package disconnect

import (
	"context"
	"fmt"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"

	"tallygate/licensing"
	"tallygate/macwatch"
)

const patience = 20 * time.Second // for what takes a moment on an idle machine

// clock is a time that a test sets.
type clock struct{ at atomic.Pointer[time.Time] }

func newClock(t time.Time) *clock {
	c := &clock{}
	c.set(t)
	return c
}

func (c *clock) set(t time.Time) { c.at.Store(&t) }
func (c *clock) now() time.Time  { return *c.at.Load() }

// licensed puts a Location under a license of a year that started at noon.
func licensed(l *licensing.Location) *licensing.License {
	license := &licensing.License{
		ID: 1, Number: "TG-1", Zone: "UTC", ActivatedAt: noon.Add(-time.Hour), ProvisionedAt: noon.Add(-time.Hour), StartedAt: noon,
		Terms: licensing.Terms{Term: licensing.Term{Years: 1}, Threshold: 5},
	}
	license.Allotments = []licensing.Allotment{{LocationID: 1, Location: l.Code, At: noon.Add(-time.Hour), APs: licensing.Unlimited, Rooms: licensing.Unlimited}}
	l.Licenses = []*licensing.License{license}
	return license
}

// What happens to a Location ends the sessions that must not be any more, and no others.
func TestWhatEndsSessions(t *testing.T) {
	mac := session().MAC
	other := func(s *macwatch.Session) {
		s.Ident[0], s.MAC, s.Calling, s.UserName, s.Lab = 2, mac+1, "80-41-00-00-00-02", "bob", false
	}
	macLogin := func(s *macwatch.Session) { s.UserName = "804100000001" }
	local := func(l *licensing.Location) { l.Settings.Guests = licensing.GuestsLocal }
	for _, tt := range []struct {
		name   string
		before func(*licensing.Location, *macwatch.Venue, *macwatch.Client) // nobody goes
		anna   func(*macwatch.Session)
		at     time.Time
		change func(*licensing.Location, *macwatch.Venue, *macwatch.Client)
		why    string // "": nobody goes
		all    bool   // bob goes as well
	}{
		{name: "nothing", change: func(*licensing.Location, *macwatch.Venue, *macwatch.Client) {}},
		{name: "the operator's denial", change: func(l *licensing.Location, _ *macwatch.Venue, _ *macwatch.Client) {
			licensed(l).Operator = licensing.Denial{At: noon, Reason: "unpaid"}
		}, why: "access-denied", all: true},
		{name: "the distributor's denial", change: func(l *licensing.Location, _ *macwatch.Venue, _ *macwatch.Client) {
			licensed(l).Distributor = licensing.Denial{At: noon, Reason: "unpaid"}
		}, why: "access-denied", all: true},
		{name: "the end of the contract, by the clock alone", before: func(l *licensing.Location, _ *macwatch.Venue, _ *macwatch.Client) { licensed(l) },
			at: noon.AddDate(1, 0, 1), why: "contract-finalized", all: true},
		{name: "before the end", before: func(l *licensing.Location, _ *macwatch.Venue, _ *macwatch.Client) { licensed(l) }, at: noon.AddDate(1, 0, -1)},
		{name: "a denial during lab mode", change: func(l *licensing.Location, _ *macwatch.Venue, _ *macwatch.Client) {
			licensed(l).Operator = licensing.Denial{At: noon, Reason: "unpaid"}
			l.Labs = []licensing.LabPeriod{{Start: noon, End: noon.Add(8 * time.Hour)}}
		}, why: "access-denied", all: true},
		{name: "no license at all", change: func(l *licensing.Location, _ *macwatch.Venue, _ *macwatch.Client) { l.Licenses = nil }},
		{name: "her device is blocked", change: func(_ *licensing.Location, v *macwatch.Venue, _ *macwatch.Client) { v.Blocked[mac] = "noise" }, why: "device-blocked"},
		{name: "blocked, in lab mode", before: func(l *licensing.Location, _ *macwatch.Venue, _ *macwatch.Client) {
			l.Labs = []licensing.LabPeriod{{Start: noon, End: noon.Add(8 * time.Hour)}}
		}, change: func(l *licensing.Location, v *macwatch.Venue, _ *macwatch.Client) {
			l.Labs = []licensing.LabPeriod{{Start: noon, End: noon.Add(8 * time.Hour)}}
			v.Blocked[mac] = "noise"
		}, why: "device-blocked"},
		{name: "lab mode ends, by the clock alone", anna: func(s *macwatch.Session) { s.Lab = true }, at: noon.Add(9 * time.Hour),
			before: func(l *licensing.Location, _ *macwatch.Venue, _ *macwatch.Client) {
				licensed(l)
				l.Labs = []licensing.LabPeriod{{Start: noon, End: noon.Add(8 * time.Hour)}}
			}, why: "lab-ended"},
		{name: "her account expires", at: noon.Add(2 * time.Hour), before: func(l *licensing.Location, v *macwatch.Venue, _ *macwatch.Client) {
			local(l)
			v.Accounts["anna@hotel"] = &macwatch.Account{UserName: "anna@hotel", ExpiresAt: noon.Add(time.Hour)}
		}, why: "credential-expired"},
		{name: "her account expires where nobody asks for one", at: noon.Add(2 * time.Hour), before: func(_ *licensing.Location, v *macwatch.Venue, _ *macwatch.Client) {
			v.Accounts["anna@hotel"] = &macwatch.Account{UserName: "anna@hotel", ExpiresAt: noon.Add(time.Hour)}
		}},
		{name: "her account is removed", change: func(l *licensing.Location, v *macwatch.Venue, _ *macwatch.Client) {
			local(l)
			v.RetiredAccounts["anna@hotel"] = noon.Add(time.Minute)
		}, why: "credential-removed"},
		{name: "removed, and made anew", change: func(l *licensing.Location, v *macwatch.Venue, _ *macwatch.Client) {
			local(l)
			v.RetiredAccounts["anna@hotel"] = noon.Add(time.Minute)
			v.Accounts["anna@hotel"] = &macwatch.Account{UserName: "anna@hotel"}
		}},
		{name: "removed before she came by other ways", anna: func(s *macwatch.Session) { s.StartedAt = noon.Add(time.Hour) }, change: func(l *licensing.Location, v *macwatch.Venue, _ *macwatch.Client) {
			local(l)
			v.RetiredAccounts["anna@hotel"] = noon.Add(time.Minute)
		}},
		{name: "her ticket is revoked", anna: func(s *macwatch.Session) { s.UserName = "7k2p-9qrt" }, change: func(l *licensing.Location, v *macwatch.Venue, _ *macwatch.Client) {
			local(l)
			v.RetiredAccounts["7K2P9QRT"] = noon.Add(time.Minute)
		}, why: "credential-removed"},
		{name: "she has checked out", anna: func(s *macwatch.Session) { s.UserName = "lopez/0412@hotel" }, change: func(l *licensing.Location, v *macwatch.Venue, _ *macwatch.Client) {
			local(l)
			v.RetiredAccounts[macwatch.RetiredRoom("412")] = noon.Add(time.Minute)
		}, why: "credential-removed"},
		{name: "another guest had the room before her", anna: func(s *macwatch.Session) { s.UserName, s.StartedAt = "412", noon.Add(time.Hour) }, change: func(l *licensing.Location, v *macwatch.Venue, _ *macwatch.Client) {
			local(l)
			v.RetiredAccounts[macwatch.RetiredRoom("412")] = noon.Add(time.Minute)
		}},
		{name: "an account that nobody knows", change: func(l *licensing.Location, _ *macwatch.Venue, _ *macwatch.Client) { local(l) }},
		{name: "her MAC input expires", anna: macLogin, at: noon.Add(2 * time.Hour), before: func(l *licensing.Location, v *macwatch.Venue, _ *macwatch.Client) {
			local(l)
			v.Inputs[mac] = macwatch.MACInput{MAC: mac, ExpiresAt: noon.Add(time.Hour)}
		}, why: "credential-expired"},
		{name: "her MAC input is removed", anna: macLogin, change: func(l *licensing.Location, v *macwatch.Venue, _ *macwatch.Client) {
			local(l)
			v.RetiredInputs[mac] = noon.Add(time.Minute)
		}, why: "credential-removed"},
		{name: "a MAC input expires, but she has an account", at: noon.Add(2 * time.Hour), before: func(l *licensing.Location, v *macwatch.Venue, _ *macwatch.Client) {
			local(l)
			v.Inputs[mac] = macwatch.MACInput{MAC: mac, ExpiresAt: noon.Add(time.Hour)}
			v.Accounts["anna@hotel"] = &macwatch.Account{UserName: "anna@hotel"}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := newDAS(t, ack)
			anna, bob := session(), session()
			if tt.anna != nil {
				tt.anna(anna)
			}
			other(bob)
			b := &book{sessions: []*macwatch.Session{anna, bob}}
			c := newClock(noon.Add(time.Second))
			s, registry := serve(t, b, c.now)
			s.Publish(venue(d.port(), tt.before))
			// The first look finds nobody; it has happened when a second snapshot is taken.
			settle(t, s)
			require.Empty(t, d.requests())

			if tt.change != nil {
				s.Publish(venue(d.port(), tt.change))
			}
			if !tt.at.IsZero() {
				c.set(tt.at)
			}
			want := 0
			if tt.why != "" {
				want = 1
			}
			if tt.all {
				want = 2
			}
			if want == 0 {
				settle(t, s)
				require.Empty(t, d.requests())
				require.Nil(t, s.Outcome(anna.Ident, 0))
				return
			}
			require.Eventually(t, func() bool { return value(t, registry, "disconnects_total", "acknowledged") == want }, patience, 5*time.Millisecond)
			got := map[string]bool{}
			for _, p := range d.requests() {
				got[radius.String(p.Get(attrCallingStationID))] = true
			}
			require.Len(t, got, want)
			require.True(t, got[anna.Calling], "as the NAS spells it")
			o := s.Outcome(anna.Ident, 0)
			require.Equal(t, macwatch.DisconnectAcknowledged, o.State)
			require.Equal(t, tt.why, o.Why)
			settle(t, s)
			require.Len(t, d.requests(), want, "asked once, not at each look")
		})
	}
}

// settle waits until the watcher has looked at what stands now.
func settle(t *testing.T, s *Service) {
	t.Helper()
	for range 2 { // the first may have been taken before
		s.news <- struct{}{}
		require.Eventually(t, func() bool { return len(s.news) == 0 }, patience, time.Millisecond)
	}
	s.news <- struct{}{}
}

// What was cut off in the middle goes on with the next start: nothing is written down,
// who is still there and must not be is found again.
func TestRestartInTheMiddleOfABurst(t *testing.T) {
	var answered atomic.Int32
	d := newDAS(t, func(p *radius.Packet) (radius.Code, cause) {
		if answered.Load() >= 30 {
			return 0, 0
		}
		answered.Add(1)
		return ack(p)
	})
	b := &book{}
	for i := range 100 {
		s := session()
		s.Ident[0], s.Calling = byte(i), fmt.Sprintf("80-41-00-00-01-%02X", i)
		b.sessions = append(b.sessions, s)
	}
	denied := venue(d.port(), func(l *licensing.Location, _ *macwatch.Venue, _ *macwatch.Client) {
		licensed(l).Operator = licensing.Denial{At: noon, Reason: "unpaid"}
	})
	now := newClock(noon.Add(time.Second)).now

	first, err := New(Options{Book: b, Now: now, Rate: 1000, Total: 1000})
	require.NoError(t, err)
	first.Publish(denied)
	first.Serve()
	require.Eventually(t, func() bool { return answered.Load() == 30 }, patience, time.Millisecond)
	require.NoError(t, first.Close(context.Background()))
	require.NoError(t, first.Close(context.Background()))

	gone := map[string]bool{} // those whose NAS has ended them, and has sent its Stop
	for _, p := range d.requests()[:30] {
		gone[radius.String(p.Get(attrCallingStationID))] = true
	}
	b.mu.Lock()
	for _, s := range b.sessions {
		if gone[s.Calling] {
			s.EndedAt = noon
		}
	}
	b.mu.Unlock()
	before := len(d.requests())
	answered.Store(-1000)

	second, registry := serve(t, b, now)
	second.Publish(denied)
	require.Eventually(t, func() bool {
		return value(t, registry, "disconnects_total", "acknowledged") == 100-len(gone)
	}, patience, 5*time.Millisecond)
	for _, p := range d.requests()[before:] {
		require.False(t, gone[radius.String(p.Get(attrCallingStationID))])
	}
}

// Who cannot be asked is told of, with what ends the session instead.
func TestNotPossible(t *testing.T) {
	deny := func(l *licensing.Location) { licensed(l).Operator = licensing.Denial{At: noon, Reason: "unpaid"} }
	for name, tt := range map[string]struct {
		change func(*macwatch.Client)
		anna   func(*macwatch.Session)
		detail string
	}{
		"pfSense":            {change: func(c *macwatch.Client) { c.Vendor = macwatch.VendorPfSense }, detail: "re-authentication"},
		"OPNsense, detected": {change: func(c *macwatch.Client) { c.Vendor = macwatch.VendorAuto }, anna: func(s *macwatch.Session) { s.Origin.Vendor = macwatch.VendorOPNsense }, detail: "Session-Timeout"},
		"switched off":       {change: func(c *macwatch.Client) { c.Disconnect.Off = true }, detail: "off for client aps"},
		"no User-Name":       {change: func(c *macwatch.Client) { c.Vendor = macwatch.VendorCoovaChilli }, anna: func(s *macwatch.Session) { s.UserName = "" }, detail: "held no User-Name"},
		"the client is gone": {change: func(c *macwatch.Client) { c.ID = 2 }, detail: "was removed"},
		"no NAS-IP-Address":  {change: func(c *macwatch.Client) { c.Disconnect.Address = macwatch.DisconnectNAS }, anna: func(s *macwatch.Session) { s.Origin.NASAddress = netip.Addr{} }, detail: "--disconnect-address"},
		"no secret":          {change: func(c *macwatch.Client) { c.Secret = "" }, detail: "--disconnect-secret"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			anna := session()
			if tt.anna != nil {
				tt.anna(anna)
			}
			s, registry := serve(t, &book{sessions: []*macwatch.Session{anna}}, newClock(noon.Add(time.Second)).now)
			s.Publish(venue(9, func(l *licensing.Location, _ *macwatch.Venue, c *macwatch.Client) {
				deny(l)
				tt.change(c)
			}))
			require.Eventually(t, func() bool { return s.Outcome(anna.Ident, 0) != nil }, patience, time.Millisecond)
			o := s.Outcome(anna.Ident, 0)
			require.Equal(t, macwatch.DisconnectImpossible, o.State)
			require.Contains(t, o.Detail, tt.detail)
			require.Equal(t, 1, value(t, registry, "disconnects_total", "not-possible"))
		})
	}
}

// Where the client says so, requests go elsewhere, signed with another secret.
func TestClientSettings(t *testing.T) {
	d := newDASWith(t, "of the controller", ack)
	anna := session()
	anna.Origin.Source, anna.Origin.NASAddress = session().Origin.NASAddress, session().Origin.Source
	b := &book{sessions: []*macwatch.Session{anna}}
	s, _ := serve(t, b, newClock(noon.Add(time.Second)).now)
	s.Publish(venue(d.port(), func(l *licensing.Location, v *macwatch.Venue, c *macwatch.Client) {
		v.Blocked[anna.MAC] = ""
		c.Disconnect.Address, c.DisconnectSecret = macwatch.DisconnectNAS, "of the controller"
	}))
	require.Eventually(t, func() bool {
		o := s.Outcome(anna.Ident, 0)
		return o != nil && o.State == macwatch.DisconnectAcknowledged
	}, patience, time.Millisecond)
	require.Equal(t, fmt.Sprintf("127.0.0.1:%d", d.port()), s.Outcome(anna.Ident, 0).To)
}

// An operator ends what he names, sees what becomes of each, and is in the audit log.
func TestEndSessions(t *testing.T) {
	d := newDAS(t, func(p *radius.Packet) (radius.Code, cause) {
		if radius.String(p.Get(attrCallingStationID)) == "80-41-00-00-00-02" {
			return nak(causeNotRemovable)(p)
		}
		return ack(p)
	})
	anna, bob, far := session(), session(), session()
	bob.Ident[0], bob.Calling, bob.MAC, bob.AP = 2, "80-41-00-00-00-02", anna.MAC+1, "lobby"
	far.Ident[0], far.Location = 3, 2
	b := &book{sessions: []*macwatch.Session{anna, bob, far}}
	s, _ := serve(t, b, newClock(noon.Add(time.Second)).now)
	s.Publish(venue(d.port(), func(_ *licensing.Location, v *macwatch.Venue, _ *macwatch.Client) {
		v.APs = macwatch.NewRoster([]macwatch.Slot{{ID: 1, Name: "lobby", Aliases: []string{"00:27:22:aa:00:99"}}})
	}))
	end := func(ch licensing.Change, which macwatch.SessionSelector) (map[string]macwatch.Disconnect, error) {
		got := map[string]macwatch.Disconnect{}
		err := s.EndSessions(t.Context(), ch, "28n2s004", which, func(e macwatch.EndedSession) error {
			got[e.MAC] = e.Disconnect
			return nil
		})
		return got, err
	}
	ana := licensing.Change{By: "ana@console"}

	got, err := end(licensing.Change{By: "ana@console", DryRun: true}, macwatch.SessionSelector{All: true})
	require.NoError(t, err)
	require.Len(t, got, 2)
	require.Equal(t, macwatch.DisconnectPlanned, got[anna.MAC.String()].State)
	require.Empty(t, d.requests())
	require.Empty(t, b.ends)

	got, err = end(ana, macwatch.SessionSelector{MAC: anna.MAC})
	require.NoError(t, err)
	require.Len(t, got, 1)
	require.Equal(t, macwatch.DisconnectAcknowledged, got[anna.MAC.String()].State)
	require.Equal(t, "operator", got[anna.MAC.String()].Why)
	require.Equal(t, []string{"ana@console 28N2S004"}, b.ends)

	got, err = end(ana, macwatch.SessionSelector{AP: "00-27-22-AA-00-99"})
	require.NoError(t, err, "an AP by any of its names")
	require.Len(t, got, 1)
	require.Equal(t, "Session-Context-Not-Removable", got[bob.MAC.String()].ErrorCause)
	require.Equal(t, got[bob.MAC.String()], *s.Outcome(bob.Ident, 0))

	got, err = end(ana, macwatch.SessionSelector{All: true})
	require.NoError(t, err)
	require.Len(t, got, 2)

	for _, which := range []macwatch.SessionSelector{{}, {All: true, MAC: 1}, {MAC: 77}, {SessionID: anna.SessionID}} {
		_, err = end(ana, which)
		var refused *licensing.Error
		require.ErrorAs(t, err, &refused, "%v", which)
		require.NotEmpty(t, refused.Hint)
	}
	got, err = end(ana, macwatch.SessionSelector{SessionID: anna.SessionID, MAC: bob.MAC})
	require.NoError(t, err)
	require.Len(t, got, 1)
}

// Where addresses are not kept, an operator still names a device by its address, and a
// session by the id that the list shows; the NAS is asked by what it calls them.
func TestEndSessionsUnderPseudonyms(t *testing.T) {
	d := newDAS(t, ack)
	veil := macwatch.NewVeil([]byte("a key"))
	anna := session()
	anna.Address, anna.MAC = anna.MAC, veil.Name(anna.MAC)
	anna.SessionID = "80410000000112AB"
	shown := anna.Hidden().SessionID
	require.NotEqual(t, anna.SessionID, shown)
	b := &book{sessions: []*macwatch.Session{anna}}
	s, _ := serve(t, b, newClock(noon.Add(time.Second)).now)
	s.Publish(venue(d.port(), func(_ *licensing.Location, v *macwatch.Venue, _ *macwatch.Client) { v.Veil = veil }))
	for _, which := range []macwatch.SessionSelector{{MAC: anna.Address}, {SessionID: shown}} {
		n := 0
		require.NoError(t, s.EndSessions(t.Context(), licensing.Change{}, "28N2S004", which, func(e macwatch.EndedSession) error {
			n++
			require.Equal(t, macwatch.DisconnectAcknowledged, e.Disconnect.State)
			require.Equal(t, anna.MAC.String(), e.MAC)
			require.Equal(t, shown, e.SessionID)
			return nil
		}))
		require.Equal(t, 1, n)
	}
	for _, p := range d.requests() {
		require.Equal(t, anna.Calling, radius.String(p.Get(attrCallingStationID)))
	}
}

// More than fit into the queue, and a gateway that stops in between: nobody waits for ever.
func TestStopWhileAnOperatorWaits(t *testing.T) {
	d := newDAS(t, silent)
	b := &book{}
	for i := range nasQueue + 200 {
		s := session()
		s.Ident[0], s.Ident[1] = byte(i), byte(i>>8)
		b.sessions = append(b.sessions, s)
	}
	s, err := New(Options{Book: b, Now: newClock(noon).now})
	require.NoError(t, err)
	s.Publish(venue(d.port(), nil))
	s.Serve()
	result := make(chan error)
	go func() {
		result <- s.EndSessions(context.Background(), licensing.Change{}, "28N2S004", macwatch.SessionSelector{All: true},
			func(macwatch.EndedSession) error { return nil })
	}()
	require.Eventually(t, func() bool { return len(d.requests()) > 0 }, patience, time.Millisecond)
	require.NoError(t, s.Close(context.Background()))
	var unavailable *licensing.Error
	require.ErrorAs(t, <-result, &unavailable)
	require.Equal(t, licensing.CodeUnavailable, unavailable.Code)
}

// The wire is not touched, nor the store read, while nothing can have to end.
func TestNothingToDoCostsNothing(t *testing.T) {
	b := &book{sessions: []*macwatch.Session{session()}}
	s, _ := serve(t, b, newClock(noon.Add(time.Second)).now)
	for range 5 {
		s.Publish(venue(9, func(l *licensing.Location, _ *macwatch.Venue, _ *macwatch.Client) { licensed(l) }))
		settle(t, s)
	}
	require.Zero(t, b.reads())
}
