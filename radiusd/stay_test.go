package radiusd

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"
	"layeh.com/radius/rfc2865"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// withStays makes the Location check credentials, with these stays.
func withStays(stays ...macwatch.GuestStay) func(*gateway) {
	return func(g *gateway) {
		g.location.Settings.Guests = licensing.GuestsLocal
		g.venue.Stays = map[string][]macwatch.GuestStay{}
		for _, s := range stays {
			s.Folded = macwatch.FoldSurname(s.Surname)
			g.venue.Stays[s.Room] = append(g.venue.Stays[s.Room], s)
		}
	}
}

func TestRoomAndSurname(t *testing.T) {
	now := time.Now()
	here := macwatch.GuestStay{Room: "412", Surname: "García López", From: now.Add(-time.Hour), Until: now.Add(time.Hour)}
	left := macwatch.GuestStay{Room: "412", Surname: "Brown", From: now.Add(-48 * time.Hour), Until: now.Add(-time.Minute)}
	later := macwatch.GuestStay{Room: "412", Surname: "Sol", From: now.Add(time.Minute), Until: now.Add(time.Hour)}
	for i, c := range []struct {
		name, password string
		want           licensing.Reason
	}{
		{"412", "García López", licensing.ReasonNone},
		{"0412", "garcia lopez", licensing.ReasonNone},
		{"412@hotelsol", "GARCIA-LOPEZ", licensing.ReasonNone},
		{"Garcia-Lopez/412", "García López", licensing.ReasonNone},
		{"garcía lópez/0412@hotelsol", "412", licensing.ReasonNone},
		{"412", "412", licensing.ReasonBadCredentials},
		{"412", "", licensing.ReasonBadCredentials},
		{"Brown/412", "García López", licensing.ReasonBadCredentials},
		{"413", "García López", licensing.ReasonBadCredentials},
		{"412", "Brown", licensing.ReasonCredentialExpired},
		{"412", "Sol", licensing.ReasonBadCredentials},
	} {
		g := start(t, withStays(here, left, later), func(g *gateway) { g.venue.APs = slots(lobbyAP) })
		answer := dial(t, g.AuthAddrs()[0]).exchange(show(t, byte(i), c.name, c.password, callingA))
		if c.want == licensing.ReasonNone {
			require.Equal(t, radius.CodeAccessAccept, answer.Code, "%+v", c)
			require.InDelta(t, 3600, int(rfc2865.SessionTimeout_Get(answer)), 60, "until check-out")
			continue
		}
		require.Equal(t, c.want.Text(), rfc2865.ReplyMessage_GetString(answer), "%+v", c)
	}
}

// CHAP takes the spellings that a guest is likely to type.
func TestRoomAndSurnameByCHAP(t *testing.T) {
	here := macwatch.GuestStay{Room: "412", Surname: "García López", From: time.Now().Add(-time.Hour), Until: time.Now().Add(time.Hour)}
	g := start(t, withStays(here), func(g *gateway) { g.venue.APs = slots(lobbyAP) })
	challenge := []byte("0123456789abcdef")
	for i, typed := range []string{"García López", "garcia lopez", "GARCIA LOPEZ", "Garcia Lopez", "garcialopez", "wrong"} {
		answer := dial(t, g.AuthAddrs()[0]).exchange(build(radius.CodeAccessRequest, byte(i), "u", signature, text(1, "412"),
			attr{3, append([]byte{byte(i)}, rfc2865CHAP(byte(i), typed, challenge)...)}, attr{60, challenge}, text(31, callingA), text(30, "94-83-C4-01-42-27:Guest")))
		require.Equal(t, typed != "wrong", answer.Code == radius.CodeAccessAccept, typed)
	}
}

// Ten wrong surnames close a room for a while; the other rooms stay open.
func TestSurnamesCannotBeTriedForLong(t *testing.T) {
	here := macwatch.GuestStay{Room: "412", Surname: "Sol", From: time.Now().Add(-time.Hour), Until: time.Now().Add(time.Hour)}
	next := here
	next.Room = "413"
	g := start(t, withStays(here, next), func(g *gateway) { g.venue.APs = slots(lobbyAP) })
	n := dial(t, g.AuthAddrs()[0])
	for i := range guessesAllowed {
		answer := n.exchange(show(t, byte(i), "412", fmt.Sprintf("guess %d", i), callingA))
		require.Equal(t, licensing.ReasonBadCredentials.Text(), rfc2865.ReplyMessage_GetString(answer))
	}
	require.Equal(t, licensing.ReasonTooManyAttempts.Text(), rfc2865.ReplyMessage_GetString(n.exchange(show(t, 100, "412", "Sol", callingA))))
	require.Equal(t, radius.CodeAccessAccept, n.exchange(show(t, 101, "413", "Sol", callingA)).Code)

	now := time.Now()
	room := guessedRoom{1, "412"}
	guesses := newGuesses()
	for range guessesAllowed {
		require.False(t, guesses.blocked(room, now))
		guesses.failed(room, now)
	}
	require.True(t, guesses.blocked(room, now.Add(guessSpan-1)))
	require.False(t, guesses.blocked(room, now.Add(guessSpan)))
}
