package store

import (
	"math"
	"slices"
	"time"

	"tallygate/macwatch"
)

// knownLimit is how many devices are kept at most: 16 octets each, and some room to grow.
const knownLimit = 1 << 24

// knownBuckets is how many parts they are kept in, each searched from end to end: 76
// devices of ten million.
const knownBuckets = 1 << 17

// knownDevices knows every device that has rows, and of those that count without anything
// against them since when, so that neither a new device nor one that was seen long ago
// costs a search in tables of millions, each with pages that are not at hand.
//
// It learns what the tables hold beside the running gateway (see learn.go), so that a
// start does not wait for it; until then everybody may have rows. Like an entry of the
// LRU, what it says of the count holds in one counting epoch of the Location.
type knownDevices struct {
	buckets  [][]knownDevice
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

// find returns the device, nil when it is not known, and its bucket.
func (d *knownDevices) find(k macwatch.DeviceKey) (*knownDevice, *[]knownDevice) {
	if d.buckets == nil {
		return nil, nil
	}
	bucket := &d.buckets[hash(k)%knownBuckets]
	for i := range *bucket {
		if e := &(*bucket)[i]; e.mac == k.MAC && int64(e.location) == k.Location {
			return e, bucket
		}
	}
	return nil, bucket
}

// add must be told of every device that is given a row, before or in the transaction; that
// it comes to nothing does no harm. Nil: there is no room for it.
func (d *knownDevices) add(k macwatch.DeviceKey) *knownDevice {
	e, bucket := d.find(k)
	switch {
	case e != nil:
		return e
	case d.count == knownLimit || k.Location > math.MaxUint32:
		d.full = true
		return nil
	case bucket == nil:
		d.buckets = make([][]knownDevice, knownBuckets)
		bucket = &d.buckets[hash(k)%knownBuckets]
	}
	if len(*bucket) == cap(*bucket) { // append would double it
		*bucket = append(make([]knownDevice, 0, len(*bucket)+max(2, len(*bucket)/8)), *bucket...)
	}
	*bucket = append(*bucket, knownDevice{mac: k.MAC, location: uint32(k.Location)})
	d.count++
	return &(*bucket)[len(*bucket)-1]
}

// may reports false only for a device that has no rows.
func (d *knownDevices) may(k macwatch.DeviceKey) bool {
	if !d.complete || d.full {
		return true
	}
	e, _ := d.find(k)
	return e != nil
}

// counted reports since when a device counts, if its rows say so, with nothing against
// it, and a sighting at event changes none of them.
func (d *knownDevices) counted(k macwatch.DeviceKey, epoch uint32, event time.Time) (first time.Time, ok bool) {
	if d.epochs[k.Location] != epoch {
		return first, false
	}
	e, _ := d.find(k)
	if e == nil || e.first == firstUnknown || e.first == firstDoubted || event.Unix() < int64(e.first) {
		return first, false
	}
	return time.Unix(int64(e.first), 0).UTC(), true
}

// settle notes, after the commit, that the device's rows say that it counts from first on,
// with nothing against it.
func (d *knownDevices) settle(k macwatch.DeviceKey, epoch uint32, first time.Time) {
	if e := d.add(k); e != nil {
		d.begin(k.Location, epoch)
		e.first = secondOf(first)
	}
}

// learnCount is settle for what the tables say, which may be older than a sighting. Of a
// device that was not known before only this row is left: its own was erased or purged, and
// must be written when it comes again.
func (d *knownDevices) learnCount(k macwatch.DeviceKey, epoch uint32, first time.Time) {
	e, _ := d.find(k)
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
	if e, _ := d.find(k); e != nil {
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
		for bucket := range slices.Values(d.buckets) {
			for i := range bucket {
				if e := &bucket[i]; int64(e.location) == location && e.first != firstDoubted {
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
