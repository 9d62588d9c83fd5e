package simulate

import (
	"context"
	"errors"
	"time"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
)

// ErrNoAnswer: every retransmission stayed unanswered.
var ErrNoAnswer = errors.New("no answer")

// Fate is what the network does to one transmission and to the answers that arrive
// until the next one.
type Fate struct {
	LoseRequest, Duplicate, LoseReply bool
}

// Delivery is how a NAS goes about sending. The zero value sends once and waits for
// two seconds.
type Delivery struct {
	Timeout time.Duration          // until the first retransmission, doubling up to 16 times itself; default 2 s
	Retries int                    // retransmissions after the first transmission
	Fate    func(attempt int) Fate // by transmission, from 0; nil: a perfect network
}

// Reply is a verified answer.
type Reply struct {
	Code          radius.Code
	Message       string // Reply-Message
	Attributes    radius.Attributes
	Elapsed       time.Duration // from the first transmission
	Transmissions int
}

// NAS is an access point or a controller, with a UDP port of its own for each of the
// two services.
type NAS struct {
	auth, acct *port
}

// Dial opens the ports. Nothing is sent.
func Dial(auth, acct, secret string) (*NAS, error) {
	a, err := dial(auth, []byte(secret))
	if err != nil {
		return nil, err
	}
	b, err := dial(acct, []byte(secret))
	if err != nil {
		a.close()
		return nil, err
	}
	return &NAS{auth: a, acct: b}, nil
}

// Close closes the ports and waits for their readers.
func (n *NAS) Close() {
	n.auth.close()
	n.acct.close()
}

// BadReplies counts the replies that failed verification, by what was wrong.
func (n *NAS) BadReplies() map[string]int {
	out := map[string]int{}
	for _, p := range []*port{n.auth, n.acct} {
		p.mu.Lock()
		for what, count := range p.bad {
			out[what] += count
		}
		p.mu.Unlock()
	}
	return out
}

// Exchange sends a request, and again until it is answered. The error is ErrNoAnswer,
// the context's, or a request that cannot be encoded.
func (n *NAS) Exchange(ctx context.Context, r *Request, d Delivery) (Reply, error) {
	p := n.acct
	if r.Code == radius.CodeAccessRequest {
		p = n.auth
	}
	f := p.begin()
	defer f.end()

	wait := d.Timeout
	if wait == 0 {
		wait = 2 * time.Second
	}
	longest := 16 * wait
	begun := time.Now()
	var wire []byte
	for attempt := range d.Retries + 1 {
		if ctx.Err() != nil {
			return Reply{}, ctx.Err()
		}
		var fate Fate
		if d.Fate != nil {
			fate = d.Fate(attempt)
		}
		if wire == nil || r.Delays {
			age := uint32(time.Since(begun) / time.Second)
			next, ok, err := f.open(func(id byte) ([]byte, error) { return r.encode(id, p.secret, age) })
			if err != nil {
				return Reply{}, err
			}
			if ok {
				wire = next // else all Identifiers are busy: the old packet goes out again, if there is one
			}
		}
		if wire != nil && !fate.LoseRequest {
			p.transmit(wire)
			if fate.Duplicate {
				p.transmit(wire)
			}
		}
		answer, err := f.await(ctx, wait, fate.LoseReply)
		if err != nil {
			return Reply{}, err
		}
		if answer != nil {
			return Reply{
				Code: answer.Code, Message: rfc2865.ReplyMessage_GetString(answer), Attributes: answer.Attributes,
				Elapsed: time.Since(begun), Transmissions: attempt + 1,
			}, nil
		}
		wait = min(2*wait, longest)
	}
	return Reply{}, ErrNoAnswer
}

func (p *port) transmit(wire []byte) {
	_, _ = p.conn.Write(wire) // refused or full: the packet is lost, as packets are
}

// await waits for an answer; nil when none came in time. A deaf NAS hears none.
func (f *flight) await(ctx context.Context, wait time.Duration, deaf bool) (*radius.Packet, error) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-timer.C:
			return nil, nil
		case answer := <-f.replies:
			if !deaf {
				return answer, nil
			}
		}
	}
}
