// Package capture reads RADIUS packets out of files: hexadecimal text, one packet a line,
// and the captures of tcpdump and Wireshark (pcap, pcapng).
package capture

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/netip"
	"time"
)

// Packet is one datagram, or what stands in a file in the place of one.
type Packet struct {
	Number   int // of the line, or of the frame in the capture; from 1
	Data     []byte
	From, To netip.AddrPort // the zero value in hexadecimal text
	At       time.Time      // zero there as well
	// Problem says why there is no datagram here: no hexadecimal text, a fragment.
	Problem string
}

// maxLine is the longest line of hexadecimal text: a packet of 4096 octets, with room
// for separators, and no end to what an attacker writes.
const maxLine = 1 << 16

// Read hands the packets of a file over, in order. The error is that of a file that is
// no capture or ends in the middle of one, of reading, or of each.
func Read(r io.Reader, each func(Packet) error) error {
	in := bufio.NewReaderSize(r, maxLine)
	magic, err := in.Peek(4)
	if err != nil && len(magic) < 4 {
		return readHex(in, each)
	}
	switch {
	case bytes.Equal(magic, pcapngMagic):
		return readPcapng(in, each)
	case pcapOrder(magic) != nil:
		return readPcap(in, each)
	}
	return readHex(in, each)
}

// readHex reads text: blank lines and those that begin with # are passed over; white
// space, colons and dashes between the digits, and 0x before them, do not matter.
func readHex(in *bufio.Reader, each func(Packet) error) error {
	for number := 1; ; number++ {
		line, err := in.ReadSlice('\n')
		if err == bufio.ErrBufferFull { //nolint:errorlint // documented to come as it is
			return fmt.Errorf("line %d is longer than any packet", number)
		}
		if text := bytes.TrimSpace(line); len(text) > 0 && text[0] != '#' {
			p := Packet{Number: number}
			p.Data, p.Problem = decodeHex(text)
			if failed := each(p); failed != nil {
				return failed
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func decodeHex(text []byte) (data []byte, problem string) {
	text = bytes.TrimPrefix(text, []byte("0x"))
	high, half := byte(0), false
	for i, c := range text {
		var d byte
		switch {
		case c >= '0' && c <= '9':
			d = c - '0'
		case c >= 'a' && c <= 'f':
			d = c - 'a' + 10
		case c >= 'A' && c <= 'F':
			d = c - 'A' + 10
		case c == ' ' || c == '\t' || c == ':' || c == '-':
			continue
		default:
			return nil, fmt.Sprintf("no hexadecimal text: %q at column %d", c, i+1)
		}
		if half {
			data = append(data, high<<4|d)
		}
		high, half = d, !half
	}
	if half {
		return nil, "half an octet: the number of hexadecimal digits is odd"
	}
	return data, ""
}
