package licensing_test

import (
	"fmt"
	"time"

	"tallygate/licensing"
)

// A license of one year that started on 10 March 2026 in Santiago. Its last day is
// 10 March 2027, and it ends with that day: nothing has to run for it to be over.
func ExampleLicense_StateAt() {
	license := &licensing.License{
		Terms:         licensing.Terms{Term: licensing.Term{Years: 1}, Threshold: 5, Start: licensing.StartFifthDevice},
		ProvisionedAt: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
		StartedAt:     time.Date(2026, 3, 10, 15, 4, 5, 0, time.UTC),
		Zone:          "America/Santiago",
	}
	day, _ := license.LastDay()
	end, _ := license.End()
	fmt.Println(day, end.Format(time.RFC3339))
	for _, at := range []time.Time{
		license.ProvisionedAt.Add(-time.Hour), license.ProvisionedAt, license.StartedAt, end.Add(-time.Nanosecond), end,
	} {
		fmt.Println(license.StateAt(at))
	}
	// Output:
	// 2027-03-10 2027-03-11T00:00:00-03:00
	// Pending Provision
	// Pending Start
	// In Use
	// In Use
	// Contract finalized
}

// Two access points ask. The first one finds a free slot and is to claim it; for
// the second one none is left.
func ExampleDecide() {
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	license := &licensing.License{
		Terms:         licensing.Terms{Term: licensing.Term{Years: 1}, APs: 1, Rooms: licensing.Unlimited, Start: licensing.StartOnProvision},
		ProvisionedAt: now.AddDate(0, -1, 0),
		StartedAt:     now.AddDate(0, -1, 0),
		Zone:          "Europe/Madrid",
	}
	facts := licensing.Facts{License: license, AP: licensing.SlotFree, Room: licensing.SlotNotNeeded}
	first := licensing.Decide(facts, now)
	fmt.Println(first.Allowed, first.State, first.ClaimAP)

	facts.AP = licensing.SlotFull
	second := licensing.Decide(facts, now)
	fmt.Println(second.Allowed, second.Reason, second.Reason.Text())
	// Output:
	// true In Use true
	// false ap-limit All licensed access points are in use.
}
