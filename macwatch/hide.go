package macwatch

import "strings"

// unnamed stands for an address whose pseudonym is not known.
const unnamed = "~"

// Hide puts the device's pseudonym in the place of its address in everything that the
// NAS has said of the session, and forgets the address. What it sent back then is no
// longer known: a session that is over needs it for nothing.
func (s *Session) Hide() {
	name := s.MAC.String()
	for _, text := range []*string{&s.SessionID, &s.UserName, &s.Calling, &s.Called, &s.Room} {
		*text = Redact(*text, s.Address, name)
	}
	for _, octets := range []*[]byte{&s.Class, &s.Origin.MultiID, &s.Origin.AuditID} {
		*octets = Redact(*octets, s.Address, name)
	}
	// Some other device's address, or one that was not taken for the guest's.
	for _, text := range []*string{&s.UserName, &s.Calling} {
		if _, ok := ParseMAC(*text); ok {
			*text = unnamed
		}
	}
	s.Address = 0
}

// Hidden is the session as it may be shown where addresses are not: s itself, when it
// holds none.
func (s *Session) Hidden() *Session {
	if s.Address == 0 {
		return s
	}
	c := s.Clone()
	c.Hide()
	return c
}

// HideRoom is a room's name without the guest's address, which a rule may have made it of.
func HideRoom(room string, address, name MAC) string {
	if _, to := find(address, room, 0); to == 0 {
		return room
	}
	return strings.ToUpper(Redact(room, address, name.String()))
}
