package notice

import (
	"github.com/prometheus/client_golang/prometheus"

	"tallygate/licensing"
)

type metrics struct {
	attempts *prometheus.CounterVec
	waiting  prometheus.Gauge
}

// newMetrics registers with r; a nil r keeps them to itself.
func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tallygate_notices_total", Help: "Attempts to deliver a notice, by how they ended.",
		}, []string{"channel", "result"}),
		waiting: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "tallygate_notices_waiting", Help: "Notices that have not arrived yet and have not been given up.",
		}),
	}
	for _, c := range licensing.Channels() {
		for _, r := range []licensing.AttemptResult{licensing.AttemptSent, licensing.AttemptRetry, licensing.AttemptFailed, licensing.AttemptHeld} {
			m.attempts.WithLabelValues(string(c), string(r))
		}
	}
	if r != nil {
		r.MustRegister(m.attempts, m.waiting)
	}
	return m
}

func (m *metrics) count(c licensing.Channel, r licensing.AttemptResult) {
	m.attempts.WithLabelValues(string(c), string(r)).Inc()
}
