package store

import (
	"time"

	"go.uber.org/zap"

	"tallygate/macwatch"
)

// batchesInHand is how many batches there are: one being written, the others being
// answered or waiting for that. The writer never runs further ahead.
const batchesInHand = 3

// smallBatch is how many operations the writer answers itself: to wake somebody else
// would take longer.
const smallBatch = 64

// run is the writer goroutine: it takes what waits and commits it, batch after batch.
// A second goroutine answers, in the same order, so that the disk and the network work
// at the same time; run owns it, and the ticker, and waits for both.
func (s *Store) run() {
	defer close(s.done)
	stop := make(chan struct{})
	ticking := make(chan struct{})
	go func() {
		defer close(ticking)
		s.tick(stop)
	}()
	free, committed, answering := make(chan []op, batchesInHand), make(chan []op, batchesInHand), make(chan struct{})
	for range batchesInHand {
		free <- make([]op, 0, maxBatch)
	}
	go func() {
		defer close(answering)
		var a answerer
		for ops := range committed {
			a.answer(ops)
			clear(ops)
			free <- ops
		}
	}()
	var a answerer
	for {
		ops, ok := s.queue.take(<-free)
		if !ok {
			break
		}
		s.w.turn(ops, func(ops []op) {
			// All others are free: nobody is answering, and no order is upset.
			if len(ops) <= smallBatch && len(free) == batchesInHand-1 {
				a.answer(ops)
				clear(ops)
				free <- ops
				return
			}
			committed <- ops
		})
	}
	close(committed)
	<-answering
	close(stop)
	<-ticking
	if err := s.w.housekeep(true); err != nil {
		s.log.Warn("what was pending at the end could not be written; it is recovered at the next start", zap.Error(err))
	}
}

// tick wakes the writer once in a while, for its housekeeping.
func (s *Store) tick(stop <-chan struct{}) {
	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			s.queue.wake()
		case <-stop:
			return
		}
	}
}

// answerer gives records and claims back, in order: those of one Done in a row at once.
type answerer struct{ run []*macwatch.Record }

func (a *answerer) answer(ops []op) {
	for i := range ops {
		switch o := &ops[i]; {
		case o.record != nil:
			if len(a.run) > 0 && a.run[0].Done != o.record.Done {
				a.flush()
			}
			a.run = append(a.run, o.record)
		case o.claim != nil:
			a.flush()
			o.claim.Done.Claimed(o.claim)
		case o.deed != nil:
			close(o.deed.done)
		}
	}
	a.flush()
}

func (a *answerer) flush() {
	if len(a.run) > 0 {
		a.run[0].Done.Answered(a.run)
		clear(a.run)
		a.run = a.run[:0]
	}
}
