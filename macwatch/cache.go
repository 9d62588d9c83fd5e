package macwatch

import (
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// Cache remembers which devices are counted already, so that a sighting of one of
// them need not touch the store. It is only ever a shortcut: an entry speaks for
// one counting epoch of its Location and for sightings not earlier than the stored
// first one; everything else goes to the store. Safe for use by several goroutines.
type Cache struct {
	entries *lru.Cache[DeviceKey, cached]
}

// DeviceKey names a device at a Location.
type DeviceKey struct {
	Location int64
	MAC      MAC
}

type cached struct {
	epoch uint32
	first int64 // microseconds: the earliest counted sighting that the store has
}

// NewCache holds up to capacity devices, at least 1.
func NewCache(capacity int) *Cache {
	entries, err := lru.New[DeviceKey, cached](max(capacity, 1))
	if err != nil {
		panic(err) // only for a capacity below 1
	}
	return &Cache{entries}
}

// Counted reports whether a sighting at event adds nothing to what the store has.
func (c *Cache) Counted(key DeviceKey, epoch uint32, event time.Time) bool {
	e, ok := c.entries.Get(key)
	return ok && e.epoch == epoch && event.UnixMicro() >= e.first
}

// Add remembers, after the commit, that the device is counted from first on.
func (c *Cache) Add(key DeviceKey, epoch uint32, first time.Time) {
	c.entries.Add(key, cached{epoch, first.UnixMicro()})
}

// Len is the number of devices remembered.
func (c *Cache) Len() int { return c.entries.Len() }
