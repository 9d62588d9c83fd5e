package simulate

import (
	"slices"
	"sync"
	"time"
)

// Report is what came of a run.
type Report struct {
	Visits   int `json:"visits"`   // of guests, begun
	Sessions int `json:"sessions"` // begun on an access point, each leg of a roaming guest by itself
	Requests int `json:"requests"` // Access-Requests and accounting records, each once however often sent

	Accepts int            `json:"accepts"`
	Rejects map[string]int `json:"rejects"` // by Reply-Message

	Acknowledged    int     `json:"acknowledged"` // accounting records
	Timeouts        int     `json:"timeouts"`     // requests that stayed unanswered
	Unanswered      []Entry `json:"unanswered"`   // accounting records among them: stored or not, nobody knows
	Retransmissions int     `json:"retransmissions"`

	LostRequests int            `json:"lost_requests"` // injected
	LostReplies  int            `json:"lost_replies"`  // injected
	Duplicates   int            `json:"duplicates"`    // injected
	Reordered    int            `json:"reordered"`     // injected
	Reboots      int            `json:"reboots"`       // injected
	BadReplies   map[string]int `json:"bad_replies"`   // replies that failed verification, by what was wrong

	Access     Latency `json:"access"`
	Accounting Latency `json:"accounting"`

	Seconds  float64 `json:"seconds"`
	Finished bool    `json:"finished"` // false: ended by the duration or by a signal
}

// Latency is the time from the first transmission to the answer, in milliseconds,
// retransmissions included.
type Latency struct {
	P50 float64 `json:"p50_ms"`
	P99 float64 `json:"p99_ms"`
	Max float64 `json:"max_ms"`
}

// tally collects a Report from many guests at once.
type tally struct {
	mu                 sync.Mutex
	report             Report
	access, accounting []time.Duration
	ledger             ledger
}

func newTally(l ledger) *tally {
	return &tally{ledger: l, report: Report{
		Rejects: map[string]int{}, BadReplies: map[string]int{}, Unanswered: []Entry{},
	}}
}

// note changes the report under the lock.
func (t *tally) note(change func(r *Report)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	change(&t.report)
}

func (t *tally) accessed(reply Reply, accepted bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.access = append(t.access, reply.Elapsed)
	t.report.Retransmissions += reply.Transmissions - 1
	if accepted {
		t.report.Accepts++
		return
	}
	t.report.Rejects[reply.Message]++
}

func (t *tally) acknowledged(e Entry, reply Reply) {
	e.Transmissions = reply.Transmissions
	t.mu.Lock()
	defer t.mu.Unlock()
	t.accounting = append(t.accounting, reply.Elapsed)
	t.report.Acknowledged++
	t.report.Retransmissions += reply.Transmissions - 1
	t.ledger.write(e)
}

// finish completes the report. Nobody may note anything any more.
func (t *tally) finish() Report {
	t.report.Access = latency(t.access)
	t.report.Accounting = latency(t.accounting)
	return t.report
}

func latency(d []time.Duration) Latency {
	if len(d) == 0 {
		return Latency{}
	}
	slices.Sort(d)
	at := func(percent int) float64 {
		return float64(d[(len(d)-1)*percent/100].Microseconds()) / 1000
	}
	return Latency{P50: at(50), P99: at(99), Max: at(100)}
}
