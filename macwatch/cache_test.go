package macwatch

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheCacheSpeaksForOneEpochAndNotForEarlierSightings(t *testing.T) {
	c := NewCache(10)
	k := DeviceKey{Location: 1, MAC: 2}
	require.False(t, c.Counted(k, 1, noon))
	c.Add(k, 1, noon)
	require.True(t, c.Counted(k, 1, noon))
	require.True(t, c.Counted(k, 1, noon.Add(time.Hour)))
	require.False(t, c.Counted(k, 1, noon.Add(-time.Microsecond)), "an earlier first sighting is news")
	require.False(t, c.Counted(k, 2, noon), "another epoch")
	require.False(t, c.Counted(DeviceKey{Location: 2, MAC: 2}, 1, noon), "another Location")
	c.Add(k, 2, noon.Add(-time.Hour))
	require.True(t, c.Counted(k, 2, noon.Add(-time.Hour)))
	require.False(t, c.Counted(k, 1, noon))
	require.Equal(t, 1, c.Len())

	c.Add(k, 3, noon.Add(time.Microsecond))
	require.False(t, c.Counted(k, 3, noon), "an earlier one within the second is news, too")
	require.True(t, c.Counted(k, 3, noon.Add(time.Second)))
	far := DeviceKey{Location: 1 << 16, MAC: 2}
	c.Add(far, 3, noon)
	require.False(t, c.Counted(far, 3, noon), "there is no room for its Location: the store is asked")
	require.False(t, c.Counted(DeviceKey{Location: 0, MAC: 2}, 3, noon))
	require.Equal(t, 1, c.Len())
}

func TestTheCacheForgetsTheOldest(t *testing.T) {
	for _, capacity := range []int{-1, 0, 1, 2} {
		c := NewCache(capacity)
		for n := range MAC(10) {
			c.Add(DeviceKey{1, n}, 1, noon)
		}
		require.Equal(t, max(capacity, 1), c.Len())
		require.True(t, c.Counted(DeviceKey{1, 9}, 1, noon))
		require.False(t, c.Counted(DeviceKey{1, 0}, 1, noon))
	}
}
