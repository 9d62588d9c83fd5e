package macwatch

import (
	"sync/atomic"
	"time"
)

// DefaultSilentAfter is how long an AP or room that holds a slot may be unseen before
// lists call it silent.
const DefaultSilentAfter = 24 * time.Hour

// SlotState is how an AP or room stands, for lists.
type SlotState string

const (
	SlotHolds      SlotState = "holds-slot"
	SlotSilent     SlotState = "silent"     // holds a slot, and has not been seen for long
	SlotReleased   SlotState = "released"   // given up: for ReleaseDelay nobody else gets it
	SlotRefused    SlotState = "refused"    // holds none within the limit, and a guest was refused for it
	SlotUnassigned SlotState = "unassigned" // seen, holds no slot and is no alias of one that does
)

// Unassigned reports whether it stands for something on the air that holds no slot.
func (s SlotState) Unassigned() bool { return s == SlotUnassigned || s == SlotRefused }

// stateAt is the state of a slot with its list fields filled in.
func (s *Slot) stateAt(now time.Time, silentAfter time.Duration) SlotState {
	holds := s.Holds(now)
	switch {
	case holds && !s.ReleasedAt.IsZero():
		return SlotReleased
	case holds && !s.Admitted:
		return SlotRefused
	case holds && now.Sub(s.Latest()) >= silentAfter:
		return SlotSilent
	case holds:
		return SlotHolds
	case s.RefusedAt.After(s.ClaimedAt):
		return SlotRefused
	}
	return SlotUnassigned
}

// Latest is when it was last seen, by LastSeen of a list; for one that never was, when it
// was given its slot.
func (s *Slot) Latest() time.Time {
	if s.LastSeen.After(s.ClaimedAt) {
		return s.LastSeen
	}
	return s.ClaimedAt
}

// lastSeen is the one thing in a Roster that changes: when a slot was last seen. A new
// Roster for each packet would cost more than the packet; so this is shared by all that
// hold the slot, and written down late.
type lastSeen struct {
	seen, refused atomic.Int64 // microseconds since 1970; 0: never
	saved         int64        // of seen; touched by the writer of the store only
}

// seenGrain is how exact it is. Within it no packet writes to memory that others read.
const seenGrain = int64(time.Second / time.Microsecond)

func newLastSeen(seen, refused time.Time) *lastSeen {
	l := &lastSeen{}
	l.seen.Store(microseconds(seen))
	l.refused.Store(microseconds(refused))
	l.saved = l.seen.Load()
	return l
}

func microseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// times are what lists show. What lies after now was noted before the clock was set back.
func (l *lastSeen) times(now time.Time) (seen, refused time.Time) {
	at := func(us int64) time.Time {
		if us == 0 {
			return time.Time{}
		}
		return time.UnixMicro(min(us, now.UnixMicro())).UTC()
	}
	return at(l.seen.Load()), at(l.refused.Load())
}

func raise(at *atomic.Int64, now time.Time) {
	us := now.UnixMicro()
	if us-at.Load() >= seenGrain {
		at.Store(us) // of two at once either will do
	}
}

// Saw notes that what Index or Fold has found is there. It may be called by anybody, at any time.
func (r *Roster) Saw(i int, now time.Time) {
	if i >= 0 {
		raise(&r.slots[i].seen.seen, now)
	}
}

// Refused notes that a guest was refused for it.
func (r *Roster) Refused(i int, now time.Time) {
	if i >= 0 {
		raise(&r.slots[i].seen.refused, now)
	}
}

// Follow makes r, which was read anew, go on with what old knows of when slots were seen.
func (r *Roster) Follow(old *Roster) {
	if r == nil || old == nil {
		return
	}
	known := make(map[int64]*lastSeen, len(old.slots))
	for i := range old.slots {
		known[old.slots[i].ID] = old.slots[i].seen
	}
	for i := range r.slots {
		if l := known[r.slots[i].ID]; l != nil {
			r.slots[i].seen = l
		}
	}
}

// Unsaved lists the slots that were seen at least grain later than was written down,
// with LastSeen and RefusedAt. Unsaved and Saved are for the writer of the store alone.
func (r *Roster) Unsaved(now time.Time, grain time.Duration) (out []Slot) {
	if r == nil {
		return nil
	}
	for i := range r.slots {
		s := &r.slots[i]
		latest := max(s.seen.seen.Load(), s.seen.refused.Load())
		if latest-s.seen.saved >= max(grain.Microseconds(), 1) {
			c := *s
			c.LastSeen, c.RefusedAt = s.seen.times(now)
			out = append(out, c)
		}
	}
	return out
}

// Saved notes that the times of a slot of Unsaved are written down.
func (s *Slot) Saved() { s.seen.saved = max(microseconds(s.LastSeen), microseconds(s.RefusedAt)) }
