package disconnect

import (
	"net/netip"
	"time"

	"tallygate/macwatch"
)

// Retransmission by RFC 5080 section 2.2.1: 2 s, doubled each time. Bounded, since
// nobody waits for it for ever.
const (
	firstWait = 2 * time.Second
	tries     = 4 // transmissions of one step: at 0, 2, 6 and 14 s
)

// waitAfter is how long an answer is waited for after the nth transmission.
func waitAfter(n int) time.Duration { return firstWait << n }

// key names a session, and which leg of it.
type key struct {
	ident macwatch.Ident
	leg   int
}

func keyOf(s *macwatch.Session) key { return key{s.Ident, s.Leg} }

// job is one session on its way out.
type job struct {
	session *macwatch.Session // not changed any more
	client  string
	to      netip.Addr
	port    uint16 // 0: that of the recipe
	secret  []byte
	recipe  recipe
	steps   []step
	why     string
	// wanted is asked once more before the first packet goes; nil: by all means.
	wanted func() bool
	// done is told once what has become of it. It must not block.
	done func(o macwatch.Disconnect)

	step    int
	sent    int       // transmissions of this step
	due     time.Time // when the next one is, or when it is given up
	flights []flightKey
	refusal cause // latest
	refused bool
	forged  bool // what came back was not signed with the secret
}

// refusedBy notes a refusal. Of several, what is final stands; then that the session
// was not found, which says that the words were understood; then the latest.
func (j *job) refusedBy(c cause) {
	if !j.refused || !c.otherWords() || c == causeNotFound || j.refusal != causeNotFound {
		j.refusal = c
	}
	j.refused = true
}

// wrongSecret is what answers that prove another secret mean.
const wrongSecret = "what came back is not signed with this client's secret: enter the one that the NAS has for CoA, with --disconnect-secret"

// address is where the present step goes.
func (j *job) address() netip.AddrPort {
	port := j.port
	if port == 0 {
		port = j.recipe.port
		if p := j.steps[j.step].port; p != 0 {
			port = p
		}
	}
	return netip.AddrPortFrom(j.to, port)
}

// outcome is how it stands.
func (j *job) outcome(state macwatch.DisconnectState, detail string, at time.Time) macwatch.Disconnect {
	o := macwatch.Disconnect{State: state, Why: j.why, Detail: detail, At: at.UTC()}
	if len(j.steps) > 0 && j.to.IsValid() {
		o.To = j.address().String()
	}
	if state == macwatch.DisconnectRefused {
		o.ErrorCause = j.refusal.String()
	}
	return o
}
