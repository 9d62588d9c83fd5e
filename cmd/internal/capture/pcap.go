package capture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

// maxFrame bounds a frame: what claims to be longer is no capture.
const maxFrame = 1 << 18

// pcapOrder is the order of octets that the first four of a pcap file tell; nil when
// it is none.
func pcapOrder(magic []byte) binary.ByteOrder {
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		if m := order.Uint32(magic); m == pcapMicro || m == pcapNano {
			return order
		}
	}
	return nil
}

const (
	pcapMicro = 0xa1b2c3d4
	pcapNano  = 0xa1b23c4d
)

var errShort = errors.New("the capture ends in the middle of a frame")

// readPcap reads the format of libpcap (draft-ietf-opsawg-pcap).
func readPcap(in io.Reader, each func(Packet) error) error {
	var head [24]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return errShort
	}
	order := pcapOrder(head[:])
	fraction := time.Microsecond
	if order.Uint32(head[:]) == pcapNano {
		fraction = time.Nanosecond
	}
	link := order.Uint32(head[20:]) & 0xffff
	for number := 1; ; number++ {
		var record [16]byte
		if _, err := io.ReadFull(in, record[:]); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return errShort
		}
		size, whole := order.Uint32(record[8:]), order.Uint32(record[12:])
		if size > maxFrame {
			return fmt.Errorf("frame %d claims %d octets", number, size)
		}
		frame := make([]byte, size)
		if _, err := io.ReadFull(in, frame); err != nil {
			return errShort
		}
		at := time.Unix(int64(order.Uint32(record[0:])), int64(order.Uint32(record[4:]))*int64(fraction)).UTC()
		if err := deliver(number, link, frame, whole > size, at, each); err != nil {
			return err
		}
	}
}

// pcapngMagic begins a section header block.
var pcapngMagic = []byte{0x0a, 0x0d, 0x0d, 0x0a}

// Types of pcapng blocks (draft-ietf-opsawg-pcapng).
const (
	blockSection   = 0x0a0d0d0a
	blockInterface = 1
	blockSimple    = 3
	blockEnhanced  = 6
)

// port is one interface of a capture.
type port struct {
	link uint32
	unit time.Duration // of timestamps; 0: finer than a nanosecond, which is left out
}

func readPcapng(in io.Reader, each func(Packet) error) error {
	var order binary.ByteOrder = binary.LittleEndian
	var ports []port
	number := 0
	for {
		var head [8]byte
		if _, err := io.ReadFull(in, head[:]); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return errShort
		}
		if bytes.Equal(head[:4], pcapngMagic) {
			// The order of octets is told by the next word, before the length can be read.
			var mark [4]byte
			if _, err := io.ReadFull(in, mark[:]); err != nil {
				return errShort
			}
			switch uint32(0x1a2b3c4d) {
			case binary.LittleEndian.Uint32(mark[:]):
				order = binary.LittleEndian
			case binary.BigEndian.Uint32(mark[:]):
				order = binary.BigEndian
			default:
				return errors.New("the section header of the capture is broken")
			}
			ports = nil
			if err := skip(in, order.Uint32(head[4:]), 12); err != nil {
				return err
			}
			continue
		}
		length := order.Uint32(head[4:])
		if length < 12 || length > maxFrame || length%4 != 0 {
			return fmt.Errorf("a block of the capture claims %d octets", length)
		}
		body := make([]byte, length-8)
		if _, err := io.ReadFull(in, body); err != nil {
			return errShort
		}
		body = body[:len(body)-4] // the length again
		switch order.Uint32(head[:]) {
		case blockInterface:
			if len(body) < 8 {
				return errShort
			}
			ports = append(ports, port{uint32(order.Uint16(body)), timeUnit(order, body[8:])})
		case blockEnhanced:
			number++
			if err := readEnhanced(number, order, ports, body, each); err != nil {
				return err
			}
		case blockSimple:
			number++
			if len(body) < 4 || len(ports) == 0 {
				return errShort
			}
			whole, frame := order.Uint32(body), body[4:]
			if int64(whole) < int64(len(frame)) {
				frame = frame[:whole]
			}
			if err := deliver(number, ports[0].link, frame, int64(whole) > int64(len(frame)), time.Time{}, each); err != nil {
				return err
			}
		}
	}
}

func readEnhanced(number int, order binary.ByteOrder, ports []port, body []byte, each func(Packet) error) error {
	if len(body) < 20 {
		return errShort
	}
	i, size, whole := order.Uint32(body), order.Uint32(body[12:]), order.Uint32(body[16:])
	if int64(i) >= int64(len(ports)) || int64(size) > int64(len(body)-20) {
		return fmt.Errorf("frame %d of the capture is broken", number)
	}
	at := time.Time{}
	if unit := ports[i].unit; unit > 0 {
		ticks := uint64(order.Uint32(body[4:]))<<32 | uint64(order.Uint32(body[8:]))
		perSecond := uint64(time.Second / unit)
		at = time.Unix(int64(ticks/perSecond), int64(ticks%perSecond)*int64(unit)).UTC()
	}
	return deliver(number, ports[i].link, body[20:20+size], whole > size, at, each)
}

// timeUnit reads the option that says how fine timestamps are (if_tsresol).
func timeUnit(order binary.ByteOrder, options []byte) time.Duration {
	for len(options) >= 4 {
		code, n := order.Uint16(options), int(order.Uint16(options[2:]))
		if code == 0 || len(options) < 4+n {
			break
		}
		if code == 9 && n == 1 {
			unit := time.Second
			for range options[4] {
				unit /= 10
			}
			if options[4]&0x80 != 0 {
				unit = 0 // a power of two: nobody's captures here
			}
			return unit
		}
		options = options[min(4+(n+3)&^3, len(options)):]
	}
	return time.Microsecond
}

func skip(in io.Reader, length, read uint32) error {
	if length < 28 || length > maxFrame {
		return fmt.Errorf("a section header of the capture claims %d octets", length)
	}
	if _, err := io.CopyN(io.Discard, in, int64(length-read)); err != nil {
		return errShort
	}
	return nil
}
