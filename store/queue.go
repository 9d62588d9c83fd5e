package store

import (
	"sync"

	"tallygate/macwatch"
)

// maxBatch is how many operations one transaction takes. Beyond 512 only the p99
// grows, since a checkpoint falls into more of the commits.
const maxBatch = 256

// op is one thing for the writer: exactly one field is set.
type op struct {
	record *macwatch.Record
	claim  *macwatch.Claim
	note   func(*batch) error // small, may be lost: observed APs, signed sources
	deed   *deed              // small, and somebody waits for it
	task   *task              // an operator's change, in a transaction of its own
}

// queue is bounded: what does not fit is refused, and counted by whoever offered it.
// Whatever waits when the writer is free becomes one batch; nothing waits for a
// batch to fill.
type queue struct {
	mu     sync.Mutex
	ready  sync.Cond
	room   sync.Cond // for those whom it has refused
	ops    []op
	limit  int
	woken  bool // somebody asked for a turn without an operation
	closed bool
}

func newQueue(limit int) *queue {
	q := &queue{limit: limit}
	q.ready.L, q.room.L = &q.mu, &q.mu
	return q
}

// appendRecords takes records from the front as far as they fit.
func (q *queue) appendRecords(records []*macwatch.Record) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return 0
	}
	n := min(len(records), max(q.limit-len(q.ops), 0))
	for _, r := range records[:n] {
		q.ops = append(q.ops, op{record: r})
	}
	if n > 0 {
		q.ready.Signal()
	}
	return n
}

func (q *queue) push(o op) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || len(q.ops) >= q.limit && o.task == nil {
		return false
	}
	q.ops = append(q.ops, o)
	q.ready.Signal()
	return true
}

// awaitRoom waits until half of it is empty, or it is closed.
func (q *queue) awaitRoom() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.ops) > q.limit/2 && !q.closed {
		q.room.Wait()
	}
}

// wake gives the writer a turn for its housekeeping.
func (q *queue) wake() {
	q.mu.Lock()
	q.woken = true
	q.ready.Signal()
	q.mu.Unlock()
}

// take moves the next batch into buf: up to maxBatch operations, or one task. It
// waits until there is something; ok is false when the queue is closed and empty.
func (q *queue) take(buf []op) (batch []op, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.ops) == 0 && !q.woken && !q.closed {
		q.ready.Wait()
	}
	if len(q.ops) == 0 && q.closed {
		return nil, false
	}
	q.woken = false
	n := 0
	for n < len(q.ops) && n < maxBatch && q.ops[n].task == nil {
		n++
	}
	if n == 0 && len(q.ops) > 0 {
		n = 1
	}
	batch = append(buf[:0], q.ops[:n]...)
	rest := copy(q.ops, q.ops[n:])
	clear(q.ops[rest:])
	if q.ops = q.ops[:rest]; rest <= q.limit/2 {
		q.room.Broadcast()
	}
	return batch, true
}

func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	q.ready.Signal()
	q.room.Broadcast()
	q.mu.Unlock()
}
