package admin

import (
	"context"
	"net/url"
	"strings"

	"tallygate/licensing"
)

// Listing lists licenses.
type Listing interface {
	Licenses(context.Context, licensing.Filter) ([]licensing.Summary, error)
}

// listingQuery is every parameter that narrows or orders the list, as it stands in a
// query: with underscores.
func listingQuery() []string {
	names := []string{licensing.SortParameter}
	for _, p := range licensing.FilterParameters() {
		names = append(names, queryName(p.Name))
	}
	return names
}

func queryName(parameter string) string { return strings.ReplaceAll(parameter, "-", "_") }

func listLicenses(book Listing, in scopes) endpoint {
	return list(func(ctx context.Context, q request[none]) ([]licensing.Summary, error) {
		parameters := map[string]string{}
		for name, values := range q.URL.Query() {
			parameters[name] = values[0] // knownQuery has refused more than one
		}
		filter, err := licensing.ParseFilter(parameters)
		if err != nil {
			return nil, err
		}
		all, err := book.Licenses(ctx, filter)
		t, scoped := tokenOf(ctx)
		if err != nil || !scoped {
			return all, err
		}
		covers, err := in.licenses(ctx, t)
		return keep(all, covers), err
	})
}

// Licenses lists those that the filter lets through, in its order.
func (c *Client) Licenses(ctx context.Context, f licensing.Filter) ([]licensing.Summary, error) {
	query := url.Values{}
	for name, value := range f.Parameters() {
		query.Set(queryName(name), value)
	}
	return getAll[licensing.Summary](ctx, c, withQuery(path("licenses"), query))
}
