package main

import (
	"os"
	"runtime"
)

// waiting is how many goroutines stand in SQLite most of the time, waiting for the disk: the
// writer, and the one that makes its checkpoints.
const waiting = 2

// useProcessors gives the scheduler a place more for each of those who only wait. With a place
// for each processor alone, the scheduler takes the waiting one's away with each fsync, and
// that one must find another when the disk has answered. The limit of a container counts as it
// is at the start.
// GOMAXPROCS in the environment has the last word.
func useProcessors() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + waiting)
	}
}
