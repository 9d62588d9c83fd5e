package admin

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"tallygate/licensing"
)

// tokenKey marks in a context with which token the request came.
type tokenKey struct{}

// tokenOf is the token of the request; false on the socket, where everything is in scope.
func tokenOf(ctx context.Context) (licensing.AccessToken, bool) {
	t, ok := ctx.Value(tokenKey{}).(licensing.AccessToken)
	return t, ok
}

// narrowed are the lists that show a token what is in its scope, and nothing else.
var narrowed = []string{"GET /v1/organizations", "GET /v1/locations", "GET /v1/licenses"}

// scopes checks that a token reaches what a request names.
type scopes struct{ store Store }

// covers is nil where everything that the path names is in the token's scope. What does
// not exist is refused like what is out of scope: who may not see it is not told either.
func (s scopes) covers(t licensing.AccessToken, pattern string, r *http.Request) error {
	if t.Gateway() || slices.Contains(narrowed, pattern) {
		return nil
	}
	named := false
	if id := r.PathValue("location"); id != "" {
		named = true
		if l, err := s.store.Location(r.Context(), id); err != nil || !t.CoversLocation(l.Code, l.Realm) {
			return outOfScope(t)
		}
	}
	if number := r.PathValue("number"); number != "" {
		named = true
		if !s.coversLicense(r.Context(), t, number) {
			return outOfScope(t)
		}
	}
	if strings.Contains(pattern, "/organizations/{name}") {
		named = true
		if o, err := s.store.Organization(r.Context(), r.PathValue("name")); err != nil || !t.CoversOrganization(o.Realm) {
			return outOfScope(t)
		}
	}
	if !named {
		return outOfScope(t) // it is about the whole gateway
	}
	return nil
}

// coversLicense reports whether a license is in scope: one of the Organization, or one
// that serves the token's Location and no other.
func (s scopes) coversLicense(ctx context.Context, t licensing.AccessToken, number string) bool {
	d, err := s.store.License(ctx, number, noTime)
	if err != nil {
		return false
	}
	covers, err := s.licenses(ctx, t)
	return err == nil && covers(d.Summary)
}

// licenses makes the condition for licenses in scope.
func (s scopes) licenses(ctx context.Context, t licensing.AccessToken) (func(licensing.Summary) bool, error) {
	switch {
	case t.Gateway():
		return func(licensing.Summary) bool { return true }, nil
	case t.Location != "":
		return func(l licensing.Summary) bool {
			return len(l.Locations) == 1 && strings.EqualFold(l.Locations[0], t.Location)
		}, nil
	}
	o, err := s.store.Organization(ctx, t.Organization)
	return func(l licensing.Summary) bool { return strings.EqualFold(l.Organization, o.Name) }, err
}

func outOfScope(t licensing.AccessToken) error {
	of := "Organization " + t.Organization
	if t.Location != "" {
		of = "Location " + t.Location
	}
	return licensing.Errorf(licensing.CodeRefused, "this is not within %s, which the token %s is for", of, t.Name).
		WithHint("use a token whose scope covers it; `tallygate token list` shows them")
}

// keep is the rows that the condition lets through.
func keep[Row any](rows []Row, inScope func(Row) bool) []Row {
	return slices.DeleteFunc(slices.Clone(rows), func(r Row) bool { return !inScope(r) })
}
