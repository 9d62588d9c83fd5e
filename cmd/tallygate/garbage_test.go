package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestGarbageByMemoryInUse(t *testing.T) {
	for live, percent := range map[uint64]int{0: 150, 10 << 20: 150, 56 << 20: 100, 80 << 20: 70, 200 << 20: 60, 8 << 30: 60} {
		require.Equal(t, percent, garbageFor(live), "%d MiB in use", live>>20)
	}
}
