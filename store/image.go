package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net/netip"
	"time"

	"tallygate/macwatch"
)

// imageVersion is the first octet of a journal row: who reads it must know the form.
// Version 1 had no Origin, version 2 no HeardAt and Gap.
const imageVersion = 3

// errImage: a journal row is not what this program writes.
var errImage = errors.New("a journal row is not readable")

// appendImage appends a session as it stands, for the journal.
func appendImage(b []byte, s *macwatch.Session) []byte {
	b = append(b, s.Ident[:]...)
	for _, n := range []int64{
		s.ID, int64(s.Leg), s.Prior, s.Location, s.Client, int64(s.MAC), int64(s.CalledMAC), int64(s.FramedIP),
		instantOf(s.StartedAt), instantOf(s.UpdatedAt), instantOf(s.EndedAt), int64(s.TerminateCause),
		octets(s.Input), octets(s.Output), int64(s.InputPackets), int64(s.OutputPackets), int64(s.SessionTime), int64(s.Records),
		flag(s.Begun) | flag(s.Stopped)<<1 | flag(s.Lab)<<2 | flag(s.Gigawords)<<3 | flag(len(s.Sealed) > 0)<<4,
	} {
		b = binary.AppendVarint(b, n)
	}
	for _, t := range []string{s.NAS, s.SessionID, s.AP, s.SSID, s.Room, s.UserName, s.Calling, s.Called, string(s.Class)} {
		b = binary.AppendUvarint(b, uint64(len(t)))
		b = append(b, t...)
	}
	b = binary.AppendUvarint(b, uint64(len(s.Keys)))
	for _, k := range s.Keys {
		b = binary.BigEndian.AppendUint64(b, k)
	}
	b = appendOrigin(b, &s.Origin)
	b = binary.AppendVarint(b, instantOf(s.HeardAt))
	b = binary.AppendVarint(b, int64(s.Gap))
	if len(s.Sealed) > 0 {
		b = append(binary.AppendUvarint(b, uint64(len(s.Sealed))), s.Sealed...)
	}
	return b
}

// appendOrigin appends an Origin; one that says nothing takes six octets.
func appendOrigin(b []byte, o *macwatch.Origin) []byte {
	for _, a := range []netip.Addr{o.Source, o.NASAddress} {
		octets := a.AsSlice()
		b = append(binary.AppendUvarint(b, uint64(len(octets))), octets...)
	}
	b = binary.AppendUvarint(b, uint64(o.NASPort))
	b = append(binary.AppendUvarint(b, uint64(len(o.MultiID))), o.MultiID...)
	b = append(binary.AppendUvarint(b, uint64(len(o.AuditID))), o.AuditID...)
	return append(binary.AppendUvarint(b, uint64(len(o.Vendor))), o.Vendor...)
}

// readImage reads what appendImage of the same or of an earlier version wrote, and
// returns what follows it.
func readImage(version byte, b []byte) (*macwatch.Session, []byte, error) {
	return readImageInto(&macwatch.Session{}, new(macwatch.Names), version, b)
}

// readImageInto is readImage into a session that nobody uses any more, with the texts that
// others have, too.
func readImageInto(s *macwatch.Session, names *macwatch.Names, version byte, b []byte) (*macwatch.Session, []byte, error) {
	r := imageReader{b: b}
	common := func() string { return names.Of(r.take(r.length())) }
	*s = macwatch.Session{Keys: s.Keys[:0]}
	copy(s.Ident[:], r.take(len(s.Ident)))
	s.ID, s.Leg, s.Prior, s.Location, s.Client = r.number(), int(r.number()), r.number(), r.number(), r.number()
	s.MAC, s.CalledMAC, s.FramedIP = macwatch.MAC(r.number()), macwatch.MAC(r.number()), uint32(r.number())
	s.StartedAt, s.UpdatedAt, s.EndedAt = r.instant(), r.instant(), r.instant()
	s.TerminateCause, s.Input, s.Output = uint32(r.number()), uint64(r.number()), uint64(r.number())
	s.InputPackets, s.OutputPackets, s.SessionTime = uint32(r.number()), uint32(r.number()), uint32(r.number())
	s.Records = int(r.number())
	flags := r.number()
	s.Begun, s.Stopped, s.Lab, s.Gigawords = flags&1 != 0, flags&2 != 0, flags&4 != 0, flags&8 != 0
	s.NAS, s.SessionID, s.AP, s.SSID, s.Room = common(), r.text(), common(), common(), common()
	s.UserName, s.Calling, s.Called, s.Class = r.text(), r.text(), common(), []byte(r.text())
	for n := r.length(); n > 0 && !r.bad; n-- {
		if k := r.take(8); len(k) == 8 {
			s.Keys = append(s.Keys, binary.BigEndian.Uint64(k))
		}
	}
	if version >= 2 {
		s.Origin = r.origin()
	}
	if version >= 3 {
		s.HeardAt, s.Gap = r.instant(), uint32(r.number())
	}
	if flags&16 != 0 {
		s.Sealed = bytes.Clone(r.take(r.length()))
	}
	if r.bad {
		return nil, nil, errImage
	}
	return s, r.b, nil
}

// readOrigin reads the Origin of a row; rows of before there was one hold nothing.
func readOrigin(b []byte) macwatch.Origin {
	if len(b) == 0 {
		return macwatch.Origin{}
	}
	r := imageReader{b: b}
	return r.origin()
}

func (r *imageReader) origin() (o macwatch.Origin) {
	o.Source, o.NASAddress = r.address(), r.address()
	port, size := binary.Uvarint(r.b)
	if r.bad = r.bad || size <= 0; r.bad {
		return o
	}
	r.b, o.NASPort = r.b[size:], uint32(port)
	o.MultiID, o.AuditID = bytes.Clone(r.take(r.length())), bytes.Clone(r.take(r.length()))
	o.Vendor = macwatch.Vendor(r.text())
	return o
}

// address is the zero one where none was written.
func (r *imageReader) address() netip.Addr {
	a, _ := netip.AddrFromSlice(r.take(r.length()))
	return a
}

// imageReader reads field by field; after the first one that does not fit, bad is
// set and everything is zero.
type imageReader struct {
	b   []byte
	bad bool
}

func (r *imageReader) take(n int) []byte {
	if r.bad || n > len(r.b) {
		r.bad = true
		return nil
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *imageReader) number() int64 {
	n, size := binary.Varint(r.b)
	if r.bad || size <= 0 {
		r.bad = true
		return 0
	}
	r.b = r.b[size:]
	return n
}

func (r *imageReader) length() int {
	n, size := binary.Uvarint(r.b)
	if r.bad || size <= 0 || n > uint64(len(r.b)) {
		r.bad = true
		return 0
	}
	r.b = r.b[size:]
	return int(n)
}

func (r *imageReader) text() string { return string(r.take(r.length())) }

func (r *imageReader) instant() time.Time {
	if us := r.number(); us != 0 {
		return fromMicros(us)
	}
	return time.Time{}
}

// instantOf is 0 for the zero time; no session began in 1970.
func instantOf(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return micros(t)
}

// appendNewcomer appends a device's state, for the device journal.
func appendNewcomer(b []byte, c *newcomer) []byte {
	for _, n := range []int64{
		c.key.Location, int64(c.key.MAC), instantOf(c.first), instantOf(c.last),
		c.license, instantOf(c.countedFirst), instantOf(c.countedLast),
	} {
		b = binary.AppendVarint(b, n)
	}
	for _, t := range []string{c.reason, c.ap, c.session} {
		b = binary.AppendUvarint(b, uint64(len(t)))
		b = append(b, t...)
	}
	return b
}

// readNewcomer reads what appendNewcomer wrote, and returns what follows it.
func readNewcomer(b []byte) (*newcomer, []byte, error) {
	r := imageReader{b: b}
	c := &newcomer{key: macwatch.DeviceKey{Location: r.number(), MAC: macwatch.MAC(r.number())}}
	c.first, c.last = r.instant(), r.instant()
	c.license, c.countedFirst, c.countedLast = r.number(), r.instant(), r.instant()
	c.reason, c.ap, c.session = r.text(), r.text(), r.text()
	if r.bad {
		return nil, nil, errImage
	}
	return c, r.b, nil
}
