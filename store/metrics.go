package store

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	commitSeconds  prometheus.Histogram
	batchRecords   prometheus.Histogram
	commitFailures prometheus.Counter
	cacheHits      prometheus.Counter
	cacheMisses    prometheus.Counter
	writable       prometheus.Gauge
}

// newMetrics registers with r; a nil r keeps them to itself.
func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		commitSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "tallygate_accounting_commit_seconds",
			Help:    "Time to write and commit one batch of accounting records, fsync included.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 2, 16),
		}),
		batchRecords: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "tallygate_accounting_batch_records",
			Help:    "Accounting records per committed batch.",
			Buckets: prometheus.ExponentialBuckets(1, 2, 10),
		}),
		commitFailures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tallygate_store_commit_failures_total", Help: "Transactions that could not be committed.",
		}),
		cacheHits: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tallygate_mac_cache_hits_total", Help: "Sightings of devices that the cache knew as counted.",
		}),
		cacheMisses: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tallygate_mac_cache_misses_total", Help: "Sightings that had to ask the store.",
		}),
		writable: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "tallygate_store_writable", Help: "1 while commits succeed, 0 after one has failed.",
		}),
	}
	if r != nil {
		r.MustRegister(m.commitSeconds, m.batchRecords, m.commitFailures, m.cacheHits, m.cacheMisses, m.writable)
	}
	return m
}

func (m *metrics) committed(records int, took time.Duration) {
	if records > 0 {
		m.commitSeconds.Observe(took.Seconds())
		m.batchRecords.Observe(float64(records))
	}
}

func (m *metrics) setWritable(ok bool) {
	if ok {
		m.writable.Set(1)
	} else {
		m.writable.Set(0)
	}
}
