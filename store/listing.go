package store

import (
	"context"
	"slices"
	"strings"
	"time"

	"tallygate/licensing"
)

// Licenses lists those that the filter lets through, in its order, else oldest first.
func (s *Store) Licenses(ctx context.Context, f licensing.Filter) ([]licensing.Summary, error) {
	st, now := s.state.Load(), s.Now()
	out := []licensing.Summary{}
	for _, l := range st.licenses {
		// Taken from the pool by now, though that may not be written down yet.
		sum, err := st.summarize(ctx, s.readers, st.licenseWillBe(l, now), now)
		if err != nil {
			return nil, err
		}
		if f.Admits(&sum) {
			out = append(out, sum)
		}
	}
	f.Sort(out)
	return out, nil
}

// complete adds to a line of `license list` what follows from the license, its queue
// and its Organization.
func (st *state) complete(sum *licensing.Summary, l *licensing.License, now time.Time) {
	terms := l.Terms
	sum.Term, sum.Start, sum.TimeZone, sum.ActivatedAt = terms.Term.String(), string(terms.Start), l.Zone, l.ActivatedAt
	if sum.TimeZone == "" {
		sum.TimeZone = terms.Zone
	}
	sum.Payment, sum.Partner, sum.Distributor, sum.Trial = terms.Payment, st.partnerName(l), terms.Distributor, terms.Trial
	for _, part := range sum.Parts {
		sum.OverLimit = sum.OverLimit || !part.APs.Limit.Allows(part.APs.InUse) || !part.Rooms.Limit.Allows(part.Rooms.InUse)
	}
	if left, ok := l.DaysLeft(now); ok && !l.Released(now) {
		sum.DaysLeft = &left
	}
	for _, a := range l.Allotments {
		place := 1 + slices.IndexFunc(licensing.Queue(st.locations[a.LocationID].Licenses, now),
			func(waiting *licensing.License) bool { return waiting.ID == l.ID })
		if place > 0 && (sum.QueuePosition == 0 || place < sum.QueuePosition) {
			sum.QueuePosition = place
		}
	}
	st.whereabouts(sum, l, now)
	sum.LicensesLeft = st.licensesLeft(terms.Realm, now)
}

// licensesLeft is how many licenses of an Organization no Location has.
func (st *state) licensesLeft(realm string, now time.Time) (left int) {
	for _, l := range st.licenses {
		if len(l.Allotments) == 0 && !l.Released(now) && strings.EqualFold(l.Terms.Realm, realm) && l.StateAt(now) == licensing.PendingProvision {
			left++
		}
	}
	for _, at := range st.locations {
		for _, l := range at.Licenses {
			if l.AutoRenewal() && !l.ProvisionedAt.After(now) && strings.EqualFold(l.Terms.Realm, realm) {
				left-- // taken by now
			}
		}
	}
	return left
}
