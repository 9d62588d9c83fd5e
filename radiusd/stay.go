package radiusd

import (
	"time"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// checkStay is for guests who log in with room and surname: the user name is the room and
// the password the surname, or the user name is surname/room and the password either.
func (r *reader) checkStay(l *location) (until time.Time, reason licensing.Reason) {
	room, surname := macwatch.ParseStayLogin(string(r.id.userName))
	stays := l.venue.Stays[room]
	if len(stays) == 0 {
		return until, licensing.ReasonBadCredentials
	}
	guess := guessedRoom{l.ID, room}
	if r.server.guesses.blocked(guess, r.now) {
		return until, licensing.ReasonTooManyAttempts
	}
	folded := macwatch.FoldSurname(surname)
	for i := range stays {
		s := &stays[i]
		if surname != "" && folded != s.Folded || !r.surnameHolds(s, surname != "") {
			continue
		}
		switch {
		case r.now.Before(s.From):
			reason = licensing.ReasonBadCredentials // nobody has come yet
		case !r.now.Before(s.Until):
			reason = licensing.ReasonCredentialExpired
		default:
			return s.Until, licensing.ReasonNone
		}
	}
	if reason == licensing.ReasonNone {
		r.server.guesses.failed(guess, r.now)
		reason = licensing.ReasonBadCredentials
	}
	return until, reason
}

// surnameHolds checks the password against the surname, or, where the user name has told
// that already, the room.
func (r *reader) surnameHolds(s *macwatch.GuestStay, orRoom bool) bool {
	if r.packet.has(attrCHAPPassword) {
		for _, spelling := range macwatch.SurnameSpellings(s.Surname) {
			if r.passwordHolds(spelling) {
				return true
			}
		}
		return orRoom && r.passwordHolds(s.Room)
	}
	plain, ok := r.hash.reveal(r.packet.value(attrUserPassword), r.packet.authenticator(), &r.client.secret)
	if !ok {
		return false
	}
	typed := string(plain)
	return macwatch.FoldSurname(typed) == s.Folded || orRoom && macwatch.NormalizeRoom(typed) == s.Room
}
