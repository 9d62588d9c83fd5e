package radiusd

import (
	"bytes"
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"
	"layeh.com/radius/rfc2866"

	"tallygate/licensing"
	"tallygate/macwatch"
)

func TestRFC2866Section3RequestAuthenticator(t *testing.T) {
	g := start(t)
	n := dial(t, g.AcctAddrs()[0])

	encoded := radius.New(radius.CodeAccountingRequest, []byte(testSecret))
	require.NoError(t, rfc2866.AcctStatusType_Set(encoded, rfc2866.AcctStatusType_Value_Start))
	require.NoError(t, rfc2866.AcctSessionID_SetString(encoded, "layeh"))
	byLayeh, err := encoded.Encode()
	require.NoError(t, err)
	require.Equal(t, radius.CodeAccountingResponse, n.exchange(byLayeh).Code)

	padded := append(accounting(2, macwatch.StatusStart, "padded"), 1, 2, 3)
	require.Equal(t, radius.CodeAccountingResponse, n.exchangePadded(padded).Code, "padding is no part of the hash")

	wrong := accounting(3, macwatch.StatusStart, "s")
	wrong[4] ^= 1
	n.send(wrong)
	g.waitDropped(acctListener, licensing.ReasonBadAuthenticator, 1)
	n.silent()
	require.Len(t, g.journal.records(), 2)
}

// RFC 5176 section 3.4 defines it for CoA-Request; it is computed likewise here.
func TestRFC2869Section5_14MessageAuthenticatorInAccounting(t *testing.T) {
	g := start(t)
	n := dial(t, g.AcctAddrs()[0])
	require.Nil(t, n.exchange(accounting(1, macwatch.StatusStart, "s")).Get(80), "nobody asked for it")
	require.NotNil(t, n.exchange(accounting(2, macwatch.StatusStart, "s", signature)).Get(80))

	wrong := accounting(3, macwatch.StatusStart, "s", signature)
	wrong[len(wrong)-1] ^= 1 // of the Message-Authenticator; the Request Authenticator is right
	clear(wrong[4:20])
	sum := md5.Sum(append(bytes.Clone(wrong), testSecret...))
	copy(wrong[4:], sum[:])
	n.send(wrong)
	g.waitDropped(acctListener, licensing.ReasonBadAuthenticator, 1)
	n.silent()
	require.Len(t, g.journal.records(), 2)
}

// "MUST NOT transmit any reply if it fails to record": and the next try is a new one.
func TestRFC2866Section4_1AnswersOnlyWhatIsRecorded(t *testing.T) {
	g := start(t, func(g *gateway) { g.journal.err = errors.New("disk full") })
	n := dial(t, g.AcctAddrs()[0])
	record := accounting(1, macwatch.StatusStart, "s")
	n.send(record)
	g.waitDropped(acctListener, licensing.ReasonStoreUnavailable, 1)
	n.send(record)
	g.waitDropped(acctListener, licensing.ReasonStoreUnavailable, 2)
	n.silent()
	require.Empty(t, g.journal.records())

	g.journal.set(func(j *journal) { j.err = nil })
	require.Equal(t, radius.CodeAccountingResponse, n.exchange(record).Code)
	require.Len(t, g.journal.records(), 1)
}

func TestAFullJournalRefusesAndCounts(t *testing.T) {
	g := start(t, func(g *gateway) { g.journal.room = 0 })
	n := dial(t, g.AcctAddrs()[0])
	record := accounting(1, macwatch.StatusStart, "s")
	n.send(record)
	g.waitDropped(acctListener, licensing.ReasonOverload, 1)
	n.silent()
	require.Equal(t, radius.CodeAccountingResponse, n.exchange(record).Code, "a refusal is not remembered")
	g.journal.set(func(j *journal) { require.Equal(t, 1, j.awaited, "nothing is read while there is no room") })
}

func TestTheAnswerWaitsForTheCommit(t *testing.T) {
	g := start(t, func(g *gateway) { g.journal.hold = true })
	n := dial(t, g.AcctAddrs()[0])
	record := accounting(1, macwatch.StatusStart, "s")
	n.send(record)
	n.silent()
	n.send(record)
	g.waitDropped(acctListener, licensing.ReasonDuplicateInProgress, 1)
	n.silent()
	g.journal.commit()
	first := n.receive()
	verify(t, record, first)
	n.send(record)
	require.Equal(t, first, n.receive(), "the same octets again")
	require.Len(t, g.journal.records(), 1)
}

func TestRFC2866Section5Attributes(t *testing.T) {
	now := time.Now()
	g := start(t, func(g *gateway) {
		g.location.Settings.Room = licensing.RoomRule{Attribute: "nas-port-id", Pattern: `room(\w+)`}
		g.options.Now = func() time.Time { return now }
	})
	n := dial(t, g.AcctAddrs()[0])
	request := accounting(1, macwatch.StatusInterim, "s-1",
		number(42, 1<<32-1), number(52, 2), number(43, 0), number(53, 3), number(47, 11), number(48, 12),
		number(46, 700), number(41, 5), number(55, 1767225600), number(49, 4), number(8, 0x0a000007),
		text(25, "class-1"), text(25, "class-2"), text(87, "vlan9-room0412a"), attr{4, []byte{10, 0, 0, 9}}, number(5, 3), text(50, "multi-1"))
	n.exchange(request)
	got := g.journal.records()[0]
	require.Equal(t, request, got.Packet)
	got.Packet, got.Done, got.Reply = nil, nil, nil
	require.Equal(t, macwatch.Record{
		Location: 7, Client: 1, Arrival: now, Status: macwatch.StatusInterim,
		MAC: 0x5c1dd920a0c1, NAS: []byte("ap-1"), AP: []byte("94:83:c4:01:42:27"), CalledMAC: 0x9483c4014227,
		SSID: []byte("Guest"), Room: []byte("412A"), SessionID: []byte("s-1"), UserName: []byte("5c1dd920a0c1"),
		Calling: []byte("5C-1D-D9-20-A0-C1"), Called: []byte("94-83-C4-01-42-27:Guest"), Class: []byte("class-1"),
		FramedIP: 0x0a000007, HasEventTimestamp: true, EventTimestamp: 1767225600, Delay: 5, SessionTime: 700,
		Input: 2<<32 | (1<<32 - 1), Output: 3 << 32, InputPackets: 11, OutputPackets: 12, TerminateCause: 4, Gigawords: true,
		Origin: macwatch.Origin{
			Source: netip.MustParseAddr("127.0.0.1"), NASAddress: netip.MustParseAddr("10.0.0.9"), NASPort: 3, MultiID: []byte("multi-1"),
			Vendor: macwatch.VendorGeneric,
		},
	}, got)
}

func TestWhatCanOnlyBeKeptRawIsStillRecordedAndAnswered(t *testing.T) {
	g := start(t)
	n := dial(t, g.AcctAddrs()[0])
	for i, c := range []struct {
		name    string
		attrs   []attr
		status  macwatch.Status
		ignored string
	}{
		{"no status", []attr{text(44, "s")}, 0, ignoredNoStatus},
		{"a status of two octets is not 0", []attr{{40, []byte{0, 1}}, text(44, "s")}, 0, ignoredMalformed},
		{"no session id", []attr{number(40, 1)}, 1, ignoredNoSession},
		{"an empty session id", []attr{number(40, 2), text(44, "")}, 2, ignoredNoSession},
		{"a counter of three octets", []attr{number(40, 3), text(44, "s"), {42, []byte{1, 2, 3}}}, 3, ignoredMalformed},
		{"a timestamp of eight octets", []attr{number(40, 3), text(44, "s"), {55, make([]byte, 8)}}, 3, ignoredMalformed},
		{"an empty delay", []attr{number(40, 3), text(44, "s"), {41, nil}}, 3, ignoredMalformed},
		{"an unknown status", []attr{number(40, 15)}, 15, ""},
		{"Accounting-On needs no session id", []attr{number(40, 7)}, 7, ""},
		{"Accounting-Off with the address of nobody", []attr{number(40, 8), text(31, "5C-1D-D9-20-A0-C1")}, 8, ""},
	} {
		answer := n.exchange(build(radius.CodeAccountingRequest, byte(i), "", c.attrs...))
		require.Equal(t, radius.CodeAccountingResponse, answer.Code, c.name)
		got := g.journal.records()[i]
		require.Equal(t, c.ignored, got.Ignored, c.name)
		require.Equal(t, c.status, got.Status, c.name)
		require.Zero(t, got.MAC, c.name)
		require.Equal(t, "127.0.0.1", string(got.NAS), c.name)
	}
}

func TestSpecialFramedAddressesAreNone(t *testing.T) {
	g := start(t)
	n := dial(t, g.AcctAddrs()[0])
	for i, ip := range []uint32{0, 0xffffffff, 0xfffffffe, 0xfffffffd} {
		n.exchange(accounting(byte(i), macwatch.StatusStart, "s", number(8, ip)))
	}
	var got []uint32
	for _, r := range g.journal.records() {
		got = append(got, r.FramedIP)
	}
	require.Equal(t, []uint32{0, 0, 0, 0xfffffffd}, got)
}

func TestOneSourcePortIsHandledInOrder(t *testing.T) {
	g := start(t, func(g *gateway) { g.options.Sockets, g.options.ReplyCache = 2, 1<<13 })
	const packets, ports = 200, 4
	var senders []*nas
	for range ports {
		senders = append(senders, dial(t, g.AcctAddrs()[0]))
	}
	for i := range packets {
		for k, n := range senders {
			n.send(accounting(byte(i), macwatch.StatusInterim, fmt.Sprintf("%d", k), number(46, uint32(i))))
		}
	}
	for _, n := range senders {
		for range packets {
			n.receive()
		}
	}
	next := map[string]uint32{}
	for _, r := range g.journal.records() {
		require.Equal(t, next[string(r.SessionID)], r.SessionTime)
		next[string(r.SessionID)]++
	}
	require.Len(t, next, ports)
}

func TestCloseWaitsForTheCommit(t *testing.T) {
	g := prepare(t)
	g.journal.hold = true
	s, err := Listen(g.options)
	require.NoError(t, err)
	s.Publish(g.snapshot())
	s.Serve()
	n := dial(t, s.AcctAddrs()[0])
	record := accounting(1, macwatch.StatusStart, "s")
	n.send(record)
	n.silent() // the record is taken

	closed := make(chan error)
	go func() { closed <- s.Close(context.Background()) }()
	s.workers.Wait() // reading has stopped
	select {
	case <-closed:
		t.Fatal("closed before the record came back")
	default:
	}
	g.journal.commit()
	verify(t, record, n.receive())
	require.NoError(t, <-closed)
	require.NoError(t, s.Close(context.Background()), "a second time")
}

func TestCloseGivesUpWithItsContext(t *testing.T) {
	g := prepare(t)
	g.journal.hold = true
	s, err := Listen(g.options)
	require.NoError(t, err)
	s.Publish(g.snapshot())
	s.Serve()
	n := dial(t, s.AcctAddrs()[0])
	n.send(accounting(1, macwatch.StatusStart, "s"))
	n.silent()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.ErrorIs(t, s.Close(ctx), context.Canceled)
	g.journal.commit() // too late, and harmless
}
