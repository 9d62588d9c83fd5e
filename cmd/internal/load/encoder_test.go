package load

import (
	"crypto/hmac"
	"crypto/md5"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"
	"layeh.com/radius/rfc2869"
)

const testSecret = "a-secret-of-the-test"

func testEncoder(t *testing.T, workload Workload) *encoder {
	t.Helper()
	cfg, err := Config{Workload: workload, Auth: "a:1", Acct: "a:1", Secret: testSecret, Ports: 4, Guests: 1000, Users: 100, Sessions: 8}.validated()
	require.NoError(t, err)
	return newEncoder(cfg, workload)
}

// parsed reads a request with somebody else's code, which also judges its authenticator.
func parsed(t *testing.T, wire []byte) *radius.Packet {
	t.Helper()
	p, err := radius.Parse(wire, []byte(testSecret))
	require.NoError(t, err)
	require.True(t, radius.IsAuthenticRequest(wire, []byte(testSecret)), "Request Authenticator")
	return p
}

// signature computes Message-Authenticator of a packet in which it comes first.
func signature(wire []byte) []byte {
	plain := append([]byte(nil), wire...)
	clear(plain[22:38])
	h := hmac.New(md5.New, []byte(testSecret))
	h.Write(plain)
	return h.Sum(nil)
}

func TestAccessRequests(t *testing.T) {
	for _, workload := range []Workload{AuthMAC, AuthPAP} {
		t.Run(string(workload), func(t *testing.T) {
			e := testEncoder(t, workload)
			seen := map[[16]byte]bool{}
			for i := range uint64(300) {
				wire := e.encode([]byte("what was there"), i, byte(i))[len("what was there"):]
				p := parsed(t, wire)
				require.Equal(t, radius.CodeAccessRequest, p.Code)
				require.Equal(t, byte(i), p.Identifier)
				require.False(t, seen[p.Authenticator], "an authenticator was used twice")
				seen[p.Authenticator] = true
				require.Equal(t, rfc2869.MessageAuthenticator_Type, p.Attributes[0].Type, "it comes first")
				require.Equal(t, signature(wire), []byte(p.Attributes[0].Attribute))
				calling := strings.ToLower(strings.ReplaceAll(rfc2865.CallingStationID_GetString(p), "-", ""))
				require.Equal(t, BareMAC(MAC(i, 1000)), calling)
				name, password := BareMAC(MAC(i, 1000)), BareMAC(MAC(i, 1000))
				if workload == AuthPAP {
					name, password = User(i % 100)
				}
				require.Equal(t, name, rfc2865.UserName_GetString(p))
				require.Equal(t, password, rfc2865.UserPassword_GetString(p))
			}
		})
	}
}

// A run can begin with the guests after those of the one before.
func TestGuestsThatAreSkipped(t *testing.T) {
	for _, workload := range []Workload{AuthMAC, Acct} {
		e := testEncoder(t, workload)
		e.skip = 700
		for i := range uint64(400) {
			session := i
			if workload == Acct {
				session = recordAt(i, e.sessions).session
			}
			calling := rfc2865.CallingStationID_GetString(parsed(t, e.encode(nil, i, byte(i))))
			require.Equal(t, BareMAC(MAC(700+session, 1000)), strings.ToLower(strings.ReplaceAll(calling, "-", "")))
		}
	}
}

// RFC 2865 section 5.2: passwords of more than 16 octets take several blocks.
func TestLongPasswords(t *testing.T) {
	s := newSigner(testSecret)
	authenticator := []byte("0123456789abcdef")
	for _, password := range []string{"", "short", "exactly sixteen!", "exactly sixteen!+", strings.Repeat("x", 128)} {
		hidden := s.hide(nil, []byte(password), authenticator)
		plain, err := radius.UserPassword(radius.Attribute(hidden), []byte(testSecret), authenticator)
		require.NoError(t, err)
		require.Equal(t, password, string(plain))
	}
}

func TestAccountingRequests(t *testing.T) {
	e := testEncoder(t, Acct)
	legs := map[string][]rfc2866.AcctStatusType{}
	last := map[string]*radius.Packet{}
	for i := range uint64(240) {
		p := parsed(t, e.encode(nil, i, byte(i)))
		id := rfc2866.AcctSessionID_GetString(p)
		if before := last[id]; before != nil {
			require.Equal(t, rfc2865.UserName_GetString(before), rfc2865.UserName_GetString(p))
			require.Equal(t, rfc2865.NASIdentifier_GetString(before), rfc2865.NASIdentifier_GetString(p), "a session stays with its NAS")
			require.Greater(t, rfc2866.AcctOutputOctets_Get(p), rfc2866.AcctOutputOctets_Get(before), "counters only grow")
			require.False(t, rfc2869.EventTimestamp_Get(p).Before(rfc2869.EventTimestamp_Get(before)))
		}
		last[id] = p
		legs[id] = append(legs[id], rfc2866.AcctStatusType_Get(p))
	}
	require.Len(t, legs, 80)
	for id, statuses := range legs {
		require.Equal(t, []rfc2866.AcctStatusType{1, 3, 2}, statuses, "session %s: Start, Interim-Update, Stop", id)
	}
	again := testEncoder(t, Acct)
	require.NotContains(t, legs, rfc2866.AcctSessionID_GetString(parsed(t, again.encode(nil, 0, 0))), "another run, other sessions")
}

// All guests together have consecutive addresses, each its own.
func TestGuests(t *testing.T) {
	for _, n := range []uint64{1, 2, 1000, 10_007} {
		seen := map[uint64]bool{}
		for i := range n {
			mac := MAC(i, n)
			require.GreaterOrEqual(t, mac, uint64(firstMAC))
			require.Less(t, mac, firstMAC+n)
			seen[mac] = true
			require.Equal(t, mac, MAC(i+n, n))
		}
		require.Len(t, seen, int(n))
	}
}

func TestDeck(t *testing.T) {
	d := newDeck(testEncoder(t, Acct), 20)
	for i := range uint64(20) {
		wire, ok := d.prepared(i, d.preferred(i))
		require.True(t, ok)
		require.Equal(t, d.encoder.encode(nil, i, d.preferred(i)), wire)
		_, ok = d.prepared(i, d.preferred(i)+1)
		require.False(t, ok, "another Identifier makes another authenticator")
	}
	_, ok := d.prepared(20, d.preferred(20))
	require.False(t, ok)
}

// TestDeckKeepsOneClock: a request that finds its Identifier taken is written when the run
// is some seconds old, and says the same as the one that was written in advance.
func TestDeckKeepsOneClock(t *testing.T) {
	d := newDeck(testEncoder(t, Acct), 20)
	d.encoder.stamp += 5
	told := func(wire []byte) uint32 { return uint32(rfc2869.EventTimestamp_Get(parsed(t, wire)).Unix()) }
	for i := range uint64(20) {
		wire, ok := d.prepared(i, d.preferred(i))
		require.True(t, ok)
		require.Equal(t, told(wire), told(d.write(nil, i, d.preferred(i)+1)))
	}
	require.Equal(t, d.encoder.stamp+recordAt(20, 8).seconds, told(d.write(nil, 20, 0)))
}
