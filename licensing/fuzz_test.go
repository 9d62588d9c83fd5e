package licensing

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func FuzzParseDate(f *testing.F) {
	for _, seed := range []string{"", "2026-09-30", "2028-02-29", "2027-02-29", "0000-00-00", "9999-12-31", "2026-9-30", "-026-01-01"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseDate(s)
		if err != nil {
			require.Equal(t, CodeInvalid, CodeOf(err))
			require.Less(t, len(err.Error()), 500, "a long text is not repeated in full")
			require.Zero(t, d)
			return
		}
		require.Equal(t, s, d.String())
		require.Equal(t, d, d.AddDays(1).AddDays(-1))
		require.False(t, d.AddMonths(1).Before(d))
	})
}

func FuzzParseNumber(f *testing.F) {
	for _, seed := range []string{"", "TG-ZMZ1-75EA-XP7N", "tg zmzi 75ea xp7n", "ZMZ175EAXP7N", "TG-OOOO-IIII-LLLL", "TG-\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		number, err := ParseNumber(s)
		if err != nil {
			require.Equal(t, CodeInvalid, CodeOf(err))
			require.Less(t, len(err.Error()), 500, "a long text is not repeated in full")
			require.Empty(t, number)
			return
		}
		again, err := ParseNumber(number)
		require.NoError(t, err)
		require.Equal(t, number, again, "what is returned is the exact form")
	})
}
