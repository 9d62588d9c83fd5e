package disconnect

import (
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"tallygate/macwatch"
)

// rememberedOutcomes is how many sessions' outcomes are kept, in memory only: after a
// restart what must not be is found and asked for again.
const rememberedOutcomes = 1 << 16

// roundWaits are how long the watcher waits after each time that it has asked for one
// session: by then its Stop has come. After the last it has given up.
var roundWaits = [...]time.Duration{2 * time.Minute, 10 * time.Minute, 30 * time.Minute}

// outcomes remembers what became of sessions.
type outcomes struct {
	mu    sync.Mutex
	known *lru.Cache[key, *memory]
}

// memory is what is known of one session.
type memory struct {
	latest macwatch.Disconnect
	active bool      // a job of it is under way
	epoch  uint64    // of the facts under which rounds were begun
	rounds int       // under this epoch
	next   time.Time // when another may begin
}

func newOutcomes() *outcomes {
	c, _ := lru.New[key, *memory](rememberedOutcomes) // fails for sizes below 1 only
	return &outcomes{known: c}
}

// of is a copy of the latest outcome; nil when there is none.
func (o *outcomes) of(k key) *macwatch.Disconnect {
	o.mu.Lock()
	defer o.mu.Unlock()
	m, ok := o.known.Peek(k)
	if !ok || m.latest.State == "" {
		return nil
	}
	d := m.latest
	return &d
}

// get is the memory of a session, made when there is none.
func (o *outcomes) get(k key) *memory {
	m, ok := o.known.Get(k)
	if !ok {
		m = &memory{}
		o.known.Add(k, m)
	}
	return m
}

// byOperator is the epoch of those who need not wait for the next round.
const byOperator = 0

// begin notes that a job for a session is to begin: because of the facts of an epoch,
// or byOperator. If it must not, next is when it may; the zero time: never.
func (o *outcomes) begin(k key, epoch uint64, now time.Time) (ok bool, next time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	m := o.get(k)
	if epoch != byOperator && m.epoch != epoch {
		m.epoch, m.rounds, m.next = epoch, 0, time.Time{}
	}
	switch {
	case m.active:
		return false, now.Add(roundWaits[0])
	case epoch == byOperator:
	case m.rounds >= len(roundWaits):
		return false, time.Time{}
	case now.Before(m.next):
		return false, m.next
	default:
		m.rounds++
	}
	m.active = true
	return true, time.Time{}
}

// cancel takes a begin back: there was no room.
func (o *outcomes) cancel(k key, epoch uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	m := o.get(k)
	m.active = false
	if epoch != byOperator {
		m.rounds--
	}
}

// note keeps an outcome; the last one of a job ends it.
func (o *outcomes) note(k key, d macwatch.Disconnect, last bool, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	m := o.get(k)
	d.Rounds = m.rounds
	m.latest, m.active = d, !last
	switch {
	case d.State == macwatch.DisconnectImpossible:
		m.rounds = len(roundWaits) // until the facts are others
	case last && m.rounds > 0:
		m.next = now.Add(roundWaits[m.rounds-1])
	}
}
