package radiusd

import (
	"crypto/md5"
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"
	"pgregory.net/rapid"

	"tallygate/licensing"
	"tallygate/macwatch"
	"tallygate/radiusd/lanes"
)

// receives lets the reader have these datagrams as its next batch, as if they had come from
// its peers.
func (r *offlineReader) receives(datagrams [][]byte, from func(i int) netip.AddrPort) {
	for i, d := range datagrams {
		copy(r.in.buffers[i*bufferStride:][:maxPacket], d)
		r.in.messages[i].length = uint32(min(len(d), maxPacket))
		r.in.messages[i].header.Flags = 0
		r.in.peers[i] = routeOf(from(i)).peer
	}
}

// requirePlainProof holds what is known of a datagram against its own hashes.
func requirePlainProof(t require.TestingT, datagram []byte, known *proof) {
	var p packet
	if p.parse(datagram) != nil {
		return // it is dropped before anybody asks what is known
	}
	h, s := newHasher(nil), &known.client.secret
	switch p.code() {
	case accessRequest:
		require.Equal(t, h.signed(&p, s), known.right)
	case accountingRequest:
		require.Equal(t, h.authentic(&p, s), known.right)
	default:
		require.Fail(t, "of no other code is anything known")
	}
	if known.pad.secret != nil {
		require.True(t, known.pad.fits(p.authenticator(), s))
		require.Equal(t, md5.Sum(append(append([]byte(nil), s.text...), p.authenticator()...)), known.pad.sum)
	}
}

func loopbackPeer(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, byte(1 + i%3)}), uint16(1024+i))
}

// threeSecrets gives the loopback's addresses clients of their own, one with a long secret.
func threeSecrets(g *gateway) {
	g.clients = nil
	for i, secret := range []string{testSecret, "another secret", strings.Repeat("long", 100)} {
		g.clients = append(g.clients, macwatch.Client{
			ID: int64(i + 1), Name: secret[:4], Prefix: netip.PrefixFrom(loopbackPeer(i).Addr(), 32), Secret: secret,
			LocationID: 7, Location: "28N2S004", RequireMA: macwatch.RequireNo,
		})
	}
}

func TestProofsAreThoseOfEachPacketByItself(t *testing.T) {
	g := prepare(t)
	threeSecrets(g)
	r := g.offline(authListener)
	rapid.Check(t, func(t *rapid.T) {
		var datagrams [][]byte
		for i := range rapid.IntRange(1, batchSize).Draw(t, "n") {
			more := text(33, strings.Repeat("p", rapid.SampledFrom([]int{1, 40, 120, 253}).Draw(t, "proxy state")))
			var d []byte
			switch rapid.SampledFrom([]string{"mac", "pap", "unsigned", "accounting", "signed accounting", "status"}).Draw(t, "kind") {
			case "mac":
				d = access(byte(i), "", more)
			case "pap":
				d = access(byte(i), "", attr{2, make([]byte, 16)}, more)
			case "unsigned":
				d = build(radius.CodeAccessRequest, byte(i), "", text(1, "somebody"))
			case "accounting":
				d = accounting(byte(i), macwatch.StatusStart, "s", more)
			case "signed accounting":
				d = accounting(byte(i), macwatch.StatusStart, "s", signature, more)
			default:
				d = status(byte(i))
			}
			switch rapid.SampledFrom([]string{"", "", "", "bit", "short", "padded", "length"}).Draw(t, "mishap") {
			case "bit":
				d[rapid.IntRange(0, len(d)-1).Draw(t, "at")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
			case "short":
				d = d[:rapid.IntRange(0, len(d)-1).Draw(t, "to")]
			case "padded":
				d = append(d, make([]byte, 7)...)
			case "length":
				binary.BigEndian.PutUint16(d[2:], uint16(rapid.IntRange(0, 5000).Draw(t, "length")))
			default:
			}
			datagrams = append(datagrams, d)
		}
		r.receives(datagrams, loopbackPeer)
		r.proofs.work(r.reader, len(datagrams))
		for i, d := range datagrams {
			if known := &r.proofs.of[i]; known.known() {
				require.Equal(t, r.view.client(loopbackPeer(i).Addr()), known.client)
				requirePlainProof(t, d, known)
			}
		}
	})
}

// Most are known where they are many, none where they are few.
func TestProofsOfManyAndOfFew(t *testing.T) {
	r := prepare(t).offline(authListener)
	for _, n := range []int{1, fewLanes - 1, fewLanes, lanes.Lanes, lanes.Lanes + 1, batchSize} {
		datagrams := make([][]byte, n)
		for i := range datagrams {
			datagrams[i] = access(byte(i), "", attr{2, make([]byte, 16)})
		}
		r.receives(datagrams, loopbackPeer)
		r.proofs.work(r.reader, n)
		known := 0
		for i := range n {
			if r.proofs.of[i].known() {
				require.True(t, r.proofs.of[i].right)
				require.NotNil(t, r.proofs.of[i].pad.secret)
				known++
			}
		}
		left := n % lanes.Lanes
		if left >= fewLanes {
			left = 0
		}
		require.Equal(t, n-left, known, "of %d", n)
	}
}

// FuzzProofs: whatever a datagram says, what is known of it beside others is what its own
// hashes say.
func FuzzProofs(f *testing.F) {
	vendorSeeds(f)
	f.Add(access(1, "fuzz", attr{2, make([]byte, 16)}))
	r := prepare(f).offline(authListener)
	f.Fuzz(func(t *testing.T, datagram []byte) {
		if len(datagram) > maxPacket {
			datagram = datagram[:maxPacket]
		}
		datagrams := [][]byte{access(1, ""), datagram, accounting(2, macwatch.StatusStart, "s"), datagram, access(3, ""), datagram}
		r.receives(datagrams, loopbackPeer)
		r.proofs.work(r.reader, len(datagrams))
		for i, d := range datagrams {
			if known := &r.proofs.of[i]; known.known() {
				requirePlainProof(t, d, known)
			}
		}
	})
}

// What lies there when the gateway begins to read is one batch: the forged are dropped, each
// other request is answered once, and a guest's password holds or does not.
func TestABatchOfManyRequests(t *testing.T) {
	g := prepare(t)
	g.location.Settings.Guests = licensing.GuestsLocal
	g.venue.APs = slots(lobbyAP) // else each would wait for a claim
	g.venue.Accounts = map[string]*macwatch.Account{"anna": {UserName: "anna", Password: "a password of more than a block"}, "bert": {UserName: "bert", Password: "short"}}
	s, err := Listen(g.options)
	require.NoError(t, err)
	g.Server = s
	s.Publish(g.snapshot())
	n := dial(t, s.AuthAddrs()[0])
	wants := map[byte]radius.Code{}
	requests := map[byte][]byte{}
	forged := 0
	for id := range byte(40) {
		user, password := "anna", "a password of more than a block"
		wants[id] = radius.CodeAccessAccept
		if id%3 == 0 {
			user, password = "bert", "short"
		}
		if id%5 == 0 {
			password, wants[id] = "wrong", radius.CodeAccessReject
		}
		sum := md5.Sum([]byte{id}) // as build draws it
		hidden, err := radius.NewUserPassword([]byte(password), []byte(testSecret), sum[:])
		require.NoError(t, err)
		request := build(radius.CodeAccessRequest, id, "", signature, text(1, user), attr{2, hidden}, text(31, "5C-1D-D9-20-A0-C1"), text(30, "94-83-C4-01-42-27:Guest"), text(32, "ap-1"))
		if id%7 == 0 {
			request[30] ^= 1
			delete(wants, id)
			forged++
		}
		requests[id] = request
		n.send(request)
		if id == 11 {
			n.send(request) // again, before it can have been answered
		}
	}
	s.Serve()
	t.Cleanup(func() { require.NoError(t, s.Close(t.Context())) })
	for len(wants) > 0 {
		answer := n.receive()
		require.Contains(t, wants, answer[1])
		require.Equal(t, wants[answer[1]], verify(t, requests[answer[1]], answer).Code)
		delete(wants, answer[1])
	}
	n.silent()
	require.Empty(t, g.claims.claimed())
	require.Equal(t, forged, g.dropped(authListener, licensing.ReasonBadAuthenticator))
	require.Equal(t, 1, g.dropped(authListener, licensing.ReasonDuplicateInProgress), "one answer is on its way")
}
