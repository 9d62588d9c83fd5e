package disconnect

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"layeh.com/radius"

	"tallygate/licensing"
	"tallygate/macwatch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const testSecret = "a secret of the tests"

// noon is the time of sessions; whole seconds, as on the wire.
var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// anna's session, with all that a NAS may say.
func session() *macwatch.Session {
	mac, _ := macwatch.ParseMAC("80:41:00:00:00:01")
	return &macwatch.Session{
		Ident: macwatch.Ident{1}, Location: 1, Client: 1, NAS: "ap-1", SessionID: "8F2A00000000001B", MAC: mac,
		AP: "00:27:22:aa:00:10", UserName: "Anna@Hotel", Calling: "80-41-00-00-00-01", Called: "00-27-22-AA-00-10:Guest",
		FramedIP: 0x0a000007, StartedAt: noon, UpdatedAt: noon,
		Origin: macwatch.Origin{
			Source: netip.MustParseAddr("127.0.0.1"), NASAddress: netip.MustParseAddr("192.0.2.9"), NASPort: 13,
			AuditID: []byte("0A0000010000001B5A"),
		},
	}
}

// das is a dynamic authorization server (RFC 5176 section 1.3) on a real socket: the
// side of a NAS, decoded by a library that others wrote.
type das struct {
	conn   *net.UDPConn
	secret string
	answer func(p *radius.Packet) (radius.Code, cause) // code 0: silence

	mu   sync.Mutex
	seen []*radius.Packet
	done chan struct{}
}

// ack acknowledges all.
func ack(p *radius.Packet) (radius.Code, cause) { return p.Code + 1, 0 }

func nak(c cause) func(*radius.Packet) (radius.Code, cause) {
	return func(p *radius.Packet) (radius.Code, cause) { return p.Code + 2, c }
}

func silent(*radius.Packet) (radius.Code, cause) { return 0, 0 }

func newDAS(t *testing.T, answer func(*radius.Packet) (radius.Code, cause)) *das {
	t.Helper()
	return newDASWith(t, testSecret, answer)
}

func newDASWith(t *testing.T, secret string, answer func(*radius.Packet) (radius.Code, cause)) *das {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	d := &das{conn: conn, secret: secret, answer: answer, done: make(chan struct{})}
	go d.serve()
	t.Cleanup(func() {
		_ = conn.Close()
		<-d.done
	})
	return d
}

func (d *das) port() uint16 { return uint16(d.conn.LocalAddr().(*net.UDPAddr).Port) }

func (d *das) serve() {
	defer close(d.done)
	b := make([]byte, 4096)
	for {
		n, from, err := d.conn.ReadFromUDP(b)
		if err != nil {
			return
		}
		// What is not signed with the secret is dropped, as RFC 5176 section 2.3 has it.
		if !radius.IsAuthenticRequest(b[:n], []byte(d.secret)) {
			continue
		}
		p, err := radius.Parse(append([]byte(nil), b[:n]...), []byte(d.secret))
		if err != nil {
			continue
		}
		d.mu.Lock()
		d.seen = append(d.seen, p)
		d.mu.Unlock()
		code, reason := d.answer(p)
		if code == 0 {
			continue
		}
		_, _ = d.conn.WriteToUDP(reply(p, code, reason), from)
	}
}

// reply is an answer as the library makes it.
func reply(p *radius.Packet, code radius.Code, reason cause) []byte {
	r := p.Response(code)
	if reason != 0 {
		r.Add(attrErrorCause, binary.BigEndian.AppendUint32(nil, uint32(reason)))
	}
	b, _ := r.Encode()
	return b
}

func (d *das) requests() []*radius.Packet {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]*radius.Packet(nil), d.seen...)
}

// book is a store of sessions.
type book struct {
	mu       sync.Mutex
	sessions []*macwatch.Session
	read     int // how often it was asked
	ends     []string
}

func (b *book) OpenSessions(_ context.Context, location int64, each func(*macwatch.Session) error) error {
	b.mu.Lock()
	b.read++
	open := append([]*macwatch.Session(nil), b.sessions...)
	b.mu.Unlock()
	for _, s := range open {
		if s.Location == location && s.EndedAt.IsZero() {
			if err := each(s.Clone()); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *book) NoteEnd(_ context.Context, ch licensing.Change, location string, _ macwatch.SessionSelector, sessions int) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !ch.DryRun {
		b.ends = append(b.ends, ch.By+" "+location)
	}
	return nil
}

func (b *book) reads() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.read
}

// venue is a snapshot of one Location with one client at 127.0.0.1 whose NAS listen on a port.
func venue(port uint16, change func(*licensing.Location, *macwatch.Venue, *macwatch.Client)) Snapshot {
	l := &licensing.Location{ID: 1, Code: "28N2S004", Settings: licensing.Settings{Guests: licensing.GuestsOpen}}
	v := &macwatch.Venue{Blocked: map[macwatch.MAC]string{}, Accounts: map[string]*macwatch.Account{}, Inputs: map[macwatch.MAC]macwatch.MACInput{},
		RetiredAccounts: map[string]time.Time{}, RetiredInputs: map[macwatch.MAC]time.Time{}}
	c := macwatch.Client{ID: 1, Name: "aps", Secret: testSecret, LocationID: 1, Prefix: netip.MustParsePrefix("127.0.0.1/32")}
	c.Vendor, c.Disconnect.Port = macwatch.VendorHostapd, port
	if change != nil {
		change(l, v, &c)
	}
	return Snapshot{Clients: []macwatch.Client{c}, Locations: map[int64]*licensing.Location{1: l}, Venues: map[int64]*macwatch.Venue{1: v}}
}

// serve runs a Service until the test ends.
func serve(t *testing.T, b *book, now func() time.Time) (*Service, *prometheus.Registry) {
	t.Helper()
	registry := prometheus.NewRegistry()
	s, err := New(Options{Book: b, Metrics: registry, Now: now, Source: netip.MustParseAddr("127.0.0.1")})
	require.NoError(t, err)
	s.Serve()
	t.Cleanup(func() { require.NoError(t, s.Close(context.Background())) })
	return s, registry
}

// value is that of a metric, with this value of its one label.
func value(t *testing.T, registry *prometheus.Registry, name, label string) int {
	t.Helper()
	families, err := registry.Gather()
	require.NoError(t, err)
	for _, f := range families {
		if f.GetName() != "tallygate_"+name {
			continue
		}
		for _, m := range f.GetMetric() {
			if label == "" || m.GetLabel()[0].GetValue() == label {
				return int(m.GetCounter().GetValue() + m.GetGauge().GetValue())
			}
		}
	}
	require.Fail(t, "no such metric", "%s %s", name, label)
	return 0
}
