package main

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tallygate/licensing"
	"tallygate/store"
)

// scrapeTimeout is how long a scrape may wait for the store.
const scrapeTimeout = 5 * time.Second

// licenseLister is what stateMetrics needs of the store.
type licenseLister interface {
	Licenses(context.Context, licensing.Filter) ([]licensing.Summary, error)
}

// stateMetrics tells Prometheus what stands in the store. It is worked out at each
// scrape, so that it is right without anything running when a contract ends.
type stateMetrics struct {
	licenses licenseLister
	now      func() time.Time
	snapshot atomic.Pointer[store.Snapshot]

	counted, state, end, due, aps, rooms *prometheus.Desc
}

func newStateMetrics(l licenseLister, now func() time.Time) *stateMetrics {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("tallygate_"+name, help, labels, nil)
	}
	return &stateMetrics{
		licenses: l, now: now,
		counted: desc("devices_counted", "Devices that count for the license that governs a Location.", "location"),
		state:   desc("license_state", "1 for the state that a license is in, 0 for the others.", "number", "state"),
		end:     desc("license_end_timestamp_seconds", "When a license ends; absent before it has started.", "number"),
		due:     desc("license_start_due_timestamp_seconds", "When a proposed start happens by itself; absent while none is proposed.", "number"),
		aps:     desc("ap_slots", "Access points: licensed (absent when not limited) and in use.", "location", "kind"),
		rooms:   desc("room_slots", "Rooms: licensed (absent when not limited) and in use.", "location", "kind"),
	}
}

// countedAt names a count: a license has one at each of its Locations.
type countedAt struct{ license, location string }

// publish takes the present snapshot; it does not block.
func (m *stateMetrics) publish(s store.Snapshot) { m.snapshot.Store(&s) }

// Describe names the metrics.
func (m *stateMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.counted, m.state, m.end, m.due, m.aps, m.rooms} {
		ch <- d
	}
}

// Collect reads the store. What cannot be read is missing, and the scrape says so.
func (m *stateMetrics) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	all, err := m.licenses.Licenses(ctx, licensing.Filter{})
	if err != nil {
		ch <- prometheus.NewInvalidMetric(m.state, err)
		return
	}
	counted := map[countedAt]int{}
	for _, l := range all {
		for _, p := range l.Parts {
			counted[countedAt{l.Number, p.Location}] = p.DevicesCounted
		}
		m.license(ch, l)
	}
	snapshot := m.snapshot.Load()
	if snapshot == nil {
		return
	}
	for _, l := range snapshot.Locations {
		m.location(ch, l, snapshot, counted)
	}
}

func (m *stateMetrics) license(ch chan<- prometheus.Metric, l licensing.Summary) {
	if l.ReleasedTo != "" {
		return // the gateway that serves under it reports it
	}
	for _, s := range licensing.States() {
		is := 0.0
		if s == l.State {
			is = 1
		}
		ch <- prometheus.MustNewConstMetric(m.state, prometheus.GaugeValue, is, l.Number, s.String())
	}
	if l.EndsAt != nil {
		ch <- prometheus.MustNewConstMetric(m.end, prometheus.GaugeValue, float64(l.EndsAt.Unix()), l.Number)
	}
	if l.StartDue != nil {
		ch <- prometheus.MustNewConstMetric(m.due, prometheus.GaugeValue, float64(l.StartDue.Unix()), l.Number)
	}
}

func (m *stateMetrics) location(ch chan<- prometheus.Metric, l *licensing.Location, s *store.Snapshot, counted map[countedAt]int) {
	now := m.now()
	devices := 0
	limits := licensing.Allotment{APs: licensing.Unlimited, Rooms: licensing.Unlimited}
	if g := licensing.Governing(l.Licenses, now); g != nil {
		devices = counted[countedAt{g.Number, l.Code}]
		limits, _ = g.AllotmentAt(l.ID)
	}
	ch <- prometheus.MustNewConstMetric(m.counted, prometheus.GaugeValue, float64(devices), l.Code)
	slots := func(d *prometheus.Desc, limit licensing.Limit, used int) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(used), l.Code, "used")
		if limit != licensing.Unlimited {
			ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(limit), l.Code, "limit")
		}
	}
	if v := s.Venues[l.ID]; v != nil {
		slots(m.aps, limits.APs, v.APs.Used(now))
		slots(m.rooms, limits.Rooms, v.Rooms.Used(now))
	}
}

// buildInfo is the metric that says which version runs.
func buildInfo() prometheus.Collector {
	g := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "tallygate_build_info", Help: "Always 1; the label tells the version.",
		ConstLabels: prometheus.Labels{"version": buildVersion()},
	})
	g.Set(1)
	return g
}
