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
	learned        prometheus.Gauge
	deleted        *prometheus.CounterVec
	retainSeconds  prometheus.Histogram
	unlistedAPs    prometheus.Counter
	lapsed         prometheus.Counter
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
			Name: "tallygate_mac_cache_hits_total", Help: "Sightings of devices that memory knew as counted.",
		}),
		cacheMisses: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tallygate_mac_cache_misses_total", Help: "Sightings that had to ask the store.",
		}),
		writable: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "tallygate_store_writable", Help: "1 while commits succeed, 0 after one has failed.",
		}),
	}
	m.learned = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "tallygate_known_devices_learned", Help: "1 once all devices in the store are known in memory, too.",
	})
	m.deleted = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tallygate_retention_deleted_total", Help: "Rows deleted because they were older than they are to be kept.",
	}, []string{"kind"})
	for _, kind := range retainedKinds {
		m.deleted.WithLabelValues(kind)
	}
	m.retainSeconds = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "tallygate_retention_step_seconds",
		Help:    "Time of one step of deleting what is too old, in which no record is committed.",
		Buckets: []float64{0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1},
	})
	m.unlistedAPs = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "tallygate_unlisted_aps_total", Help: "Packets of unknown access points that the list of a Location had no room for.",
	})
	m.lapsed = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "tallygate_sessions_lapsed_total", Help: "Sessions closed because nothing more was heard of them.",
	})
	if r != nil {
		r.MustRegister(m.unlistedAPs, m.lapsed, m.commitSeconds, m.batchRecords, m.commitFailures, m.cacheHits, m.cacheMisses, m.writable, m.learned, m.deleted, m.retainSeconds)
	}
	return m
}

func (m *metrics) committed(records int, took time.Duration) {
	if records > 0 {
		m.commitSeconds.Observe(took.Seconds())
		m.batchRecords.Observe(float64(records))
	}
}

// retainedKinds are what is deleted after a while.
var retainedKinds = [...]string{
	kindSession: "session", kindNASEvent: "nas_event", kindRaw: "raw_record", kindDevice: "device",
	kindCounted: "counted", kindReceiptDevice: "receipt_device", kindNotice: "notice", kindPass: "pass",
}

const (
	kindSession = iota
	kindNASEvent
	kindRaw
	kindDevice
	kindCounted
	kindReceiptDevice
	kindNotice
	kindPass
)

// retained notes a step of retention, with the rows of each kind that it has deleted.
func (m *metrics) retained(took time.Duration, deleted purged) {
	m.retainSeconds.Observe(took.Seconds())
	for i, n := range deleted {
		m.deleted.WithLabelValues(retainedKinds[i]).Add(float64(n))
	}
}

func (m *metrics) setWritable(ok bool) {
	if ok {
		m.writable.Set(1)
	} else {
		m.writable.Set(0)
	}
}
