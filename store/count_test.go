package store

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tallygate/licensing"
	"tallygate/macwatch"
)

func accepted(r *macwatch.Record) { r.Accepted = true }

// at gives a record another AP.
func at(ap string) func(*macwatch.Record) {
	return func(r *macwatch.Record) { r.AP = []byte(ap) }
}

// DESIGN 2.3: served and recorded, but not counted, with the reason.
func TestWhatDoesNotCount(t *testing.T) {
	for reason, prepare := range map[string]func(*venue) []*macwatch.Record{
		"exempt-device": func(v *venue) []*macwatch.Record {
			require.NoError(t, v.s.ListDevice(ctx, by, v.location.Code, macwatch.ListedDevice{MAC: guest(1), Kind: "exempt"}))
			return []*macwatch.Record{v.record(1, macwatch.StatusStart)}
		},
		"lab-mode": func(v *venue) []*macwatch.Record {
			_, err := v.s.StartLab(ctx, by, v.location.Code)
			require.NoError(t, err)
			v.sight(v.record(1, macwatch.StatusStart))
			v.clock.advance(9 * time.Hour) // lab mode is long over, its session is not
			v.restart()
			return []*macwatch.Record{v.record(1, macwatch.StatusInterim, counters(9*3600, 1, 1))}
		},
		"ap-without-slot": func(v *venue) []*macwatch.Record {
			v.claim("ap-a")
			v.claim("ap-b")
			return []*macwatch.Record{v.record(1, macwatch.StatusStart, at("ap-c"))}
		},
		"access-denied": func(v *venue) []*macwatch.Record {
			number := v.number()
			_, err := v.s.DenyLicense(ctx, by, number, "unpaid")
			require.NoError(t, err)
			return []*macwatch.Record{v.record(1, macwatch.StatusStart)}
		},
		"private-address": func(v *venue) []*macwatch.Record {
			return []*macwatch.Record{v.record(1, macwatch.StatusStart, func(r *macwatch.Record) { r.MAC = 0x021122000001 })}
		},
		"not-accepted": func(v *venue) []*macwatch.Record {
			_, err := v.s.SetLocation(ctx, by, v.location.Code, licensing.Settings{Timezone: "Europe/Madrid", Count: licensing.CountAccepted})
			require.NoError(t, err)
			return []*macwatch.Record{v.record(1, macwatch.StatusStart)}
		},
		"before-provisioning": func(v *venue) []*macwatch.Record {
			return []*macwatch.Record{v.record(1, macwatch.StatusStart, stamped(v.clock.now().Add(-2*time.Minute)))}
		},
		"contract-finalized": func(v *venue) []*macwatch.Record {
			for n := range 5 {
				v.sight(v.record(10+n, macwatch.StatusStart))
			}
			v.clock.advance(3 * 365 * 24 * time.Hour)
			return []*macwatch.Record{v.record(1, macwatch.StatusStart)}
		},
	} {
		t.Run(reason, func(t *testing.T) {
			v := openVenue(t)
			terms := v.terms()
			terms.IgnorePriv = true
			number := v.activate(terms)
			v.clock.advance(time.Minute)
			before := v.summary(number).DevicesCounted
			records := prepare(v)
			if reason == "contract-finalized" {
				before = 5
			}
			v.sight(records...)
			d := v.devices()[records[0].MAC.String()]
			require.False(t, d.Counted)
			require.Equal(t, reason, d.Reason)
			require.Equal(t, before, v.summary(number).DevicesCounted)
			e, err := v.s.Explain(ctx, number)
			require.NoError(t, err)
			found := false
			for _, x := range e.Devices {
				if x.MAC == records[0].MAC.String() {
					found = true
					require.Equal(t, []any{false, reason, (*time.Time)(nil)}, []any{x.Counted, x.Reason, x.FirstCounted})
				}
			}
			require.True(t, found, "it is explained all the same")
			require.NotEmpty(t, v.sessions(), "and recorded")
		})
	}
}

func (v *venue) number() string {
	v.t.Helper()
	list, err := v.s.Licenses(ctx, licensing.Filter{})
	require.NoError(v.t, err)
	return list[0].Number
}

func TestWithoutALicenseDevicesAreKnownAndNotCounted(t *testing.T) {
	v := openVenue(t)
	v.sight(v.record(1, macwatch.StatusStart))
	require.Equal(t, "no-license", v.devices()[guest(1).String()].Reason)
	key, err := v.issuer.SignGrant(v.terms())
	require.NoError(t, err)
	_, err = v.s.Activate(ctx, by, key, "")
	require.NoError(t, err)
	v.sight(v.record(2, macwatch.StatusStart))
	require.Equal(t, "pending-provision", v.devices()[guest(2).String()].Reason)
	require.Equal(t, licensing.PendingProvision, v.summary(v.number()).State)
}

// What keeps a device from counting goes, and its next sighting counts, whatever
// the cache remembers.
func TestADeviceCountsOnceNothingStandsAgainstIt(t *testing.T) {
	v := openVenue(t, func(o *Options) { o.CacheCapacity = 1000 })
	number := v.activate(v.terms())
	require.NoError(t, v.s.ListDevice(ctx, by, v.location.Code, macwatch.ListedDevice{MAC: guest(1), Kind: "exempt"}))
	v.sight(v.record(1, macwatch.StatusStart))
	require.Zero(t, v.summary(number).DevicesCounted)
	require.NoError(t, v.s.UnlistDevice(ctx, by, v.location.Code, "exempt", guest(1)))
	v.clock.advance(time.Minute)
	v.sight(v.record(1, macwatch.StatusInterim, counters(60, 1, 1)))
	require.Equal(t, 1, v.summary(number).DevicesCounted)
	require.True(t, v.devices()[guest(1).String()].Counted)
}

func TestARepeatDoesNotCountWhatDidNotCountBefore(t *testing.T) {
	v := openVenue(t)
	number := v.activate(v.terms())
	_, err := v.s.DenyLicense(ctx, by, number, "unpaid")
	require.NoError(t, err)
	sent := v.clock.now()
	v.sight(v.record(1, macwatch.StatusStart, stamped(sent)))
	v.clock.advance(time.Minute)
	_, err = v.s.RestoreLicense(ctx, by, number)
	require.NoError(t, err)
	v.sight(v.record(1, macwatch.StatusStart, stamped(sent), delayed(60)))
	require.Zero(t, v.summary(number).DevicesCounted, "while denied nothing is counted")
}

func TestAPsAndOddAddressesAreNoDevices(t *testing.T) {
	v := openVenue(t)
	number := v.activate(v.terms())
	ap := macwatch.MAC(0xaaaaaa000001)
	v.claim(ap.String())
	_, err := v.s.DeclareSlot(ctx, by, v.location.Code, macwatch.KindAP, "AA-AA-AA-00-00-02", []string{"0011.2233.4455"})
	require.NoError(t, err)
	for _, mac := range []macwatch.MAC{ap, 0xaaaaaa000002, 0x001122334455, 0, 0xffffffffffff, 0x01005e000001, 0x333300000001} {
		v.sight(v.record(1, macwatch.StatusStart, func(r *macwatch.Record) { r.MAC = mac }))
	}
	v.sight(v.record(1, macwatch.StatusStart, at("cc:cc:cc:00:00:01"), func(r *macwatch.Record) { r.MAC = 0xcccccc000001 })) // an AP that nobody knows, as its own guest
	require.Empty(t, v.devices())
	require.Zero(t, v.summary(number).DevicesCounted)
	require.Len(t, v.sessions(), 8, "their sessions are kept")
}

// Accounting never claims; it counts while a slot is free.
func TestAccountingFromAnAPWithoutASlotCountsWhileOneIsFree(t *testing.T) {
	v := openVenue(t)
	number := v.activate(v.terms()) // two APs
	v.sight(v.record(1, macwatch.StatusStart, at("ap-c")))
	require.Equal(t, 1, v.summary(number).DevicesCounted)
	require.Zero(t, v.summary(number).APs.InUse)
	v.claim("ap-a")
	v.sight(v.record(2, macwatch.StatusStart, at("ap-c")))
	v.claim("ap-b")
	v.sight(v.record(3, macwatch.StatusStart, at("ap-c")), v.record(4, macwatch.StatusStart, at("ap-b")))
	require.Equal(t, 3, v.summary(number).DevicesCounted)
	require.Equal(t, 2, v.summary(number).APs.InUse)
	require.Equal(t, "ap-without-slot", v.devices()[guest(3).String()].Reason)
	require.True(t, v.devices()[guest(2).String()].Counted, "what counted stays counted")
}

func TestCountAccepted(t *testing.T) {
	v := openVenue(t)
	_, err := v.s.SetLocation(ctx, by, v.location.Code, licensing.Settings{Timezone: "Europe/Madrid", Count: licensing.CountAccepted})
	require.NoError(t, err)
	number := v.activate(v.terms())
	for n := range 5 {
		v.sight(v.record(n, macwatch.StatusStart), v.record(n+10, macwatch.StatusStart, accepted))
	}
	sum := v.summary(number)
	require.Equal(t, 5, sum.DevicesCounted)
	require.Equal(t, licensing.InUse, sum.State)
}

func TestPrivateAddressesCountAndAreFlagged(t *testing.T) {
	v := openVenue(t)
	number := v.activate(v.terms())
	v.sight(v.record(1, macwatch.StatusStart, func(r *macwatch.Record) { r.MAC = 0xda1122000001 }))
	require.Equal(t, 1, v.summary(number).DevicesCounted)
	require.True(t, v.devices()["da:11:22:00:00:01"].PrivateAddress)
}

func TestStartPolicies(t *testing.T) {
	madrid, err := time.LoadLocation("Europe/Madrid")
	require.NoError(t, err)
	t.Run("on-provision", func(t *testing.T) {
		v := openVenue(t)
		terms := v.terms()
		terms.Start = licensing.StartOnProvision
		number := v.activate(terms)
		sum := v.summary(number)
		require.Equal(t, licensing.InUse, sum.State)
		require.Equal(t, v.clock.now(), sum.StartsAt.UTC())
		require.Equal(t, "2027-11-22", sum.LastDay.String())
		for n := range 6 {
			v.sight(v.record(n, macwatch.StatusStart))
		}
		require.Equal(t, 6, v.summary(number).DevicesCounted)
		receipt := v.receipt(number)
		require.Equal(t, *sum.StartsAt, receipt.StartsAt)
		require.Equal(t, "The contract starts when the license is assigned to a Location.", receipt.Rule)
		require.Empty(t, receipt.Sightings)
		require.Equal(t, time.Date(2027, 11, 23, 0, 0, 0, 0, madrid).UTC(), sum.EndsAt.UTC())
	})
	t.Run("fixed-date", func(t *testing.T) {
		v := openVenue(t)
		terms := v.terms()
		terms.Start, terms.StartDate = licensing.StartFixedDate, licensing.Date{Year: 2026, Month: 11, Day: 24}
		number := v.activate(terms)
		for n := range 6 {
			v.sight(v.record(n, macwatch.StatusStart))
		}
		start := time.Date(2026, 11, 24, 0, 0, 0, 0, madrid)
		require.Equal(t, licensing.PendingStart, v.summary(number).State, "five devices do not hurry it")
		v.clock.advance(start.Sub(v.clock.now()) - time.Second)
		require.Equal(t, licensing.PendingStart, v.summary(number).State)
		v.clock.advance(time.Second)
		require.Equal(t, licensing.InUse, v.summary(number).State)
		require.Equal(t, start.UTC(), v.summary(number).StartsAt.UTC())
		require.Equal(t, "2027-11-24", v.summary(number).LastDay.String())
		require.Nil(t, v.receipt(number), "nothing has run yet")
		v.set(v.clock.advance, time.Second)
		require.Equal(t, start.UTC(), v.receipt(number).StartsAt.UTC())
		v.restart()
		require.Equal(t, 1, v.count(`SELECT count(*) FROM receipts`))
		require.Equal(t, 1, v.count(`SELECT count(*) FROM audit WHERE action = 'license.start'`))
	})
	t.Run("fixed-date, while the gateway is off", func(t *testing.T) {
		v := openVenue(t)
		terms := v.terms()
		terms.Start, terms.StartDate = licensing.StartFixedDate, licensing.Date{Year: 2026, Month: 11, Day: 24}
		number := v.activate(terms)
		require.NoError(t, v.s.Close())
		v.clock.advance(96 * time.Hour)
		v.open()
		require.Equal(t, time.Date(2026, 11, 24, 0, 0, 0, 0, madrid).UTC(), v.receipt(number).StartsAt.UTC())
		v.restart()
		require.Equal(t, 1, v.count(`SELECT count(*) FROM receipts`))
	})
	t.Run("threshold 1", func(t *testing.T) {
		v := openVenue(t)
		terms := v.terms()
		terms.Threshold = 1
		number := v.activate(terms)
		v.sight(v.record(1, macwatch.StatusStart))
		require.Equal(t, licensing.InUse, v.summary(number).State)
	})
}

func TestChangingTheZoneOfALocationMovesNoEnd(t *testing.T) {
	v := openVenue(t)
	terms := v.terms()
	terms.Start = licensing.StartOnProvision
	number := v.activate(terms)
	end := *v.summary(number).EndsAt
	_, err := v.s.SetLocation(ctx, by, v.location.Code, licensing.Settings{Timezone: "Pacific/Kiritimati"})
	require.NoError(t, err)
	require.True(t, end.Equal(*v.summary(number).EndsAt))
	v.restart()
	require.True(t, end.Equal(*v.summary(number).EndsAt))
}

// A count window: five devices, each with a sighting inside one window of event time.
func TestCountWindow(t *testing.T) {
	open := func(t *testing.T) (*venue, string) {
		v := openVenue(t, func(o *Options) { o.CacheCapacity = 1000 })
		terms := v.terms()
		terms.CountWindow = time.Hour
		return v, v.activate(terms)
	}
	t.Run("devices that come hours apart never start it", func(t *testing.T) {
		v, number := open(t)
		for n := range 8 {
			v.clock.advance(time.Hour)
			v.sight(v.record(n, macwatch.StatusStart))
			require.Equal(t, 1, v.summary(number).DevicesCounted)
			v.restart()
		}
		require.Equal(t, licensing.PendingStart, v.summary(number).State)
		v.clock.advance(2 * time.Hour)
		require.Zero(t, v.summary(number).DevicesCounted, "the window moves on by itself")
		require.Equal(t, "outside-window", v.devices()[guest(7).String()].Reason)
	})
	t.Run("five that are there at once do, long after their first sighting", func(t *testing.T) {
		v, number := open(t)
		for n := range 4 {
			v.clock.advance(2 * time.Hour)
			v.sight(v.record(n, macwatch.StatusStart, at("ap-old")))
		}
		v.clock.advance(2 * time.Hour)
		first := v.clock.now()
		for n := range 5 {
			require.Equal(t, licensing.PendingStart, v.summary(number).State)
			v.clock.advance(time.Minute)
			v.sight(v.record(n, macwatch.StatusInterim, counters(60, 1, 1), at("ap-new"), func(r *macwatch.Record) { r.SessionID = fmt.Appendf(nil, "new-%d", n) }))
			require.Equal(t, n+1, v.summary(number).DevicesCounted)
		}
		sum := v.summary(number)
		require.Equal(t, licensing.InUse, sum.State)
		require.Equal(t, first.Add(5*time.Minute), sum.StartsAt.UTC())
		d, err := v.s.License(ctx, number, time.Time{})
		require.NoError(t, err)
		require.Len(t, d.Receipt.Sightings, 5)
		for i, s := range d.Receipt.Sightings {
			require.Equal(t, first.Add(time.Duration(i+1)*time.Minute), s.At.UTC())
			require.Equal(t, []string{"ap-new", fmt.Sprintf("new-%d", i)}, []string{s.AP, s.SessionID}, "AP and session of this sighting, not of the device's first")
		}
		v.clock.advance(2 * time.Hour)
		require.Zero(t, v.summary(number).DevicesCounted, "after the start, too, it is the present window's")
		require.True(t, sum.StartsAt.Equal(*v.summary(number).StartsAt))
	})
	t.Run("a late record completes a window of the past", func(t *testing.T) {
		v, number := open(t)
		begin := v.clock.now()
		v.clock.advance(10 * time.Hour)
		for n := range 5 {
			v.sight(v.record(n, macwatch.StatusStart, stamped(begin.Add(time.Duration(10*(5-n))*time.Minute))))
		}
		sum := v.summary(number)
		require.Equal(t, licensing.InUse, sum.State)
		require.Equal(t, begin.Add(50*time.Minute), sum.StartsAt.UTC())
	})
}

func TestTheReceiptNamesFiveAndNoMAC(t *testing.T) {
	v := openVenue(t)
	number := v.activate(v.terms())
	before, err := v.s.VerifyAudit(ctx)
	require.NoError(t, err)
	for n := range 7 {
		v.clock.advance(time.Second)
		// Against the order of their MACs, so that only time can order the receipt.
		v.sight(v.record(n, macwatch.StatusStart, func(r *macwatch.Record) { r.MAC = guest(6 - n) }))
	}
	d, err := v.s.License(ctx, number, time.Time{})
	require.NoError(t, err)
	require.Len(t, d.Receipt.Sightings, 5)
	require.Equal(t, before.Head, d.Receipt.AuditHead)
	require.Equal(t, v.s.GatewayKey(), d.Receipt.GatewayKey)
	seen := map[string]bool{}
	for i, s := range d.Receipt.Sightings {
		require.Equal(t, fmt.Sprintf("s-%d", i), s.SessionID)
		require.Equal(t, "aa:aa:aa:00:00:01", s.AP)
		seen[s.Device] = true
	}
	require.Len(t, seen, 5)
	for n := range 7 {
		mac := guest(n).String()
		for _, query := range []string{`SELECT count(*) FROM audit WHERE instr(detail, ?) > 0`, `SELECT count(*) FROM receipts WHERE instr(text, ?) > 0`} {
			require.Zero(t, v.count(query, mac), "no MAC in it")
		}
	}
	require.Equal(t, 5, v.count(`SELECT count(*) FROM receipt_devices`))
}

// A guest without a MAC, and one whose session only an On or Off tells of, are no devices.
func TestARecordWithoutAMACIsKeptAndCountsNothing(t *testing.T) {
	v := openVenue(t)
	number := v.activate(v.terms())
	v.sight(v.record(1, macwatch.StatusStart, func(r *macwatch.Record) { r.MAC = 0 }))
	require.Len(t, v.sessions(), 1)
	require.Empty(t, v.sessions()[0].MAC)
	require.Zero(t, v.summary(number).DevicesCounted)
}
