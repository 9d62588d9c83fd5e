package radiusd

import (
	"bufio"
	"bytes"
	"crypto/md5"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"testing"
	"unicode/utf8"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
	"layeh.com/radius"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// vendorSeeds adds every vendor packet, and some that are wrong.
func vendorSeeds(f *testing.F) {
	for i, v := range vendorPackets(f) {
		f.Add(build(v.code, byte(i), "fuzz", append(v.attrs, signature)...))
		f.Add(build(v.code, byte(i), "fuzz", v.attrs...))
	}
	good := access(1, "fuzz", attr{26, []byte{0, 0, 1, 55, 25, 0}}, text(33, "p"))
	f.Add(good)
	f.Add(good[:19])
	f.Add(good[:len(good)-3])
	f.Add(append(bytes.Clone(good), 0, 0, 0))
	f.Add(status(1))
	f.Add(access(2, "fuzz", attr{79, nil}))
	f.Add(bytes.Repeat([]byte{1, 0}, 40))
}

// FuzzWalk: what parse takes is well-formed, by a second, slower opinion, and layeh
// agrees.
func FuzzWalk(f *testing.F) {
	vendorSeeds(f)
	f.Fuzz(func(t *testing.T, datagram []byte) {
		var p packet
		err := p.parse(datagram)
		if err != nil {
			return
		}
		other, err := radius.Parse(p.raw, []byte("s"))
		if err != nil {
			t.Fatalf("layeh refuses it: %v", err)
		}
		n := 0
		for kind, value, rest, ok := p.attributes().next(); ok; kind, value, rest, ok = rest.next() {
			a := other.Attributes[n]
			if byte(a.Type) != kind || !bytes.Equal(a.Attribute, value) {
				t.Fatalf("attribute %d differs", n)
			}
			if first, _ := other.Lookup(a.Type); !bytes.Equal(p.value(kind), first) || !p.has(kind) {
				t.Fatalf("the first of type %d differs", kind)
			}
			n++
		}
		if n != len(other.Attributes) || n > maxAttributes {
			t.Fatalf("%d attributes, layeh has %d", n, len(other.Attributes))
		}
		for kind := range 256 {
			if _, ok := other.Lookup(radius.Type(kind)); ok != p.has(uint8(kind)) {
				t.Fatalf("type %d: has is %v", kind, !ok)
			}
		}
	})
}

// FuzzFrames: a stream is cut up the same whether it comes at once or in pieces, every
// packet has the length that it says, and what is cut off is the stream's beginning.
func FuzzFrames(f *testing.F) {
	good := access(1, "fuzz")
	f.Add(append(append(bytes.Clone(good), status(2)...), good[:7]...), byte(1))
	f.Add(append(bytes.Clone(good), 1, 2, 0, 19), byte(3))
	f.Add([]byte{4, 1, 0x10, 0}, byte(2))
	f.Add(bytes.Repeat([]byte{1, 1, 0, 20, 0}, 60), byte(7))
	f.Fuzz(func(t *testing.T, stream []byte, step byte) {
		cut := func(r io.Reader) (frames [][]byte, end error) {
			in := bufio.NewReaderSize(r, linkReadBuffer)
			for {
				ready := hasFrame(in)
				frame, err := nextFrame(in)
				if err != nil {
					if ready {
						t.Fatal("hasFrame promised one")
					}
					return frames, err
				}
				if len(frame) < headerSize || len(frame) > maxPacket || int(binary.BigEndian.Uint16(frame[2:])) != len(frame) {
					t.Fatalf("a frame of %d octets", len(frame))
				}
				frames = append(frames, bytes.Clone(frame))
				if _, err := in.Discard(len(frame)); err != nil {
					t.Fatal(err)
				}
			}
		}
		whole, end := cut(bytes.NewReader(stream))
		pieces, endOfPieces := cut(&inPieces{stream, int(step)%64 + 1})
		if !slices.EqualFunc(whole, pieces, bytes.Equal) || errors.Is(end, defectLength) != errors.Is(endOfPieces, defectLength) {
			t.Fatalf("%d frames and %v at once, %d and %v in pieces", len(whole), end, len(pieces), endOfPieces)
		}
		if !bytes.HasPrefix(stream, bytes.Join(whole, nil)) {
			t.Fatal("not the stream")
		}
	})
}

// inPieces reads a few octets at a time.
type inPieces struct {
	rest []byte
	step int
}

func (p *inPieces) Read(b []byte) (int, error) {
	if len(p.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.rest[:min(p.step, len(p.rest))])
	p.rest = p.rest[n:]
	return n, nil
}

// FuzzVendor: the walk ends, and stays within the value.
func FuzzVendor(f *testing.F) {
	vendorSeeds(f)
	f.Add([]byte{0, 0, 0, 9, 1, 2, 2, 3, 'x', 9, 0})
	f.Fuzz(func(t *testing.T, value []byte) {
		total := 4
		for a := range vendorAttributes(value) {
			total += 2 + len(a.value)
			if a.vendor != binary.BigEndian.Uint32(value) {
				t.Fatal("another vendor")
			}
		}
		if total > 4 && total > len(value) {
			t.Fatalf("read %d of %d octets", total, len(value))
		}
	})
}

// FuzzServePacket: no datagram makes the Server fail, and none is answered that does
// not prove the secret as its kind requires. The fuzzed octets are served as they
// are, and once more with everything that proves the secret put right, so that they
// reach the code behind it.
func FuzzServePacket(f *testing.F) {
	vendorSeeds(f)
	for i, v := range vendorPackets(f) {
		if i%7 == 0 {
			f.Add(build(v.code, byte(i), "fuzz", append(v.attrs, text(2, "0123456789abcdef"))...))
		}
	}
	core, failures := observer.New(zapcore.ErrorLevel)
	g := prepare(f)
	g.options.Log = zap.New(core)
	g.location.Settings.Guests = licensing.GuestsLocal
	g.location.Settings.Count = licensing.CountAccepted
	g.location.Settings.Room = licensing.RoomRule{Attribute: "nas-port-id", Pattern: `(\d+)`}
	g.venue.Accounts = map[string]*macwatch.Account{"guest1": {Password: "portal-pass"}}
	g.venue.Inputs = map[macwatch.MAC]macwatch.MACInput{guestMAC: {}}
	readers := []*offlineReader{g.offline(authListener), g.offline(acctListener)}
	f.Fuzz(func(t *testing.T, datagram []byte) {
		datagram = datagram[:min(len(datagram), maxPacket)]
		for _, d := range [][]byte{datagram, authenticated(datagram)} {
			for _, r := range readers {
				for _, answer := range r.answers(d) {
					request := d[:binary.BigEndian.Uint16(d[2:])]
					if !radius.IsAuthenticResponse(answer, request, []byte(testSecret)) {
						t.Fatal("a wrong Response Authenticator")
					}
					if !proves(d) {
						t.Fatal("an answer without proof of the secret")
					}
				}
				if failures.Len() > 0 {
					t.Fatal(failures.All()[0].ContextMap()["panic"])
				}
			}
		}
	})
}

// proves is an independent opinion on whether a datagram may be answered here.
func proves(datagram []byte) bool {
	if len(datagram) < 20 {
		return false
	}
	n := int(binary.BigEndian.Uint16(datagram[2:]))
	if n < 20 || n > len(datagram) {
		return false
	}
	p := datagram[:n]
	signed, proxied, eap := []byte(nil), false, false
	for at := 20; at < n; at += int(p[at+1]) {
		if at+2 > n || p[at+1] < 2 || at+int(p[at+1]) > n {
			return false
		}
		switch p[at] {
		case 80:
			signed = p[at+2 : at+int(p[at+1])]
		case 33:
			proxied = true
		case 79:
			eap = true
		}
	}
	switch p[0] {
	case 4:
		zeroed := bytes.Clone(p)
		clear(zeroed[4:20])
		sum := md5.Sum(append(bytes.Clone(zeroed), testSecret...))
		return bytes.Equal(sum[:], p[4:20]) && (signed == nil || bytes.Equal(signed, oracleMA(zeroed)))
	case 12:
		return bytes.Equal(signed, oracleMA(p))
	case 1:
		return signed != nil && bytes.Equal(signed, oracleMA(p)) || signed == nil && !proxied && !eap
	}
	return false
}

// authenticated makes a datagram that is well-formed prove the secret.
func authenticated(datagram []byte) []byte {
	var p packet
	b := bytes.Clone(datagram)
	if p.parse(b) != nil {
		return b
	}
	if p.code() == accountingRequest {
		clear(b[4:20])
	}
	if at := int(p.first[attrMessageAuthenticator]); at > 0 {
		copy(b[at:], oracleMA(p.raw))
	}
	if p.code() == accountingRequest {
		sum := md5.Sum(append(bytes.Clone(p.raw), testSecret...))
		copy(b[4:], sum[:])
	}
	return b
}

// FuzzDecode: whatever a packet holds, it is read without a panic, the guest is a device's
// address, and the AP's name can be that of a slot. Reading it again finds the same.
func FuzzDecode(f *testing.F) {
	vendorSeeds(f)
	for i, v := range packetsIn(f, "testdata/other-packets/*.txt", 1) {
		f.Add(build(v.code, byte(i), "fuzz", v.attrs...))
	}
	f.Fuzz(func(t *testing.T, datagram []byte) {
		first := NewDecoder("s").Decode(datagram, netip.AddrPort{}, netip.AddrPort{})
		if first.GuestMAC != nil && !first.GuestMAC.Device() {
			t.Fatalf("%s is a guest", first.GuestMAC)
		}
		if (first.GuestMAC == nil) != (first.GuestMACSource == macwatch.SourceNone) {
			t.Fatalf("a guest %v from %s", first.GuestMAC, first.GuestMACSource)
		}
		if first.AP != nil && macwatch.SlotName(macwatch.KindAP, *first.AP) != *first.AP {
			t.Fatalf("%q is no name of a slot", *first.AP)
		}
		again := NewDecoder("s").Decode(datagram, netip.AddrPort{}, netip.AddrPort{})
		if a, b := fmt.Sprintf("%+v", again.APIdentity), fmt.Sprintf("%+v", first.APIdentity); a != b || again.Vendor != first.Vendor {
			t.Fatalf("%s and then %s", b, a)
		}
		if !utf8.ValidString(first.APIdentity) {
			t.Fatal("not text")
		}
		for _, name := range licensing.Attributes() {
			AttributeText(datagram, name)
		}
	})
}
