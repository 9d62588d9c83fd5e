package bench

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestOverlap(t *testing.T) {
	ms := func(from, until int) span {
		return span{time.Duration(from) * time.Millisecond, time.Duration(until) * time.Millisecond}
	}
	for _, c := range []struct {
		name         string
		a, b, common []span
	}{
		{"nothing", nil, []span{ms(1, 9)}, nil},
		{"one after the other", []span{ms(1, 5)}, []span{ms(5, 9)}, nil},
		{"within", []span{ms(1, 9)}, []span{ms(3, 5)}, []span{ms(3, 5)}},
		{"one with two", []span{ms(1, 9), ms(20, 30)}, []span{ms(0, 3), ms(7, 21), ms(25, 26)}, []span{ms(1, 3), ms(7, 9), ms(20, 21), ms(25, 26)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.common, overlap(c.a, c.b))
			require.Equal(t, c.common, overlap(c.b, c.a))
		})
	}
	hardly := []span{{0, noticed - 1}}
	require.Empty(t, overlap(hardly, hardly))
}

// What the machine of the test does nobody can say; but the watch ends, and adds up.
func TestStandstill(t *testing.T) {
	s, err := probeStandstill(t.TempDir(), 50*time.Millisecond)
	require.NoError(t, err)
	require.Equal(t, 50*time.Millisecond, s.Watched)
	require.LessOrEqual(t, s.Longest, s.Total)
	_, err = probeStandstill("/nowhere", time.Millisecond)
	require.ErrorContains(t, err, "measure the disk")
}
