package store

import (
	"errors"
	"time"

	"tallygate/licensing"
)

// How often the writer looks after its own things when nothing else wakes it.
const (
	tick          = 250 * time.Millisecond // probe a store that failed; write last_seen
	clockInterval = 15 * time.Second       // note the latest time seen
	passInterval  = time.Hour              // forget passes that are long over
)

// fold writes to their rows what is too much for the journals: so little at a time that
// no answer waits for it.
func (w *writer) fold() error {
	if n := share(len(w.backlog.order) - backlogSize); n > 0 {
		if err := w.foldSome(n); err != nil {
			return err
		}
	}
	if n := share(w.newcomers.len() - newcomerBacklog); n > 0 {
		if err := w.foldNewcomers(n); err != nil {
			return err
		}
	}
	w.checkpoint()
	return w.sealSome()
}

// housekeep runs a few times a second: it reads the clock, folds the journal, writes
// last_seen, and finds out whether a store that failed can be written again. The
// last one, at the end, leaves nothing behind.
func (w *writer) housekeep(last bool) error {
	// What happened to the clock is reported until it is written: while the store
	// cannot be written the last of several events stands, but never less than a jump
	// withdrawn, which has something to be settled.
	if event := w.s.readClock(); event != licensing.ClockSteady && w.clockEvent != licensing.ClockWithdrawn {
		w.clockEvent = event
		w.silence.excuse(w.s.uptime()) // how long it was silent cannot be said
	}
	if w.clockEvent != licensing.ClockSteady {
		if err := w.reportClock(w.clockEvent); err != nil {
			return err
		}
		w.clockEvent = licensing.ClockSteady
	}
	if err := w.advance(); err != nil {
		return err
	}
	sessions, devices := foldStep, newcomerStep
	if last {
		sessions, devices = len(w.backlog.order), w.newcomers.len()
	}
	if err := errors.Join(w.foldSome(sessions), w.foldNewcomers(devices)); err != nil {
		return err
	}
	if err := errors.Join(w.closeSilent(), w.retain(), w.writeSlotsSeen(last), w.releaseIdle()); err != nil {
		return err
	}
	w.forgetPasses()
	w.relearn()
	if err := w.eraseStays(); err != nil {
		return err
	}
	clockDue := w.s.uptime()-w.clockSaved >= clockInterval
	if !last && !w.failed && !clockDue && w.seen.empty() {
		return nil
	}
	if !last {
		return w.writeLate(seenStep)
	}
	// Twice: what is draining, and what has come since that began.
	return errors.Join(w.writeLate(w.seen.size()), w.writeLate(w.seen.size()))
}

// writeLate writes what need not be written at once: up to n values of last_seen,
// and the time.
func (w *writer) writeLate(n int) error {
	var left draining
	if err := w.within(func() (err error) {
		left, err = w.writeSeen(n)
		return errors.Join(err, w.saveClock())
	}); err != nil {
		return err
	}
	w.seen.wrote(left)
	w.clockSaved = w.s.uptime()
	w.recovered()
	return nil
}
