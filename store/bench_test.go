package store

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// benchVenue is a licensed venue on the machine's own clock.
func benchVenue(b *testing.B, change ...func(*Options)) *venue {
	b.Helper()
	v := openVenue(b, append([]func(*Options){func(o *Options) { o.CacheCapacity, o.Queue = 1_000_000, 1_000_000 }}, change...)...)
	v.activate(v.terms())
	return v
}

// BenchmarkCommit is one transaction with one fsync: how long an Accounting-Request
// waits in an idle gateway (1), and what a record costs in a busy one (256).
func BenchmarkCommit(b *testing.B) {
	for _, size := range []int{1, 64, 256} {
		for _, kind := range []string{"new devices", "interims"} {
			b.Run(fmt.Sprintf("%s/%d", kind, size), func(b *testing.B) {
				v := benchVenue(b)
				c := collector{make(chan struct{}, size)}
				records := make([]*macwatch.Record, size)
				n := 0
				b.ResetTimer()
				for range b.N {
					b.StopTimer()
					for i := range records {
						n++
						device := n
						if kind == "interims" {
							device = i
						}
						records[i] = v.record(device, macwatch.StatusInterim, counters(uint32(n), uint64(n), uint64(n)))
						records[i].Done = c
					}
					b.StartTimer()
					if v.s.Append(records) != size {
						b.Fatal("the queue is full")
					}
					for range records {
						<-c.done
					}
				}
				b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "records/s")
			})
		}
	}
}

// BenchmarkCacheHit is what the LRU costs when a known device is sighted.
func BenchmarkCacheHit(b *testing.B) {
	cache := macwatch.NewCache(1_000_000)
	now := time.Now()
	for n := range 1_000_000 {
		cache.Add(macwatch.DeviceKey{Location: 1, MAC: guest(n)}, 1, now)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for n := range b.N {
		if !cache.Counted(macwatch.DeviceKey{Location: 1, MAC: guest(n % 1_000_000)}, 1, now.Add(time.Second)) {
			b.Fatal("not there")
		}
	}
}

// BenchmarkColdStart opens a store that knows a million devices, and stores a first record.
func BenchmarkColdStart(b *testing.B) {
	const devices = 1_000_000
	v := benchVenue(b, func(o *Options) {
		o.Dir = b.TempDir()
	})
	v.dir = v.options.Dir
	var license int64
	require.NoError(b, v.s.readers.QueryRow(`SELECT id FROM licenses`).Scan(&license))
	require.True(b, v.s.onWriter(func() {
		now := micros(v.s.Now())
		for _, q := range []string{
			`WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ?1 - 1)
				INSERT INTO devices (location_id, mac, first_seen, last_seen, reason) SELECT ?2, 73588229120 + i, ?4, ?4, '' FROM n`,
			`INSERT INTO counted (license_id, location_id, mac, first_at, last_at, ap, session)
				SELECT ?3, location_id, mac, first_seen, last_seen, 'ap', 's' FROM devices WHERE ?1 + ?2 + ?4 > 0`,
			`INSERT INTO counts (license_id, location_id, devices) SELECT ?3, ?2, ?1 WHERE ?4 > 0`,
		} {
			_, err := v.s.w.conn.ExecContext(context.Background(), q, devices, v.location.ID, license, now)
			require.NoError(b, err)
		}
	}))
	require.NoError(b, v.s.Close())
	b.ResetTimer()
	for n := range b.N {
		v.open()
		v.sight(v.record(n, macwatch.StatusInterim, counters(uint32(n), 1, 1)))
		b.StopTimer()
		list, err := v.s.Licenses(ctx, licensing.Filter{})
		require.NoError(b, err)
		require.GreaterOrEqual(b, list[0].DevicesCounted, devices)
		require.NoError(b, v.s.Close())
		b.StartTimer()
	}
}
