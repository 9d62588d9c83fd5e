package macwatch

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxNote is how long the note of an AP or room may be, in octets.
const maxNote = 200

// CheckNote is a note without surrounding white space, or an error that says what is wrong.
func CheckNote(note string) (string, error) {
	note = strings.TrimSpace(note)
	if len(note) > maxNote || !utf8.ValidString(note) || strings.ContainsFunc(note, unicode.IsControl) {
		return note, errors.New("a note is one line of at most 200 octets")
	}
	return note, nil
}
