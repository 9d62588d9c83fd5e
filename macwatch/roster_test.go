package macwatch

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func held(id int64, name string, minutes int, aliases ...string) Slot {
	return Slot{ID: id, Name: name, Aliases: aliases, ClaimedAt: noon.Add(time.Duration(minutes) * time.Minute), FirstSeen: noon}
}

func TestARosterOfNothing(t *testing.T) {
	var r *Roster
	require.Equal(t, StandingFree, r.Stand("a", 1, noon))
	require.Equal(t, StandingFree, r.Stand("a", -1, noon))
	require.Equal(t, StandingFull, r.Stand("a", 0, noon))
	require.Zero(t, r.Used(noon))
	require.Zero(t, r.Observed())
	require.Empty(t, r.Slots(1, noon))
	_, known := r.Find("a")
	require.False(t, known)
	require.Equal(t, StandingHolds, r.With(held(1, "a", 0)).Stand("a", 1, noon))
}

func TestIfTheLimitShrinksTheEarliestClaimsStay(t *testing.T) {
	r := NewRoster([]Slot{held(3, "c", 3), held(1, "a", 1), held(2, "b", 2)})
	stand := func(limit int) (out []Standing) {
		for _, name := range []string{"a", "b", "c", "d"} {
			out = append(out, r.Stand(name, limit, noon))
		}
		return out
	}
	require.Equal(t, []Standing{StandingHolds, StandingHolds, StandingHolds, StandingFree}, stand(4))
	require.Equal(t, []Standing{StandingHolds, StandingHolds, StandingHolds, StandingFull}, stand(3))
	require.Equal(t, []Standing{StandingHolds, StandingHolds, StandingFull, StandingFull}, stand(2))
	require.Equal(t, []Standing{StandingFull, StandingFull, StandingFull, StandingFull}, stand(0))
	require.Equal(t, []Standing{StandingHolds, StandingHolds, StandingHolds, StandingFree}, stand(-1))
	var admitted []bool
	for _, s := range r.Slots(2, noon) {
		admitted = append(admitted, s.Admitted)
	}
	require.Equal(t, []bool{true, true, false}, admitted)
}

func TestAReleasedSlotIsKeptForADay(t *testing.T) {
	released := held(1, "a", 0)
	released.ReleasedAt = noon
	r := NewRoster([]Slot{released, held(2, "b", 1)})
	before, after := noon.Add(ReleaseDelay-time.Nanosecond), noon.Add(ReleaseDelay)
	require.Equal(t, StandingFull, r.Stand("c", 2, before))
	require.Equal(t, StandingFree, r.Stand("c", 2, after))
	require.Equal(t, StandingFree, r.Stand("a", 2, before), "its own slot: a claim takes it back")
	require.Equal(t, 2, r.Used(before))
	require.Equal(t, 1, r.Used(after))
	require.Equal(t, StandingHolds, r.Stand("b", 1, after), "it moves up")
	require.Equal(t, StandingFull, r.Stand("b", 1, before))
	require.False(t, r.Slots(2, before)[0].Admitted)
}

func TestAliasesAreTheSameSlot(t *testing.T) {
	r := NewRoster([]Slot{held(1, "a", 0, "a1", "a2"), {ID: 2, Name: "seen", FirstSeen: noon}})
	for _, name := range []string{"a", "a1", "a2"} {
		require.Equal(t, StandingHolds, r.Stand(name, 1, noon))
		s, known := r.Find(name)
		require.True(t, known)
		require.Equal(t, "a", s.Name)
	}
	require.Equal(t, StandingFull, r.Stand("seen", 1, noon))
	require.Equal(t, 1, r.Observed())
	require.Equal(t, 1, r.Used(noon))
}

func TestARosterIsImmutable(t *testing.T) {
	slots := []Slot{held(1, "a", 0)}
	r := NewRoster(slots)
	slots[0].Name = "changed"
	more := r.With(held(2, "b", 1))
	replaced := more.With(held(1, "z", 0))
	require.Equal(t, StandingHolds, r.Stand("a", -1, noon))
	require.Len(t, r.Slots(-1, noon), 1)
	require.Len(t, more.Slots(-1, noon), 2)
	_, known := replaced.Find("a")
	require.False(t, known)
	_, known = more.Find("a")
	require.True(t, known)
}

// The roster against a list that is walked for every question.
func TestTheRosterAgreesWithANaiveModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		now := noon
		var model []Slot // in any order
		var r *Roster
		find := func(name string) int {
			return slices.IndexFunc(model, func(s Slot) bool { return s.Name == name || slices.Contains(s.Aliases, name) })
		}
		// ranked are those that hold, by claim.
		ranked := func() (ids []int64) {
			holding := slices.DeleteFunc(slices.Clone(model), func(s Slot) bool {
				return s.ClaimedAt.IsZero() || !s.ReleasedAt.IsZero() && now.Sub(s.ReleasedAt) >= 24*time.Hour
			})
			slices.SortFunc(holding, func(a, b Slot) int {
				if c := a.ClaimedAt.Compare(b.ClaimedAt); c != 0 {
					return c
				}
				return int(a.ID - b.ID)
			})
			for _, s := range holding {
				ids = append(ids, s.ID)
			}
			return ids
		}
		for range rapid.IntRange(1, 25).Draw(rt, "steps") {
			now = now.Add(time.Duration(rapid.SampledFrom([]int{0, 1, 60, 24 * 60, 25 * 60}).Draw(rt, "minutes")) * time.Minute)
			name := fmt.Sprintf("ap-%d", rapid.IntRange(0, 6).Draw(rt, "ap"))
			i := find(name)
			switch {
			case i < 0:
				model = append(model, Slot{ID: int64(len(model) + 1), Name: name, Aliases: []string{"alias of " + name}, FirstSeen: now})
				i = len(model) - 1
				if rapid.Bool().Draw(rt, "claim") {
					model[i].ClaimedAt = now
				}
			case rapid.Bool().Draw(rt, "release"):
				model[i].ReleasedAt = now
			default:
				if !slices.Contains(ranked(), model[i].ID) {
					model[i].ClaimedAt = now
				}
				model[i].ReleasedAt = time.Time{}
			}
			r = r.With(model[i])

			limit := rapid.IntRange(-1, 5).Draw(rt, "limit")
			order := ranked()
			require.Equal(rt, len(order), r.Used(now))
			for n := range 8 {
				name := fmt.Sprintf("ap-%d", n)
				want := StandingFull
				if limit < 0 || len(order) < limit {
					want = StandingFree
				}
				if i := find(name); i >= 0 {
					if rank := slices.Index(order, model[i].ID); rank >= 0 {
						switch {
						case limit >= 0 && rank >= limit:
							want = StandingFull
						case model[i].ReleasedAt.IsZero():
							want = StandingHolds
						default:
							want = StandingFree
						}
					}
				}
				require.Equal(rt, want, r.Stand(name, limit, now), "%s of limit %d at %s", name, limit, now)
				if find(name) >= 0 {
					require.Equal(rt, want, r.Stand("alias of "+name, limit, now))
				}
			}
			admitted := 0
			for _, s := range r.Slots(limit, now) {
				if s.Admitted {
					admitted++
					require.Equal(rt, StandingHolds, r.Stand(s.Name, limit, now))
				}
			}
			require.True(rt, limit < 0 || admitted <= limit)
		}
	})
}
