package radiusd

import (
	"time"

	"go.uber.org/zap"

	"tallygate/licensing"
)

// linkOutlet is a connection's way out for one goroutine.
type linkOutlet struct {
	link    *link
	count   *listenerMetrics
	scratch [maxPacket]byte
	queued  bool
}

func (o *linkOutlet) buffer() []byte { return o.scratch[:0] }

// queue adds an answer to what waits. A peer that leaves too much waiting is given up:
// its memory is not ours to provide.
func (o *linkOutlet) queue(_ *route, answer []byte) {
	l := o.link
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.over: // the answer has nowhere to go (RFC 6613 section 2.6.1)
	case len(l.waiting)+len(answer) > linkWriteBuffer:
		l.over, l.waiting = true, nil
		o.count.drop(licensing.ReasonOverload)
		_ = l.conn.NetConn().Close() // a farewell would wait like the answers
		l.rouse()
		l.radsec.log.linkEnded(l, "the peer does not read its answers", zap.WarnLevel)
	default:
		l.waiting = append(l.waiting, answer...)
		o.queued = true
		c := code(answer[0])
		if int(c) >= codes {
			c = 0
		}
		o.count.response(c)
	}
}

// flush wakes the writer.
func (o *linkOutlet) flush() {
	if o.queued {
		o.queued = false
		o.link.rouse()
	}
}

func (l *link) rouse() {
	select {
	case l.wake <- struct{}{}:
	default: // it is awake
	}
}

// write writes what waits until finish is called, or the peer does not take it.
func (l *link) write() {
	defer close(l.written)
	defer func() { _ = l.conn.Close() }()
	for range l.wake {
		l.mu.Lock()
		out, over := l.waiting, l.over
		l.waiting = l.spare[:0]
		l.mu.Unlock()
		if len(out) > 0 {
			err := l.conn.SetWriteDeadline(time.Now().Add(l.radsec.patience))
			if err == nil {
				_, err = l.conn.Write(out)
			}
			if err != nil {
				l.mu.Lock()
				l.over, l.waiting = true, nil
				l.mu.Unlock()
				return
			}
		}
		if over {
			return
		}
		l.mu.Lock()
		l.spare = out
		l.mu.Unlock()
	}
}

// finish lets the writer write what waits, and end. It may be called more than once.
func (l *link) finish() {
	l.mu.Lock()
	l.over = true
	l.mu.Unlock()
	l.rouse()
}
