package macwatch

import (
	"math"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// Cache remembers which devices are counted already, so that a sighting of one of
// them need not touch the store. It is only ever a shortcut: an entry speaks for
// one counting epoch of its Location and for sightings not earlier than the stored
// first one; everything else goes to the store. Safe for use by several goroutines.
type Cache struct {
	entries *lru.Cache[uint64, cached]
}

// DeviceKey names a device at a Location.
type DeviceKey struct {
	Location int64
	MAC      MAC
}

// cached is an entry in one word, since a million of them are kept: the counting epoch,
// and the earliest counted sighting that the store has, in seconds since 1970, rounded up.
type cached uint64

func pack(epoch uint32, first time.Time) cached {
	second := first.Unix()
	if first.Nanosecond() > 0 {
		second++
	}
	return cached(epoch)<<32 | cached(uint32(min(max(second, 0), math.MaxUint32)))
}

// word is the key in one word; false when it has no room, and is not cached then. A
// pseudonym fills the word; two of different Locations meet in one no sooner than two of
// the same do.
func (k DeviceKey) word() (uint64, bool) {
	return uint64(k.Location)<<48 ^ uint64(k.MAC), k.Location >= 0 && k.Location < 1<<16
}

// NewCache holds up to capacity devices, at least 1.
func NewCache(capacity int) *Cache {
	entries, err := lru.New[uint64, cached](max(capacity, 1))
	if err != nil {
		panic(err) // only for a capacity below 1
	}
	return &Cache{entries}
}

// Counted reports whether a sighting at event adds nothing to what the store has.
func (c *Cache) Counted(key DeviceKey, epoch uint32, event time.Time) bool {
	word, ok := key.word()
	if !ok {
		return false
	}
	e, ok := c.entries.Get(word)
	return ok && uint32(e>>32) == epoch && event.Unix() >= int64(uint32(e))
}

// Add remembers, after the commit, that the device is counted from first on.
func (c *Cache) Add(key DeviceKey, epoch uint32, first time.Time) {
	if word, ok := key.word(); ok {
		c.entries.Add(word, pack(epoch, first))
	}
}

// Forget drops a device whose row is gone.
func (c *Cache) Forget(key DeviceKey) {
	if word, ok := key.word(); ok {
		c.entries.Remove(word)
	}
}

// Len is the number of devices remembered.
func (c *Cache) Len() int { return c.entries.Len() }
