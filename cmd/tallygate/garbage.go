package main

import (
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// How much garbage may lie about before it is collected, in percent of the memory in use (Go's
// own is 100) and in octets: much where little is in use, for each collection takes from the
// answers meanwhile; little where a million devices are known.
const (
	leastGarbage = 60
	mostGarbage  = 150
	someGarbage  = 56 << 20
	garbageLook  = time.Second
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
	return int(min(max(someGarbage*100/max(live, 1), leastGarbage), mostGarbage))
}
