package store

import (
	"encoding/binary"

	"tallygate/macwatch"
)

// packed is a session whose row holds all, as it is kept until its next record, some
// minutes later as a rule: an image takes a third of the memory, and the collector finds
// nothing in it to follow.
type packed string

// pack makes one. b is memory for the work; it is returned to be used again.
func pack(b []byte, s *macwatch.Session) (packed, []byte) {
	b = binary.AppendUvarint(b[:0], uint64(s.Address)) // an image has none: it would stand on the disk
	b = appendImage(b, s)
	return packed(b), b
}

// row is the id of the session's row.
func (p packed) row() int64 {
	r := p.reader()
	r.take(len(macwatch.Ident{}))
	return r.number()
}

// session is the session, in the memory of one that nobody uses any more.
func (p packed) session(s *macwatch.Session, names *macwatch.Names) (*macwatch.Session, error) {
	r := p.reader()
	address, _ := binary.Uvarint([]byte(p[:min(len(p), binary.MaxVarintLen64)]))
	s, _, err := readImageInto(s, names, imageVersion, r.b)
	if err == nil {
		s.Address = macwatch.MAC(address)
	}
	return s, wrap("read a session in memory", err)
}

// reader stands at the image.
func (p packed) reader() imageReader {
	b := []byte(p)
	_, size := binary.Uvarint(b)
	return imageReader{b: b[max(size, 0):]}
}
