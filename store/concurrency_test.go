package store

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tallygate/licensing"
	"tallygate/macwatch"
)

const senders = 64

// together runs f in many goroutines that begin at once, and waits for all.
func together(f func(i int)) {
	var ready, done sync.WaitGroup
	begin := make(chan struct{})
	for i := range senders {
		ready.Add(1)
		done.Go(func() {
			ready.Done()
			<-begin
			f(i)
		})
	}
	ready.Wait()
	close(begin)
	done.Wait()
}

func TestManyClaimsForTheLastSlotGiveItToOne(t *testing.T) {
	v := openVenue(t)
	number := v.activate(v.terms())
	require.Equal(t, macwatch.ClaimGranted, v.claim("first"))
	var mu sync.Mutex
	results := map[macwatch.ClaimResult]int{}
	together(func(i int) {
		c := collector{make(chan struct{}, 1)}
		claim := &macwatch.Claim{Location: v.location.ID, AP: string(rune('A' + i)), At: v.clock.now(), Done: c}
		if !v.s.Claim(claim) {
			return
		}
		<-c.done
		mu.Lock()
		defer mu.Unlock()
		if claim.Err == nil {
			results[claim.Result]++
		}
	})
	require.Equal(t, map[macwatch.ClaimResult]int{macwatch.ClaimGranted: 1, macwatch.ClaimAPFull: senders - 1}, results)
	require.Equal(t, 2, v.summary(number).APs.InUse)
	v.restart()
	slots, err := v.s.Slots(ctx, v.location.Code, macwatch.KindAP)
	require.NoError(t, err)
	require.Len(t, slots, 2)
	require.True(t, slots[0].Admitted && slots[1].Admitted)
}

func TestManySendersOfTheFifthDeviceMakeOneStart(t *testing.T) {
	v := openVenue(t)
	number := v.activate(v.terms())
	for n := range 4 {
		v.clock.advance(time.Minute)
		v.sight(v.record(n, macwatch.StatusStart))
	}
	v.clock.advance(time.Minute)
	fifth := v.s.Now()
	var mu sync.Mutex
	stored := 0
	together(func(i int) {
		c := collector{make(chan struct{}, 1)}
		r := v.record(4+i, macwatch.StatusStart)
		r.Done = c
		if v.s.Append([]*macwatch.Record{r}) != 1 {
			return
		}
		<-c.done
		mu.Lock()
		defer mu.Unlock()
		if r.Err == nil {
			stored++
		}
	})
	require.Equal(t, senders, stored)
	sum := v.summary(number)
	require.Equal(t, 4+senders, sum.DevicesCounted)
	require.Equal(t, fifth, sum.StartsAt.UTC())
	require.Equal(t, 1, v.count(`SELECT count(*) FROM receipts`))
	require.Equal(t, 1, v.count(`SELECT count(*) FROM audit WHERE action = 'license.start'`))
	require.Equal(t, 4+senders, v.count(`SELECT sum(devices) FROM counts`))
	d, err := v.s.License(ctx, number, time.Time{})
	require.NoError(t, err)
	require.Len(t, d.Receipt.Sightings, 5)
}

// The same device from everywhere at once is one device, and one record.
func TestManySendersOfOneRecordStoreItOnce(t *testing.T) {
	v := openVenue(t)
	number := v.activate(v.terms())
	now := v.s.Now()
	together(func(i int) {
		c := collector{make(chan struct{}, 1)}
		r := v.record(1, macwatch.StatusStart, stamped(now), delayed(uint32(i)))
		r.Done = c
		if v.s.Append([]*macwatch.Record{r}) == 1 {
			<-c.done
		}
	})
	require.Equal(t, 1, v.summary(number).DevicesCounted)
	require.Equal(t, 1, v.sessions()[0].Records)
}

// Packets, changes and readers at once; the race detector watches.
func TestChangesReadersAndPacketsAtOnce(t *testing.T) {
	v := openVenue(t)
	number := v.activate(v.terms())
	together(func(i int) {
		switch i % 4 {
		case 0:
			c := collector{make(chan struct{}, 1)}
			r := v.record(i, macwatch.StatusStart)
			r.Done = c
			if v.s.Append([]*macwatch.Record{r}) == 1 {
				<-c.done
			}
		case 1:
			_ = v.s.ListDevice(ctx, by, v.location.Code, macwatch.ListedDevice{MAC: guest(1000 + i), Kind: "blocked"})
		case 2:
			_, _ = v.s.Explain(ctx, number)
			_, _ = v.s.Licenses(ctx, licensing.Filter{})
		case 3:
			v.s.Observe(v.location.ID, seen(string(rune('a'+i))))
			_ = v.s.Devices(ctx, v.location.Code, func(macwatch.DeviceInfo) error { return nil })
		}
	})
	require.Equal(t, senders/4, v.summary(number).DevicesCounted)
	list, err := v.s.ListedDevices(ctx, v.location.Code)
	require.NoError(t, err)
	require.Len(t, list, senders/4)
	report, err := v.s.VerifyAudit(ctx)
	require.NoError(t, err)
	require.True(t, report.OK, report.Problems)
}

// The snapshot is published before the change that made it returns.
func TestSnapshotsArePublishedBeforeAChangeReturns(t *testing.T) {
	v := openVenue(t)
	var mu sync.Mutex
	var latest Snapshot
	published := 0
	v.s.Subscribe(func(s Snapshot) {
		mu.Lock()
		defer mu.Unlock()
		latest, published = s, published+1
	})
	snapshot := func() (Snapshot, int) {
		mu.Lock()
		defer mu.Unlock()
		return latest, published
	}
	s, n := snapshot()
	require.Equal(t, 1, n, "the present one, at once")
	require.Len(t, s.Clients, 1)
	number := v.activate(v.terms())
	s, _ = snapshot()
	require.Equal(t, number, s.Locations[v.location.ID].Licenses[0].Number)
	v.claim("ap-1")
	v.sight(v.record(0, macwatch.StatusStart)) // its AP is noted
	s, n = snapshot()
	require.Equal(t, 1, s.Venues[v.location.ID].APs.Used(v.s.Now()))
	v.sight(v.record(1, macwatch.StatusStart))
	_, again := snapshot()
	require.Equal(t, n, again, "ordinary accounting replaces nothing")
	_, err := v.s.StartLab(ctx, licensing.Change{By: "x", DryRun: true}, v.location.Code)
	require.NoError(t, err)
	_, again = snapshot()
	require.Equal(t, n, again, "nor does a rehearsal")
	for i := range 3 {
		v.sight(v.record(10+i, macwatch.StatusStart))
	}
	s, again = snapshot()
	require.Equal(t, n+1, again, "a start does")
	require.Equal(t, licensing.InUse, s.Locations[v.location.ID].Licenses[0].StateAt(v.s.Now()))
}
