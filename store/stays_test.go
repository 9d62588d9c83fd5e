package store

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tallygate/licensing"
	"tallygate/macwatch"
)

func stay(room, surname, arrival, departure string) macwatch.GuestStay {
	return macwatch.GuestStay{Room: room, Surname: surname, Arrival: arrival, Departure: departure}
}

func (v *venue) importStays(replace bool, list ...macwatch.GuestStay) macwatch.StayReport {
	v.t.Helper()
	report, err := v.s.ImportStays(ctx, by, v.location.Code, macwatch.StayImport{Stays: list, Replace: replace})
	require.NoError(v.t, err)
	return report
}

func (v *venue) stays() []macwatch.GuestStay {
	v.t.Helper()
	all, err := v.s.Stays(ctx, v.location.Code)
	require.NoError(v.t, err)
	return all
}

func TestStaysAreImportedOnce(t *testing.T) {
	v := openVenue(t)
	list := []macwatch.GuestStay{stay("0412", "García", "2026-11-20", "2026-11-25"), stay("413", "Brown", "2026-11-22", "2026-11-23"), {ID: "res-7", Room: "414", Surname: "Sol", Arrival: "2026-11-22", Departure: "2026-11-30"}}
	require.Equal(t, macwatch.StayReport{Added: 3}, v.importStays(false, list...))
	require.Equal(t, macwatch.StayReport{Unchanged: 3}, v.importStays(false, list...), "the same list twice changes nothing")
	list[2].Room = "500"
	require.Equal(t, macwatch.StayReport{Changed: 1, Unchanged: 2}, v.importStays(true, list...), "the guest has moved")
	require.Equal(t, macwatch.StayReport{Unchanged: 1, Removed: 2}, v.importStays(true, list[2]))
	v.restart()
	all := v.stays()
	require.Len(t, all, 1)
	require.Equal(t, "500", all[0].Room)
	require.Equal(t, "2026-11-21T23:00:00Z", all[0].From.Format(time.RFC3339), "the day begins in Madrid")
	require.Equal(t, "2026-11-30T11:00:00Z", all[0].Until.Format(time.RFC3339), "check-out at noon in Madrid")

	s := v.location.Settings
	s.Stays.CheckOut = "10:30"
	_, err := v.s.SetLocation(ctx, by, v.location.Code, s)
	require.NoError(t, err)
	require.Equal(t, "2026-11-30T09:30:00Z", v.s.state.Load().venues[v.location.ID].Stays["500"][0].Until.Format(time.RFC3339))

	rehearsed, err := v.s.ImportStays(ctx, licensing.Change{By: "x", DryRun: true}, v.location.Code, macwatch.StayImport{Replace: true})
	require.NoError(t, err)
	require.Equal(t, 1, rehearsed.Removed)
	require.Len(t, v.stays(), 1)
	require.NoError(t, v.s.RemoveStay(ctx, by, v.location.Code, "res-7"))
	require.Equal(t, licensing.CodeNotFound, licensing.CodeOf(v.s.RemoveStay(ctx, by, v.location.Code, "res-7")))
	require.Empty(t, v.stays())
}

// Whose room nobody has any more must go; who shares a room, moves to another one or has not
// come yet is left alone.
func TestWhoLeavesARoomIsCutOff(t *testing.T) {
	v := openVenue(t) // on 2026-11-22
	left := func() (rooms []string) {
		for name := range v.s.state.Load().venues[v.location.ID].RetiredAccounts {
			rooms = append(rooms, name)
		}
		return rooms
	}
	in := func(id, room, arrival, departure string) macwatch.GuestStay {
		return macwatch.GuestStay{ID: id, Room: room, Surname: "Sol", Arrival: arrival, Departure: departure}
	}
	moves, shares, other, later := in("m", "1", "2026-11-20", "2026-11-30"), in("a", "2", "2026-11-20", "2026-11-30"), in("b", "2", "2026-11-21", "2026-11-30"), in("l", "3", "2026-11-25", "2026-11-30")
	v.importStays(true, moves, shares, other, later)
	moves.Room = "9"
	v.importStays(true, moves, shares) // b has left, and l was cancelled
	require.Empty(t, left())
	moves.Departure = "2026-11-21"
	v.importStays(false, moves)
	require.Equal(t, []string{macwatch.RetiredRoom("9")}, left())
	require.NoError(t, v.s.RemoveStay(ctx, by, v.location.Code, "a"))
	v.restart()
	require.ElementsMatch(t, []string{macwatch.RetiredRoom("9"), macwatch.RetiredRoom("002")}, left())
	require.Equal(t, v.clock.now(), v.s.state.Load().venues[v.location.ID].RetiredAccounts[macwatch.RetiredRoom("2")])
}

func TestStaysThatCannotBe(t *testing.T) {
	v := openVenue(t)
	good := stay("1", "A", "2026-11-22", "2026-11-23")
	for name, bad := range map[string]macwatch.GuestStay{
		"no room": stay(" ", "A", "2026-11-22", "2026-11-23"), "no surname": stay("1", "-", "2026-11-22", "2026-11-23"),
		"no day": stay("1", "A", "tomorrow", "2026-11-23"), "the 31st": stay("1", "A", "2026-11-22", "2026-11-31"),
		"backwards": stay("1", "A", "2026-11-24", "2026-11-23"), "for ever": stay("1", "A", "2026-11-24", "2036-11-23"), "twice": good,
	} {
		_, err := v.s.ImportStays(ctx, by, v.location.Code, macwatch.StayImport{Stays: []macwatch.GuestStay{good, bad}})
		require.Equal(t, licensing.CodeInvalid, licensing.CodeOf(err), name)
		require.ErrorContains(t, err, "entry 2: ", name)
	}
	require.Empty(t, v.stays(), "all or nothing")
}

// A surname is erased some days after the departure, and stands nowhere else.
func TestStaysAreErased(t *testing.T) {
	v := openVenue(t)
	s := v.location.Settings
	s.Stays.KeepDays = 3
	_, err := v.s.SetLocation(ctx, by, v.location.Code, s)
	require.NoError(t, err)
	v.importStays(false, stay("1", "Erasable", "2026-11-20", "2026-11-23"), stay("2", "Lasting", "2026-11-20", "2026-11-30"))
	v.set(v.clock.advance, 4*24*time.Hour) // the 26th
	require.Len(t, v.stays(), 2)
	v.set(v.clock.advance, 24*time.Hour)
	require.Len(t, v.stays(), 1)
	require.Equal(t, "Lasting", v.stays()[0].Surname)
	text := ""
	require.NoError(t, v.s.AuditEntries(ctx, licensing.AuditFilter{}, func(e licensing.AuditEntry) error {
		text += fmt.Sprintf("%+v %s\n", e, e.Detail)
		return nil
	}))
	require.Contains(t, text, "stay.erase")
	require.NotContains(t, text, "Erasable")
}

// A portal that asks with room and surname gets a credential until check-out, and none
// for somebody who is not there.
func TestACredentialForAStay(t *testing.T) {
	v := openVenue(t).local()
	v.importStays(false, stay("412", "García", "2026-11-22", "2026-11-24"), stay("413", "Later", "2026-11-23", "2026-11-24"))
	made, err := v.s.IssueCredential(ctx, by, v.location.Code, macwatch.CredentialOrder{Room: "0412", Surname: "garcia"})
	require.NoError(t, err)
	require.Equal(t, "2026-11-24T11:00:00Z", made.ExpiresAt.Format(time.RFC3339))
	require.Equal(t, "412", v.pass(made.UserName).Room)
	for _, o := range []macwatch.CredentialOrder{{Room: "412", Surname: "Brown"}, {Room: "413", Surname: "Later"}, {Room: "", Surname: "García"}} {
		_, err := v.s.IssueCredential(ctx, by, v.location.Code, o)
		require.Equal(t, licensing.CodeNotFound, licensing.CodeOf(err), "%+v", o)
	}
}
