package macwatch

import (
	"slices"
	"time"
)

// Kind is what a slot is for.
type Kind string

const (
	KindAP   Kind = "ap"
	KindRoom Kind = "room"
)

// ReleaseDelay is how long a released slot stays taken.
const ReleaseDelay = 24 * time.Hour

// Slot is an AP or a room of a Location: one identity, any number of aliases.
type Slot struct {
	ID         int64     `json:"-"`
	Name       string    `json:"id"` // the identity
	Aliases    []string  `json:"aliases"`
	ClaimedAt  time.Time `json:"claimed_at,omitzero"` // zero: only observed, holds no slot
	ReleasedAt time.Time `json:"released_at,omitzero"`
	Declared   bool      `json:"declared"`
	Admitted   bool      `json:"admitted"` // within the limit by order of claims; filled in for lists
	FirstSeen  time.Time `json:"first_seen,omitzero"`
}

// Holds reports whether the slot is taken at now.
func (s *Slot) Holds(now time.Time) bool {
	return !s.ClaimedAt.IsZero() && (s.ReleasedAt.IsZero() || now.Before(s.ReleasedAt.Add(ReleaseDelay)))
}

// Standing is where an identity stands against the slots.
type Standing uint8

const (
	StandingFree  Standing = iota // holds no slot, and one is free
	StandingHolds                 // holds one within the limit
	StandingFull                  // holds none (or one beyond the limit), and none is free
)

// Roster is the slots of one kind at a Location, in order of their claims. It is
// immutable: a change makes a new one.
type Roster struct {
	slots  []Slot         // by ClaimedAt, then ID; observed ones last
	byName map[string]int // identity and aliases to index
	claims int            // slots ever claimed: never fewer than are taken now
}

// NewRoster takes slots in any order.
func NewRoster(slots []Slot) *Roster {
	r := &Roster{slots: slices.Clone(slots), byName: make(map[string]int, len(slots))}
	slices.SortFunc(r.slots, func(a, b Slot) int {
		if az, bz := a.ClaimedAt.IsZero(), b.ClaimedAt.IsZero(); az != bz {
			if az {
				return 1
			}
			return -1
		}
		if c := a.ClaimedAt.Compare(b.ClaimedAt); c != 0 {
			return c
		}
		return int(a.ID - b.ID)
	})
	for i := range r.slots {
		if !r.slots[i].ClaimedAt.IsZero() {
			r.claims++
		}
		r.byName[r.slots[i].Name] = i
		for _, a := range r.slots[i].Aliases {
			r.byName[a] = i
		}
	}
	return r
}

// With makes a roster in which this slot stands in the place of the one with its ID,
// or is added.
func (r *Roster) With(slot Slot) *Roster {
	var slots []Slot
	if r != nil {
		slots = slices.DeleteFunc(slices.Clone(r.slots), func(s Slot) bool { return s.ID == slot.ID })
	}
	return NewRoster(append(slots, slot))
}

// Observed counts the entries that hold no slot and never did.
func (r *Roster) Observed() int {
	if r == nil {
		return 0
	}
	return len(r.slots) - r.claims
}

// Find returns the slot with this identity or alias.
func (r *Roster) Find(name string) (Slot, bool) {
	if r == nil {
		return Slot{}, false
	}
	i, ok := r.byName[name]
	if !ok {
		return Slot{}, false
	}
	return r.slots[i], true
}

// Has reports whether there is a slot with this identity or alias.
func (r *Roster) Has(name []byte) bool {
	if r == nil {
		return false
	}
	_, ok := r.byName[string(name)]
	return ok
}

// Slots lists all, in order of their claims, with Admitted filled in for this
// limit (negative: not limited).
func (r *Roster) Slots(limit int, now time.Time) []Slot {
	if r == nil {
		return nil
	}
	out := slices.Clone(r.slots)
	rank := 0
	for i := range out {
		if out[i].Aliases == nil {
			out[i].Aliases = []string{} // in JSON a list, not null
		}
		if !out[i].Holds(now) {
			continue
		}
		rank++
		out[i].Admitted = out[i].ReleasedAt.IsZero() && (limit < 0 || rank <= limit)
	}
	return out
}

// Used counts the slots taken at now.
func (r *Roster) Used(now time.Time) int {
	n := 0
	if r != nil {
		for i := range r.slots {
			if r.slots[i].Holds(now) {
				n++
			}
		}
	}
	return n
}

// Stand says where an identity stands against limit (negative: not limited). If the
// limit shrank, the earliest claims stay.
func (r *Roster) Stand(name string, limit int, now time.Time) Standing {
	if r == nil {
		if limit == 0 {
			return StandingFull
		}
		return StandingFree
	}
	if i, ok := r.byName[name]; ok && r.slots[i].Holds(now) {
		if limit >= 0 && r.claims > limit && r.rank(i, now) > limit {
			return StandingFull
		}
		if !r.slots[i].ReleasedAt.IsZero() {
			return StandingFree // its own slot, still kept for it: a claim takes it back
		}
		return StandingHolds
	}
	if limit < 0 || r.claims < limit || r.Used(now) < limit {
		return StandingFree
	}
	return StandingFull
}

// rank is the 1-based place of slot i among those that hold.
func (r *Roster) rank(i int, now time.Time) int {
	n := 0
	for j := 0; j <= i; j++ {
		if r.slots[j].Holds(now) {
			n++
		}
	}
	return n
}

// Claim is a first claim of slots, and of a place on a pass, made by an Access-Request
// that everything else accepts. It is granted as a whole or not at all. Empty names and
// a nil Pass claim nothing.
type Claim struct {
	Location int64
	AP, Room string
	Pass     *Pass     // as the request was decided with it
	MAC      MAC       // the device that shows the pass; 0: the NAS names none
	PassEnd  time.Time // filled in by the store: when the guest has to leave; zero: never
	At       time.Time
	Done     Claimant
	Result   ClaimResult // filled in by the store
	Err      error       // the store could not write: stay silent
	// Reply is the maker's own business.
	Reply any
}

// ClaimResult is how a claim ended.
type ClaimResult uint8

const (
	ClaimGranted ClaimResult = iota
	ClaimAPFull
	ClaimRoomFull
	ClaimPassFull // other devices own the pass
	ClaimPassOver // it has expired, or was revoked, meanwhile
)

// Claimant takes claims back after the commit, on a goroutine of the store's; it must not block.
// The snapshot that shows the new slots has been published by then.
type Claimant interface {
	Claimed(c *Claim)
}
