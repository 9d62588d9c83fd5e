package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/stretchr/testify/require"

	"tallygate/licensing"
	"tallygate/macwatch"
	"tallygate/store"
)

type listed []licensing.Summary

func (l listed) Licenses(context.Context, licensing.Filter) ([]licensing.Summary, error) {
	return l, nil
}

// A license over two Locations whose start is proposed: each Location has its own
// count, and the metrics say when the start happens by itself.
func TestMetricsOfASpreadLicenseWithAProposedStart(t *testing.T) {
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	due := now.Add(24 * time.Hour)
	license := &licensing.License{
		ID: 1, Number: "TG-1", ProvisionedAt: now.Add(-time.Hour), Zone: "UTC", Terms: licensing.Terms{Term: licensing.Term{Years: 1}, Start: licensing.StartFifthDevice},
		Allotments: []licensing.Allotment{{LocationID: 1, Location: "28N2S004", APs: 6}, {LocationID: 2, Location: "28N2S005", APs: 4}},
	}
	m := newStateMetrics(listed{{Number: "TG-1", State: licensing.PendingStart, DevicesCounted: 5, StartDue: &due,
		Parts: []licensing.Part{{Location: "28N2S004", DevicesCounted: 5}, {Location: "28N2S005", DevicesCounted: 2}}}}, func() time.Time { return now })
	snapshot := store.Snapshot{Locations: map[int64]*licensing.Location{}, Venues: map[int64]*macwatch.Venue{1: {}, 2: {}}}
	for id, code := range map[int64]string{1: "28N2S004", 2: "28N2S005"} {
		snapshot.Locations[id] = &licensing.Location{ID: id, Code: code, Licenses: []*licensing.License{license}}
	}
	m.publish(snapshot)
	registry := prometheus.NewPedanticRegistry()
	require.NoError(t, registry.Register(m))
	page := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(page, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	require.Equal(t, http.StatusOK, page.Code)
	for _, line := range []string{
		`tallygate_devices_counted{location="28N2S004"} 5`,
		`tallygate_devices_counted{location="28N2S005"} 2`,
		`tallygate_license_start_due_timestamp_seconds{number="TG-1"} 1.795428e+09`,
		`tallygate_license_state{number="TG-1",state="Pending Start"} 1`,
	} {
		require.Contains(t, page.Body.String(), line+"\n")
	}
	require.NotContains(t, page.Body.String(), "tallygate_license_end_timestamp_seconds{")
}
