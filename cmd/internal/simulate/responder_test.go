package simulate

import (
	"fmt"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"
	"layeh.com/radius/rfc2869"
)

const testSecret = "a-secret-of-the-test"

// responder is a small RADIUS server that remembers what it was asked.
type responder struct {
	auth, acct *net.UDPConn
	done       sync.WaitGroup

	// answer makes the reply; nil sends none. Default: accept everything, signed.
	answer func(request *radius.Packet, wire []byte) []byte

	mu   sync.Mutex
	from *net.UDPAddr // of the last packet
	got  []*radius.Packet
	wire [][]byte
}

func newResponder(t *testing.T, answer func(request *radius.Packet, wire []byte) []byte) *responder {
	t.Helper()
	r := &responder{answer: answer}
	if answer == nil {
		r.answer = accept
	}
	for _, conn := range []**net.UDPConn{&r.auth, &r.acct} {
		c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		require.NoError(t, err)
		*conn = c
		r.done.Go(func() { r.serve(t, c) })
	}
	t.Cleanup(func() {
		_ = r.auth.Close()
		_ = r.acct.Close()
		r.done.Wait()
	})
	return r
}

func (r *responder) serve(t *testing.T, conn *net.UDPConn) {
	t.Helper()
	buf := make([]byte, 5000)
	for {
		n, from, err := conn.ReadFromUDP(buf)
		if err != nil {
			return
		}
		wire := append([]byte(nil), buf[:n]...)
		p, err := radius.Parse(wire, []byte(testSecret))
		if err != nil || !radius.IsAuthenticRequest(wire, []byte(testSecret)) {
			t.Errorf("the simulator sent a bad packet: %v", err)
			continue
		}
		r.mu.Lock()
		r.from = from
		answer := r.answer
		r.got = append(r.got, p)
		r.wire = append(r.wire, wire)
		r.mu.Unlock()
		if reply := answer(p, wire); reply != nil {
			_, _ = conn.WriteToUDP(reply, from)
		}
	}
}

// packets returns what has arrived so far.
func (r *responder) packets() []*radius.Packet {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]*radius.Packet(nil), r.got...)
}

func (r *responder) config() Config {
	return Config{Auth: r.auth.LocalAddr().String(), Acct: r.acct.LocalAddr().String(), Secret: testSecret, Seed: 7}
}

func (r *responder) dial(t *testing.T) *NAS {
	t.Helper()
	nas, err := Dial(r.auth.LocalAddr().String(), r.acct.LocalAddr().String(), testSecret)
	require.NoError(t, err)
	t.Cleanup(nas.Close)
	return nas
}

// accept is a correct answer: Access-Accept with Message-Authenticator first, or
// Accounting-Response.
func accept(request *radius.Packet, wire []byte) []byte {
	if request.Code == radius.CodeAccountingRequest {
		b, _ := request.Response(radius.CodeAccountingResponse).Encode()
		return b
	}
	return signed(request.Response(radius.CodeAccessAccept), wire)
}

// signed puts Message-Authenticator first and encodes.
func signed(p *radius.Packet, request []byte) []byte {
	rest := p.Attributes
	p.Attributes = nil
	p.Add(rfc2869.MessageAuthenticator_Type, make([]byte, 16))
	p.Attributes = append(p.Attributes, rest...)
	copy(p.Authenticator[:], request[4:20])
	plain, _ := p.MarshalBinary()
	p.Attributes[0].Attribute = messageAuthenticator(plain, p.Secret)
	b, _ := p.Encode()
	return b
}

// contentOf is an accounting record without what a retransmission may change.
func contentOf(p *radius.Packet) string {
	gigawords := func(t radius.Type) uint64 {
		n, _ := radius.Integer(p.Get(t))
		return uint64(n)
	}
	event, _ := radius.Integer(p.Get(rfc2869.EventTimestamp_Type))
	return fmt.Sprint(rfc2866.AcctSessionID_GetString(p), rfc2865.NASIdentifier_GetString(p), rfc2866.AcctStatusType_Get(p), event,
		gigawords(rfc2869.AcctInputGigawords_Type)<<32+uint64(rfc2866.AcctInputOctets_Get(p)),
		gigawords(rfc2869.AcctOutputGigawords_Type)<<32+uint64(rfc2866.AcctOutputOctets_Get(p)))
}

func contentOfEntry(e Entry) string {
	return fmt.Sprint(e.SessionID, e.NAS, rfc2866.AcctStatusType(statusCodes[e.Status]), e.EventTimestamp, e.InputOctets, e.OutputOctets)
}
