package store

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"tallygate/macwatch"
)

// counter reads one of the store's counters.
func counter(t *testing.T, r *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := r.Gather()
	require.NoError(t, err)
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	t.Fatalf("there is no metric %s", name)
	return 0
}

// DESIGN 4.3: a hit may skip the store within one counting epoch only, and every
// change that bears on the count begins another.
func TestEveryChangeBeginsANewCountingEpoch(t *testing.T) {
	for name := range changes(openLicensed(t)) {
		if name == "RemoveClient" {
			continue // bears on no count, but begins one as well
		}
		metrics := prometheus.NewRegistry()
		v := openVenue(t, func(o *Options) { o.CacheCapacity, o.Metrics = 1000, metrics })
		number := v.activate(v.terms())
		v.claim("ap-held")
		for _, room := range []string{"101", "102"} {
			_, err := v.s.DeclareSlot(ctx, by, v.location.Code, macwatch.KindRoom, room, nil)
			require.NoError(t, err)
		}
		require.NoError(t, v.s.ListDevice(ctx, by, v.location.Code, macwatch.ListedDevice{MAC: guest(50), Kind: "exempt"}))
		require.NoError(t, v.s.AddAccount(ctx, by, v.location.Code, macwatch.Account{UserName: "anna", Password: "p"}))
		require.NoError(t, v.s.AddMACInput(ctx, by, v.location.Code, macwatch.MACInput{MAC: guest(60)}))
		n := uint32(0)
		sight := func() (hit bool) {
			n++
			v.clock.advance(time.Second)
			before := counter(t, metrics, "tallygate_mac_cache_hits_total")
			v.sight(v.record(1, macwatch.StatusInterim, counters(n, 1, 1)))
			return counter(t, metrics, "tallygate_mac_cache_hits_total") > before
		}
		require.False(t, sight(), "nobody knows it yet")
		require.True(t, sight(), "now the cache does")
		require.NoError(t, changes(v, number)[name](by), name)
		require.False(t, sight(), "%s: the store is asked anew", name)
		require.NoError(t, v.s.Close())
	}
}

func openLicensed(t *testing.T) (*venue, string) {
	v := openVenue(t)
	return v, v.activate(v.terms())
}
