package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"tallygate/licensing"
)

// knock is a request at the gate, from an address.
type knock struct{ method, path, token, from string }

// twoChains knows the Organizations One (realm1) and Two (realm2); each has a Location
// (L1, L2) and a license there (N1, N2).
type twoChains struct{ *fakeStore }

func (twoChains) Organizations(context.Context) ([]licensing.Organization, error) {
	return []licensing.Organization{{Name: "One", Realm: "realm1"}, {Name: "Two", Realm: "realm2"}}, nil
}

func (c twoChains) Organization(ctx context.Context, name string) (licensing.Organization, error) {
	all, _ := c.Organizations(ctx)
	for _, o := range all {
		if o.Name == name || o.Realm == name {
			return o, nil
		}
	}
	return licensing.Organization{}, licensing.Errorf(licensing.CodeNotFound, "no")
}

func (twoChains) Locations(context.Context) ([]licensing.Location, error) {
	return []licensing.Location{{Code: "L1", Realm: "realm1"}, {Code: "L2", Realm: "realm2"}}, nil
}

func (c twoChains) Location(ctx context.Context, id string) (licensing.Location, error) {
	all, _ := c.Locations(ctx)
	for _, l := range all {
		if l.Code == id {
			return l, nil
		}
	}
	return licensing.Location{}, licensing.Errorf(licensing.CodeNotFound, "no")
}

func (twoChains) Licenses(context.Context, licensing.Filter) ([]licensing.Summary, error) {
	return []licensing.Summary{{Number: "N1", Organization: "One", Locations: []string{"L1"}}, {Number: "N2", Organization: "Two", Locations: []string{"L2"}}}, nil
}

func (c twoChains) License(ctx context.Context, number string, _ time.Time) (licensing.Detail, error) {
	all, _ := c.Licenses(ctx, licensing.Filter{})
	for _, l := range all {
		if l.Number == number {
			return licensing.Detail{Summary: l}, nil
		}
	}
	return licensing.Detail{}, licensing.Errorf(licensing.CodeNotFound, "no")
}

// gated is the TCP side of the API over a store that knows two Organizations.
func gated(t *testing.T, change ...func(*Options)) (twoChains, *gate, func(knock) (int, problem)) {
	t.Helper()
	store := twoChains{&fakeStore{tokens: map[string]licensing.AccessToken{}}}
	o := Options{Store: store, Now: func() time.Time { return noon }}
	for _, f := range change {
		f(&o)
	}
	g, err := newGate(o)
	require.NoError(t, err)
	h := mux(guardedRoutes(g, apiRoutes(Options{Store: store, Courier: fakeCourier(store), Ender: fakeEnder(store), Air: fakeAir{}, Now: o.Now})), zap.NewNop())
	return store, g, func(k knock) (int, problem) {
		r := httptest.NewRequestWithContext(context.Background(), k.method, k.path, strings.NewReader("{}"))
		r.RemoteAddr = k.from
		if k.from == "" {
			r.RemoteAddr = "127.0.0.1:4711"
		}
		if k.token != "" {
			r.Header.Set("Authorization", "Bearer "+k.token)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		var p problem
		_ = json.Unmarshal(w.Body.Bytes(), &p)
		return w.Code, p
	}
}

// What the scope of a route is about.
const (
	aboutGateway      = "gateway"
	aboutOrganization = "organization"
	aboutLocation     = "location"
	aboutLicense      = "license"
	aboutScope        = "scope" // a list of what is in scope
)

// expected says for a route what it is about and, as one letter each, who may use it:
// Owner, oPerator, Viewer, Front desk, porTal. Written by hand, not from may().
var expected = map[string]string{
	"GET /v1/gateway":                                             "gateway OPV",
	"GET /v1/audit":                                               "gateway O",
	"GET /v1/audit/verification":                                  "gateway O",
	"GET /v1/calendar":                                            "gateway OPV",
	"GET /v1/privacy":                                             "gateway OPV",
	"POST /v1/privacy/lookups":                                    "gateway O",
	"POST /v1/privacy/erasures":                                   "gateway O",
	"POST /v1/privacy/purges":                                     "gateway O",
	"GET /v1/tokens":                                              "gateway O",
	"POST /v1/tokens":                                             "gateway O",
	"DELETE /v1/tokens/{name}":                                    "gateway O",
	"GET /v1/organizations":                                       "scope OPV",
	"POST /v1/organizations":                                      "gateway O",
	"GET /v1/organizations/{name}":                                "organization OPV",
	"GET /v1/locations":                                           "scope OPVF",
	"POST /v1/locations":                                          "gateway O",
	"GET /v1/locations/{location}":                                "location OPVF",
	"PATCH /v1/locations/{location}/settings":                     "location OP",
	"GET /v1/clients":                                             "gateway OPV",
	"POST /v1/clients":                                            "gateway O",
	"GET /v1/clients/{name}":                                      "gateway OPV",
	"PATCH /v1/clients/{name}":                                    "gateway O",
	"DELETE /v1/clients/{name}":                                   "gateway O",
	"GET /v1/strangers":                                           "gateway OPV",
	"GET /v1/secrets-that-differ":                                 "gateway OPV",
	"GET /v1/trace":                                               "gateway OP",
	"POST /v1/rehearsals":                                         "gateway OP",
	"GET /v1/partners":                                            "gateway O",
	"POST /v1/partners":                                           "gateway O",
	"GET /v1/partners/{partner}":                                  "gateway O",
	"DELETE /v1/partners/{partner}":                               "gateway O",
	"GET /v1/transfers":                                           "gateway O",
	"POST /v1/transfers":                                          "gateway O",
	"POST /v1/releases":                                           "gateway O",
	"POST /v1/activations":                                        "gateway O",
	"GET /v1/licenses":                                            "scope OPV",
	"GET /v1/licenses/{number}":                                   "license OPV",
	"GET /v1/licenses/{number}/explanation":                       "license OPV",
	"GET /v1/licenses/{number}/history":                           "license OPV",
	"GET /v1/licenses/{number}/receipt":                           "license OPV",
	"GET /v1/licenses/{number}/calendar":                          "license OPV",
	"GET /v1/licenses/{number}/cutoff":                            "license OPV",
	"GET /v1/locations/{location}/cutoff":                         "location OPV",
	"PUT /v1/licenses/{number}/denial":                            "license O",
	"DELETE /v1/licenses/{number}/denial":                         "license O",
	"DELETE /v1/licenses/{number}/allotments":                     "license O",
	"PUT /v1/licenses/{number}/allotments/{location}":             "license O",
	"DELETE /v1/licenses/{number}/allotments/{location}":          "license O",
	"POST /v1/licenses/{number}/proposed-start/confirmation":      "license O",
	"POST /v1/licenses/{number}/proposed-start/refusal":           "license O",
	"GET /v1/locations/{location}/devices":                        "location OPVF",
	"GET /v1/locations/{location}/listed-devices":                 "location OPVF",
	"POST /v1/locations/{location}/listed-devices":                "location OP",
	"DELETE /v1/locations/{location}/listed-devices/{kind}/{mac}": "location OP",
	"GET /v1/locations/{location}/aps":                            "location OPV",
	"POST /v1/locations/{location}/aps":                           "location OP",
	"POST /v1/locations/{location}/aps/merge":                     "location OP",
	"POST /v1/locations/{location}/aps/replace":                   "location OP",
	"POST /v1/locations/{location}/aps/release":                   "location OP",
	"POST /v1/locations/{location}/aps/forget":                    "location OP",
	"POST /v1/locations/{location}/aps/note":                      "location OP",
	"POST /v1/locations/{location}/aps/alias":                     "location OP",
	"POST /v1/locations/{location}/aps/alias/remove":              "location OP",
	"POST /v1/locations/{location}/aps/import":                    "location OP",
	"GET /v1/locations/{location}/rooms":                          "location OPVF",
	"POST /v1/locations/{location}/rooms":                         "location OP",
	"POST /v1/locations/{location}/rooms/merge":                   "location OP",
	"POST /v1/locations/{location}/rooms/replace":                 "location OP",
	"POST /v1/locations/{location}/rooms/release":                 "location OP",
	"POST /v1/locations/{location}/rooms/forget":                  "location OP",
	"POST /v1/locations/{location}/rooms/note":                    "location OP",
	"POST /v1/locations/{location}/rooms/alias":                   "location OP",
	"POST /v1/locations/{location}/rooms/alias/remove":            "location OP",
	"POST /v1/locations/{location}/rooms/import":                  "location OP",
	"GET /v1/locations/{location}/sessions":                       "location OPVF",
	"GET /v1/sessions":                                            "gateway OPV",
	"POST /v1/locations/{location}/sessions/end":                  "location OPF",
	"GET /v1/locations/{location}/days":                           "location OPV",
	"GET /v1/locations/{location}/guests":                         "location OPF",
	"POST /v1/locations/{location}/guests":                        "location OPF",
	"DELETE /v1/locations/{location}/guests/{user}":               "location OPF",
	"GET /v1/locations/{location}/mac-inputs":                     "location OPF",
	"POST /v1/locations/{location}/mac-inputs":                    "location OPF",
	"DELETE /v1/locations/{location}/mac-inputs/{mac}":            "location OPF",
	"GET /v1/locations/{location}/tickets":                        "location OPF",
	"POST /v1/locations/{location}/tickets":                       "location OPF",
	"GET /v1/locations/{location}/tickets/{code}":                 "location OPF",
	"DELETE /v1/locations/{location}/tickets/{code}":              "location OPF",
	"GET /v1/locations/{location}/ticket-batches":                 "location OPF",
	"DELETE /v1/locations/{location}/ticket-batches/{batch}":      "location OPF",
	"POST /v1/locations/{location}/credentials":                   "location OPFT",
	"GET /v1/locations/{location}/credentials":                    "location OPF",
	"DELETE /v1/locations/{location}/credentials/{user}":          "location OPFT",
	"GET /v1/locations/{location}/stays":                          "location OPF",
	"POST /v1/locations/{location}/stays":                         "location OPF",
	"DELETE /v1/locations/{location}/stays/{id}":                  "location OPF",
	"GET /v1/recipients":                                          "gateway O",
	"POST /v1/recipients":                                         "gateway O",
	"DELETE /v1/recipients/{name}":                                "gateway O",
	"POST /v1/recipients/{name}/secret":                           "gateway O",
	"POST /v1/recipients/{name}/test":                             "gateway O",
	"GET /v1/notices":                                             "gateway OPV",
	"GET /v1/notices/upcoming":                                    "gateway OPV",
	"GET /v1/notices/preview":                                     "gateway OPV",
	"POST /v1/notices/{id}/replay":                                "gateway OP",
	"GET /v1/locations/{location}/lab":                            "location OPV",
	"POST /v1/locations/{location}/lab":                           "location OP",
	"DELETE /v1/locations/{location}/lab":                         "location OP",
}

var roleLetters = map[licensing.Role]string{licensing.RoleOwner: "O", licensing.RoleOperator: "P", licensing.RoleViewer: "V",
	licensing.RoleFrontDesk: "F", licensing.RolePortal: "T"}

// A token is for one of these; the paths of the walk name Location L1 and a license of it, both of realm1.
var scopesOfTheWalk = []struct {
	organization, location string
	covers                 []string
}{
	{"", "", []string{aboutGateway, aboutOrganization, aboutLocation, aboutLicense, aboutScope}},
	{"realm1", "", []string{aboutOrganization, aboutLocation, aboutLicense, aboutScope}},
	{"", "L1", []string{aboutLocation, aboutLicense, aboutScope}},
	{"realm2", "", []string{aboutScope}},
	{"", "L2", []string{aboutScope}},
}

// Every route, every role, every scope: allowed if and only if the table says so, and
// what is not in the table nobody may.
func TestEveryRouteEveryRoleEveryScope(t *testing.T) {
	store, _, ask := gated(t)
	fill := strings.NewReplacer("{location}", "L1", "{number}", "N1", "/organizations/{name}", "/organizations/One", "{mac}", "021122334455",
		"{kind}", "blocked", "{name}", "n", "{partner}", "p", "{user}", "u", "{code}", "c", "{batch}", "1", "{id}", "i")
	walked := map[string]bool{}
	for _, route := range apiRoutes(Options{Store: store, Courier: fakeCourier(store), Ender: fakeEnder(store), Air: fakeAir{}, Now: func() time.Time { return noon }}) {
		walked[route.pattern] = true
		about, who, _ := strings.Cut(expected[route.pattern], " ")
		method, path, _ := strings.Cut(fill.Replace(route.pattern), " ")
		for _, role := range licensing.Roles() {
			for _, s := range scopesOfTheWalk {
				store.tokens = map[string]licensing.AccessToken{"good": {Name: "walker", Role: role, Organization: s.organization, Location: s.location}}
				status, _ := ask(knock{method: method, path: path, token: "good"})
				allowed := strings.Contains(who, roleLetters[role]) && slices.Contains(s.covers, about)
				passed := status != 401 && status != 403
				require.Equal(t, allowed, passed, "%s as %s of %q%q: %d", route.pattern, role, s.organization, s.location, status)
			}
		}
		store.tokens = nil
		for _, token := range []string{"", "wrong"} {
			status, _ := ask(knock{method: method, path: path, token: token, from: fmt.Sprintf("127.0.1.%d:1", len(walked))})
			require.Equal(t, 401, status, "%s with token %q", route.pattern, token)
		}
	}
	for pattern := range may() {
		require.True(t, walked[pattern] || pattern == "/v1/", "%s is allowed, but no route", pattern)
	}
}

func TestARouteThatNobodyThoughtAboutIsDenied(t *testing.T) {
	store, g, _ := gated(t)
	reached := false
	h := mux(guardedRoutes(g, []route{{"GET /v1/new-thing", nil, func(http.ResponseWriter, *http.Request) error { reached = true; return nil }}}), zap.NewNop())
	store.tokens = map[string]licensing.AccessToken{"good": {Name: "root", Role: licensing.RoleOwner}}
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/v1/new-thing", nil)
	r.RemoteAddr = "127.0.0.1:1"
	r.Header.Set("Authorization", "Bearer good")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	require.Equal(t, 403, w.Code)
	require.False(t, reached)
}

// Lists show what is in scope.
func TestListsAreNarrowedToTheScope(t *testing.T) {
	store, _, _ := gated(t)
	in := func(token licensing.AccessToken, e endpoint) string {
		r := httptest.NewRequestWithContext(context.WithValue(t.Context(), tokenKey{}, token), "GET", "/", nil)
		w := httptest.NewRecorder()
		require.NoError(t, e(w, r))
		return w.Body.String()
	}
	ofOne, atL2 := licensing.AccessToken{Organization: "realm1"}, licensing.AccessToken{Location: "L2"}
	require.Contains(t, in(licensing.AccessToken{}, listLocations(store)), `"id":"L2"`)
	require.Contains(t, in(ofOne, listLocations(store)), `"id":"L1"`)
	require.NotContains(t, in(ofOne, listLocations(store)), `"id":"L2"`)
	require.NotContains(t, in(atL2, listLocations(store)), `"id":"L1"`)
	require.Contains(t, in(ofOne, listOrganizations(store)), `"One"`)
	require.NotContains(t, in(ofOne, listOrganizations(store)), `"Two"`)
	require.JSONEq(t, `[]`, in(atL2, listOrganizations(store)))
	require.Contains(t, in(ofOne, listLicenses(store, scopes{store})), `"N1"`)
	require.NotContains(t, in(ofOne, listLicenses(store, scopes{store})), `"N2"`)
	require.NotContains(t, in(atL2, listLicenses(store, scopes{store})), `"N1"`)
}

func TestTokensThatAreNoGood(t *testing.T) {
	store, _, ask := gated(t)
	store.tokens = map[string]licensing.AccessToken{
		"over":    {Name: "a", Role: licensing.RoleOwner, ExpiresAt: noon},
		"revoked": {Name: "b", Role: licensing.RoleOwner, RevokedAt: noon},
		"good":    {Name: "c", Role: licensing.RoleOwner, ExpiresAt: noon.Add(1)},
	}
	for token, why := range map[string]string{"over": "expired", "revoked": "revoked", "other": "not known"} {
		status, p := ask(knock{method: "GET", path: "/v1/gateway", token: token})
		require.Equal(t, 401, status)
		require.Contains(t, p.Detail, why)
	}
	status, _ := ask(knock{method: "GET", path: "/v1/gateway", token: "good"})
	require.Equal(t, 200, status)
	status, _ = ask(knock{method: "GET", path: "/v1/nowhere", token: "good"})
	require.Equal(t, 404, status, "who is let in is told that there is nothing")
	status, _ = ask(knock{method: "PUT", path: "/v1/gateway"})
	require.Equal(t, 401, status)
}

// Over plain HTTP a token is taken from this machine only, unless the operator says so.
func TestTokensAndPlainHTTP(t *testing.T) {
	const far = "192.0.2.7:1234"
	store, _, ask := gated(t)
	store.tokens = map[string]licensing.AccessToken{"good": {Name: "a", Role: licensing.RoleOwner}}
	status, p := ask(knock{method: "GET", path: "/v1/gateway", token: "good", from: far})
	require.Equal(t, 403, status)
	require.Contains(t, p.Hint, "admin.tls")
	status, _ = ask(knock{method: "GET", path: "/v1/gateway", token: "good", from: "[::1]:9"})
	require.Equal(t, 200, status)

	store, _, ask = gated(t, func(o *Options) { o.InsecureHTTP = true })
	store.tokens = map[string]licensing.AccessToken{"good": {Name: "a", Role: licensing.RoleOwner}}
	status, _ = ask(knock{method: "GET", path: "/v1/gateway", token: "good", from: far})
	require.Equal(t, 200, status)
}

// An address that is wrong ten times waits; others do not.
func TestWrongTokensAreHeldBack(t *testing.T) {
	now := noon
	registry := prometheus.NewRegistry()
	store, _, ask := gated(t, func(o *Options) { o.Now, o.Registerer = func() time.Time { return now }, registry })
	store.tokens = map[string]licensing.AccessToken{"good": {Name: "a", Role: licensing.RoleOwner}}
	for range failureBurst {
		status, _ := ask(knock{method: "GET", path: "/v1/gateway", token: "wrong", from: "127.0.0.2:1"})
		require.Equal(t, 401, status)
	}
	status, p := ask(knock{method: "GET", path: "/v1/gateway", token: "good", from: "127.0.0.2:2"})
	require.Equal(t, 429, status)
	require.Contains(t, p.Hint, "try again in")
	status, _ = ask(knock{method: "GET", path: "/v1/gateway", token: "good", from: "127.0.0.3:1"})
	require.Equal(t, 200, status, "another address does not wait")
	require.InDelta(t, failureBurst, refusals(t, registry, refusedToken), 0)
	require.InDelta(t, 1, refusals(t, registry, refusedLimited), 0)

	now = now.Add(failurePause + 1)
	status, _ = ask(knock{method: "GET", path: "/v1/gateway", token: "good", from: "127.0.0.2:3"})
	require.Equal(t, 200, status)
	status, _ = ask(knock{method: "GET", path: "/v1/gateway", token: "wrong", from: "127.0.0.2:3"})
	require.Equal(t, 401, status)
	status, _ = ask(knock{method: "GET", path: "/v1/gateway", token: "wrong", from: "127.0.0.2:3"})
	require.Equal(t, 429, status, "one more only")
}

// refusals reads the counter.
func refusals(t *testing.T, registry *prometheus.Registry, reason string) float64 {
	t.Helper()
	families, err := registry.Gather()
	require.NoError(t, err)
	require.Len(t, families, 1)
	for _, m := range families[0].GetMetric() {
		if m.GetLabel()[0].GetValue() == reason {
			return m.GetCounter().GetValue()
		}
	}
	t.Fatalf("no series for %s", reason)
	return 0
}

// Over TCP the log names the token, whatever the caller calls himself.
func TestTheActorOverTCPIsTheToken(t *testing.T) {
	store := &fakeStore{tokens: map[string]licensing.AccessToken{"good": {Name: "desk", Role: licensing.RoleOwner}}}
	s := serve(t, Options{Store: store})
	req, err := http.NewRequestWithContext(t.Context(), "DELETE", "http://"+s.Addr()+"/v1/clients/ap", nil)
	require.NoError(t, err)
	req.Header.Set("Authorization", "bearer good")
	req.Header.Set(actorHeader, "root@console")
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, 200, resp.StatusCode)
	require.Contains(t, store.called(), "RemoveClient {token desk false} ap")
}
