package bench

import (
	"crypto/hmac"
	"crypto/md5"
	"encoding/binary"
	"hash"

	"tallygate/cmd/internal/mmsg"
)

// responder is the bare responder's state. Nothing is allocated for a packet.
type responder struct {
	in, out *mmsg.Batch
	hmac    hash.Hash
	secret  []byte
	replies [64][38 + 32]byte // an Access-Accept with Message-Authenticator, and room for the secret
	sum     [md5.Size]byte
}

// Packets, as far as they matter here (RFC 2865, 2866 and 3579).
const (
	accessRequest, accessAccept             = 1, 2
	accountingRequest, accountingResponse   = 4, 5
	headerLength, messageAuthenticator, maL = 20, 80, 18
)

func newResponder() *responder {
	r := &responder{in: mmsg.NewBatch(64, 4096+128), hmac: hmac.New(md5.New, []byte(secret)), secret: []byte(secret)}
	r.out = mmsg.NewBatch(len(r.replies), 0)
	return r
}

// serve answers all that lies at a socket.
func (r *responder) serve(fd int) error {
	for {
		n, err := r.in.Receive(fd)
		if err != nil || n == 0 {
			return err
		}
		queued := 0
		for i := range n {
			if reply := r.answer(r.in.Datagram(i), r.replies[queued][:]); reply != nil {
				r.out.Answer(queued, reply, r.in, i)
				queued++
			}
		}
		if _, err := r.out.Send(fd, queued); err != nil {
			return err
		}
	}
}

// answer makes the reply to a packet; nil when it is none, or not signed as it should be.
func (r *responder) answer(packet, reply []byte) []byte {
	if len(packet) < headerLength || int(binary.BigEndian.Uint16(packet[2:])) != len(packet) {
		return nil
	}
	request := [md5.Size]byte(packet[4:headerLength])
	switch packet[0] {
	case accessRequest:
		if !r.signed(packet) {
			return nil
		}
		reply = reply[:headerLength+maL]
		reply[0] = accessAccept
		reply[headerLength], reply[headerLength+1] = messageAuthenticator, maL
		clear(reply[headerLength+2:])
	case accountingRequest:
		clear(packet[4:headerLength])
		if md5.Sum(append(packet, r.secret...)) != request {
			return nil
		}
		reply = reply[:headerLength]
		reply[0] = accountingResponse
	default:
		return nil
	}
	reply[1] = packet[1]
	binary.BigEndian.PutUint16(reply[2:], uint16(len(reply)))
	copy(reply[4:], request[:])
	if reply[0] == accessAccept {
		copy(reply[headerLength+2:], r.sign(reply))
	}
	sum := md5.Sum(append(reply, r.secret...))
	copy(reply[4:], sum[:])
	return reply
}

// signed reports whether the packet's Message-Authenticator is right.
func (r *responder) signed(packet []byte) bool {
	for i := headerLength; i+2 <= len(packet); i += int(packet[i+1]) {
		length := int(packet[i+1])
		if length < 2 || i+length > len(packet) {
			return false
		}
		if packet[i] != messageAuthenticator || length != maL {
			continue
		}
		value := packet[i+2 : i+maL]
		claimed := [md5.Size]byte(value)
		clear(value)
		return [md5.Size]byte(r.sign(packet)) == claimed
	}
	return false
}

func (r *responder) sign(packet []byte) []byte {
	r.hmac.Reset()
	r.hmac.Write(packet)
	return r.hmac.Sum(r.sum[:0])
}
