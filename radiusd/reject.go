package radiusd

import (
	"sync"
	"time"
)

// maxRejectDelay is the longest Access-Reject delay; clients try again after some
// seconds.
const maxRejectDelay = 5 * time.Second

// rejectQueue is how many Access-Rejects may wait to be sent.
const rejectQueue = 1 << 14

// lateReject is an Access-Reject that waits in the reply cache until it is due.
type lateReject struct {
	socket *socket
	to     route
	ticket ticket
	due    instant
}

// rejector sends Access-Rejects no earlier than they are due, so that guessing
// passwords is slow, with one goroutine and without holding up anything else. All
// wait equally long: the queue is in order of time by itself.
type rejector struct {
	clock   stopwatch
	deliver func([]lateReject) // what is due, in order

	mu    sync.Mutex
	ring  []lateReject
	first int
	size  int
	wake  chan struct{}
}

func newRejector(capacity int, clock stopwatch, deliver func([]lateReject)) *rejector {
	return &rejector{clock: clock, deliver: deliver, ring: make([]lateReject, capacity), wake: make(chan struct{}, 1)}
}

// push queues a reject; false when the queue is full.
func (q *rejector) push(r lateReject) bool {
	q.mu.Lock()
	if q.size == len(q.ring) {
		q.mu.Unlock()
		return false
	}
	q.ring[(q.first+q.size)%len(q.ring)] = r
	q.size++
	alone := q.size == 1
	q.mu.Unlock()
	if alone { // else run waits for an earlier one already
		select {
		case q.wake <- struct{}{}:
		default:
		}
	}
	return true
}

// run delivers until stop is closed. It then delivers at once whatever still waits:
// these requests have been decided, and their clients would only ask another server.
func (q *rejector) run(stop <-chan struct{}) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	due := make([]lateReject, 0, batchSize)
	for {
		var wait time.Duration
		for {
			due, wait = q.take(due[:0], q.clock.now())
			if len(due) == 0 {
				break
			}
			q.deliver(due)
		}
		var ring <-chan time.Time
		if wait > 0 {
			timer.Reset(wait)
			ring = timer.C
		}
		select {
		case <-ring:
		case <-q.wake:
		case <-stop:
			q.flush(due)
			return
		}
	}
}

func (q *rejector) flush(due []lateReject) {
	const never = instant(1<<63 - 1)
	for {
		due, _ = q.take(due[:0], never)
		if len(due) == 0 {
			return
		}
		q.deliver(due)
	}
}

// take appends what is due, up to the capacity of to, and says how long until the
// next one is; 0 when there is none.
func (q *rejector) take(to []lateReject, now instant) ([]lateReject, time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.size > 0 && len(to) < cap(to) {
		head := &q.ring[q.first]
		if head.due > now {
			return to, time.Duration(head.due - now)
		}
		to = append(to, *head)
		*head = lateReject{}
		q.first = (q.first + 1) % len(q.ring)
		q.size--
	}
	return to, 0
}
