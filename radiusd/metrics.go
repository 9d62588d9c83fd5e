package radiusd

import (
	"github.com/prometheus/client_golang/prometheus"

	"tallygate/licensing"
)

// metrics are the counters of DESIGN section 7 that concern RADIUS. Every value of
// a closed label set exists from the start, so that graphs begin at zero, and is
// found by index: counting costs a packet no look-up.
type metrics struct {
	listeners [listeners]listenerMetrics
	accepted  prometheus.Counter
	refused   map[licensing.Reason]prometheus.Counter
	unsigned  *prometheus.CounterVec
	radsec    radsecMetrics
}

// listenerMetrics are those of one listener.
type listenerMetrics struct {
	requests  [codes]prometheus.Counter
	responses [codes]prometheus.Counter
	drops     []prometheus.Counter // by licensing.Reason
	kernel    prometheus.Counter
}

// codes is how many codes are told apart; every other counts as 0, "other".
const codes = int(statusServer) + 1

func newMetrics(registerer prometheus.Registerer) (*metrics, error) {
	vector := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "tallygate", Name: name, Help: help}, labels)
	}
	requests := vector("radius_requests_total", "RADIUS datagrams received, by the code they bear.", "listener", "code")
	responses := vector("radius_responses_total", "RADIUS answers sent, repeats included.", "listener", "code")
	dropped := vector("radius_dropped_total", "RADIUS requests that got no answer, by reason.", "listener", "reason")
	decisions := vector("access_decisions_total", "Decisions on Access-Requests.", "result", "reason")
	kernel := vector("radius_kernel_dropped_total", "Datagrams that the kernel dropped because the socket's buffer was full.", "listener")
	unsigned := vector("radius_unsigned_requests_total", "Access-Requests without Message-Authenticator.", "client")
	if registerer != nil {
		for _, c := range []prometheus.Collector{requests, responses, dropped, decisions, kernel, unsigned} {
			if err := registerer.Register(c); err != nil {
				return nil, err
			}
		}
	}

	m := &metrics{refused: make(map[licensing.Reason]prometheus.Counter), unsigned: unsigned}
	if err := m.radsec.register(registerer); err != nil {
		return nil, err
	}
	for l := range listeners {
		lm := &m.listeners[l]
		name := l.String()
		if l != radsecListener { // of TCP the kernel drops nothing
			lm.kernel = kernel.WithLabelValues(name)
		}
		for _, c := range []code{0, accessRequest, accountingRequest, statusServer} {
			lm.requests[c] = requests.WithLabelValues(name, c.String())
		}
		for _, c := range []code{accessAccept, accessReject, accountingResponse} {
			lm.responses[c] = responses.WithLabelValues(name, c.String())
		}
		if l == radsecListener {
			lm.responses[0] = responses.WithLabelValues(name, code(0).String())
		}
		for _, r := range licensing.Drops() {
			lm.drops = append(lm.drops, make([]prometheus.Counter, int(r)+1-len(lm.drops))...)
			lm.drops[r] = dropped.WithLabelValues(name, r.String())
		}
	}
	m.accepted = decisions.WithLabelValues("accept", "none")
	for _, r := range licensing.Refusals() {
		m.refused[r] = decisions.WithLabelValues("reject", r.String())
	}
	return m, nil
}

// request counts a datagram by the code that its first octet says.
func (m *listenerMetrics) request(datagram []byte) {
	c := 0
	if len(datagram) > 0 {
		c = int(datagram[0])
	}
	if c >= codes || m.requests[c] == nil {
		c = 0
	}
	m.requests[c].Inc()
}

func (m *listenerMetrics) response(c code)         { m.responses[c].Inc() }
func (m *listenerMetrics) drop(r licensing.Reason) { m.drops[r].Inc() }
func (m *listenerMetrics) refused(answers int) {
	m.drops[licensing.ReasonOverload].Add(float64(answers))
}
func (m *listenerMetrics) kernelDropped(more uint32) { m.kernel.Add(float64(more)) }

// decided counts a decision; ReasonNone is an Access-Accept.
func (m *metrics) decided(r licensing.Reason) {
	if r == licensing.ReasonNone {
		m.accepted.Inc()
		return
	}
	m.refused[r].Inc()
}
