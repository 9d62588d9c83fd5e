package store

import (
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBoxesAreTheValuesThatWerePutIn(t *testing.T) {
	var x boxes
	for round := range 3 {
		x.empty()
		for i := range sessionWidth {
			n, s := x.number(int64(i-round)), x.text(strings.Repeat("t", i))
			b, none := x.blob([]byte(strings.Repeat("b", i))), []byte(nil)
			runtime.GC() // what they point to is in use
			require.Equal(t, []any{int64(i - round), strings.Repeat("t", i), []byte(strings.Repeat("b", i))}, []any{n, s, b})
			x.b-- // the same place, without a value
			require.Equal(t, any([]byte{}), x.blob(none), "not NULL")
		}
	}
	x.empty()
	require.Zero(t, x.texts, "nothing is kept alive")
	require.Zero(t, x.blobs)
}

func TestBoxesCostNoAllocation(t *testing.T) {
	var x boxes
	text, octets := strings.Repeat("t", 30), []byte("octets")
	require.Zero(t, testing.AllocsPerRun(100, func() {
		x.empty()
		for range 12 {
			x.number(1 << 40)
			x.text(text)
			x.blob(octets)
		}
	}))
}
