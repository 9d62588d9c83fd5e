package macwatch

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSurnamesFold(t *testing.T) {
	for want, spellings := range map[string][]string{
		"garcialopez": {"García López", "GARCIA-LOPEZ", "garcía lópez", "Garcia  Lopez", "Garci\u0301a Lo\u0301pez", "Garc\xeda L\xf3pez"},
		"obrien":      {"O'Brien", "o’brien", "OBRIEN"},
		"strauss":     {"Strauß", "STRAUSS"},
		"muller":      {"Müller", "muller", "MÜLLER"},
		"sorensen":    {"Sørensen", "sorensen"},
		"иванов":      {"Иванов", "ИВАНОВ"},
		"":            {"", " ", "-'"},
	} {
		for _, s := range spellings {
			require.Equal(t, want, FoldSurname(s), "%q", s)
		}
	}
	spellings := SurnameSpellings("García-López")
	for _, typed := range []string{"García-López", "garcía-lópez", "GARCÍA-LÓPEZ", "Garcia-Lopez", "garcia-lopez", "GARCIA-LOPEZ", "garcialopez", "GARCIALOPEZ"} {
		require.True(t, slices.Contains(spellings, typed), typed)
	}
}

func TestStayLogins(t *testing.T) {
	for name, want := range map[string][2]string{
		"412": {"412", ""}, "0412": {"412", ""}, " 412a@hotelsol": {"412A", ""}, "García/412": {"412", "García"}, "garcia/0412@hotelsol": {"412", "garcia"}, "": {"", ""}, "/": {"", ""},
	} {
		room, surname := ParseStayLogin(name)
		require.Equal(t, want, [2]string{room, surname}, name)
	}
}
