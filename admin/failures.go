package admin

import (
	"net/netip"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// An address may be wrong failureBurst times, and then once every failurePause. What it
// hinders is noise: nobody guesses 32 random octets.
const (
	failureBurst = 10
	failurePause = 6 * time.Second
	failurePeers = 4096 // remembered; the one that was wrong longest ago is forgotten first
)

// failureLimit holds back addresses whose tokens are wrong.
type failureLimit struct {
	mu    *sync.Mutex
	peers *lru.Cache[netip.Addr, time.Time] // when all its failures are forgotten
}

func newFailureLimit() failureLimit {
	peers, _ := lru.New[netip.Addr, time.Time](failurePeers) // fails only for a size of 0
	return failureLimit{mu: new(sync.Mutex), peers: peers}
}

// failed notes that a token from this address was wrong.
func (f failureLimit) failed(peer netip.Addr, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	until, _ := f.peers.Get(peer)
	if until.Before(now) {
		until = now
	}
	f.peers.Add(peer, until.Add(failurePause))
}

// blocked is how long the address has to wait; 0: not at all.
func (f failureLimit) blocked(peer netip.Addr, now time.Time) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	until, ok := f.peers.Peek(peer)
	if !ok {
		return 0
	}
	return max(0, until.Sub(now)-(failureBurst-1)*failurePause)
}
