package capture

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// Link types (www.tcpdump.org/linktypes.html).
const (
	linkNull      = 0
	linkEthernet  = 1
	linkRaw       = 101
	linkRawOld    = 12
	linkLoop      = 108
	linkLinux     = 113 // cooked
	linkIPv4      = 228
	linkIPv6      = 229
	linkLinuxSLL2 = 276
)

const (
	etherIPv4 = 0x0800
	etherIPv6 = 0x86dd
	udp       = 17
)

// deliver hands over a frame's UDP datagram, if it holds one that can be RADIUS. What is
// something else is passed over in silence: a capture holds a lot.
func deliver(number int, link uint32, frame []byte, cut bool, at time.Time, each func(Packet) error) error {
	p := Packet{Number: number, At: at}
	if !p.take(network(link, frame)) {
		return nil
	}
	if p.Problem == "" && cut {
		p.Data, p.Problem = nil, "cut short by the capture: capture with tcpdump -s 0"
	}
	return each(p)
}

// network is the IP packet in a frame; nil when it holds none.
func network(link uint32, frame []byte) []byte {
	switch link {
	case linkRaw, linkRawOld, linkIPv4, linkIPv6:
		return frame
	case linkNull, linkLoop:
		return from(frame, 4)
	case linkEthernet:
		return tagged(frame, 12)
	case linkLinux:
		return tagged(frame, 14)
	case linkLinuxSLL2:
		if len(frame) < 20 || !isIP(binary.BigEndian.Uint16(frame)) {
			return nil
		}
		return frame[20:]
	}
	return nil
}

// tagged steps over the type at an offset, and over any VLAN tags before it.
func tagged(frame []byte, at int) []byte {
	for len(frame) >= at+2 {
		kind := binary.BigEndian.Uint16(frame[at:])
		at += 2
		switch kind {
		case 0x8100, 0x88a8, 0x9100:
			at += 2
		default:
			if !isIP(kind) {
				return nil
			}
			return from(frame, at)
		}
	}
	return nil
}

func isIP(kind uint16) bool { return kind == etherIPv4 || kind == etherIPv6 }

func from(b []byte, at int) []byte {
	if at > len(b) {
		return nil
	}
	return b[at:]
}

// take fills in the datagram of an IP packet; false when it is none of interest.
func (p *Packet) take(ip []byte) bool {
	if len(ip) < 20 {
		return false
	}
	switch ip[0] >> 4 {
	case 4:
		return p.takeIPv4(ip)
	case 6:
		return p.takeIPv6(ip)
	}
	return false
}

func (p *Packet) takeIPv4(ip []byte) bool {
	head, total := int(ip[0]&15)*4, int(binary.BigEndian.Uint16(ip[2:]))
	if ip[9] != udp || head < 20 || len(ip) < head {
		return false
	}
	source, _ := netip.AddrFromSlice(ip[12:16])
	target, _ := netip.AddrFromSlice(ip[16:20])
	fragment := binary.BigEndian.Uint16(ip[6:])
	if total >= head && total < len(ip) {
		ip = ip[:total] // the rest pads the frame
	}
	return p.takeUDP(ip[head:], source, target, fragment&0x1fff != 0, fragment&0x2000 != 0)
}

func (p *Packet) takeIPv6(ip []byte) bool {
	if len(ip) < 40 {
		return false
	}
	source, _ := netip.AddrFromSlice(ip[8:24])
	target, _ := netip.AddrFromSlice(ip[24:40])
	next, rest := ip[6], ip[40:]
	if n := int(binary.BigEndian.Uint16(ip[4:])); n > 0 && n < len(rest) {
		rest = rest[:n]
	}
	later, more := false, false
	for next != udp {
		if len(rest) < 8 {
			return false
		}
		switch next {
		case 0, 43, 60: // hop by hop, routing, destination
			n := int(rest[1])*8 + 8
			next, rest = rest[0], from(rest, n)
		case 44: // fragment
			offset := binary.BigEndian.Uint16(rest[2:])
			later, more = offset&^7 != 0, offset&1 != 0
			next, rest = rest[0], rest[8:]
		default:
			return false
		}
	}
	return p.takeUDP(rest, source, target, later, more)
}

// takeUDP takes the datagram out of its header. Fragments are not put together: a later
// one has no ports to tell what it is of, so only the first is reported.
func (p *Packet) takeUDP(b []byte, source, target netip.Addr, later, more bool) bool {
	if later || len(b) < 8 {
		return false
	}
	ports := [2]uint16{binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])}
	size := int(binary.BigEndian.Uint16(b[4:]))
	payload := b[8:]
	if !radius(ports, payload) {
		return false
	}
	p.From, p.To = netip.AddrPortFrom(source, ports[0]), netip.AddrPortFrom(target, ports[1])
	switch {
	case more:
		p.Problem = "the first fragment of a datagram: fragments are not put together"
		return true
	case size >= 8 && size-8 < len(payload):
		payload = payload[:size-8]
	}
	p.Data = payload
	return true
}

// radius reports whether a datagram can be RADIUS: by its ports, or, since many serve it
// elsewhere, by a header that fits.
func radius(ports [2]uint16, b []byte) bool {
	for _, port := range ports {
		switch port {
		case 1812, 1813, 1645, 1646, 3799, 1700:
			return true
		}
	}
	if len(b) < 20 {
		return false
	}
	known := b[0] >= 1 && b[0] <= 5 || b[0] >= 11 && b[0] <= 13 || b[0] >= 40 && b[0] <= 45
	return known && int(binary.BigEndian.Uint16(b[2:])) == len(b)
}
