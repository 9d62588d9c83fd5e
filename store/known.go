package store

import (
	"math"
	"math/bits"
	"slices"
	"time"

	"tallygate/macwatch"
)

// knownLimit is how many devices are kept at most: 16 octets each, and some room to grow.
const knownLimit = 1 << 24

// knownBuckets is how many tables they are kept in, each grown by itself, so that no answer
// waits for all of them to move: 76 devices of ten million.
const knownBuckets = 1 << 17

// knownDevices knows every device that has rows, and of those that count without anything
// against them since when, so that neither a new device nor one that was seen long ago
// costs a search in tables of millions, each with pages that are not at hand.
//
// It learns what the tables hold beside the running gateway (see learn.go), so that a
// start does not wait for it; until then everybody may have rows. Like an entry of the
// LRU, what it says of the count holds in one counting epoch of the Location.
type knownDevices struct {
	buckets  []knownBucket
	epochs   map[int64]uint32 // by Location: the epoch that first is about
	count    int
	full     bool // there are more than knownLimit: who is not here may have rows all the same
	complete bool // all have been learned
	forgot   bool // counts have been forgotten since they were learned
}

// knownDevice is 16 octets.
type knownDevice struct {
	mac      macwatch.MAC
	location uint32
	first    uint32 // of its counted sightings, in seconds since 1970, rounded up; or one of those below
}

const (
	firstUnknown = 0
	firstDoubted = math.MaxUint32 // something stands against it: to be learned from nothing but a sighting
)

// hash spreads a device's key over 64 bits (the finalizer of SplitMix64).
func hash(k macwatch.DeviceKey) uint64 {
	h := uint64(k.Location)<<48 ^ uint64(k.MAC)
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

// knownBucket is a hash table with open addressing: its capacity is its places, in no order,
// and its length how many of them are taken. Most searches touch one cache line of it.
type knownBucket []knownDevice

// place is the device's, or the free one that it would take; nil when there are none at all.
func (b knownBucket) place(k macwatch.DeviceKey, h uint64) *knownDevice {
	places := b[:cap(b)]
	if len(places) == 0 {
		return nil
	}
	// The lower bits of the hash have chosen the bucket.
	hi, _ := bits.Mul64(h, uint64(len(places)))
	for i := int(hi); ; {
		e := &places[i]
		if e.free() || e.mac == k.MAC && int64(e.location) == k.Location {
			return e
		}
		if i++; i == len(places) {
			i = 0
		}
	}
}

// grown is the bucket with room for one more, an eighth of its places free at least.
func (b knownBucket) grown() knownBucket {
	n := len(b)
	if (n+1)*8 <= cap(b)*7 {
		return b[:n+1]
	}
	larger := slices.Grow(knownBucket(nil), n+n/4+2)[:n+1] // append would double it
	clear(larger[:cap(larger)])
	for _, e := range b[:cap(b)] {
		if !e.free() {
			k := e.key()
			*larger.place(k, hash(k)) = e
		}
	}
	return larger
}

func (e *knownDevice) free() bool { return e.location == 0 } // Locations begin with 1

func (e *knownDevice) key() macwatch.DeviceKey {
	return macwatch.DeviceKey{Location: int64(e.location), MAC: e.mac}
}

// find returns the device; nil when it is not known.
func (d *knownDevices) find(k macwatch.DeviceKey) *knownDevice {
	if d.buckets == nil {
		return nil
	}
	h := hash(k)
	e := d.buckets[h%knownBuckets].place(k, h)
	if e == nil || e.free() {
		return nil
	}
	return e
}

// add must be told of every device that is given a row, before or in the transaction; that
// it comes to nothing does no harm. Nil: there is no room for it.
func (d *knownDevices) add(k macwatch.DeviceKey) *knownDevice {
	if e := d.find(k); e != nil {
		return e
	}
	if d.count == knownLimit || k.Location > math.MaxUint32 {
		d.full = true
		return nil
	}
	if d.buckets == nil {
		d.buckets = make([]knownBucket, knownBuckets)
	}
	h := hash(k)
	bucket := &d.buckets[h%knownBuckets]
	*bucket = bucket.grown()
	e := bucket.place(k, h)
	*e = knownDevice{mac: k.MAC, location: uint32(k.Location)}
	d.count++
	return e
}

// may reports false only for a device that has no rows.
func (d *knownDevices) may(k macwatch.DeviceKey) bool {
	if !d.complete || d.full {
		return true
	}
	return d.find(k) != nil
}

// counted reports since when a device counts, if its rows say so, with nothing against
// it, and a sighting at event changes none of them.
func (d *knownDevices) counted(k macwatch.DeviceKey, epoch uint32, event time.Time) (first time.Time, ok bool) {
	if d.epochs[k.Location] != epoch {
		return first, false
	}
	e := d.find(k)
	if e == nil || e.first == firstUnknown || e.first == firstDoubted || event.Unix() < int64(e.first) {
		return first, false
	}
	return time.Unix(int64(e.first), 0).UTC(), true
}

// settle notes, after the commit, that the device's rows say that it counts from first on,
// with nothing against it; false when there is no room for it.
func (d *knownDevices) settle(k macwatch.DeviceKey, epoch uint32, first time.Time) bool {
	e := d.add(k)
	if e == nil {
		return false
	}
	d.begin(k.Location, epoch)
	e.first = secondOf(first)
	return true
}

// learnCount is settle for what the tables say, which may be older than a sighting. Of a
// device that was not known before only this row is left: its own was erased or purged, and
// must be written when it comes again.
func (d *knownDevices) learnCount(k macwatch.DeviceKey, epoch uint32, first time.Time) {
	e := d.find(k)
	if e == nil {
		d.doubt(k)
		return
	}
	d.begin(k.Location, epoch)
	if e.first == firstUnknown {
		e.first = secondOf(first)
	}
}

// doubt notes that something stands against a device, or will when the transaction stands.
func (d *knownDevices) doubt(k macwatch.DeviceKey) {
	if e := d.add(k); e != nil {
		e.first = firstDoubted
	}
}

// forget notes that a device's row is gone. Its count may have been read before that, and
// must not be learned after it.
func (d *knownDevices) forget(k macwatch.DeviceKey) {
	if e := d.find(k); e != nil {
		e.first = firstDoubted
	}
}

// begin forgets what was known of a Location's count, if it is about another epoch: an
// operator's change begins one, and may bear on any device. At ten million devices this
// takes some 20 ms, once for each change. What is forgotten is learned again when the
// operator is done (see learn.go).
func (d *knownDevices) begin(location int64, epoch uint32) {
	if d.epochs[location] == epoch {
		return
	}
	if d.epochs == nil {
		d.epochs = map[int64]uint32{}
	}
	if _, other := d.epochs[location]; other {
		d.forgot = true
		for _, bucket := range d.buckets {
			places := bucket[:cap(bucket)]
			for i := range places {
				if e := &places[i]; int64(e.location) == location && e.first != firstDoubted {
					e.first = firstUnknown
				}
			}
		}
	}
	d.epochs[location] = epoch
}

// secondOf is the second from which on nothing is earlier than t.
func secondOf(t time.Time) uint32 {
	second := t.Unix()
	if t.Nanosecond() > 0 {
		second++
	}
	return uint32(min(max(second, firstUnknown+1), firstDoubted-1))
}
