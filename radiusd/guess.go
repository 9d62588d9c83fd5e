package radiusd

import (
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// A surname is easily guessed: after so many wrong ones a room is closed to log-ins for
// the rest of the span, whoever tries. Guests who slip have plenty.
const (
	guessesAllowed = 10
	guessSpan      = 15 * time.Minute
	guessRooms     = 1 << 14 // remembered
)

type guessedRoom struct {
	location int64
	room     string
}

type guessed struct {
	wrong int
	since time.Time
}

// guesses counts wrong surnames per room. The LRU is safe for several readers; that two
// at once may count as one does no harm.
type guesses struct {
	rooms *lru.Cache[guessedRoom, guessed]
}

func newGuesses() guesses {
	rooms, _ := lru.New[guessedRoom, guessed](guessRooms) // fails only for a size of 0
	return guesses{rooms}
}

func (g guesses) failed(room guessedRoom, now time.Time) {
	seen, _ := g.rooms.Get(room)
	if now.Sub(seen.since) >= guessSpan || now.Before(seen.since) {
		seen = guessed{since: now}
	}
	seen.wrong++
	g.rooms.Add(room, seen)
}

func (g guesses) blocked(room guessedRoom, now time.Time) bool {
	seen, ok := g.rooms.Peek(room)
	return ok && seen.wrong >= guessesAllowed && now.Sub(seen.since) < guessSpan && !now.Before(seen.since)
}
