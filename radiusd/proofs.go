package radiusd

import (
	"crypto/subtle"
	"encoding/binary"

	"tallygate/radiusd/lanes"
)

// fewLanes is from how many messages on it takes less time to hash them side by side.
const fewLanes = 4

// proofs finds out whether the datagrams of a batch are authentic, many at a time, before
// the first of them is served. What it does not know of one, that one is asked itself.
type proofs struct {
	batch lanes.Batch
	held  [lanes.Lanes]held
	of    [batchSize]proof
}

// proof is what is known of a datagram before it is served. The zero value: nothing.
type proof struct {
	client *client // whose secret it was held against; nil: nobody's
	right  bool    // the Request Authenticator of accounting, else the Message-Authenticator
	pad    pad     // what hides its User-Password
}

func (p *proof) known() bool { return p != nil && p.client != nil }

// held is the datagram in a lane.
type held struct {
	raw    []byte // without padding
	signed int    // where the Message-Authenticator's value stands; 0: it is an Accounting-Request
	hides  bool   // it has a User-Password
	proof  *proof
}

// work looks at the n datagrams that a reader has received. If it breaks, nothing is known.
func (f *proofs) work(r *reader, n int) {
	clear(f.of[:]) // of a Snapshot that is over nothing is kept
	if n < fewLanes {
		return
	}
	defer func() {
		if fault := recover(); fault != nil {
			clear(f.of[:n])
			r.server.log.panicked(r.socket.listener, fault)
		}
	}()
	taken := 0
	for i := range n {
		datagram, truncated := r.in.datagram(i)
		h, c := &f.held[taken], r.view.client(r.in.source(i).Addr())
		if c == nil || truncated || !h.read(datagram) || len(h.raw)+len(c.secret.text) > lanes.Longest {
			continue
		}
		h.proof = &f.of[i]
		h.proof.client = c
		if taken++; taken == lanes.Lanes {
			f.judge(taken)
			taken = 0
		}
	}
	if taken >= fewLanes {
		f.judge(taken)
		return
	}
	for i := range taken {
		f.held[i].proof.client = nil
	}
}

// read takes a datagram that is proved in one of the two common ways; false for any other,
// and for what is malformed.
func (h *held) read(datagram []byte) bool {
	if len(datagram) < headerSize {
		return false
	}
	length := int(binary.BigEndian.Uint16(datagram[2:]))
	if length < headerSize || length > len(datagram) {
		return false
	}
	*h = held{raw: datagram[:length]}
	at := headerSize
	for kind, value, rest, ok := attributes(h.raw[at:]).next(); ok; kind, value, rest, ok = rest.next() {
		switch {
		case kind == attrMessageAuthenticator && (h.signed != 0 || len(value) != authenticatorSize):
			return false
		case kind == attrMessageAuthenticator:
			h.signed = at + 2
		case kind == attrUserPassword:
			h.hides = true
		}
		at += 2 + len(value)
	}
	switch code(h.raw[0]) {
	case accessRequest:
		return at == length && h.signed != 0
	case accountingRequest:
		return at == length && h.signed == 0
	default:
		return false
	}
}

// judge hashes what so many lanes hold.
func (f *proofs) judge(taken int) {
	var zero [authenticatorSize]byte
	f.batch.Clear()
	for lane := range taken {
		h := &f.held[lane]
		if s := &h.proof.client.secret; h.signed == 0 { // RFC 2866 section 3
			f.batch.Put(lane, lanes.Start(), h.raw[:4], zero[:], h.raw[headerSize:], s.text)
		} else { // RFC 3579 section 3.2
			f.batch.Put(lane, &s.key.Inner, h.raw[:h.signed], zero[:], h.raw[h.signed+authenticatorSize:])
		}
	}
	f.batch.Sum()
	signed, hidden := 0, 0
	for lane := range taken {
		h := &f.held[lane]
		sum := f.batch.Digest(lane)
		if h.signed == 0 {
			h.proof.right = subtle.ConstantTimeCompare(sum[:], h.raw[4:headerSize]) == 1
			f.batch.Drop(lane)
			continue
		}
		f.batch.Put(lane, &h.proof.client.secret.key.Outer, sum[:])
		signed++
		if h.hides {
			hidden++
		}
	}
	if signed == 0 {
		return
	}
	f.batch.Sum()
	for lane := range taken {
		if h := &f.held[lane]; h.signed != 0 {
			sum := f.batch.Digest(lane)
			h.proof.right = subtle.ConstantTimeCompare(sum[:], h.raw[h.signed:h.signed+authenticatorSize]) == 1
		}
	}
	if hidden >= fewLanes {
		f.uncover(taken)
	}
}

// uncover makes the pads of User-Passwords (RFC 2865 section 5.2), for guests who are known
// here by their passwords.
func (f *proofs) uncover(taken int) {
	f.batch.Clear()
	for lane := range taken {
		if h := &f.held[lane]; h.hides && h.proof.right {
			s := &h.proof.client.secret
			h.proof.pad = pad{secret: s, authenticator: [authenticatorSize]byte(h.raw[4:])}
			f.batch.Put(lane, lanes.Start(), s.text, h.raw[4:headerSize])
		}
	}
	f.batch.Sum()
	for lane := range taken {
		if p := &f.held[lane].proof.pad; p.secret != nil {
			p.sum = f.batch.Digest(lane)
		}
	}
}
