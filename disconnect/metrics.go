package disconnect

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"tallygate/macwatch"
)

// metrics are the counters of this package. Every value of a closed label set exists
// from the start, so that graphs begin at zero.
type metrics struct {
	requests map[code]prometheus.Counter
	results  map[macwatch.DisconnectState]prometheus.Counter
	overflow prometheus.Counter
	ignored  prometheus.Counter
	waiting  prometheus.Gauge
}

// results are the ends that a session's Disconnect can have.
var results = []macwatch.DisconnectState{
	macwatch.DisconnectAcknowledged, macwatch.DisconnectRefused, macwatch.DisconnectUnanswered,
	macwatch.DisconnectImpossible, macwatch.DisconnectDropped,
}

func newMetrics(registerer prometheus.Registerer) (*metrics, error) {
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "tallygate", Name: "disconnect_requests_total", Help: "Disconnect-Requests and CoA-Requests sent, repeats included.",
	}, []string{"code"})
	ends := prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "tallygate", Name: "disconnects_total", Help: "Sessions that a NAS was to end, by what became of it.",
	}, []string{"result"})
	m := &metrics{
		requests: map[code]prometheus.Counter{}, results: map[macwatch.DisconnectState]prometheus.Counter{},
		overflow: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: "tallygate", Name: "disconnect_queue_full_total", Help: "Sessions that had to wait outside the queue since it was full.",
		}),
		ignored: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: "tallygate", Name: "disconnect_answers_ignored_total", Help: "Datagrams that were no true answer to a Disconnect-Request.",
		}),
		waiting: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: "tallygate", Name: "disconnect_queue", Help: "Sessions that wait to be ended, or for an answer.",
		}),
	}
	if registerer != nil {
		for _, c := range []prometheus.Collector{requests, ends, m.overflow, m.ignored, m.waiting} {
			if err := registerer.Register(c); err != nil {
				return nil, fmt.Errorf("registering the metrics of Disconnect: %w", err)
			}
		}
	}
	for _, c := range []code{disconnectRequest, coaRequest} {
		m.requests[c] = requests.WithLabelValues(c.String())
	}
	for _, r := range results {
		m.results[r] = ends.WithLabelValues(string(r))
	}
	return m, nil
}

func (m *metrics) result(s macwatch.DisconnectState) { m.results[s].Inc() }
