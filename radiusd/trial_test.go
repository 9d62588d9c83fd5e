package radiusd

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"pgregory.net/rapid"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// A trial's packet is what another implementation takes for a proper request: signed,
// with the password that was meant.
func TestTrialPacketIsAProperRequest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		trial := macwatch.Trial{
			Accounting: rapid.Bool().Draw(t, "accounting"), Unsigned: rapid.Bool().Draw(t, "unsigned"), CHAP: rapid.Bool().Draw(t, "chap"),
			MAC:      macwatch.MAC(rapid.Uint64Range(0, 1<<48-1).Draw(t, "mac")),
			UserName: rapid.StringN(0, 20, 60).Draw(t, "user"), Password: rapid.StringMatching(`[ -~]{0,100}`).Draw(t, "password"),
			AP: rapid.SampledFrom([]string{"", "lobby", "94-83-C4-01-42-27"}).Draw(t, "ap"), SSID: rapid.SampledFrom([]string{"", "Guest"}).Draw(t, "ssid"),
		}
		wire, err := TrialPacket(trial, testSecret)
		if err != nil {
			t.Fatal(err)
		}
		p, err := radius.Parse(wire, []byte(testSecret))
		if err != nil || !radius.IsAuthenticRequest(wire, []byte(testSecret)) {
			t.Fatalf("%v: %x", err, wire)
		}
		if signature := p.Get(80); signature != nil {
			if trial.Unsigned || trial.Accounting || !bytes.Equal(signature, oracleMA(wire)) {
				t.Fatalf("Message-Authenticator %x", signature)
			}
		} else if !trial.Unsigned && !trial.Accounting {
			t.Fatal("no Message-Authenticator")
		}
		want := trialPassword(trial)
		switch {
		case trial.Accounting:
		case trial.CHAP:
			answer := rfc2865.CHAPPassword_Get(p)
			if !bytes.Equal(answer[1:], rfc2865CHAP(answer[0], want, rfc2865.CHAPChallenge_Get(p))) {
				t.Fatal("CHAP")
			}
		case rfc2865.UserPassword_GetString(p) != want:
			t.Fatalf("%q instead of %q", rfc2865.UserPassword_GetString(p), want)
		}
		if mac, _ := macwatch.GuestMAC(p.Get(31), p.Get(1)); trial.MAC.Device() && mac != trial.MAC {
			t.Fatal("another device")
		}
	})
}

func TestWhatMakesNoTrial(t *testing.T) {
	for _, trial := range []macwatch.Trial{
		{UserName: strings.Repeat("x", 254)},
		{UserName: "bob", Password: strings.Repeat("x", 129)},
		{UserName: "bob", Attributes: []macwatch.TrialAttribute{{Type: 79, Value: []byte{2, 1, 0, 4}}}}, // EAP beside a password
		{UserName: "bob", Attributes: []macwatch.TrialAttribute{{Type: 80, Value: []byte("short")}}},
		{UserName: "bob", Attributes: slices.Repeat([]macwatch.TrialAttribute{{Type: 18, Value: make([]byte, 253)}}, 17)},
	} {
		_, err := TrialPacket(trial, testSecret)
		require.Equal(t, licensing.CodeInvalid, licensing.CodeOf(err), "%+v", trial)
	}
}

// A rehearsal says what really happens, and why, in every situation; and it leaves no
// trace anywhere: not at the store, not in a metric, the log, the history or a memory.
func TestARehearsalIsTrueAndLeavesNothing(t *testing.T) {
	login := macwatch.Trial{MAC: testMAC, AP: "94:83:c4:01:42:27", SSID: "Guest"}
	bob := macwatch.Trial{UserName: "bob", Password: "geheim", AP: "94:83:c4:01:42:27"}
	with := func(trial macwatch.Trial, change func(*macwatch.Trial)) macwatch.Trial { change(&trial); return trial }
	local := func(g *gateway) {
		g.location.Settings.Guests = licensing.GuestsLocal
		g.venue.Accounts = map[string]*macwatch.Account{"bob": {UserName: "bob", Password: "geheim"}, "eve": {UserName: "eve", Password: "x", ExpiresAt: time.Now().Add(-time.Hour)}}
	}
	for _, tt := range []struct {
		name   string
		change func(*gateway)
		trial  macwatch.Trial
		result macwatch.Result
		reason licensing.Reason
		fails  string // the steps
	}{
		{"let in, with a first claim", nil, login, "accept", 0, ""},
		{"let in", func(g *gateway) {
			g.venue.APs = macwatch.NewRoster([]macwatch.Slot{{ID: 1, Name: login.AP, ClaimedAt: g.license().ProvisionedAt}})
		}, login, "accept", 0, ""},
		{"no license", func(g *gateway) { g.location.Licenses = nil }, login, "reject", licensing.ReasonNoLicense, "license"},
		{"denied", func(g *gateway) {
			g.license().Operator = licensing.Denial{At: time.Now().Add(-time.Minute), Reason: "unpaid"}
		}, login, "reject", licensing.ReasonAccessDenied, "license"},
		{"AP limit and a blocked device", func(g *gateway) {
			g.license().Allotments[0].APs = 0
			g.venue.Blocked = map[macwatch.MAC]string{testMAC: ""}
		}, login, "reject", licensing.ReasonDeviceBlocked, "device, access point"},
		{"AP limit", func(g *gateway) { g.license().Allotments[0].APs = 0 }, login, "reject", licensing.ReasonAPLimit, "access point"},
		{"AP not declared", func(g *gateway) { g.location.Settings.APs = licensing.APsDeclared }, login, "reject", licensing.ReasonAPUnknown, "access point"},
		{"room required", func(g *gateway) {
			g.location.Settings.Room = licensing.RoomRule{Attribute: "nas-port-id", Required: true}
		}, login,
			"reject", licensing.ReasonRoomUnknown, "room"},
		{"room, where the rule looks", func(g *gateway) {
			g.location.Settings.Room = licensing.RoomRule{Attribute: "connect-info", Required: true}
		},
			with(login, func(t *macwatch.Trial) { t.Room = "412" }), "accept", 0, ""},
		{"module", func(g *gateway) { g.location.Settings.Modules = map[string]string{"Guest": "premium"} }, login,
			"reject", licensing.ReasonModuleNotLicensed, "module"},
		{"lab mode", func(g *gateway) {
			g.license().Allotments[0].APs = 0
			g.location.Labs = []licensing.LabPeriod{{Start: time.Now().Add(-time.Hour), End: time.Now().Add(time.Hour)}}
		}, login, "accept", 0, ""},
		{"PAP", local, bob, "accept", 0, ""},
		{"CHAP", local, with(bob, func(t *macwatch.Trial) { t.CHAP = true }), "accept", 0, ""},
		{"wrong password", local, with(bob, func(t *macwatch.Trial) { t.Password = "x" }), "reject", licensing.ReasonBadCredentials, "credentials"},
		{"expired", local, macwatch.Trial{UserName: "eve", Password: "x"}, "reject", licensing.ReasonCredentialExpired, "credentials"},
		{"unsigned", func(g *gateway) { g.clients[0].RequireMA = macwatch.RequireYes }, with(login, func(t *macwatch.Trial) { t.Unsigned = true }),
			"drop", licensing.ReasonMissingMessageAuthenticator, "packet"},
		{"unsigned, where that is allowed", nil, with(login, func(t *macwatch.Trial) { t.Unsigned = true }), "accept", 0, ""},
		{"EAP", nil, with(login, func(t *macwatch.Trial) {
			t.Attributes = []macwatch.TrialAttribute{{Type: 79, Value: []byte{2, 1, 0, 4}}, {Type: 2}}
		}), "drop", licensing.ReasonMalformed, "packet"},
		{"accounting", nil, with(login, func(t *macwatch.Trial) { t.Accounting = true }), "accounting", 0, ""},
		{"accounting while the store is full", func(g *gateway) {
			g.journal.readonly, g.journal.err = true, licensing.Errorf(licensing.CodeUnavailable, "full")
		},
			with(login, func(t *macwatch.Trial) { t.Accounting = true }), "drop", licensing.ReasonStoreUnavailable, ""},
		{"a Location that is gone", func(g *gateway) { g.clients[0].LocationID = 8 }, login, "reject", licensing.ReasonUnknownLocation, "Location"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := prepare(t)
			core, logs := observer.New(zap.DebugLevel)
			g.options.Log = zap.New(core)
			if tt.change != nil {
				tt.change(g)
			}
			kind := authListener
			if tt.trial.Accounting {
				kind = acctListener
			}
			r := g.offline(kind)
			began := logs.Len()
			tt.trial.Client, tt.trial.Source = g.clients[0].Name, netip.MustParseAddr("127.0.0.1")
			report, err := g.Rehearse(tt.trial)
			if tt.name == "EAP" { // a packet that no client would send is refused at once
				require.ErrorContains(t, err, "EAP-Message stands beside a password")
				return
			}
			require.NoError(t, err)

			for _, metric := range []string{"tallygate_radius_requests_total", "tallygate_radius_responses_total", "tallygate_radius_dropped_total",
				"tallygate_access_decisions_total", "tallygate_radius_unsigned_requests_total"} {
				require.Empty(t, g.counts(metric), metric)
			}
			events, _ := g.history(macwatch.TraceFilter{})
			require.Empty(t, events)
			require.Equal(t, began, logs.Len())
			require.Empty(t, g.claims.claimed())
			require.Empty(t, g.claims.refusals())
			require.Empty(t, g.journal.records())
			require.Empty(t, g.learner.learned())
			require.Empty(t, g.signed.known)
			require.Zero(t, g.accepted.Len())
			require.Empty(t, g.SecretsThatDiffer())

			require.Equal(t, tt.result, report.Result, "%+v", report)
			require.Equal(t, tt.reason.String(), report.Reason)
			require.Equal(t, tt.reason.Text(), report.Text)
			var fails []string
			for _, s := range report.Steps {
				require.NotEmpty(t, s.Text)
				if !s.OK {
					fails = append(fails, s.Name)
				}
			}
			require.Equal(t, tt.fails, strings.Join(fails, ", "), "%+v", report.Steps)
			require.Equal(t, tt.result == macwatch.ResultDrop, report.Answer == nil)
			if report.Answer != nil {
				require.True(t, report.Answer.Good())
			}
			require.Equal(t, tt.reason != 0, report.WhatToDo != "")

			// And now in earnest.
			wire, err := TrialPacket(g.view.Load().inRoom(tt.trial, &g.view.Load().clients[0]), testSecret)
			require.NoError(t, err)
			r.begin()
			r.answers(wire)
			events, _ = g.history(macwatch.TraceFilter{})
			require.Len(t, events, 1)
			require.Equal(t, report.Result, events[0].Result)
			require.Equal(t, report.Reason, events[0].Reason)
		})
	}
}

// A rehearsed login hands out no token that proves an acceptance.
func TestARehearsalProvesNothing(t *testing.T) {
	g := prepare(t)
	r := g.offline(acctListener)
	report, err := g.Rehearse(macwatch.Trial{Client: g.clients[0].Name, MAC: testMAC, AP: "lobby"})
	require.NoError(t, err)
	for _, a := range report.Answer.Attributes {
		if a.Name != "Class" {
			continue
		}
		class, err := ParseTrialAttribute("Class=" + a.Value)
		require.NoError(t, err)
		require.Len(t, class.Value, classSize)
		require.False(t, r.hash.validClass(class.Value, 7, testMAC, time.Now()))
		return
	}
	t.Fatal("no Class")
}

func TestRehearseAsWhom(t *testing.T) {
	g := prepare(t)
	g.clients = append(g.clients, macwatch.Client{ID: 3, Name: "Lobby", Prefix: netip.MustParsePrefix("10.20.0.0/16"), Secret: testSecret, LocationID: 7, RequireMA: "yes"},
		macwatch.Client{ID: 4, Name: "one", Prefix: netip.MustParsePrefix("10.20.7.7/32"), Secret: testSecret, LocationID: 7, RequireMA: "yes"})
	g.offline(authListener)
	for _, tt := range []struct{ client, source, want, fault string }{
		{"lobby", "", "10.20.0.1", ""},
		{"lobby", "10.20.9.9", "10.20.9.9", ""},
		{"one", "", "10.20.7.7", ""},
		{"ap-::1/128", "", "::1", ""},
		{"lobby", "10.20.7.7", "", "is not an address of client"},
		{"lobby", "192.0.2.1", "", "is not an address of client"},
		{"nobody", "", "", "there is no client"},
	} {
		trial := macwatch.Trial{Client: tt.client, MAC: testMAC}
		if tt.source != "" {
			trial.Source = netip.MustParseAddr(tt.source)
		}
		report, err := g.Rehearse(trial)
		if tt.fault != "" {
			require.ErrorContains(t, err, tt.fault)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, tt.want, report.Source)
		require.Equal(t, macwatch.ResultAccept, report.Result)
	}
}

// Every octet of an answer that somebody alters shows.
func TestCheckAnswerFindsForgeries(t *testing.T) {
	g := prepare(t)
	r := g.offline(authListener)
	request, err := TrialPacket(macwatch.Trial{MAC: testMAC, AP: "lobby"}, testSecret)
	require.NoError(t, err)
	answer := r.answers(request)[0]
	good, err := CheckAnswer(request, answer, testSecret)
	require.NoError(t, err)
	require.True(t, good.Good() && good.First)
	require.Equal(t, "Access-Accept", good.Code)
	require.Equal(t, "valid", good.MessageAuthenticator)
	for i := range answer {
		forged := bytes.Clone(answer)
		forged[i] ^= 1
		if got, err := CheckAnswer(request, forged, testSecret); err == nil {
			require.False(t, got.Authentic, "octet %d", i)
		}
	}
	got, err := CheckAnswer(request, answer, "another")
	require.NoError(t, err)
	require.False(t, got.Authentic || got.Good())
	require.Equal(t, "wrong", got.MessageAuthenticator)
}

// FuzzCheckAnswer: whatever a server sends, it is looked at without harm.
func FuzzCheckAnswer(f *testing.F) {
	request, err := TrialPacket(macwatch.Trial{MAC: testMAC}, testSecret)
	require.NoError(f, err)
	f.Add([]byte{})
	f.Add(request)
	f.Add([]byte{2, request[1], 0, 26, 15: 0, 19: 0, 20: 26, 21: 6, 22: 0, 23: 0, 24: 0, 25: 9})
	f.Fuzz(func(t *testing.T, answer []byte) {
		got, err := CheckAnswer(request, answer, testSecret)
		if err == nil {
			for _, a := range got.Attributes {
				require.NotEmpty(t, a.Name)
				require.NotContains(t, a.Value, "\x1b")
			}
		}
	})
}

// FuzzParseTrialAttribute: what is read fits into a packet, and is shown as it was written.
func FuzzParseTrialAttribute(f *testing.F) {
	for _, seed := range []string{"NAS-Port-Id=wlan0", "26=000037f2", "nas-ip-address=10.0.0.1", "NAS-IPv6-Address=::1", "Service-Type=10", "State=0x01", "=", "0=00", "x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := ParseTrialAttribute(text)
		if err != nil {
			require.Equal(t, licensing.CodeInvalid, licensing.CodeOf(err))
			return
		}
		require.NotZero(t, a.Type)
		require.LessOrEqual(t, len(a.Value), maxValue)
		require.NotEmpty(t, answerDetails(a.Type, a.Value))
	})
}
