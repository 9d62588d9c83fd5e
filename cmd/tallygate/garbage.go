package main

import (
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// How much garbage may lie about before it is collected, in percent of the memory in use (Go's
// own is 100): as much as makes roomyHeap octets of both, for each collection takes from the
// answers meanwhile; not without limit where hardly anything is in use, and little where a
// million devices are known.
const (
	leastGarbage = 50
	mostGarbage  = 300
	roomyHeap    = 208 << 20
	garbageLook  = 100 * time.Millisecond
)

// garbage sets how much garbage may lie about, by what is in use: little, until it is known.
type garbage struct {
	fixed   bool // GOGC says how much
	percent int
	live    []metrics.Sample
}

func newGarbage() *garbage {
	g := &garbage{fixed: os.Getenv("GOGC") != "", live: []metrics.Sample{{Name: "/gc/heap/live:bytes"}}}
	g.set(leastGarbage)
	return g
}

func (g *garbage) set(percent int) {
	if !g.fixed {
		debug.SetGCPercent(percent)
		g.percent = percent
	}
}

// adapt looks at what the last collection found in use. A change stops the world for a moment:
// so none is made for a trifle.
func (g *garbage) adapt() {
	metrics.Read(g.live)
	percent := garbageFor(g.live[0].Value.Uint64())
	if change := max(percent-g.percent, g.percent-percent); change >= leastGarbage/10 {
		g.set(percent)
	}
}

func garbageFor(live uint64) int {
	live = min(max(live, 1), roomyHeap)
	return int(min(max((roomyHeap-live)*100/live, leastGarbage), mostGarbage))
}
