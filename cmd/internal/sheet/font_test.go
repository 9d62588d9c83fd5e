package sheet

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tallygate/licensing"
)

func TestSpell(t *testing.T) {
	l := lettersOf(regularFont)
	for name, want := range map[string]string{
		"Hotel Sol": "Hotel Sol",
		"Ñandú 5 €": "Ñandú 5 €",
		"Ἀθῆναι Ґанок Đà Nẵng ŝĉ": "Ἀθῆναι Ґанок Đà Nẵng ŝĉ",
		"n\u0303":                    "ñ",
		"東京":                         "[U+6771 U+4EAC]",
		"A 東 B 京":                    "A [U+6771] B [U+4EAC]",
		"x\u202ey":                   "x[U+202E]y", // would turn what follows around
		"zero\u200bwidth":            "zero[U+200B]width",
		"\U0001F3E8 Hotel":           "[U+1F3E8] Hotel",
		"":                           "",
		"Ä東\u00a0ö":                  "Ä[U+6771]\u00a0ö",
		strings.Repeat("ñ", 3) + "!": "ñññ!",
	} {
		got, spelt := l.spell(name)
		require.Equal(t, want, got)
		require.Equal(t, strings.Contains(want, "[U+"), spelt)
	}
}

// Drawing leaves the fonts as they are: all sheets of a process share them.
func TestFontsAreLeftAlone(t *testing.T) {
	fonts := [][]byte{regularFont, boldFont, monoFont}
	var before [][]byte
	for _, f := range fonts {
		before = append(before, bytes.Clone(f))
	}
	var pdf bytes.Buffer
	require.NoError(t, License(&pdf, signed(t, hotel(), centro()), "en"))
	for i := range fonts {
		require.True(t, bytes.Equal(before[i], fonts[i]))
	}
}

// Whatever the names are, every character on the sheet has a letter in its font, and
// the key has room.
func TestAnyNames(t *testing.T) {
	fonts := map[string]letters{"sans": lettersOf(regularFont), "sansB": lettersOf(boldFont), "mono": lettersOf(monoFont)}
	for _, r := range ascii {
		require.True(t, fonts["mono"].has(r), "%q", r)
	}
	key := strings.Repeat("k", maxCode)
	qr, err := newCode(key, codeSide)
	require.NoError(t, err)
	rapid.Check(t, func(t *rapid.T) {
		name := func(label string) string { return rapid.StringN(0, -1, 200).Draw(t, label) }
		terms := licensing.Terms{
			GrantID: licensing.NewGrantID(), Organization: name("organization"), Realm: "hotelsol", Term: licensing.Term{Years: 1}, Threshold: 5,
			Start: licensing.StartFifthDevice, Distributor: name("distributor"), Partner: name("partner"), IssuedAt: time.Unix(0, 0),
			Modules: rapid.SliceOfN(rapid.StringN(1, 20, 60), 0, 30).Draw(t, "modules"),
		}
		location := licensing.RequestLocation{Name: name("location"), Sector: "retail", TimeZone: "America/Argentina/ComodRivadavia"}
		lang := rapid.SampledFrom(Languages()).Draw(t, "language")
		l := LicenseData{Numbers: []string{"TG-EJKD-MEBK-FP34"}, Terms: terms, Location: location, Key: key}
		words, err := wordsOf(lang)
		require.NoError(t, err)
		p, err := l.draw(words, qr)
		require.NoError(t, err)
		require.NoError(t, p.pdf.Error())
		require.Equal(t, 1, p.pdf.PageCount())

		for _, text := range []string{terms.Organization, terms.Distributor, location.Name} {
			printable, _ := fonts["sans"].spell(text)
			for _, r := range printable {
				require.True(t, fonts["sans"].has(r) && fonts["sansB"].has(r), "%q", r)
			}
		}
	})
}
