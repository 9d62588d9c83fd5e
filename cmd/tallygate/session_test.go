package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"

	"tallygate/cmd/internal/simulate"
	"tallygate/macwatch"
)

// A guest account may have one device online: the second is refused, by name, until the
// first has left; and session list says who is online meanwhile.
func TestAGuestAccountHasOneDeviceOnline(t *testing.T) {
	v := newVenue(t)
	v.serve(t)
	v.furnish(t)
	v.do(t, "client", "add", "ap", "--address", "127.0.0.1", "--secret", "0123456789abcdefXYZ", "--location", "28N2S004")
	v.do(t, "license", "activate", "@"+v.grant(t, "--start", "on-provision"), "--location", "28N2S004")
	v.do(t, "location", "set", "28N2S004", "--guests", "local", "--guest-sessions", "1")
	v.do(t, "guest", "add", "room412", "--password", "blue-river", "--location", "28N2S004")
	v.do(t, "guest", "add", "family", "--password", "blue-river", "--location", "28N2S004", "--sessions", "2")
	nas, err := simulate.Dial(v.Auth[0], v.Acct[0], "0123456789abcdefXYZ")
	require.NoError(t, err)
	defer nas.Close()

	exchange := func(code radius.Code, status uint32, user, mac string) simulate.Reply {
		r := simulate.Request{Code: code}
		r.Text(rfc2865.UserName_Type, user)
		r.Text(rfc2865.CallingStationID_Type, mac)
		r.Text(rfc2865.CalledStationID_Type, "94-83-C4-01-42-27:Guest")
		r.Text(rfc2865.NASIdentifier_Type, "ap-1")
		if code == radius.CodeAccessRequest {
			password := "blue-river"
			r.Password = &password
		} else {
			r.Integer(rfc2866.AcctStatusType_Type, status)
			r.Text(rfc2866.AcctSessionID_Type, "of-"+mac)
		}
		answer, err := nas.Exchange(t.Context(), &r, simulate.Delivery{Timeout: time.Second, Retries: 5})
		require.NoError(t, err)
		return answer
	}
	login := func(user, mac string) radius.Code { return exchange(radius.CodeAccessRequest, 0, user, mac).Code }
	account := func(status uint32, user, mac string) { exchange(radius.CodeAccountingRequest, status, user, mac) }

	const one, two = "5C-1D-D9-20-A0-01", "5C-1D-D9-20-A0-02"
	require.Equal(t, radius.CodeAccessAccept, login("Room412", one))
	refused := exchange(radius.CodeAccessRequest, 0, "room412", two)
	require.Equal(t, radius.CodeAccessReject, refused.Code, "no Start of the first has come yet")
	require.Equal(t, "This guest account has as many devices online as it may.", refused.Message)
	account(1, "Room412", one)
	require.Equal(t, radius.CodeAccessReject, login("room412", two))
	require.Equal(t, radius.CodeAccessAccept, login("room412", one), "the device itself never counts")
	account(1, "Room412", one) // its Start again: no other session
	require.Equal(t, radius.CodeAccessAccept, login("family", one))
	require.Equal(t, radius.CodeAccessAccept, login("family", two))
	require.Contains(t, v.do(t, "guest", "list", "--location", "28N2S004"), "DEVICES")

	var online []macwatch.SessionInfo
	v.read(t, &online, "session", "list", "--location", "28N2S004", "--online", "--user", "room412", "--ap", "9483.c401.4227")
	require.Len(t, online, 1)
	require.Equal(t, []string{"5c:1d:d9:20:a0:01", "28N2S004", "ap-1"}, []string{online[0].MAC, online[0].Location, online[0].NAS})
	account(2, "Room412", one)
	v.read(t, &online, "session", "list", "--all-locations", "--online")
	require.Empty(t, online)
	v.read(t, &online, "session", "list", "--all-locations", "--mac", "5c1dd920a001", "--since", "1h")
	require.Len(t, online, 1)

	var shown connection
	v.read(t, &shown, "session", "show", "--location", "28N2S004", "of-"+one)
	require.False(t, shown.Online)
	require.Equal(t, macwatch.ClosedByStop, shown.Sessions[0].ClosedBy)
	require.Contains(t, v.do(t, "session", "show", "--location", "28N2S004", "of-"+one), "session 1:")
	require.Equal(t, exitFailed, v.command(t, "session", "show", "--location", "28N2S004", "nobody").status)
	require.Equal(t, exitUsage, v.command(t, "session", "list").status)
	require.Equal(t, exitUsage, v.command(t, "session", "list", "--location", "28N2S004", "--all-locations").status)
	require.Contains(t, v.do(t, "session", "list", "--location", "28N2S004", "--room", "9"), "no session meets this")
}
