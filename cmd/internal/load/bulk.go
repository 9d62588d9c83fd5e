package load

import (
	"crypto/md5"

	"tallygate/radiusd/lanes"
)

// bulk verifies replies that came together, many at a time. It only knows those that are
// plainly good: what is not is verify's to judge, one by one.
type bulk struct {
	batch   lanes.Batch
	key     lanes.Key // of HMAC under the secret (RFC 2104)
	zero    [md5.Size]byte
	replies [lanes.Lanes]inLane
}

// inLane is a reply in its lane.
type inLane struct {
	packet    []byte // without padding; nil: it is left to verify
	at        int    // of Message-Authenticator; 0: none
	asked     *[md5.Size]byte
	judgement *judgement
}

// judgement is what bulk knows of a reply.
type judgement struct {
	good   bool
	signed bool // it holds a Message-Authenticator
}

// fewest is from how many replies on it is worth it.
const fewest = 4

func newBulk(secret string) *bulk {
	return &bulk{key: lanes.NewKey([]byte(secret))}
}

// judge looks at what came to a port: n datagrams. It does not write to them.
func (b *bulk) judge(p *port, n int, datagram func(int) []byte, into []judgement) {
	clear(into[:n])
	if n < fewest {
		return
	}
	for first := 0; first < n; first += lanes.Lanes {
		b.batch.Clear()
		count := min(lanes.Lanes, n-first)
		for lane := range count {
			b.read(p, lane, datagram(first+lane))
			b.replies[lane].judgement = &into[first+lane]
		}
		b.sealed(count)
		b.signed(count)
	}
}

// read takes a reply in, with the request that its Identifier belongs to now.
func (b *bulk) read(p *port, lane int, reply []byte) {
	r := &b.replies[lane]
	r.packet = nil
	packet, at, ok := walk(reply)
	e := p.side.deck.encoder
	if !ok || !answers(packet[0], e.code()) || len(packet)+len(e.secret) > lanes.Longest {
		return
	}
	r.packet, r.at, r.asked = packet, at, &p.slots[packet[1]].current.authenticator
	b.batch.Put(lane, lanes.Start(), packet[:offAuthenticator], r.asked[:], packet[offAttributes:], e.secret)
}

// sealed checks the Response Authenticators (RFC 2865 section 3).
func (b *bulk) sealed(count int) {
	b.batch.Sum()
	for lane := range count {
		if r := &b.replies[lane]; r.packet != nil {
			r.judgement.good = b.batch.Digest(lane) == [md5.Size]byte(r.packet[offAuthenticator:])
		}
	}
}

// signed checks the Message-Authenticators (RFC 3579 section 3.2) of those.
func (b *bulk) signed(count int) {
	b.batch.Clear()
	wanted := false
	for lane := range count {
		r := &b.replies[lane]
		if r.packet == nil || r.at == 0 || !r.judgement.good {
			r.packet = nil // nothing more is to be said
			continue
		}
		wanted = true
		b.batch.Put(lane, &b.key.Inner, r.packet[:offAuthenticator], r.asked[:], r.packet[offAttributes:r.at], b.zero[:], r.packet[r.at+md5.Size:])
	}
	if !wanted {
		return
	}
	b.batch.Sum()
	for lane := range count {
		if b.replies[lane].packet != nil {
			sum := b.batch.Digest(lane)
			b.batch.Put(lane, &b.key.Outer, sum[:])
		}
	}
	b.batch.Sum()
	for lane := range count {
		if r := &b.replies[lane]; r.packet != nil {
			r.judgement.good = b.batch.Digest(lane) == [md5.Size]byte(r.packet[r.at:])
			r.judgement.signed = true
		}
	}
}
