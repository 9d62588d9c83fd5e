package store

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// rotated is a record of a phone that has taken its n-th private address, by which somebody
// has logged in with a name.
func (v *venue) rotated(n int, name string, change ...func(*macwatch.Record)) *macwatch.Record {
	r := v.record(n, macwatch.StatusInterim, change...)
	r.MAC |= 2 << 40 // locally administered
	r.UserName = []byte(name)
	return r
}

// One phone that takes another address every day is one device under such a license, and
// starts it no sooner than one.
func TestPrivateAddressesOfOneUserCountOnce(t *testing.T) {
	for _, window := range []time.Duration{0, 24 * time.Hour} {
		t.Run(window.String(), func(t *testing.T) {
			v := openVenue(t)
			terms := v.terms()
			terms.PrivateByUser, terms.CountWindow = true, window
			number := v.activate(terms)
			v.clock.advance(time.Minute)
			count := func() int { return v.summary(number).DevicesCounted }

			for n := range 8 {
				v.sight(v.rotated(n, []string{"Anna@hotelsol", " anna@HOTELSOL"}[n%2]))
				v.clock.advance(time.Hour)
			}
			require.Equal(t, 1, count(), "eight addresses of one phone")
			require.Equal(t, licensing.PendingStart, v.summary(number).State)
			first, second := v.rotated(0, "").MAC.String(), v.rotated(1, "").MAC.String()
			require.True(t, v.devices()[first].Counted)
			require.Equal(t, "same-guest", v.devices()[second].Reason)
			e, err := v.s.Explain(ctx, number)
			require.NoError(t, err)
			require.Contains(t, e.Rule, "of one user name count as one device")

			v.restart()
			v.sight(v.rotated(8, "anna@hotelsol"))
			require.Equal(t, 1, count(), "remembered")

			// What is nobody's name, and addresses that do not rotate, count by themselves.
			v.sight(v.rotated(9, ""), v.rotated(10, v.rotated(10, "").MAC.String()), v.record(11, macwatch.StatusInterim))
			require.Equal(t, 4, count())
			plain := v.record(12, macwatch.StatusInterim)
			plain.UserName = []byte("anna@hotelsol")
			v.sight(plain)
			require.Equal(t, 5, count())
			require.Equal(t, licensing.InUse, v.summary(number).State)
		})
	}
}

// A sighting of the second address that arrives late, but was earlier, is the guest's first.
func TestTheEarliestSightingOfAGuestCounts(t *testing.T) {
	v := openVenue(t)
	terms := v.terms()
	terms.PrivateByUser = true
	number := v.activate(terms)
	pass(time.Hour, v)
	early := v.s.Now().Add(-30 * time.Minute).Truncate(time.Second)
	v.sight(v.rotated(0, "anna"))
	v.sight(v.rotated(1, "anna", stamped(early)))
	for n := range 4 {
		v.sight(v.rotated(10+n, fmt.Sprintf("guest-%d", n)))
	}
	require.Equal(t, licensing.InUse, v.summary(number).State)
	evidence, err := v.s.Receipt(ctx, number)
	require.NoError(t, err)
	require.Len(t, evidence.Receipt.Sightings, 5)
	require.True(t, early.Equal(evidence.Receipt.Sightings[0].At), "%v", evidence.Receipt.Sightings)
}

// When an operator declines the start, the guests' devices are found anew as well.
func TestARecountForgetsWhichDeviceCountsForAGuest(t *testing.T) {
	v := openVenue(t)
	terms := v.terms()
	terms.PrivateByUser, terms.ConfirmStart, terms.Threshold = true, 24*time.Hour, 1
	number := v.activate(terms)
	v.clock.advance(time.Minute)
	v.sight(v.rotated(0, "anna"))
	_, err := v.s.DeclineStart(ctx, by, number, "a test")
	require.NoError(t, err)
	v.clock.advance(time.Minute)
	v.sight(v.rotated(1, "anna"))
	require.True(t, v.devices()[v.rotated(1, "").MAC.String()].Counted)
}
