package macwatch

import (
	"slices"
	"time"
)

// PassKind is how a pass came to be.
type PassKind string

const (
	PassTicket PassKind = "ticket" // printed, one of a batch
	PassPortal PassKind = "portal" // asked for by a portal, for one guest
)

// PassState is where a pass stands in its life.
type PassState string

const (
	PassUnused  PassState = "unused"
	PassInUse   PassState = "in-use"
	PassExpired PassState = "expired" // used up, or never used in time
	PassRevoked PassState = "revoked"
)

// Pass lets a guest in for a time, by user name and password, on the first devices that
// show it. One that has been published is never changed; a change makes a new one.
type Pass struct {
	ID       int64
	Location int64
	Key      string // folded user name, see PassKey
	Kind     PassKind
	Batch    int64 // of tickets; 0: none
	UserName string
	Password string
	Devices  int // how many distinct devices may use it, 1 or more

	ValidFor  time.Duration // from the first use; 0: until ExpiresAt
	UseBefore time.Time     // no first use from here on; zero: no such bound
	ExpiresAt time.Time     // over, whatever the first use; zero: no such bound
	FirstUse  time.Time     // zero: not used yet
	RevokedAt time.Time

	Down, Up int    // bit/s; 0: as the Location says
	Bound    []MAC  // the devices that own it, in the order in which they came
	Room     string // of the guest, as the portal knows it
}

// End is when the pass is over, as far as that is known yet; zero: it is not.
func (p *Pass) End() time.Time {
	end := p.ExpiresAt
	if p.FirstUse.IsZero() {
		return earlierOf(end, p.UseBefore)
	}
	if p.ValidFor > 0 {
		end = earlierOf(end, p.FirstUse.Add(p.ValidFor))
	}
	return end
}

// Until is when a guest who logs in at now has to leave; zero: never. The first use
// counts from now.
func (p *Pass) Until(now time.Time) time.Time {
	used := *p
	if used.FirstUse.IsZero() {
		used.FirstUse = now
	}
	return used.End()
}

func earlierOf(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// State is where it stands at now.
func (p *Pass) State(now time.Time) PassState {
	end := p.End()
	switch {
	case !p.RevokedAt.IsZero():
		return PassRevoked
	case !end.IsZero() && !now.Before(end):
		return PassExpired
	case p.FirstUse.IsZero():
		return PassUnused
	}
	return PassInUse
}

// Owns reports whether the device is one of those the pass is bound to. Where the NAS
// names no device (0), all such log-ins are one device.
func (p *Pass) Owns(m MAC) bool { return slices.Contains(p.Bound, m) }

// Full reports whether no further device may use it.
func (p *Pass) Full() bool { return len(p.Bound) >= p.Devices }

// UsedBy is the pass after a device that it lets in has used it at now.
func (p *Pass) UsedBy(m MAC, now time.Time) *Pass {
	c := *p
	if c.FirstUse.IsZero() {
		c.FirstUse = now
	}
	if !c.Owns(m) {
		c.Bound = append(slices.Clone(c.Bound), m)
	}
	return &c
}

// PassKey appends a user name folded as passes are looked up: capital letters, without
// hyphens and spaces, what looks alike as one (O as 0, I and L as 1), and without a realm.
func PassKey(dst, name []byte) []byte {
	for _, c := range name {
		if 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		switch c {
		case '@':
			return dst
		case '-', ' ', '\t', '\r', '\n':
			continue
		case 'O':
			c = '0'
		case 'I', 'L':
			c = '1'
		}
		dst = append(dst, c)
	}
	return dst
}

// PassInfo is one line of `ticket list` and of the portals' credentials.
type PassInfo struct {
	UserName   string     `json:"user_name"` // of a ticket: its code
	State      PassState  `json:"state"`
	Batch      int64      `json:"batch,omitempty"`
	Devices    int        `json:"devices"`   // how many may use it
	UsedBy     []MAC      `json:"used_by"`   // those that do
	ValidFor   int64      `json:"valid_for"` // seconds from the first use; 0: until expires_at
	CreatedAt  time.Time  `json:"created_at"`
	CreatedBy  string     `json:"created_by"`
	FirstUseAt *time.Time `json:"first_use_at"`
	ExpiresAt  *time.Time `json:"expires_at"` // as far as it is known
	RevokedAt  *time.Time `json:"revoked_at,omitempty"`
	Down       int        `json:"bandwidth_down,omitempty"` // bit/s
	Up         int        `json:"bandwidth_up,omitempty"`   // bit/s
	Room       string     `json:"room,omitempty"`
	UserID     string     `json:"user_id,omitempty"` // whom the portal knows the guest as
	Note       string     `json:"note,omitempty"`
}

// Info shows the pass as it stands at now.
func (p *Pass) Info(now time.Time) PassInfo {
	i := PassInfo{
		UserName: p.UserName, State: p.State(now), Batch: p.Batch, Devices: p.Devices, UsedBy: p.Bound, ValidFor: int64(p.ValidFor / time.Second),
		FirstUseAt: timeOrNil(p.FirstUse), ExpiresAt: timeOrNil(p.End()), RevokedAt: timeOrNil(p.RevokedAt), Down: p.Down, Up: p.Up, Room: p.Room,
	}
	if i.UsedBy == nil {
		i.UsedBy = []MAC{}
	}
	return i
}

func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
