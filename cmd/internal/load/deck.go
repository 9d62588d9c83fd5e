package load

// deck holds the requests of one workload: so many written in advance, so that the run
// only has to send them, and any further one when its turn comes. Without pointers, so
// that a collector has nothing to look at.
type deck struct {
	encoder *encoder
	octets  []byte
	ends    []uint32 // of octets
	stamp   uint32   // the encoder's, when they were written
}

// roughLength is what a request takes, and some more.
const roughLength = 192

func newDeck(e *encoder, prepared int) *deck {
	d := &deck{encoder: e, octets: make([]byte, 0, prepared*roughLength), ends: make([]uint32, 0, prepared), stamp: e.stamp}
	for i := range uint64(prepared) {
		d.octets = e.encode(d.octets, i, d.preferred(i))
		d.ends = append(d.ends, uint32(len(d.octets)))
	}
	return d
}

// preferred is the Identifier that request i was written for. Each port begins anew
// after 256 requests.
func (d *deck) preferred(i uint64) byte { return byte(i / d.encoder.ports) }

// prepared is the i-th request, if it was written in advance and for this Identifier.
func (d *deck) prepared(i uint64, id byte) ([]byte, bool) {
	if i >= uint64(len(d.ends)) || id != d.preferred(i) {
		return nil, false
	}
	begin := uint32(0)
	if i > 0 {
		begin = d.ends[i-1]
	}
	return d.octets[begin:d.ends[i]:d.ends[i]], true
}

// write writes the i-th request under another Identifier, or one that was not written in
// advance. Where others of its session were, it goes by their clock: no NAS reports a Stop
// and then, of a later time, the Start.
func (d *deck) write(dst []byte, i uint64, id byte) []byte {
	now := d.encoder.stamp
	if i < uint64(len(d.ends)) {
		d.encoder.stamp = d.stamp
	}
	dst = d.encoder.encode(dst, i, id)
	d.encoder.stamp = now
	return dst
}
