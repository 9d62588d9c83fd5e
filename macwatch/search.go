package macwatch

import (
	"slices"
	"strings"
	"time"
)

// SessionFilter narrows `session list`. Zero fields do not filter.
type SessionFilter struct {
	Location string    // its id; empty: all Locations
	Online   bool      // only open ones
	MAC      MAC       // of the guest's device
	AP       string    // by any of its names and addresses
	Room     string    // "0412" is "412"
	User     string    // without regard to case
	Session  string    // Acct-Session-Id, or a connection
	Since    time.Time // that were not over by then
	Until    time.Time // that began before then
}

// Admits reports whether a session passes. aps are the names of the wanted AP, when the
// filter names one; the Location is for whoever reads the sessions to look at.
func (f *SessionFilter) Admits(s *Session, aps []string) bool {
	switch {
	case f.Online && !s.EndedAt.IsZero(),
		f.MAC != 0 && s.MAC != f.MAC,
		f.AP != "" && !slices.Contains(aps, s.AP),
		f.Room != "" && s.Room != NormalizeRoom(f.Room),
		f.User != "" && !strings.EqualFold(s.UserName, f.User),
		f.Session != "" && s.SessionID != f.Session && s.Connection() != f.Session,
		!f.Since.IsZero() && !s.EndedAt.IsZero() && s.EndedAt.Before(f.Since),
		!f.Until.IsZero() && !s.StartedAt.Before(f.Until):
		return false
	}
	return true
}

// APNames are all names of an AP that an operator may mean by one of them.
func (v *Venue) APNames(ap string) []string {
	name := SlotName(KindAP, ap)
	if slot, ok := v.APs.Find(name); ok {
		return append([]string{slot.Name, name}, slot.Aliases...)
	}
	return []string{name}
}
