package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestGarbageByMemoryInUse(t *testing.T) {
	for live, percent := range map[uint64]int{0: 300, 10 << 20: 300, 52 << 20: 300, 104 << 20: 100, 130 << 20: 60, 139 << 20: 50, 200 << 20: 50, 8 << 30: 50} {
		require.Equal(t, percent, garbageFor(live), "%d MiB in use", live>>20)
	}
}
