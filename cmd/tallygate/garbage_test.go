package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestGarbageByMemoryInUse(t *testing.T) {
	for live, percent := range map[uint64]int{0: 300, 10 << 20: 300, 40 << 20: 300, 80 << 20: 100, 100 << 20: 60, 107 << 20: 50, 200 << 20: 50, 8 << 30: 50} {
		require.Equal(t, percent, garbageFor(live), "%d MiB in use", live>>20)
	}
}
