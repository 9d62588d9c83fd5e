package macwatch

import (
	"net/netip"
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
	Learned    []Learned `json:"learned,omitempty"`   // those of the aliases that the gateway has found out by itself
	Note       string    `json:"note,omitempty"`      // what people call it
	ClaimedAt  time.Time `json:"claimed_at,omitzero"` // zero: only observed, holds no slot
	ReleasedAt time.Time `json:"released_at,omitzero"`
	Declared   bool      `json:"declared"`
	FirstSeen  time.Time `json:"first_seen,omitzero"`

	Vendor     Vendor     `json:"vendor,omitempty"` // by whose profile it was read first
	NASAddress netip.Addr `json:"nas_address,omitzero"`
	Apart      bool       `json:"apart,omitempty"` // an operator has said that it is no other's BSSID

	// Filled in for lists.
	Admitted  bool      `json:"admitted"` // within the limit by order of claims
	State     SlotState `json:"state"`
	Place     int       `json:"place,omitempty"` // among those that hold a slot, from 1
	Limit     *int      `json:"limit,omitempty"` // nil: not limited
	LastSeen  time.Time `json:"last_seen,omitzero"`
	RefusedAt time.Time `json:"refused_at,omitzero"`  // latest refusal for want of a slot, or of a declaration
	GuestsNow *int      `json:"guests_now,omitempty"` // open sessions; nil where nobody has counted them

	seen *lastSeen // shared by every Roster that holds the slot
}

// Learned is an alias that the gateway has found out: by whose rule, and when.
type Learned struct {
	Alias  string    `json:"alias"`
	Vendor Vendor    `json:"vendor"`
	At     time.Time `json:"since"`
}

func (s *Slot) learned(alias string) bool {
	for i := range s.Learned {
		if s.Learned[i].Alias == alias {
			return true
		}
	}
	return false
}

// DeclaredAliases counts the aliases that an operator has given.
func (s *Slot) DeclaredAliases() int { return len(s.Aliases) - len(s.Learned) }

// Observed reports whether the AP was only seen: nobody declared it, and it never had a slot.
func (s *Slot) Observed() bool { return s.ClaimedAt.IsZero() && !s.Declared }

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
		if r.slots[i].seen == nil {
			r.slots[i].seen = newLastSeen(r.slots[i].LastSeen, r.slots[i].RefusedAt)
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

// Without makes a roster without the slot of this ID.
func (r *Roster) Without(id int64) *Roster {
	return NewRoster(slices.DeleteFunc(slices.Clone(r.slots), func(s Slot) bool { return s.ID == id }))
}

// Observed counts the entries that hold no slot and never did.
func (r *Roster) Observed() int {
	if r == nil {
		return 0
	}
	return len(r.slots) - r.claims
}

// Len counts all that is known, whatever its state.
func (r *Roster) Len() int {
	if r == nil {
		return 0
	}
	return len(r.slots)
}

// Index finds an identity or alias; -1 when it is not known.
func (r *Roster) Index(name string) int {
	if r == nil {
		return -1
	}
	if i, ok := r.byName[name]; ok {
		return i
	}
	return -1
}

// At is the slot that Index or Fold has found.
func (r *Roster) At(i int) Slot { return r.slots[i] }

// NameAt is the identity of what Index or Fold has found.
func (r *Roster) NameAt(i int) string { return r.slots[i].Name }

// Find returns the slot with this identity or alias.
func (r *Roster) Find(name string) (Slot, bool) {
	if i := r.Index(name); i >= 0 {
		return r.slots[i], true
	}
	return Slot{}, false
}

// Has reports whether there is a slot with this identity or alias.
func (r *Roster) Has(name []byte) bool {
	if r == nil {
		return false
	}
	_, ok := r.byName[string(name)]
	return ok
}

// Slots is List with the usual time until a slot is silent.
func (r *Roster) Slots(limit int, now time.Time) []Slot {
	return r.List(limit, now, DefaultSilentAfter)
}

// List lists all, in order of their claims, with what lists show filled in for this
// limit (negative: not limited) and for this time until one that holds a slot is silent.
func (r *Roster) List(limit int, now time.Time, silentAfter time.Duration) []Slot {
	if r == nil {
		return nil
	}
	out := slices.Clone(r.slots)
	place := 0
	for i := range out {
		s := &out[i]
		if s.Aliases == nil {
			s.Aliases = []string{} // in JSON a list, not null
		}
		s.LastSeen, s.RefusedAt = s.seen.times(now)
		if s.Holds(now) {
			place++
			s.Place = place
			s.Admitted = s.ReleasedAt.IsZero() && (limit < 0 || place <= limit)
			if limit >= 0 {
				s.Limit = &limit
			}
		}
		s.State = s.stateAt(now, silentAfter)
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
	return r.StandAt(r.Index(name), limit, now)
}

// StandAt is Stand for what Index or Fold has found; -1 is an AP that is not known.
func (r *Roster) StandAt(i, limit int, now time.Time) Standing {
	if r == nil {
		if limit == 0 {
			return StandingFull
		}
		return StandingFree
	}
	if i >= 0 && r.slots[i].Holds(now) {
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
	Sight    APSight   // how the packet shows the AP
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
