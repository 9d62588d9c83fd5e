package radiusd

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/md5"
	"encoding/binary"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"layeh.com/radius"

	"tallygate/licensing"
	"tallygate/macwatch"
)

const testSecret = "lobby-secret-of-28N2S004"

// journal is a store of a few lines: it keeps copies and commits at once, or when told.
type journal struct {
	mu       sync.Mutex
	kept     []macwatch.Record
	held     []*macwatch.Record
	hold     bool
	room     int // records taken per call; negative: all
	err      error
	readonly bool
	awaited  int
}

func (j *journal) Append(records []*macwatch.Record) int {
	j.mu.Lock()
	if j.room >= 0 && len(records) > j.room {
		records = records[:j.room]
	}
	taken := slices.Clone(records)
	for _, r := range taken {
		r.Err = j.err
		if j.err == nil {
			j.kept = append(j.kept, cloneRecord(r))
		}
	}
	if j.hold {
		j.held = append(j.held, taken...)
		taken = nil
	}
	j.mu.Unlock()
	if len(taken) > 0 {
		taken[0].Done.Answered(taken)
	}
	return len(records)
}

// AwaitRoom gives room, and notes that it was asked.
func (j *journal) AwaitRoom() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.awaited++
	j.room = -1
}

// commit answers what was held.
func (j *journal) commit() {
	j.mu.Lock()
	held := j.held
	j.held = nil
	j.mu.Unlock()
	if len(held) > 0 {
		held[0].Done.Answered(held)
	}
}

func (j *journal) Writable() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return !j.readonly
}

func (j *journal) set(change func(*journal)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	change(j)
}

func (j *journal) records() []macwatch.Record {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.kept)
}

// cloneRecord copies what a store may look at; the slices belong to the Server.
func cloneRecord(r *macwatch.Record) macwatch.Record {
	c := *r
	for _, b := range []*[]byte{&c.NAS, &c.AP, &c.SSID, &c.Room, &c.SessionID, &c.UserName, &c.Calling, &c.Called, &c.Class, &c.Packet} {
		*b = bytes.Clone(*b)
	}
	return c
}

// claims grants, holds or refuses claims.
type claims struct {
	mu       sync.Mutex
	made     []macwatch.Claim
	held     []*macwatch.Claim
	observed []string
	learned  []macwatch.APSight
	hold     bool
	full     bool
	result   macwatch.ClaimResult
	err      error
}

func (c *claims) Claim(claim *macwatch.Claim) bool {
	c.mu.Lock()
	if c.full {
		c.mu.Unlock()
		return false
	}
	c.made = append(c.made, *claim)
	claim.Result, claim.Err = c.result, c.err
	if c.hold {
		c.held = append(c.held, claim)
		c.mu.Unlock()
		return true
	}
	c.mu.Unlock()
	claim.Done.Claimed(claim)
	return true
}

func (c *claims) Observe(_ int64, ap macwatch.APSight) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.observed = append(c.observed, ap.Name)
}

func (c *claims) Learn(_ int64, ap macwatch.APSight) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.learned = append(c.learned, ap)
}

func (c *claims) set(change func(*claims)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(c)
}

func (c *claims) claimed() []macwatch.Claim {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.made)
}

func (c *claims) refusals() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.observed)
}

func (c *claims) release() {
	c.mu.Lock()
	held := c.held
	c.held = nil
	c.mu.Unlock()
	for _, claim := range held {
		claim.Done.Claimed(claim)
	}
}

type learner struct {
	mu     sync.Mutex
	signed []netip.Addr
}

func (l *learner) Signed(_ int64, source netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.signed = append(l.signed, source)
}

func (l *learner) learned() []netip.Addr {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.signed)
}

// gateway is a Server with its surroundings, on free ports of the loopback.
type gateway struct {
	*Server
	t        testing.TB
	options  Options
	journal  *journal
	claims   *claims
	learner  *learner
	location *licensing.Location
	venue    *macwatch.Venue
	clients  []macwatch.Client
	registry *prometheus.Registry
}

// prepare makes a gateway for one Location with a running license that is not
// limited, and clients 127.0.0.0/8 and ::1 that need not sign.
func prepare(t testing.TB) *gateway {
	license := &licensing.License{
		ID: 1, Number: "TG-TEST-TEST-TEST", ProvisionedAt: time.Now().Add(-time.Hour), StartedAt: time.Now().Add(-time.Hour), Zone: "UTC",
		Terms: licensing.Terms{
			Term: licensing.Term{Years: 1}, Start: licensing.StartOnProvision, Threshold: 5,
			APs: licensing.Unlimited, Rooms: licensing.Unlimited, Modules: []string{"portal"}, Zone: "UTC",
		},
		Allotments: []licensing.Allotment{{LocationID: 7, APs: licensing.Unlimited, Rooms: licensing.Unlimited}},
	}
	require.NoError(t, license.ResolveZone())
	g := &gateway{
		t:       t,
		journal: &journal{room: -1},
		claims:  &claims{},
		learner: &learner{},
		location: &licensing.Location{
			ID: 7, Code: "28N2S004", Licenses: []*licensing.License{license},
			Settings: licensing.Settings{Guests: licensing.GuestsOpen, Reply: licensing.DefaultReply()},
		},
		venue:    &macwatch.Venue{},
		registry: prometheus.NewRegistry(),
	}
	for i, prefix := range []string{"127.0.0.0/8", "::1/128"} {
		g.clients = append(g.clients, macwatch.Client{
			ID: int64(i + 1), Name: "ap-" + prefix, Prefix: netip.MustParsePrefix(prefix), Secret: testSecret,
			LocationID: 7, Location: "28N2S004", RequireMA: macwatch.RequireNo,
		})
	}
	g.options = Options{
		Auth: []string{"127.0.0.1:0"}, Acct: []string{"127.0.0.1:0"},
		ReceiveBuffer: 1 << 20, ReplyCache: 512, TraceHistory: DefaultTraceHistory, ClassKey: bytes.Repeat([]byte{7}, 32),
		Journal: g.journal, Claims: g.claims, Learner: g.learner,
		Metrics: g.registry, Log: zap.NewNop(),
	}
	return g
}

func (g *gateway) license() *licensing.License { return g.location.Licenses[0] }

// snapshot is what the gateway's fields say now.
func (g *gateway) snapshot() *Snapshot {
	return NewSnapshot(g.clients, map[int64]*licensing.Location{7: g.location}, map[int64]*macwatch.Venue{7: g.venue})
}

// serve listens, publishes and serves; the test's end closes.
func (g *gateway) serve() *gateway {
	g.t.Helper()
	s, err := Listen(g.options)
	require.NoError(g.t, err)
	g.Server = s
	s.Publish(g.snapshot())
	s.Serve()
	g.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		g.journal.commit()
		g.claims.release()
		require.NoError(g.t, s.Close(ctx))
	})
	return g
}

// start is prepare and serve, with changes in between.
func start(t testing.TB, changes ...func(*gateway)) *gateway {
	g := prepare(t)
	for _, change := range changes {
		change(g)
	}
	return g.serve()
}

func (g *gateway) dropped(l listener, r licensing.Reason) int {
	return int(g.counts("tallygate_radius_dropped_total")[l.String()+" "+r.String()])
}

// waitDropped waits for a drop to be counted.
func (g *gateway) waitDropped(l listener, r licensing.Reason, n int) {
	g.t.Helper()
	require.Eventually(g.t, func() bool { return g.dropped(l, r) >= n }, 10*time.Second, time.Millisecond, "no drop for %s", r)
	require.Equal(g.t, n, g.dropped(l, r))
}

// nas is a client's socket.
type nas struct {
	t    testing.TB
	conn *net.UDPConn
	to   netip.AddrPort
}

func dial(t testing.TB, to netip.AddrPort) *nas {
	t.Helper()
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return &nas{t, conn, to}
}

func (n *nas) send(packet []byte) {
	n.t.Helper()
	_, err := n.conn.Write(packet)
	require.NoError(n.t, err)
}

// receive waits for one answer.
func (n *nas) receive() []byte {
	n.t.Helper()
	require.NoError(n.t, n.conn.SetReadDeadline(time.Now().Add(10*time.Second)))
	buffer := make([]byte, maxPacket)
	k, err := n.conn.Read(buffer)
	require.NoError(n.t, err)
	return buffer[:k]
}

// exchange sends a request, and returns its verified answer.
func (n *nas) exchange(packet []byte) *radius.Packet {
	n.t.Helper()
	n.send(packet)
	return verify(n.t, packet, n.receive())
}

// silent shows that nothing came: a Status-Server is answered next, on a socket
// whose packets are handled in order.
func (n *nas) silent() {
	n.t.Helper()
	probe := status(250)
	n.send(probe)
	answer := n.receive()
	require.Equal(n.t, byte(250), answer[1], "an answer came that should not")
	verify(n.t, probe, answer)
}

// verify checks an answer with arithmetic of its own and decodes it with layeh.
func verify(t testing.TB, request, answer []byte) *radius.Packet {
	t.Helper()
	return verifyWith(t, testSecret, request, answer)
}

func verifyWith(t testing.TB, secret string, request, answer []byte) *radius.Packet {
	t.Helper()
	require.True(t, radius.IsAuthenticResponse(answer, request, []byte(secret)), "Response Authenticator")
	p, err := radius.Parse(answer, []byte(secret))
	require.NoError(t, err)
	require.Equal(t, request[1], p.Identifier)
	if p.Code == radius.CodeAccessAccept || p.Code == radius.CodeAccessReject {
		require.Equal(t, byte(attrMessageAuthenticator), answer[headerSize], "Message-Authenticator is not first")
	}
	if p.Get(80) != nil {
		signed := bytes.Clone(answer)
		copy(signed[4:], request[4:20])
		require.Equal(t, hex(oracleMAWith(secret, signed)), hex(p.Get(80)), "Message-Authenticator")
	}
	return p
}

func hex(b []byte) string { return string(appendHex(nil, b)) }

func appendHex(dst, b []byte) []byte {
	for _, c := range b {
		dst = append(dst, "0123456789abcdef"[c>>4], "0123456789abcdef"[c&15])
	}
	return dst
}

// oracleMA computes the Message-Authenticator of a packet as the standard library
// would, apart from the code under test.
func oracleMA(packet []byte) []byte { return oracleMAWith(testSecret, packet) }

func oracleMAWith(secret string, packet []byte) []byte {
	c := bytes.Clone(packet)
	for at := 20; at < len(c); at += int(c[at+1]) {
		if c[at] == 80 {
			clear(c[at+2 : at+18])
		}
	}
	m := hmac.New(md5.New, []byte(secret))
	m.Write(c)
	return m.Sum(nil)
}

// attr is an attribute as a test writes it.
type attr struct {
	kind  byte
	value []byte
}

func text(kind byte, s string) attr { return attr{kind, []byte(s)} }
func number(kind byte, n uint32) attr {
	return attr{kind, binary.BigEndian.AppendUint32(nil, n)}
}

// signature asks for a Message-Authenticator at this place.
var signature = attr{80, make([]byte, 16)}

// build makes a request: authenticator drawn from id and salt for Access-Request and
// Status-Server, computed for Accounting-Request.
func build(c radius.Code, id byte, salt string, attrs ...attr) []byte {
	b := []byte{byte(c), id, 0, 0}
	sum := md5.Sum([]byte(salt + string(id)))
	b = append(b, sum[:]...)
	signed := 0
	for _, a := range attrs {
		if a.kind == 80 && len(a.value) == 16 {
			signed = len(b) + 2
		}
		b = append(append(b, a.kind, byte(2+len(a.value))), a.value...)
	}
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	if c == radius.CodeAccountingRequest {
		clear(b[4:20])
	}
	if signed > 0 {
		copy(b[signed:], oracleMA(b))
	}
	if c == radius.CodeAccountingRequest {
		sum := md5.Sum(append(bytes.Clone(b), testSecret...))
		copy(b[4:], sum[:])
	}
	return b
}

// access is a signed MAC login through one AP, with more attributes.
func access(id byte, salt string, attrs ...attr) []byte {
	base := []attr{signature, text(1, "5c1dd920a0c1"), text(31, "5C-1D-D9-20-A0-C1"), text(30, "94-83-C4-01-42-27:Guest"), text(32, "ap-1")}
	return build(radius.CodeAccessRequest, id, salt, append(base, attrs...)...)
}

// accounting is a record of one guest, with more attributes.
func accounting(id byte, status macwatch.Status, session string, attrs ...attr) []byte {
	base := []attr{number(40, uint32(status)), text(44, session), text(1, "5c1dd920a0c1"), text(31, "5C-1D-D9-20-A0-C1"), text(30, "94-83-C4-01-42-27:Guest"), text(32, "ap-1")}
	return build(radius.CodeAccountingRequest, id, "", append(base, attrs...)...)
}

func status(id byte) []byte { return build(radius.CodeStatusServer, id, "status", signature) }

// counts is a metric's non-zero values by their labels' values, in order of label name.
func (g *gateway) counts(name string) map[string]float64 {
	g.t.Helper()
	families, err := g.registry.Gather()
	require.NoError(g.t, err)
	out := make(map[string]float64)
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			key := ""
			for _, l := range m.GetLabel() {
				key += " " + l.GetValue()
			}
			out[strings.TrimSpace(key)] = m.GetCounter().GetValue()
		}
	}
	maps.DeleteFunc(out, func(_ string, v float64) bool { return v == 0 })
	return out
}

// rfc2865CHAP is MD5 of identifier, password and challenge.
func rfc2865CHAP(id byte, password string, challenge []byte) []byte {
	h := md5.New()
	h.Write([]byte{id})
	h.Write([]byte(password))
	h.Write(challenge)
	return h.Sum(nil)
}

// dialFrom is dial from a certain address of the loopback.
func dialFrom(t testing.TB, source string, to netip.AddrPort) *nas {
	t.Helper()
	conn, err := net.DialUDP("udp", &net.UDPAddr{IP: net.ParseIP(source)}, net.UDPAddrFromAddrPort(to))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return &nas{t, conn, to}
}
