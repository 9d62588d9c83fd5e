package load

import (
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"

	"tallygate/licensing"
)

// settle ties the caller to its thread, puts that on the given processors (none: anywhere)
// and lets it wake on time; undo takes all that back.
func settle(cpus []int) (undo func(), err error) {
	runtime.LockOSThread()
	// The kernel rounds wake-ups by 50 us otherwise, which would be latency of ours.
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
	undo = func() {
		_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 0, 0, 0, 0) // the default again
		runtime.UnlockOSThread()
	}
	if len(cpus) == 0 {
		return undo, nil
	}
	var before, wanted unix.CPUSet
	for _, n := range cpus {
		wanted.Set(n)
	}
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		undo()
		return nil, fmt.Errorf("ask for this thread's processors: %w", err)
	}
	if err := unix.SchedSetaffinity(0, &wanted); err != nil {
		undo()
		return nil, licensing.Errorf(licensing.CodeInvalid, "cannot run on processor %v: %w", cpus, err).
			WithHint("this machine has processors 0 to %d", runtime.NumCPU()-1)
	}
	release := undo
	return func() {
		_ = unix.SchedSetaffinity(0, &before) // it was ours a moment ago
		release()
	}, nil
}
