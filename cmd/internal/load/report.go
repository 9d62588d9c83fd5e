package load

import (
	"time"
)

// Report is what came of a run.
type Report struct {
	Workload Workload `json:"workload"`
	Ports    int      `json:"ports"`
	Window   int      `json:"window"`  // outstanding requests of a port
	Rate     float64  `json:"rate"`    // requests a second that were due; 0: a closed loop
	Seconds  float64  `json:"seconds"` // that were measured
	Access   *Side    `json:"access,omitempty"`
	Acct     *Side    `json:"accounting,omitempty"`
}

// Side is what came of one kind of request.
type Side struct {
	PerSecond float64 `json:"per_second"` // answers in the measured time
	Answered  uint64  `json:"answered"`   // in the measured time
	Latency   Latency `json:"latency"`    // of the requests that began in it
	Late      uint64  `json:"late"`       // good answers in the measured time to requests that were given up

	// From here on, of the whole run, warm-up included.
	Sent            uint64 `json:"sent"`            // requests, each once
	Retransmissions uint64 `json:"retransmissions"` //
	Timeouts        uint64 `json:"timeouts"`        // requests that stayed unanswered
	Refused         uint64 `json:"refused"`         // datagrams that the kernel did not take, or that nobody listened to

	Accepted uint64             `json:"accepted,omitempty"`
	Rejected uint64             `json:"rejected,omitempty"` // and challenged
	Unsigned uint64             `json:"unsigned,omitempty"` // replies to Access-Requests without Message-Authenticator
	Repeated uint64             `json:"repeated"`           // good replies to what was answered before
	Bad      map[Verdict]uint64 `json:"bad,omitempty"`      // replies that failed verification
	Records  Records            `json:"records,omitzero"`

	Lost       uint64 `json:"lost,omitempty"`       // injected, on both ways
	Duplicated uint64 `json:"duplicated,omitempty"` // injected
	Reordered  uint64 `json:"reordered,omitempty"`  // injected
}

// Records are the accounting records that were acknowledged in the whole run.
type Records struct {
	Starts       uint64 `json:"starts"`
	Interims     uint64 `json:"interims"`
	Stops        uint64 `json:"stops"`
	InputOctets  uint64 `json:"input_octets"`  // of the sessions that were stopped
	OutputOctets uint64 `json:"output_octets"` // of the sessions that were stopped
}

// All is their number.
func (r Records) All() uint64 { return r.Starts + r.Interims + r.Stops }

func (r *Records) add(a record) {
	switch a.status {
	case start:
		r.Starts++
	case interim:
		r.Interims++
	case stop:
		r.Stops++
		r.InputOctets += uint64(a.input)
		r.OutputOctets += uint64(a.output)
	}
}

// Latency is the time from when a request was due, or first sent, to when the kernel had its
// answer, in microseconds, retransmissions included.
type Latency struct {
	P50  float64 `json:"p50_us"`
	P99  float64 `json:"p99_us"`
	P999 float64 `json:"p999_us"`
	Max  float64 `json:"max_us"`
}

func latencyOf(h *Histogram) Latency {
	us := func(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
	return Latency{P50: us(h.Quantile(0.5)), P99: us(h.Quantile(0.99)), P999: us(h.Quantile(0.999)), Max: us(h.Longest())}
}

// Sides are those that were played.
func (r Report) Sides() []*Side {
	var sides []*Side
	for _, s := range []*Side{r.Access, r.Acct} {
		if s != nil {
			sides = append(sides, s)
		}
	}
	return sides
}

// PerSecond is the answers a second of all sides.
func (r Report) PerSecond() (sum float64) {
	for _, s := range r.Sides() {
		sum += s.PerSecond
	}
	return sum
}

// Answered is the answers of all sides in the measured time.
func (r Report) Answered() (sum uint64) {
	for _, s := range r.Sides() {
		sum += s.Answered
	}
	return sum
}

// Bad is the number of replies that failed verification.
func (r Report) Bad() (sum uint64) {
	for _, s := range r.Sides() {
		for _, n := range s.Bad {
			sum += n
		}
	}
	return sum
}

// Timeouts is the number of requests that stayed unanswered.
func (r Report) Timeouts() (sum uint64) {
	for _, s := range r.Sides() {
		sum += s.Timeouts
	}
	return sum
}
