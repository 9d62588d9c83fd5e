package radiusd

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"
	"layeh.com/radius/rfc2865"

	"tallygate/licensing"
	"tallygate/macwatch"
)

const (
	guestMAC = macwatch.MAC(0x5c1dd920a0c1)
	lobbyAP  = "94:83:c4:01:42:27"
)

// slots makes a roster of claimed slots, in this order.
func slots(names ...string) *macwatch.Roster {
	var s []macwatch.Slot
	for i, name := range names {
		s = append(s, macwatch.Slot{ID: int64(i + 1), Name: name, ClaimedAt: time.Unix(int64(i+1), 0)})
	}
	return macwatch.NewRoster(s)
}

func declared(name string) *macwatch.Roster {
	return macwatch.NewRoster([]macwatch.Slot{{ID: 1, Name: name, ClaimedAt: time.Unix(1, 0), Declared: true}})
}

// pap hides a password as layeh does it.
func papPassword(t testing.TB, id byte, salt, password string) attr {
	authenticator := build(radius.CodeAccessRequest, id, salt)[4:20]
	hidden, err := radius.NewUserPassword([]byte(password), []byte(testSecret), authenticator)
	require.NoError(t, err)
	return attr{2, hidden}
}

func TestAccessDecisions(t *testing.T) {
	past, future := time.Now().Add(-time.Minute), time.Now().Add(time.Hour)
	limit := func(g *gateway, aps, rooms licensing.Limit) {
		a := &g.license().Allotments[0]
		a.APs, a.Rooms = aps, rooms
	}
	room := func(g *gateway, r licensing.RoomRule) {
		r.Attribute = "nas-port-id"
		g.location.Settings.Room = r
	}
	local := func(g *gateway) {
		g.location.Settings.Guests = licensing.GuestsLocal
		g.venue.Accounts = map[string]*macwatch.Account{
			"alice": {UserName: "alice", Password: "pä\x00ss", ExpiresAt: future},
			"old":   {UserName: "old", Password: "pass", ExpiresAt: past},
		}
		g.venue.Inputs = map[macwatch.MAC]macwatch.MACInput{
			guestMAC:       {MAC: guestMAC},
			0x5c1dd920a0c2: {MAC: 0x5c1dd920a0c2, ExpiresAt: past},
		}
	}
	online := func(g *gateway, other macwatch.MAC, limit, own int) {
		local(g)
		var devices macwatch.Online
		devices.Seen(7, "alice", &macwatch.Session{MAC: other, Ident: macwatch.Ident{1}}, future)
		g.options.Devices = &devices
		g.location.Settings.GuestSessions = limit
		account := *g.venue.Accounts["alice"] // which other tests share
		account.Sessions = own
		g.venue.Accounts["alice"] = &account
	}
	user := func(name, password string) func(t testing.TB) []byte {
		return func(t testing.TB) []byte {
			return build(radius.CodeAccessRequest, 1, "u", signature, text(1, name), papPassword(t, 1, "u", password),
				text(31, "5C-1D-D9-20-A0-C1"), text(30, "94-83-C4-01-42-27:Guest"), number(6, 10))
		}
	}
	login := func(attrs ...attr) func(testing.TB) []byte {
		return func(testing.TB) []byte { return access(1, "login", attrs...) }
	}
	macLogin := func(name, calling string) func(testing.TB) []byte {
		return func(testing.TB) []byte {
			attrs := []attr{signature, text(1, name)}
			if calling != "" {
				attrs = append(attrs, text(31, calling))
			}
			return build(radius.CodeAccessRequest, 1, "mac", attrs...)
		}
	}
	const none = licensing.ReasonNone
	for _, c := range []struct {
		name    string
		change  func(*gateway)
		request func(testing.TB) []byte
		want    licensing.Reason
	}{
		{"everything agrees", func(*gateway) {}, login(), none},
		{"no license", func(g *gateway) { g.location.Licenses = nil }, login(), licensing.ReasonNoLicense},
		{"the license is not allotted here", func(g *gateway) { g.location.Licenses, g.location.Unallotted = nil, true }, login(), licensing.ReasonPendingProvision},
		{"denied", func(g *gateway) { g.license().Operator = licensing.Denial{At: past, Reason: "unpaid"} }, login(), licensing.ReasonAccessDenied},
		{"over", func(g *gateway) { g.license().StartedAt = time.Now().AddDate(-2, 0, 0) }, login(), licensing.ReasonContractFinalized},
		{"unknown Location", func(g *gateway) { g.clients[0].LocationID = 99 }, login(), licensing.ReasonUnknownLocation},
		{"blocked device", func(g *gateway) { g.venue.Blocked = map[macwatch.MAC]string{guestMAC: ""} }, login(), licensing.ReasonDeviceBlocked},
		{"module covered", func(g *gateway) { g.location.Settings.Modules = map[string]string{"Guest": "portal"} }, login(), none},
		{"module not covered", func(g *gateway) { g.location.Settings.Modules = map[string]string{"Guest": "hotspot20"} }, login(), licensing.ReasonModuleNotLicensed},
		{"AP limit reached by another", func(g *gateway) { limit(g, 1, -1); g.venue.APs = slots("ap-2") }, login(), licensing.ReasonAPLimit},
		{"the AP holds the last slot", func(g *gateway) { limit(g, 1, -1); g.venue.APs = slots(lobbyAP) }, login(), none},
		{"AP limit 0", func(g *gateway) { limit(g, 0, -1) }, login(), licensing.ReasonAPLimit},
		{"AP limit shrank: the earliest stay", func(g *gateway) { limit(g, 1, -1); g.venue.APs = slots("ap-2", lobbyAP) }, login(), licensing.ReasonAPLimit},
		{"declared only, undeclared", func(g *gateway) { g.location.Settings.APs = licensing.APsDeclared; g.venue.APs = slots(lobbyAP) }, login(), licensing.ReasonAPUnknown},
		{"declared only, declared", func(g *gateway) { g.location.Settings.APs = licensing.APsDeclared; g.venue.APs = declared(lobbyAP) }, login(), none},
		{"no room, none required", func(g *gateway) { limit(g, -1, 0); room(g, licensing.RoomRule{}) }, login(), none},
		{"no room, one required", func(g *gateway) { room(g, licensing.RoomRule{Required: true}) }, login(), licensing.ReasonRoomUnknown},
		{"room limit reached by another", func(g *gateway) { limit(g, -1, 1); g.venue.Rooms = slots("411"); room(g, licensing.RoomRule{}) }, login(text(87, "412")), licensing.ReasonRoomLimit},
		{"the room holds the last slot", func(g *gateway) { limit(g, -1, 1); g.venue.Rooms = slots("412"); room(g, licensing.RoomRule{}) }, login(text(87, "0412")), none},
		{"closed list, not on it", func(g *gateway) { g.venue.Rooms = slots("412"); room(g, licensing.RoomRule{Declared: true}) }, login(text(87, "412")), licensing.ReasonRoomUnknown},
		{"closed list, on it", func(g *gateway) { g.venue.Rooms = declared("412"); room(g, licensing.RoomRule{Declared: true}) }, login(text(87, "412")), none},
		{"lab mode knows no limits", func(g *gateway) {
			limit(g, 0, 0)
			g.location.Labs = []licensing.LabPeriod{{Start: past, End: future}}
		}, login(), none},
		{"lab mode blocks the blocked", func(g *gateway) {
			g.location.Labs = []licensing.LabPeriod{{Start: past, End: future}}
			g.venue.Blocked = map[macwatch.MAC]string{guestMAC: ""}
		}, login(), licensing.ReasonDeviceBlocked},
		{"local: PAP", local, user("alice", "pä\x00ss"), none},
		{"local: the name in another case", local, user("ALICE", "pä\x00ss"), none},
		{"local: wrong password", local, user("alice", "pä"), licensing.ReasonBadCredentials},
		{"local: no such account", local, user("bob", "pass"), licensing.ReasonBadCredentials},
		{"local: another device is online", func(g *gateway) { online(g, 0x5c1dd920a0c2, 1, 0) }, user("Alice", "pä\x00ss"), licensing.ReasonTooManyDevices},
		{"local: two are allowed", func(g *gateway) { online(g, 0x5c1dd920a0c2, 2, 0) }, user("alice", "pä\x00ss"), none},
		{"local: this account may have one", func(g *gateway) { online(g, 0x5c1dd920a0c2, 2, 1) }, user("alice", "pä\x00ss"), licensing.ReasonTooManyDevices},
		{"local: the account may have two", func(g *gateway) { online(g, 0x5c1dd920a0c2, 1, 2) }, user("alice", "pä\x00ss"), none},
		{"local: the device itself is online", func(g *gateway) { online(g, guestMAC, 1, 0) }, user("alice", "pä\x00ss"), none},
		{"local: nobody limits them", func(g *gateway) { online(g, 0x5c1dd920a0c2, 0, 0) }, user("alice", "pä\x00ss"), none},
		{"local: lab mode knows no limits", func(g *gateway) {
			online(g, 0x5c1dd920a0c2, 1, 0)
			g.location.Labs = []licensing.LabPeriod{{Start: past, End: future}}
		}, user("alice", "pä\x00ss"), none},
		{"local: a wrong password says nothing of devices", func(g *gateway) { online(g, 0x5c1dd920a0c2, 1, 0) }, user("alice", "pass"), licensing.ReasonBadCredentials},
		{"local: expired", local, user("old", "pass"), licensing.ReasonCredentialExpired},
		{"local: expired, and the password wrong", local, user("old", "nope"), licensing.ReasonBadCredentials},
		{"local: no password at all", local, macLogin("alice", ""), licensing.ReasonBadCredentials},
		{"local: MAC login", local, macLogin("5c1dd920a0c1", "5C-1D-D9-20-A0-C1"), none},
		{"local: MAC login without Calling-Station-Id", local, macLogin("5c:1d:d9:20:a0:c1", ""), none},
		{"local: MAC login, expired", local, macLogin("5c1dd920a0c2", "5c1d.d920.a0c2"), licensing.ReasonCredentialExpired},
		{"local: MAC login of a stranger", local, macLogin("5c1dd920a0c3", ""), licensing.ReasonBadCredentials},
		{"local: the MAC of another device is a user name", local, macLogin("5c1dd920a0c1", "5C-1D-D9-20-A0-C9"), licensing.ReasonBadCredentials},
		{"open: any user name", func(*gateway) {}, user("whoever", "whatever"), none},
		{"the license comes before the credentials", func(g *gateway) { local(g); g.location.Licenses = nil }, user("bob", "x"), licensing.ReasonNoLicense},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := start(t, c.change)
			request := c.request(t)
			answer := dial(t, g.AuthAddrs()[0]).exchange(request)
			if c.want == none {
				require.Equal(t, radius.CodeAccessAccept, answer.Code, rfc2865.ReplyMessage_GetString(answer))
				require.Equal(t, map[string]float64{"none accept": 1}, g.counts("tallygate_access_decisions_total"))
				return
			}
			require.Equal(t, radius.CodeAccessReject, answer.Code)
			require.Equal(t, c.want.Text(), rfc2865.ReplyMessage_GetString(answer))
			require.Equal(t, map[string]float64{c.want.String() + " reject": 1}, g.counts("tallygate_access_decisions_total"))
			require.Empty(t, g.claims.claimed(), "what is refused claims nothing")
			if c.want == licensing.ReasonAPLimit || c.want == licensing.ReasonAPUnknown {
				require.Equal(t, []string{lobbyAP}, g.claims.refusals())
			}
		})
	}
}

func TestSessionTimeoutEndsWithTheCredential(t *testing.T) {
	now := time.Now()
	g := start(t, func(g *gateway) {
		g.options.Now = func() time.Time { return now }
		g.location.Settings.Guests = licensing.GuestsLocal
		g.location.Settings.Reply.SessionTimeout = 7200
		g.venue.Inputs = map[macwatch.MAC]macwatch.MACInput{guestMAC: {ExpiresAt: now.Add(time.Hour)}}
	})
	answer := dial(t, g.AuthAddrs()[0]).exchange(access(1, "t"))
	require.Equal(t, rfc2865.SessionTimeout(3600), rfc2865.SessionTimeout_Get(answer))
}

func TestAFirstClaimWaitsForTheStore(t *testing.T) {
	g := start(t, func(g *gateway) {
		g.claims.hold = true
		g.location.Settings.Room = licensing.RoomRule{Attribute: "nas-port-id"}
	})
	n := dial(t, g.AuthAddrs()[0])
	request := access(1, "claim", text(87, "0412"), text(33, "proxy"))
	n.send(request)
	n.silent()
	made := g.claims.claimed()
	require.Len(t, made, 1)
	require.Equal(t, lobbyAP, made[0].AP)
	require.Equal(t, "412", made[0].Room)
	require.Equal(t, int64(7), made[0].Location)
	g.claims.release()
	answer := verify(t, request, n.receive())
	require.Equal(t, radius.CodeAccessAccept, answer.Code)
	require.Equal(t, "proxy", rfc2865.ProxyState_GetString(answer))
}

func TestClaimsThatFail(t *testing.T) {
	t.Run("the last AP slot went to another", func(t *testing.T) {
		g := start(t, func(g *gateway) { g.claims.result = macwatch.ClaimAPFull })
		answer := dial(t, g.AuthAddrs()[0]).exchange(access(1, "c"))
		require.Equal(t, licensing.ReasonAPLimit.Text(), rfc2865.ReplyMessage_GetString(answer))
		require.Equal(t, []string{lobbyAP}, g.claims.refusals())
	})
	t.Run("the last room slot went to another", func(t *testing.T) {
		g := start(t, func(g *gateway) { g.claims.result = macwatch.ClaimRoomFull })
		answer := dial(t, g.AuthAddrs()[0]).exchange(access(1, "c"))
		require.Equal(t, licensing.ReasonRoomLimit.Text(), rfc2865.ReplyMessage_GetString(answer))
	})
	t.Run("the store cannot write", func(t *testing.T) {
		g := start(t, func(g *gateway) { g.claims.err = errors.New("disk full") })
		n := dial(t, g.AuthAddrs()[0])
		n.send(access(1, "c"))
		g.waitDropped(authListener, licensing.ReasonStoreUnavailable, 1)
		n.silent()
		g.claims.set(func(c *claims) { c.err = nil })
		require.Equal(t, radius.CodeAccessAccept, n.exchange(access(1, "c")).Code, "a repeat is tried anew")
	})
	t.Run("the queue is full", func(t *testing.T) {
		g := start(t, func(g *gateway) { g.claims.full = true })
		n := dial(t, g.AuthAddrs()[0])
		n.send(access(1, "c"))
		g.waitDropped(authListener, licensing.ReasonOverload, 1)
		n.silent()
	})
}

func TestAnAPThatHoldsItsSlotNeedsNoStore(t *testing.T) {
	g := start(t, func(g *gateway) {
		g.venue.APs = slots(lobbyAP)
		g.claims.err = errors.New("disk full")
	})
	require.Equal(t, radius.CodeAccessAccept, dial(t, g.AuthAddrs()[0]).exchange(access(1, "c")).Code)
}

func TestClassProvesAcceptance(t *testing.T) {
	g := start(t, func(g *gateway) { g.venue.APs = slots(lobbyAP) })
	auth, acct := dial(t, g.AuthAddrs()[0]), dial(t, g.AcctAddrs()[0])
	class := rfc2865.Class_Get(auth.exchange(access(1, "class")))
	require.Len(t, class, classSize)
	forged := append([]byte(nil), class...)
	forged[len(forged)-1] ^= 1
	for i, c := range []struct {
		attrs []attr
		want  bool
	}{
		{[]attr{{25, class}}, true},
		{[]attr{text(25, "of another server"), {25, class}}, true},
		{[]attr{{25, forged}}, false},
		{nil, false},
	} {
		acct.exchange(accounting(byte(i), macwatch.StatusStart, "s", c.attrs...))
		require.Equal(t, c.want, g.journal.records()[i].Accepted, "case %d", i)
	}
}

func TestAcceptedDevicesAreRememberedWhereTheyCount(t *testing.T) {
	g := start(t, func(g *gateway) {
		g.location.Settings.Count = licensing.CountAccepted
		g.venue.APs = slots(lobbyAP)
	})
	auth, acct := dial(t, g.AuthAddrs()[0]), dial(t, g.AcctAddrs()[0])
	acct.exchange(accounting(1, macwatch.StatusStart, "s"))
	auth.exchange(access(1, "remember"))
	acct.exchange(accounting(2, macwatch.StatusInterim, "s"))
	records := g.journal.records()
	require.False(t, records[0].Accepted)
	require.True(t, records[1].Accepted)
}

func TestClassTokens(t *testing.T) {
	h := newHasher(make([]byte, 32))
	now := time.Unix(1_800_000_000, 0)
	token := append([]byte(nil), h.makeClass(7, guestMAC, now)...)
	require.True(t, h.validClass(token, 7, guestMAC, now.Add(maxClassAge)))
	require.False(t, h.validClass(token, 7, guestMAC, now.Add(maxClassAge+time.Second)), "too old")
	require.False(t, h.validClass(token, 7, guestMAC, now.Add(-maxClassLead-time.Second)), "from the future")
	require.False(t, h.validClass(token, 8, guestMAC, now), "another Location")
	require.False(t, h.validClass(token, 7, guestMAC+1, now), "another device")
	require.False(t, newHasher([]byte("another key")).validClass(token, 7, guestMAC, now), "another gateway")
	require.False(t, h.validClass(token[:classSize-1], 7, guestMAC, now))
	for i := range token {
		bad := append([]byte(nil), token...)
		bad[i] ^= 1
		require.False(t, h.validClass(bad, 7, guestMAC, now), "octet %d", i)
	}
}
