package radiusd

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
	"layeh.com/radius"
	"pgregory.net/rapid"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// postOffice is a sender with a socket of its own, and its counters.
type postOffice struct {
	*sender
	t        testing.TB
	conn     *net.UDPConn
	counters *gateway // of which there is nothing else
}

func newPostOffice(t testing.TB) *postOffice {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	raw, err := conn.SyscallConn()
	require.NoError(t, err)
	counters := &gateway{t: t, registry: prometheus.NewRegistry()}
	m, err := newMetrics(counters.registry)
	require.NoError(t, err)
	o := &postOffice{sender: newSender(raw, &m.listeners[acctListener], newHasher(nil), func(fault any) { require.Fail(t, "signing broke", "%v", fault) }), t: t, conn: conn, counters: counters}
	require.False(t, o.plain, "this kernel has UDP_SEGMENT")
	return o
}

// refuseSegments makes the kernel refuse UDP_SEGMENT when it is used, as some devices do:
// it leaves checksums to them, which this socket does without.
func (o *postOffice) refuseSegments() {
	o.t.Helper()
	require.NoError(o.t, control(o.raw, func(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_NO_CHECK, 1) }))
}

// post queues an answer.
func (o *postOffice) post(to netip.AddrPort, answer []byte) {
	r := routeTo(to)
	o.queue(&r, append(o.buffer(), answer...))
}

// sent is how many answers of this code are counted as sent; refused, how many of any code
// as refused.
func (o *postOffice) sent(c code) int {
	return int(o.counters.counts("tallygate_radius_responses_total")[c.String()+" acct"])
}

func (o *postOffice) refused() int { return o.counters.dropped(acctListener, licensing.ReasonOverload) }

func routeTo(to netip.AddrPort) (r route) {
	sa := (*unix.RawSockaddrInet4)(unsafe.Pointer(&r.peer))
	sa.Family, sa.Addr = unix.AF_INET, to.Addr().As4()
	binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&sa.Port))[:], to.Port())
	r.peerSize = unix.SizeofSockaddrInet4
	return r
}

// letter is an answer of this code and length whose octets are its own.
func letter(c code, length, number int) []byte {
	b := make([]byte, length)
	for i := range b {
		b[i] = byte(number + i*i)
	}
	b[0] = byte(c)
	binary.BigEndian.PutUint32(b[1:], uint32(number))
	return b
}

// letterbox is a peer.
type letterbox struct {
	t    testing.TB
	conn *net.UDPConn
	at   netip.AddrPort
	want [][]byte // what was posted to it, in order
}

func newLetterbox(t testing.TB) *letterbox {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return &letterbox{t, conn, conn.LocalAddr().(*net.UDPAddr).AddrPort(), nil}
}

// neighbours are peers: the first have slots of their own in the sender's table, the last
// have one together.
func neighbours(t testing.TB, apart, together int) []*letterbox {
	t.Helper()
	slots := map[uint16][]*letterbox{}
	var crowd []*letterbox
	for crowd == nil || len(slots) <= apart {
		b := newLetterbox(t)
		slot := b.at.Port() % batchSize
		if slots[slot] = append(slots[slot], b); len(slots[slot]) == together {
			crowd = slots[slot]
		}
	}
	var out []*letterbox
	for _, peers := range slots {
		if len(out) < apart && peers[0] != crowd[0] {
			out = append(out, peers[0])
		}
	}
	return append(out, crowd...)
}

// collect expects what was posted, in order and whole, and nothing else.
func (b *letterbox) collect(t require.TestingT) {
	buffer := make([]byte, maxPacket+1)
	for i, want := range b.want {
		require.NoError(t, b.conn.SetReadDeadline(time.Now().Add(5*time.Second)))
		n, err := b.conn.Read(buffer)
		require.NoError(t, err, "letter %d of %d", i, len(b.want))
		require.Equal(t, want, buffer[:n], "letter %d of %d", i, len(b.want))
	}
	b.want = nil
	raw, err := b.conn.SyscallConn()
	require.NoError(t, err)
	require.NoError(t, control(raw, func(fd int) error {
		_, _, err := unix.Recvfrom(fd, buffer, unix.MSG_DONTWAIT)
		require.ErrorIs(t, err, unix.EAGAIN, "one more came")
		return nil
	}))
}

// Whatever is queued reaches its peer whole, once and in order, and is counted: with
// trains, without, and when the kernel refuses them in the middle of a flush.
func TestAnswersKeepTheirOrder(t *testing.T) {
	boxes := neighbours(t, 2, 4)
	lengths := []int{20, 20, 20, 38, 38, 51, 1200, 1201, maxPacket}
	codes := []code{accessAccept, accessReject, accountingResponse}
	for _, mode := range []string{"trains", "plain", "refused"} {
		t.Run(mode, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				o := newPostOffice(t)
				defer func() { _ = o.conn.Close() }()
				for _, b := range boxes {
					b.want = nil
				}
				o.plain = mode == "plain"
				if mode == "refused" {
					o.refuseSegments()
				}
				sent, number, refused := map[code]int{}, 0, false
				for range rapid.IntRange(1, 3).Draw(rt, "flushes") {
					octets := 0 // as many as a socket takes by default
					rows, last := 0, [2]int{-1, -1}
					for range rapid.IntRange(1, batchSize).Draw(rt, "answers") {
						who, length := rapid.IntRange(0, len(boxes)-1).Draw(rt, "peer"), rapid.SampledFrom(lengths).Draw(rt, "length")
						if octets += length; octets > 50_000 {
							length = 20
						}
						c := rapid.SampledFrom(codes).Draw(rt, "code")
						l := letter(c, length, number)
						o.post(boxes[who].at, l)
						boxes[who].want = append(boxes[who].want, l)
						sent[c]++
						number++
						if last == [2]int{who, length} && length <= longestCar {
							rows++
						}
						last = [2]int{who, length}
					}
					o.flush()
					for _, b := range boxes {
						b.collect(rt)
					}
					refused = refused || rows > 0
				}
				for _, c := range codes {
					require.Equal(rt, sent[c], o.sent(c), "%s", c)
				}
				require.Zero(rt, o.refused())
				if mode == "refused" && refused {
					require.True(rt, o.plain, "it does not try again")
				}
			})
		})
	}
}

// What goes together and what does not.
func TestTrains(t *testing.T) {
	boxes := neighbours(t, 1, 2)
	one, other, apart := boxes[1], boxes[2], boxes[0]
	type post struct {
		to     *letterbox
		length int
	}
	again := func(n int, p ...post) (all []post) {
		for range n {
			all = append(all, p...)
		}
		return all
	}
	for name, c := range map[string]struct {
		posts []post
		cars  []int
	}{
		"a row":                               {again(batchSize, post{one, 20}), []int{64}},
		"two peers by turns":                  {again(3, post{one, 20}, post{apart, 20}), []int{3, 3}},
		"two of one slot by turns":            {again(2, post{one, 20}, post{other, 20}), []int{1, 1, 1, 1}},
		"another length ends it for good":     {[]post{{one, 20}, {one, 20}, {one, 38}, {one, 20}}, []int{2, 1, 1}},
		"the longest car":                     {again(2, post{one, longestCar}), []int{2}},
		"longer than any car":                 {again(2, post{one, longestCar + 1}), []int{1, 1}},
		"no more than one datagram may carry": {again(batchSize, post{one, longestCar}), []int{54, 10}},
		"nobody answers to port 0":            {again(3, post{&letterbox{at: netip.MustParseAddrPort("127.0.0.1:0")}, 20}), []int{1, 1, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			o := newPostOffice(t)
			for i, p := range c.posts {
				o.post(p.to.at, letter(accountingResponse, p.length, i))
			}
			o.couple()
			var cars []int
			for _, tr := range o.trains[:o.coupled] {
				cars = append(cars, tr.cars)
			}
			require.Equal(t, c.cars, cars)
		})
	}
}

// The kernel takes two single answers, then refuses the first train: what was sent is not
// sent again, and the rest goes one by one.
func TestUncouple(t *testing.T) {
	o := newPostOffice(t)
	o.refuseSegments()
	boxes := neighbours(t, 1, 2) // in one slot b's letters and c's would make no trains
	b, a, c := boxes[0], boxes[1], boxes[2]
	post := func(to *letterbox, length, number int) {
		l := letter(accountingResponse, length, number)
		o.post(to.at, l)
		to.want = append(to.want, l)
	}
	for range 2 {
		post(a, 30, 1)
		post(b, 1300, 2)
		for i := range 5 {
			post(c, 40, 10+i)
			post(b, 50+i, 20+i)
		}
		post(a, 31, 3)
		o.flush()
		require.True(t, o.plain)
		for _, box := range []*letterbox{a, b, c} {
			box.collect(t)
		}
	}
	require.Equal(t, 26, o.sent(accountingResponse))
	require.Zero(t, o.refused())
}

// One that cannot be sent is counted, does not hold up the others, and does not end the
// trains: only a device that cannot do them does.
func TestOneThatCannotBeSent(t *testing.T) {
	for name, nowhere := range map[string]string{"port 0": "127.0.0.1:0", "a broadcast": "255.255.255.255:9"} {
		t.Run(name, func(t *testing.T) {
			o := newPostOffice(t)
			require.NoError(t, control(o.raw, func(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_BROADCAST, 0) }))
			box := newLetterbox(t)
			for i := range 3 {
				l := letter(accountingResponse, 20+i, i)
				o.post(box.at, l)
				box.want = append(box.want, l)
				o.post(netip.MustParseAddrPort(nowhere), letter(accessReject, 20, i))
			}
			o.flush()
			box.collect(t)
			require.Equal(t, 3, o.sent(accountingResponse))
			require.Zero(t, o.sent(accessReject))
			require.Equal(t, 3, o.refused())
			require.False(t, o.plain)
		})
	}
}

func TestASenderWhoseSocketIsClosed(t *testing.T) {
	o := newPostOffice(t)
	require.NoError(t, o.conn.Close())
	for i := range 3 {
		o.post(netip.MustParseAddrPort("127.0.0.1:9"), letter(accountingResponse, 20+i/2, i))
	}
	o.flush()
	require.Equal(t, 3, o.refused())
	require.Zero(t, o.sent(accountingResponse))
	require.Zero(t, o.queued)
}

func TestAKernelWithoutSegments(t *testing.T) {
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram", Name: filepath.Join(t.TempDir(), "s")})
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	raw, err := conn.SyscallConn()
	require.NoError(t, err)
	m, err := newMetrics(nil)
	require.NoError(t, err)
	require.True(t, newSender(raw, &m.listeners[acctListener], newHasher(nil), nil).plain, "it does not know the option")
}

// Records of several NAS, answered in one go: each answer fits its request, in order, with
// Proxy-State of whatever length (RFC 2865 section 5.33), and longer than any car.
func TestAnswersOfABatchFitTheirRequests(t *testing.T) {
	g := start(t, func(g *gateway) { g.journal.hold, g.options.ReplyCache = true, 8192 }) // so many long answers have room
	rng := rand.New(rand.NewPCG(5, 6))
	peers, requests := make([]*nas, 5), make([][][]byte, 5)
	for i := range peers {
		peers[i] = dial(t, g.AcctAddrs()[0])
	}
	const each = 40
	longest := 0
	for id := range byte(each) {
		for i, n := range peers {
			var proxies []attr
			for range rng.IntN(3) {
				proxies = append(proxies, text(33, strings.Repeat("p", 1+rng.IntN(3))))
			}
			if rng.IntN(each) == 0 || id == each-1 {
				for range 6 {
					proxies = append(proxies, text(33, strings.Repeat("long", 60)))
				}
			}
			request := accounting(id, macwatch.StatusStart, fmt.Sprintf("s-%d-%d", i, id), proxies...)
			requests[i] = append(requests[i], request)
			n.send(request)
		}
	}
	held := func() int {
		g.journal.mu.Lock()
		defer g.journal.mu.Unlock()
		return len(g.journal.held)
	}
	require.Eventually(t, func() bool { return held() == each*len(peers) }, 10*time.Second, time.Millisecond)
	g.journal.commit()
	for i, n := range peers {
		for _, request := range requests[i] {
			answer := n.receive()
			longest = max(longest, len(answer))
			got := verify(t, request, answer)
			sent, err := radius.Parse(request, []byte(testSecret))
			require.NoError(t, err)
			require.Equal(t, proxyStates(sent), proxyStates(got))
		}
		n.silent()
	}
	require.Greater(t, longest, longestCar)
	// An answer is counted after it has been sent: the last one may have come before that.
	require.Eventually(t, func() bool {
		return g.counts("tallygate_radius_responses_total")["Accounting-Response acct"] == float64(each*len(peers)+len(peers))
	}, 10*time.Second, time.Millisecond)
	require.Zero(t, g.dropped(acctListener, licensing.ReasonOverload))
}

func proxyStates(p *radius.Packet) (all []string) {
	for _, a := range p.Attributes {
		if a.Type == 33 {
			all = append(all, string(a.Attribute))
		}
	}
	return all
}
