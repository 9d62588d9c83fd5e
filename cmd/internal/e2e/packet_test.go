package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"
	"layeh.com/radius/rfc2869"

	"tallygate/cmd/internal/simulate"
)

// Acct-Status-Type values (RFC 2866 section 5.1).
const (
	start   = 1
	stop    = 2
	interim = 3
	on      = 7
)

// The access point of most packets.
const (
	apMAC    = "00-27-22-aa-00-10"
	apColons = "00:27:22:aa:00:10"
)

// option changes a packet.
type option func(*simulate.Request)

// text sets a text attribute.
func text(kind radius.Type, value string) option {
	return func(r *simulate.Request) {
		r.Attributes.Del(kind)
		r.Text(kind, value)
	}
}

// number sets a number attribute.
func number(kind radius.Type, value uint32) option {
	return func(r *simulate.Request) {
		r.Attributes.Del(kind)
		r.Integer(kind, value)
	}
}

// stamped sets Event-Timestamp.
func stamped(at time.Time) option { return number(rfc2869.EventTimestamp_Type, uint32(at.Unix())) }

// from sets the access point.
func from(ap string) option { return text(rfc2865.CalledStationID_Type, ap+":Guest WiFi") }

// record is an Accounting-Request as an access point of the venue sends it.
func record(status uint32, session, calling string, options ...option) *simulate.Request {
	r := &simulate.Request{Code: radius.CodeAccountingRequest}
	r.Integer(rfc2866.AcctStatusType_Type, status)
	r.Text(rfc2866.AcctSessionID_Type, session)
	r.Text(rfc2865.CallingStationID_Type, calling)
	return dressed(r, options)
}

// dressed adds what every packet of the venue holds, then the options.
func dressed(r *simulate.Request, options []option) *simulate.Request {
	from(apMAC)(r)
	text(rfc2865.NASIdentifier_Type, "controller-1")(r)
	for _, o := range options {
		o(r)
	}
	return r
}

// login is an Access-Request with a portal's password.
func login(user, calling string, options ...option) *simulate.Request {
	password := "portal-pass"
	r := &simulate.Request{Code: radius.CodeAccessRequest, Password: &password}
	r.Text(rfc2865.UserName_Type, user)
	r.Text(rfc2865.CallingStationID_Type, calling)
	return dressed(r, options)
}

// persistent sends again and again, as a NAS does that will not lose a record.
var persistent = simulate.Delivery{Timeout: 100 * time.Millisecond, Retries: 40}

// dial opens the two ports of a NAS.
func (g *gateway) dial(t *testing.T) *simulate.NAS {
	t.Helper()
	nas, err := simulate.Dial(g.auth, g.acct, secret)
	require.NoError(t, err)
	t.Cleanup(func() {
		nas.Close()
		require.Empty(t, nas.BadReplies(), "replies that fail verification")
	})
	return nas
}

// send sends from a port of its own and expects an answer.
func (g *gateway) send(t *testing.T, r *simulate.Request) simulate.Reply {
	t.Helper()
	return deliver(t, g.dial(t), r, persistent)
}

// deliver sends from this NAS and expects an answer.
func deliver(t *testing.T, nas *simulate.NAS, r *simulate.Request, d simulate.Delivery) simulate.Reply {
	t.Helper()
	reply, err := nas.Exchange(t.Context(), r, d)
	require.NoError(t, err)
	return reply
}

// deaf is a NAS that does not hear the first answers, and so sends again.
func deaf(times int) simulate.Delivery {
	return simulate.Delivery{Timeout: 20 * time.Millisecond, Retries: 60, Fate: func(attempt int) simulate.Fate {
		return simulate.Fate{LoseReply: attempt < times, Duplicate: true}
	}}
}
