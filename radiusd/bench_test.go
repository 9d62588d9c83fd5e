package radiusd

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"tallygate/macwatch"
)

// requests are n packets that differ in Identifier, and after 256 in Authenticator,
// so that each displaces an answered one in the reply cache.
func requests(n int, make func(id byte, salt string) []byte) [][]byte {
	out := [][]byte{}
	for i := range n {
		out = append(out, make(byte(i), fmt.Sprint(i)))
	}
	return out
}

func BenchmarkWalk(b *testing.B) {
	datagram := access(1, "walk", number(6, 10), number(61, 19), text(77, "CONNECT 0Mbps 802.11b"), text(87, "wlan0"))
	b.ReportAllocs()
	var p packet
	for b.Loop() {
		if err := p.parse(datagram); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMessageAuthenticator(b *testing.B) {
	h, s := newHasher(make([]byte, 32)), newSecret(testSecret)
	var p packet
	require.NoError(b, p.parse(access(1, "ma")))
	b.ReportAllocs()
	for b.Loop() {
		if !h.signed(&p, &s) {
			b.Fatal("not signed")
		}
	}
}

func BenchmarkRequestAuthenticator(b *testing.B) {
	h, s := newHasher(make([]byte, 32)), newSecret(testSecret)
	var p packet
	require.NoError(b, p.parse(accounting(1, macwatch.StatusStart, "s1")))
	b.ReportAllocs()
	for b.Loop() {
		if !h.authentic(&p, &s) {
			b.Fatal("not authentic")
		}
	}
}

func BenchmarkIdentify(b *testing.B) {
	var p packet
	var id identity
	require.NoError(b, p.parse(access(1, "id")))
	from := netip.MustParseAddr("127.0.0.1")
	b.ReportAllocs()
	for b.Loop() {
		id.read(&p, from, manner{})
	}
}

// BenchmarkAccess is all that the gateway does for one accepted MAC login, but for
// the system calls.
func BenchmarkAccess(b *testing.B) {
	g := prepare(b)
	g.venue.APs = macwatch.NewRoster([]macwatch.Slot{{ID: 1, Name: "94:83:c4:01:42:27", ClaimedAt: g.license().ProvisionedAt}})
	r := g.offline(authListener)
	packets := requests(1024, func(id byte, salt string) []byte { return access(id, salt) })
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		r.serve(packets[i%len(packets)], false)
		if r.sender.queued == 0 {
			b.Fatal("no answer")
		}
		if i%batchSize == 0 {
			r.out.flush()
		}
	}
}

// BenchmarkAccounting is the same for one record, with a Journal that commits at once.
func BenchmarkAccounting(b *testing.B) {
	g := prepare(b)
	g.options.Journal = instantJournal{}
	r := g.offline(acctListener)
	packets := requests(1024, func(id byte, salt string) []byte {
		return accounting(id, macwatch.StatusInterim, "session-"+salt, number(42, 1000), number(43, 2000), number(46, 600))
	})
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		r.serve(packets[i%len(packets)], false)
		if i%batchSize == 0 {
			r.submit()
		}
	}
	r.submit()
}

// instantJournal answers without keeping anything.
type instantJournal struct{}

func (instantJournal) Append(records []*macwatch.Record) int {
	records[0].Done.Answered(records)
	return len(records)
}
func (instantJournal) AwaitRoom()     {}
func (instantJournal) Writable() bool { return true }
