package store

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tallygate/licensing"
	"tallygate/macwatch"
)

func (v *venue) slots(kind macwatch.Kind) map[string]macwatch.Slot {
	v.t.Helper()
	list, err := v.s.Slots(ctx, v.location.Code, kind)
	require.NoError(v.t, err)
	out := map[string]macwatch.Slot{}
	for _, s := range list {
		out[s.Name] = s
	}
	return out
}

func seen(ap string) macwatch.APSight { return macwatch.APSight{Name: ap} }

func TestFirstComeFirstServed(t *testing.T) {
	v := openVenue(t)
	number := v.activate(v.terms()) // two APs
	require.Equal(t, macwatch.ClaimGranted, v.claim("ap-1"))
	require.Equal(t, macwatch.ClaimGranted, v.claim("ap-2"))
	require.Equal(t, macwatch.ClaimAPFull, v.claim("ap-3"))
	require.Equal(t, macwatch.ClaimGranted, v.claim("ap-1"), "who has one keeps it")
	v.restart()
	require.Equal(t, macwatch.ClaimAPFull, v.claim("ap-3"))
	require.Equal(t, licensing.Usage{Limit: 2, Allotted: 2, InUse: 2}, v.summary(number).APs)
	require.Equal(t, licensing.Usage{Limit: licensing.Unlimited, Allotted: licensing.Unlimited}, v.summary(number).Rooms)
}

func TestAClaimOfAPAndRoomIsAllOrNothing(t *testing.T) {
	v := openVenue(t)
	terms := v.terms()
	terms.Rooms = 1
	number := v.activate(terms)
	claim := func(ap, room string) macwatch.ClaimResult {
		c := collector{make(chan struct{}, 1)}
		claim := &macwatch.Claim{Location: v.location.ID, AP: ap, Room: room, At: v.clock.now(), Done: c}
		require.True(t, v.s.Claim(claim))
		<-c.done
		require.NoError(t, claim.Err)
		return claim.Result
	}
	require.Equal(t, macwatch.ClaimGranted, claim("ap-1", "101"))
	require.Equal(t, macwatch.ClaimRoomFull, claim("ap-2", "102"))
	require.Equal(t, 1, v.summary(number).APs.InUse, "the AP of a refused request claims nothing")
	require.Equal(t, macwatch.ClaimGranted, claim("ap-2", "101"), "many guests in a room take one slot")
	require.Equal(t, 1, v.summary(number).Rooms.InUse)
}

func TestAReleasedSlotIsFreeAfterADay(t *testing.T) {
	v := openVenue(t)
	number := v.activate(v.terms())
	v.claim("ap-1")
	v.claim("ap-2")
	_, err := v.s.ReleaseSlot(ctx, by, v.location.Code, macwatch.KindAP, "ap-1")
	require.NoError(t, err)
	v.clock.advance(24*time.Hour - time.Second)
	v.refused(licensing.CodeConflict, func() error { // or the day would begin anew
		_, err := v.s.ReleaseSlot(ctx, by, v.location.Code, macwatch.KindAP, "ap-1")
		return err
	})
	require.Equal(t, macwatch.ClaimAPFull, v.claim("ap-3"))
	require.Equal(t, 2, v.summary(number).APs.InUse)
	v.clock.advance(time.Second)
	require.Equal(t, 1, v.summary(number).APs.InUse)
	require.Equal(t, macwatch.ClaimGranted, v.claim("ap-3"))
	require.Equal(t, macwatch.ClaimAPFull, v.claim("ap-1"), "the released one has lost its place")
	require.True(t, v.slots(macwatch.KindAP)["ap-3"].Admitted)
	require.False(t, v.slots(macwatch.KindAP)["ap-1"].Admitted)
}

func TestAReleasedAPThatIsStillThereTakesItsSlotBack(t *testing.T) {
	v := openVenue(t)
	v.activate(v.terms())
	v.claim("ap-1")
	first := v.slots(macwatch.KindAP)["ap-1"].ClaimedAt
	_, err := v.s.ReleaseSlot(ctx, by, v.location.Code, macwatch.KindAP, "ap-1")
	require.NoError(t, err)
	v.clock.advance(time.Hour)
	require.Equal(t, macwatch.ClaimGranted, v.claim("ap-1"))
	slot := v.slots(macwatch.KindAP)["ap-1"]
	require.Zero(t, slot.ReleasedAt)
	require.Equal(t, first, slot.ClaimedAt, "in its old place")
	require.Len(t, v.slots(macwatch.KindAP), 1)
}

func TestDeclaringClaimsInAdvance(t *testing.T) {
	v := openVenue(t)
	number := v.activate(v.terms())
	slot, err := v.s.DeclareSlot(ctx, by, v.location.Code, macwatch.KindAP, "AA-AA-AA-00-00-01", []string{"lobby", "aaaa.aa00.0011"})
	require.NoError(t, err)
	require.Equal(t, "aa:aa:aa:00:00:01", slot.Name)
	require.ElementsMatch(t, []string{"lobby", "aa:aa:aa:00:00:11"}, slot.Aliases)
	require.True(t, slot.Declared && slot.Admitted)
	require.Equal(t, macwatch.ClaimGranted, v.claim("aa:aa:aa:00:00:11"))
	require.Equal(t, macwatch.ClaimGranted, v.claim("lobby"))
	require.Equal(t, 1, v.summary(number).APs.InUse, "aliases are the same AP")
	v.claim("ap-2")
	v.refused(licensing.CodeConflict, func() error {
		_, err := v.s.DeclareSlot(ctx, by, v.location.Code, macwatch.KindAP, "ap-3", nil)
		return err
	})
	// One that has its slot already is declared all the same.
	_, err = v.s.DeclareSlot(ctx, by, v.location.Code, macwatch.KindAP, "ap-2", []string{"pool"})
	require.NoError(t, err)
	v.restart()
	require.True(t, v.slots(macwatch.KindAP)["ap-2"].Declared)
	require.Equal(t, macwatch.ClaimGranted, v.claim("pool"))
}

func TestTheCapOnAliases(t *testing.T) {
	v := openVenue(t)
	terms := v.terms()
	terms.MaxAliases = 1
	v.activate(terms)
	v.refused(licensing.CodeRefused, func() error {
		_, err := v.s.DeclareSlot(ctx, by, v.location.Code, macwatch.KindAP, "ap-1", []string{"a", "b"})
		return err
	})
	_, err := v.s.DeclareSlot(ctx, by, v.location.Code, macwatch.KindAP, "ap-1", []string{"a"})
	require.NoError(t, err)
	v.refused(licensing.CodeRefused, func() error {
		_, err := v.s.DeclareSlot(ctx, by, v.location.Code, macwatch.KindAP, "ap-1", []string{"b"})
		return err
	})
	_, err = v.s.DeclareSlot(ctx, by, v.location.Code, macwatch.KindAP, "ap-1", []string{"a"})
	require.NoError(t, err, "the one that it has is no further one")
}

func TestMergingFreesOneSlot(t *testing.T) {
	v := openVenue(t)
	number := v.activate(v.terms())
	v.claim("ap-1")
	v.clock.advance(time.Minute)
	_, err := v.s.DeclareSlot(ctx, by, v.location.Code, macwatch.KindAP, "ap-2", []string{"bssid-2"})
	require.NoError(t, err)
	first := v.slots(macwatch.KindAP)["ap-1"].ClaimedAt
	slot, err := v.s.MergeSlots(ctx, by, v.location.Code, macwatch.KindAP, "ap-2", "ap-1")
	require.NoError(t, err)
	require.Equal(t, first, slot.ClaimedAt, "the earlier claim stands")
	require.ElementsMatch(t, []string{"ap-1", "bssid-2"}, slot.Aliases)
	require.Equal(t, 1, v.summary(number).APs.InUse)
	require.Equal(t, macwatch.ClaimGranted, v.claim("ap-1"))
	require.Equal(t, macwatch.ClaimGranted, v.claim("ap-3"))
	require.Equal(t, macwatch.ClaimAPFull, v.claim("ap-4"))
	// Merged the other way round, what was declared stays so, and what was released does not win.
	_, err = v.s.ReleaseSlot(ctx, by, v.location.Code, macwatch.KindAP, "ap-3")
	require.NoError(t, err)
	slot, err = v.s.MergeSlots(ctx, by, v.location.Code, macwatch.KindAP, "ap-3", "ap-2")
	require.NoError(t, err)
	require.True(t, slot.Declared)
	require.Zero(t, slot.ReleasedAt)
	v.restart()
	require.Equal(t, macwatch.ClaimGranted, v.claim("bssid-2"))
	require.Equal(t, 1, v.summary(number).APs.InUse)
}

func TestReplacingKeepsTheSlot(t *testing.T) {
	v := openVenue(t)
	number := v.activate(v.terms())
	_, err := v.s.DeclareSlot(ctx, by, v.location.Code, macwatch.KindAP, "old", []string{"old-bssid"})
	require.NoError(t, err)
	claimed := v.slots(macwatch.KindAP)["old"].ClaimedAt
	v.clock.advance(time.Hour)
	slot, err := v.s.ReplaceSlot(ctx, by, v.location.Code, macwatch.KindAP, "old", "AA:AA:AA:00:00:09")
	require.NoError(t, err)
	require.Equal(t, "aa:aa:aa:00:00:09", slot.Name)
	require.Equal(t, claimed, slot.ClaimedAt)
	require.Empty(t, slot.Aliases)
	require.Equal(t, 1, v.summary(number).APs.InUse)
	require.Equal(t, macwatch.ClaimGranted, v.claim("old"), "the old hardware elsewhere is another AP")
	require.Equal(t, macwatch.ClaimAPFull, v.claim("old-bssid"))
}

func TestRoomsAreNormalised(t *testing.T) {
	v := openVenue(t)
	v.activate(v.terms())
	slot, err := v.s.DeclareSlot(ctx, by, v.location.Code, macwatch.KindRoom, " 0412 ", nil)
	require.NoError(t, err)
	require.Equal(t, "412", slot.Name)
	_, err = v.s.ReleaseSlot(ctx, by, v.location.Code, macwatch.KindRoom, "00412")
	require.NoError(t, err)
	_, err = v.s.ReleaseSlot(ctx, by, v.location.Code, macwatch.KindRoom, "412A")
	require.Equal(t, licensing.CodeNotFound, licensing.CodeOf(err))
}

func TestWithoutAPsAllowedNoneGetsASlot(t *testing.T) {
	v := openVenue(t)
	terms := v.terms()
	terms.APs = 0
	number := v.activate(terms)
	require.Equal(t, macwatch.ClaimAPFull, v.claim("ap-1"))
	v.sight(v.record(1, macwatch.StatusStart))
	require.Zero(t, v.summary(number).DevicesCounted)
}

func TestRefusedAPsAreObservedOnceAndBounded(t *testing.T) {
	v := openVenue(t)
	v.activate(v.terms())
	v.claim("ap-1")
	v.s.Observe(v.location.ID, seen("ap-1"))
	for range 3 {
		v.s.Observe(v.location.ID, seen("refused"))
	}
	v.s.Observe(v.location.ID, seen(""))
	v.s.Observe(4711, seen("nowhere"))
	v.s.onWriter(func() {})
	slots := v.slots(macwatch.KindAP)
	require.Len(t, slots, 2)
	require.False(t, slots["refused"].Admitted)
	require.Zero(t, slots["refused"].ClaimedAt)
	require.True(t, slots["ap-1"].Admitted)
	for n := range maxObserved + 50 {
		v.s.Observe(v.location.ID, seen(fmt.Sprintf("spoofed-%d", n)))
	}
	v.s.onWriter(func() {})
	require.Len(t, v.slots(macwatch.KindAP), 1+maxObserved)
	require.Equal(t, macwatch.ClaimGranted, v.claim("refused"), "an observed one can have a slot when one is free")
}

func TestTheCapOnExemptDevices(t *testing.T) {
	v := openVenue(t)
	v.activate(v.terms())
	for n := range 10 {
		require.NoError(t, v.s.ListDevice(ctx, by, v.location.Code, macwatch.ListedDevice{MAC: guest(n), Kind: "exempt"}))
	}
	v.refused(licensing.CodeRefused, func() error {
		return v.s.ListDevice(ctx, by, v.location.Code, macwatch.ListedDevice{MAC: guest(11), Kind: "exempt"})
	})
	require.NoError(t, v.s.ListDevice(ctx, by, v.location.Code, macwatch.ListedDevice{MAC: guest(11), Kind: "blocked"}))
}
