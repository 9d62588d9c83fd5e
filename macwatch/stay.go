package macwatch

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// GuestStay is a guest in a room, from a day to a day, as the hotel's system knows it. It lets
// the guest log in with the room as user name and the surname as password.
type GuestStay struct {
	ID        string `json:"id"`
	Room      string `json:"room"` // normalised
	Surname   string `json:"surname"`
	Arrival   string `json:"arrival"`   // YYYY-MM-DD, in the Location's zone
	Departure string `json:"departure"` // the same
	// From and Until are when it lets in: from the start of the day of arrival until the
	// check-out on that of the departure.
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`

	Folded string `json:"-"` // surname, see FoldSurname
}

// StayImport asks for stays to be as a list says.
type StayImport struct {
	Stays   []GuestStay `json:"stays"`
	Replace bool        `json:"replace,omitempty"` // stays that are not in the list are removed
}

// StayReport is what an import has done.
type StayReport struct {
	Added     int `json:"added"`
	Changed   int `json:"changed"`
	Unchanged int `json:"unchanged"`
	Removed   int `json:"removed"`
}

// At reports whether the stay lets in at now.
func (s *GuestStay) At(now time.Time) bool { return !now.Before(s.From) && now.Before(s.Until) }

// RetiredRoom is the name under which it is remembered that nobody may log in from a room any
// more (Venue.RetiredAccounts). No user is named so.
func RetiredRoom(room string) string { return "\x00" + NormalizeRoom(room) }

// plainLetters are letters that no decomposition makes plain.
var plainLetters = strings.NewReplacer("ß", "ss", "ø", "o", "æ", "ae", "œ", "oe", "ł", "l", "đ", "d", "ð", "d", "þ", "th", "ı", "i", "ħ", "h")

// FoldSurname makes spellings of a surname comparable: small letters without accents, and
// nothing but letters and digits, so that "Garcia Lopez" is "GARCÍA-LÓPEZ". What is not
// UTF-8 is read as ISO 8859-1, which old access points send.
func FoldSurname(name string) string {
	if !utf8.ValidString(name) {
		runes := make([]rune, len(name))
		for i := range len(name) {
			runes[i] = rune(name[i])
		}
		name = string(runes)
	}
	return strings.Map(func(c rune) rune {
		if unicode.IsLetter(c) || unicode.IsDigit(c) {
			return c
		}
		return -1 // accents, too, which stand alone now
	}, norm.NFKD.String(plainLetters.Replace(strings.ToLower(name))))
}

// SurnameSpellings are the ways in which a guest may have typed a surname, for CHAP,
// which shows only a hash of it: as listed, with and without accents and what stands
// between its parts, in small letters, capitals, or with capital initials.
func SurnameSpellings(surname string) []string {
	plain := strings.Map(func(c rune) rune {
		if unicode.Is(unicode.Mn, c) {
			return -1
		}
		return c
	}, norm.NFD.String(surname))
	out := []string{surname}
	for _, s := range []string{surname, plain, FoldSurname(surname)} {
		lower := strings.ToLower(s)
		out = append(out, lower, strings.ToUpper(s), initials(lower))
	}
	return out
}

// initials sets a capital letter at the beginning of each part.
func initials(s string) string {
	before := ' '
	return strings.Map(func(c rune) rune {
		start := !unicode.IsLetter(before)
		before = c
		if start {
			return unicode.ToUpper(c)
		}
		return c
	}, s)
}

// ParseStayLogin reads a user name of a guest who logs in with room and surname: a room,
// or surname/room; a realm behind it is cut off. surname is empty where it names none.
func ParseStayLogin(userName string) (room, surname string) {
	userName, _, _ = strings.Cut(userName, "@")
	if i := strings.LastIndexByte(userName, '/'); i >= 0 {
		userName, surname = userName[i+1:], userName[:i]
	}
	return NormalizeRoom(strings.ToValidUTF8(userName, "?")), surname
}
