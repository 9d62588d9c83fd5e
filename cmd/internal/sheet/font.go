package sheet

import (
	_ "embed" // the fonts
	"encoding/binary"
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// The fonts of fonts/README.md, under the license fonts/OFL.txt.
var (
	//go:embed fonts/NotoSans-Regular.ttf
	regularFont []byte
	//go:embed fonts/NotoSans-Bold.ttf
	boldFont []byte
	//go:embed fonts/NotoSansMono-Regular.ttf
	monoFont []byte
)

// letters tells which characters the fonts of a sheet can show.
type letters struct{ segments []segment }

// segment is a run of characters in a font's character map. Glyph 0 is the empty box of
// a character that the font lacks after all.
type segment struct {
	first, last rune
	glyph       func(r rune) uint16
}

// lettersOf reads the character map of a TrueType font: its table "cmap", in the
// segmented format 4, which holds the Basic Multilingual Plane (OpenType, chapter cmap).
func lettersOf(font []byte) letters {
	u16 := func(at int) int { return int(binary.BigEndian.Uint16(font[at:])) }
	u32 := func(at int) int { return int(binary.BigEndian.Uint32(font[at:])) }
	cmap := 0
	for i := range u16(4) {
		if entry := 12 + 16*i; string(font[entry:entry+4]) == "cmap" {
			cmap = u32(entry + 8)
		}
	}
	var l letters
	for i := range u16(cmap + 2) {
		table := cmap + u32(cmap+4+8*i+4)
		if u16(table) != 4 {
			continue
		}
		size := u16(table + 6) // twice the number of segments
		ends, starts := table+14, table+16+size
		for s := 0; s < size; s += 2 {
			first, last := rune(u16(starts+s)), rune(u16(ends+s))
			delta, offsetAt := u16(starts+size+s), starts+2*size+s
			l.segments = append(l.segments, segment{first, last, func(r rune) uint16 {
				offset := u16(offsetAt)
				if offset == 0 {
					return uint16(int(r) + delta)
				}
				if g := u16(offsetAt + offset + 2*int(r-first)); g != 0 {
					return uint16(g + delta)
				}
				return 0
			}})
		}
		break
	}
	return l
}

func (l letters) has(r rune) bool {
	for _, s := range l.segments {
		if r <= s.last {
			return r >= s.first && s.glyph(r) != 0
		}
	}
	return false
}

// spell makes a name printable: composed (a letter and its accent become one), and with
// the Unicode numbers of what the fonts cannot show, in brackets, instead of the empty
// boxes that a reader would take for nothing. It reports whether there were any.
func (l letters) spell(name string) (text string, spelt bool) {
	var b strings.Builder
	open := false
	for _, r := range norm.NFC.String(name) {
		shown := l.has(r) && unicode.IsGraphic(r)
		switch {
		case !shown && open:
			fmt.Fprintf(&b, " U+%04X", r)
		case !shown:
			fmt.Fprintf(&b, "[U+%04X", r)
		case open:
			b.WriteString("]")
			fallthrough
		default:
			b.WriteRune(r)
		}
		spelt, open = spelt || !shown, !shown
	}
	if open {
		b.WriteString("]")
	}
	return b.String(), spelt
}
