package admin

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tallygate/licensing"
)

// noTime means "as it is now" to the store.
var noTime time.Time

// gate lets requests over TCP pass that carry a token: `Authorization: Bearer …`
// (RFC 6750).
type gate struct {
	tokens Tokens
	scopes scopes
	may    map[string][]licensing.Role
	// insecure lets tokens pass over plain HTTP from other machines.
	insecure bool
	failures failureLimit
	refused  *prometheus.CounterVec
	now      func() time.Time
}

// Why a request over TCP was refused; labels of admin_refused_total.
const (
	refusedInsecure = "insecure"
	refusedLimited  = "limited"
	refusedToken    = "token" // none, or no good
	refusedRole     = "role"
	refusedScope    = "scope"
)

func newGate(o Options) (*gate, error) {
	g := &gate{tokens: o.Store, scopes: scopes{o.Store}, may: may(), insecure: o.InsecureHTTP, now: o.Now,
		failures: newFailureLimit(), refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tallygate_admin_refused_total", Help: "Requests to the API over TCP that were refused, by reason.",
		}, []string{"reason"})}
	for _, reason := range []string{refusedInsecure, refusedLimited, refusedToken, refusedRole, refusedScope} {
		g.refused.WithLabelValues(reason)
	}
	if o.Registerer == nil {
		return g, nil
	}
	return g, o.Registerer.Register(g.refused)
}

// denial is a refusal with an HTTP status of its own.
type denial struct {
	status int
	header http.Header
	cause  *licensing.Error
}

func (d *denial) Error() string { return d.cause.Message }
func (d *denial) Unwrap() error { return d.cause }

// guard is an endpoint behind the gate. Nothing of the request is read before it has passed.
func (g *gate) guard(t route) endpoint {
	return func(w http.ResponseWriter, r *http.Request) error {
		token, reason, err := g.pass(t.pattern, r)
		if err != nil {
			g.refused.WithLabelValues(reason).Inc()
			return err
		}
		r = r.WithContext(context.WithValue(r.Context(), tokenKey{}, token))
		r.Header.Set(actorHeader, "token "+token.Name) // whatever the caller calls himself
		return t.run(w, r)
	}
}

// pass is the token that lets the request through, or why there is none.
func (g *gate) pass(pattern string, r *http.Request) (t licensing.AccessToken, reason string, err error) {
	peer := peerOf(r)
	if r.TLS == nil && !g.insecure && !peer.IsLoopback() {
		return t, refusedInsecure, licensing.Errorf(licensing.CodeRefused, "tokens are not taken over plain HTTP from another machine: anybody on the way could read them").
			WithHint("set admin.tls.certificate and admin.tls.key in the configuration and use https://, or put admin.insecure_http: true where the way is safe")
	}
	if wait := g.failures.blocked(peer, g.now()); wait > 0 {
		return t, refusedLimited, tooMany(wait)
	}
	secret, given := bearer(r)
	why := "a token is needed here"
	if given {
		var known bool
		why = "the token is not known"
		if t, known = g.tokens.Authenticate(secret); known {
			if why = t.Refusal(g.now()); why == "" {
				return g.admit(t, pattern, r)
			}
			why = "the token is " + why
		}
		g.failures.failed(peer, g.now())
	}
	return t, refusedToken, &denial{http.StatusUnauthorized, http.Header{"Www-Authenticate": {`Bearer realm="tallygate"`}},
		licensing.Errorf(licensing.CodeRefused, "%s", why).WithHint("send `Authorization: Bearer TOKEN`; `tallygate token add` makes one")}
}

// admit checks what a good token may do.
func (g *gate) admit(t licensing.AccessToken, pattern string, r *http.Request) (licensing.AccessToken, string, error) {
	if !slices.Contains(g.may[pattern], t.Role) {
		return t, refusedRole, licensing.Errorf(licensing.CodeRefused, "the role %s may not do this", t.Role).
			WithHint("use a token with a role that may, or the command line on the gateway")
	}
	if err := g.scopes.covers(t, pattern, r); err != nil {
		return t, refusedScope, err
	}
	return t, "", nil
}

func bearer(r *http.Request) (string, bool) {
	scheme, secret, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.TrimSpace(secret), ok && strings.EqualFold(scheme, "Bearer")
}

func tooMany(wait time.Duration) error {
	seconds := int(wait/time.Second) + 1
	return &denial{http.StatusTooManyRequests, http.Header{"Retry-After": {strconv.Itoa(seconds)}},
		licensing.Errorf(licensing.CodeRefused, "too many tokens from this address were wrong").WithHint("try again in %d seconds, with the right token", seconds)}
}

// peerOf is the address that the request came from; for IPv6 its /64, which is one host's.
func peerOf(r *http.Request) netip.Addr {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	a := at.Addr().Unmap().WithZone("")
	if a.Is6() && !a.IsLoopback() {
		if p, err := a.Prefix(64); err == nil {
			a = p.Addr()
		}
	}
	return a
}

// deny adds to a problem what a denial says.
func (p *problem) deny(w http.ResponseWriter, err error) {
	var d *denial
	if !errors.As(err, &d) {
		return
	}
	p.Status = d.status
	for name, values := range d.header {
		w.Header()[name] = values
	}
}
