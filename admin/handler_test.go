package admin

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tallygate/licensing"
)

// raw sends what the Client never would.
func (s *testServer) raw(t *testing.T, method, path, body string, header ...string) (int, problem, http.Header) {
	t.Helper()
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", s.socket)
	}}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://gateway"+path, strings.NewReader(body))
	require.NoError(t, err)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := transport.RoundTrip(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	var p problem
	if resp.StatusCode >= http.StatusBadRequest {
		require.NoError(t, json.Unmarshal(text, &p), "%s", text)
	}
	return resp.StatusCode, p, resp.Header
}

func TestWhatCannotBeMeantIsRefused(t *testing.T) {
	const organizations, listed = "/v1/organizations", "/v1/locations/L1/listed-devices"
	tests := []struct{ name, method, path, body, detail string }{
		{"unknown field", "POST", organizations, `{"name":"x","relam":"y"}`, `the body cannot be read: unknown field "relam"`},
		{"two values", "POST", organizations, `{"name":"x"}{"name":"y"}`, "the body cannot be read: something follows the JSON value"},
		{"no body", "POST", organizations, "", "the body is empty; it must be a JSON object"},
		{"cut off", "POST", organizations, `{"name":`, "the body cannot be read: unexpected EOF"},
		{"wrong type", "POST", organizations, `{"name":5}`, "the body cannot be read: cannot unmarshal number into Go struct field organizationBody.name of type string"},
		{"too large", "POST", organizations, `{"name":"` + strings.Repeat("x", maxBody) + `"}`, "the body is larger than 1048576 octets"},
		{"no MAC", "POST", listed, `{"mac":"zz","kind":"exempt"}`, `the body cannot be read: "zz" is not a MAC address`},
		{"no MAC in the path", "DELETE", listed + "/exempt/zz", "", `"zz" is not a MAC address`},
		{"misspelt rehearsal", "POST", organizations + "?dryrun=1", `{}`, `unknown parameter "dryrun"`},
		{"doubtful rehearsal", "POST", organizations + "?dry_run=maybe", `{}`, "dry_run=maybe is neither 1 nor 0"},
		{"two rehearsals", "POST", organizations + "?dry_run=1&dry_run=0", `{}`, `the parameter "dry_run" is given 2 times`},
		{"rehearsed reading", "GET", organizations + "?dry_run=1", "", `unknown parameter "dry_run"`},
		{"broken query", "POST", organizations + "?dry_run=%zz", `{}`, `the query cannot be read: invalid URL escape "%zz"`},
		{"unknown state", "GET", "/v1/licenses?state=Sleeping", "", `"Sleeping" is not a license state`},
		{"unknown date", "GET", "/v1/licenses?ends_before=soon", "", `"soon" is not a date`},
		{"unknown sort column", "GET", "/v1/licenses?sort=ended", "", `there is no column "ended"`},
		{"unknown range", "GET", "/v1/licenses?aps_limit=few", "", `"few" is not a number from 0 up, nor a range of them`},
		{"no calendar", "GET", "/v1/calendar?months=0", "", `a calendar of "0" months is not possible`},
		{"endless calendar", "GET", "/v1/licenses/TG-1/calendar?months=121", "", `a calendar of "121" months is not possible`},
		{"time of the log", "GET", "/v1/audit?since=yesterday", "", `since: "yesterday" is not a time`},
		{"unknown filter", "GET", "/v1/licenses?colour=red", "", `unknown parameter "colour"`},
		{"setting of no kind", "PATCH", "/v1/locations/L1/settings", `{"gests":"local"}`, `the body cannot be read: unknown field "gests"`},
	}
	store := &fakeStore{}
	s := serve(t, Options{Store: store})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, p, header := s.raw(t, tt.method, tt.path, tt.body)
			require.Equal(t, http.StatusUnprocessableEntity, status)
			require.Equal(t, tt.detail, p.Detail)
			require.Equal(t, problemType, header.Get("Content-Type"))
		})
	}
	require.Empty(t, store.called(), "nothing may reach the store")
}

func TestNothingThere(t *testing.T) {
	s := serve(t, Options{Store: &fakeStore{}})
	for _, at := range []string{"GET /", "GET /v1", "POST /v1/gateway", "GET /metrics", "DELETE /v1/organizations/x"} {
		method, path, _ := strings.Cut(at, " ")
		status, p, _ := s.raw(t, method, path, "")
		require.Equal(t, http.StatusNotFound, status, at)
		require.Equal(t, "there is nothing at "+at, p.Detail)
	}
}

func TestActor(t *testing.T) {
	for header, want := range map[string]string{
		"ana@console":                  "ana@console",
		"":                             "unknown@console",
		"  ":                           "unknown@console",
		"ana\t\x07@console":            "ana@console",
		strings.Repeat("x", 500):       strings.Repeat("x", 100),
		strings.Repeat("ñ", 500):       strings.Repeat("ñ", 50),
		"x" + strings.Repeat("ñ", 500): "x" + strings.Repeat("ñ", 49),
	} {
		require.Equal(t, want, actor(header))
	}
}

// The defaults of a client and a Location hold for those who use the API without the
// command line, too.
func TestDefaultsOfTheAPI(t *testing.T) {
	store := &fakeStore{}
	s := serve(t, Options{Store: store})
	status, _, _ := s.raw(t, "POST", "/v1/clients", `{"name":"ap","address":"10.0.0.0/8","secret":"s","location":"L1"}`)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, []string{"AddClient {unknown@console false} ap 10.0.0.0/8 s L1 yes"}, store.called())
	require.Equal(t, licensing.Settings{Guests: "local", Count: "accounting", APs: "first-come", Reply: licensing.Reply{VLAN: 3}},
		withDefaults(licensing.Settings{Guests: "local", Reply: licensing.Reply{VLAN: 3}}))
}
