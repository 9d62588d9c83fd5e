package capture

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// datagram is a RADIUS packet of 20 octets: the shortest there is.
var datagram = append([]byte{1, 7, 0, 20}, make([]byte, 16)...)

func udpOf(source, target uint16, payload []byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, source)
	b = binary.BigEndian.AppendUint16(b, target)
	b = binary.BigEndian.AppendUint16(b, uint16(8+len(payload)))
	return append(append(b, 0, 0), payload...)
}

func ipv4(payload []byte, fragment uint16) []byte {
	b := []byte{0x45, 0, 0, 0, 0, 1}
	b = binary.BigEndian.AppendUint16(b, fragment)
	b = append(b, 64, udp, 0, 0, 10, 0, 0, 9, 10, 0, 0, 1)
	binary.BigEndian.PutUint16(b[2:], uint16(20+len(payload)))
	return append(b, payload...)
}

func ipv6(next byte, payload []byte) []byte {
	b := []byte{0x60, 0, 0, 0, 0, 0, next, 64}
	binary.BigEndian.PutUint16(b[4:], uint16(len(payload)))
	source, target := netip.MustParseAddr("2001:db8::9").As16(), netip.MustParseAddr("2001:db8::1").As16()
	return append(append(append(b, source[:]...), target[:]...), payload...)
}

func ether(tags []uint16, kind uint16, payload []byte) []byte {
	b := make([]byte, 12)
	for _, t := range tags {
		b = binary.BigEndian.AppendUint16(b, t)
		b = append(b, 0, 42)
	}
	return append(binary.BigEndian.AppendUint16(b, kind), payload...)
}

// pcapOf is a capture file of frames, as libpcap writes it.
func pcapOf(order binary.AppendByteOrder, magic, link uint32, frames ...[]byte) []byte {
	b := order.AppendUint32(nil, magic)
	b = order.AppendUint16(order.AppendUint16(b, 2), 4)
	b = append(b, make([]byte, 8)...)
	b = order.AppendUint32(order.AppendUint32(b, 65535), link)
	for i, f := range frames {
		b = order.AppendUint32(order.AppendUint32(b, 1700000000+uint32(i)), 5)
		b = order.AppendUint32(order.AppendUint32(b, uint32(len(f))), uint32(len(f)))
		b = append(b, f...)
	}
	return b
}

func block(order binary.AppendByteOrder, kind uint32, body []byte) []byte {
	for len(body)%4 != 0 {
		body = append(body, 0)
	}
	n := uint32(12 + len(body))
	b := order.AppendUint32(order.AppendUint32(nil, kind), n)
	return order.AppendUint32(append(b, body...), n)
}

// pcapngOf is a capture of one interface whose timestamps count nanoseconds.
func pcapngOf(order binary.AppendByteOrder, link uint16, frames ...[]byte) []byte {
	section := order.AppendUint32(nil, 0x1a2b3c4d)
	section = append(order.AppendUint16(order.AppendUint16(section, 1), 0), bytes.Repeat([]byte{0xff}, 8)...)
	b := block(order, blockSection, section)
	port := order.AppendUint32(order.AppendUint16(order.AppendUint16(nil, link), 0), 65535)
	port = order.AppendUint16(order.AppendUint16(port, 9), 1)
	b = append(b, block(order, blockInterface, append(port, 9, 0, 0, 0, 0, 0, 0, 0))...)
	for i, f := range frames {
		at := uint64(1700000000+i)*1e9 + 5000
		body := order.AppendUint32(nil, 0)
		body = order.AppendUint32(order.AppendUint32(body, uint32(at>>32)), uint32(at))
		body = order.AppendUint32(order.AppendUint32(body, uint32(len(f))), uint32(len(f)))
		b = append(b, block(order, blockEnhanced, append(body, f...))...)
	}
	return b
}

func read(t testing.TB, file []byte) (all []Packet) {
	t.Helper()
	require.NoError(t, Read(bytes.NewReader(file), func(p Packet) error {
		all = append(all, p)
		return nil
	}))
	return all
}

func TestCaptures(t *testing.T) {
	request := udpOf(40000, 1812, datagram)
	frames := map[uint32][]byte{
		linkEthernet:  ether(nil, etherIPv4, append(ipv4(request, 0), 0, 0, 0, 0)), // padded by the network card
		linkRaw:       ipv4(request, 0),
		linkNull:      append([]byte{2, 0, 0, 0}, ipv4(request, 0)...),
		linkLinux:     append(append(make([]byte, 14), 8, 0), ipv4(request, 0)...),
		linkLinuxSLL2: append(append([]byte{8, 0}, make([]byte, 18)...), ipv4(request, 0)...),
	}
	at := time.Unix(1700000000, 5000).UTC()
	for link, frame := range frames {
		for name, file := range map[string][]byte{
			"pcap":              pcapOf(binary.LittleEndian, pcapMicro, link, frame),
			"pcap, big endian":  pcapOf(binary.BigEndian, pcapMicro, link, frame),
			"pcapng":            pcapngOf(binary.LittleEndian, uint16(link), frame),
			"pcapng, other end": pcapngOf(binary.BigEndian, uint16(link), frame),
		} {
			require.Equal(t, []Packet{{
				Number: 1, Data: datagram, At: at,
				From: netip.MustParseAddrPort("10.0.0.9:40000"), To: netip.MustParseAddrPort("10.0.0.1:1812"),
			}}, read(t, file), "%s, link type %d", name, link)
		}
	}
	nano := read(t, pcapOf(binary.LittleEndian, pcapNano, linkRaw, frames[linkRaw]))
	require.Equal(t, time.Unix(1700000000, 5).UTC(), nano[0].At)
}

func TestFrames(t *testing.T) {
	request := udpOf(40000, 1813, datagram)
	fragmentHeader := func(offset uint16) []byte {
		b := []byte{udp, 0}
		return append(binary.BigEndian.AppendUint16(b, offset), 0, 0, 0, 1)
	}
	for _, c := range []struct {
		name    string
		frame   []byte
		problem string
		none    bool
	}{
		{name: "a VLAN", frame: ether([]uint16{0x8100}, etherIPv4, ipv4(request, 0))},
		{name: "two VLANs", frame: ether([]uint16{0x88a8, 0x8100}, etherIPv4, ipv4(request, 0))},
		{name: "IPv6", frame: ether(nil, etherIPv6, ipv6(udp, request))},
		{name: "IPv6 with options", frame: ether(nil, etherIPv6, ipv6(0, append([]byte{udp, 0, 0, 0, 0, 0, 0, 0}, request...)))},
		{name: "an unusual port", frame: ether(nil, etherIPv4, ipv4(udpOf(5000, 5001, datagram), 0))},
		{name: "the first fragment", frame: ether(nil, etherIPv4, ipv4(request, 0x2000)), problem: "fragment"},
		{name: "the first fragment of IPv6", frame: ether(nil, etherIPv6, ipv6(44, append(fragmentHeader(1), request...))), problem: "fragment"},
		{name: "a later fragment", frame: ether(nil, etherIPv4, ipv4(request, 0x2001)), none: true},
		{name: "a later fragment of IPv6", frame: ether(nil, etherIPv6, ipv6(44, append(fragmentHeader(9), request...))), none: true},
		{name: "not UDP", frame: ether(nil, etherIPv6, ipv6(6, request)), none: true},
		{name: "not IP", frame: ether(nil, 0x0806, request), none: true},
		{name: "not RADIUS", frame: ether(nil, etherIPv4, ipv4(udpOf(53, 5353, datagram[:12]), 0)), none: true},
		{name: "half a header", frame: ether(nil, etherIPv4, ipv4(request, 0)[:22]), none: true},
		{name: "nothing", frame: nil, none: true},
	} {
		got := read(t, pcapOf(binary.LittleEndian, pcapMicro, linkEthernet, c.frame))
		switch {
		case c.none:
			require.Empty(t, got, c.name)
		case c.problem != "":
			require.Contains(t, got[0].Problem, c.problem, c.name)
			require.Nil(t, got[0].Data, c.name)
		default:
			require.Equal(t, datagram, got[0].Data, c.name)
		}
	}
	cut := pcapOf(binary.LittleEndian, pcapMicro, linkRaw, ipv4(request, 0))
	binary.LittleEndian.PutUint32(cut[24+12:], 400)
	require.Contains(t, read(t, cut)[0].Problem, "tcpdump -s 0")
}

func TestBrokenCaptures(t *testing.T) {
	good := pcapOf(binary.LittleEndian, pcapMicro, linkRaw, ipv4(udpOf(1, 1812, datagram), 0))
	better := pcapngOf(binary.LittleEndian, linkRaw, ipv4(udpOf(1, 1812, datagram), 0))
	long := bytes.Clone(good)
	binary.LittleEndian.PutUint32(long[24+8:], 1<<30)
	for name, file := range map[string][]byte{
		"a header cut short": good[:20], "a record cut short": good[:30], "a frame cut short": good[:len(good)-1], "a frame of a gigabyte": long,
		"pcapng cut short": better[:len(better)-5], "pcapng without a section": better[:10],
		"pcapng with a length that is none": append(bytes.Clone(better), 1, 0, 0, 0, 1, 0, 0, 0),
	} {
		require.Error(t, Read(bytes.NewReader(file), func(Packet) error { return nil }), name)
	}
	stop := errors.New("enough")
	require.Equal(t, stop, Read(bytes.NewReader(good), func(Packet) error { return stop }))
}

func TestHexadecimalText(t *testing.T) {
	got := read(t, []byte("# a comment\n\n01 07:00-14\t00\n0x0107\r\nabc\nzz\n0A"))
	require.Equal(t, []Packet{
		{Number: 3, Data: []byte{1, 7, 0, 0x14, 0}}, {Number: 4, Data: []byte{1, 7}},
		{Number: 5, Data: []byte{0xab}, Problem: "half an octet: the number of hexadecimal digits is odd"},
		{Number: 6, Problem: `no hexadecimal text: 'z' at column 1`}, {Number: 7, Data: []byte{10}},
	}, withoutHalf(got))
	require.Empty(t, read(t, nil))
	require.ErrorContains(t, Read(strings.NewReader(strings.Repeat("0", 2*maxLine)), func(Packet) error { return nil }), "longer than any packet")
	require.Len(t, read(t, []byte(hex.EncodeToString(make([]byte, 4096)))), 1)
}

// withoutHalf keeps what a line with a problem holds out of the comparison.
func withoutHalf(all []Packet) []Packet {
	for i := range all {
		if all[i].Problem != "" && all[i].Data == nil && strings.Contains(all[i].Problem, "half") {
			all[i].Data = []byte{0xab}
		}
	}
	return all
}

// tcpdump reads what this test writes: the frames above are real ones.
func TestTcpdumpAgrees(t *testing.T) {
	tcpdump, err := exec.LookPath("tcpdump")
	require.NoError(t, err, "tcpdump is in .ci/peers")
	for name, file := range map[string][]byte{
		"pcap":   pcapOf(binary.LittleEndian, pcapMicro, linkEthernet, ether([]uint16{0x8100}, etherIPv4, ipv4(udpOf(40000, 1812, datagram), 0))),
		"pcapng": pcapngOf(binary.LittleEndian, linkRaw, ipv6(udp, udpOf(40000, 1812, datagram))),
	} {
		cmd := exec.CommandContext(t.Context(), tcpdump, "-nr", "-")
		cmd.Stdin = bytes.NewReader(file)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
		require.Contains(t, string(out), "RADIUS, Access-Request (1), id: 0x07 length: 20", name)
	}
}

// FuzzRead: no file makes it crash, or allocate without bound.
func FuzzRead(f *testing.F) {
	frame := ether([]uint16{0x8100}, etherIPv4, ipv4(udpOf(40000, 1812, datagram), 0))
	f.Add(pcapOf(binary.LittleEndian, pcapMicro, linkEthernet, frame))
	f.Add(pcapngOf(binary.BigEndian, linkEthernet, frame, ether(nil, etherIPv6, ipv6(44, frame))))
	f.Add([]byte("0107 0014\n# x\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		_ = Read(bytes.NewReader(file), func(p Packet) error {
			if p.Problem == "" && len(p.Data) > len(file) {
				t.Fatal("more than there is")
			}
			return nil
		})
	})
}
