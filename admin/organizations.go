package admin

import (
	"context"
	"net/http"

	"tallygate/licensing"
)

// Organizations keeps Organizations, named by their name.
type Organizations interface {
	AddOrganization(context.Context, licensing.Change, licensing.Organization) (licensing.Organization, error)
	Organizations(context.Context) ([]licensing.Organization, error)
	Organization(ctx context.Context, name string) (licensing.Organization, error)
}

type organizationBody struct {
	Name  string `json:"name"`
	Realm string `json:"realm"`
	Code  string `json:"code"`
}

func addOrganization(book Organizations) endpoint {
	return answer(func(ctx context.Context, q request[organizationBody]) (licensing.Organization, error) {
		b := q.Body
		return book.AddOrganization(ctx, q.Change, licensing.Organization{Name: b.Name, Realm: b.Realm, Code: b.Code})
	})
}

func listOrganizations(book Organizations) endpoint {
	return list(func(ctx context.Context, _ request[none]) ([]licensing.Organization, error) {
		all, err := book.Organizations(ctx)
		if t, scoped := tokenOf(ctx); scoped {
			all = keep(all, func(o licensing.Organization) bool { return t.CoversOrganization(o.Realm) })
		}
		return all, err
	})
}

func showOrganization(book Organizations) endpoint {
	return answer(func(ctx context.Context, q request[none]) (licensing.Organization, error) {
		return book.Organization(ctx, q.PathValue("name"))
	})
}

// AddOrganization adds one; realm and code must be unique on the gateway.
func (c *Client) AddOrganization(ctx context.Context, ch licensing.Change, o licensing.Organization) (licensing.Organization, error) {
	return call[licensing.Organization](ctx, c, http.MethodPost, path("organizations"), ch,
		organizationBody{Name: o.Name, Realm: o.Realm, Code: o.Code})
}

// Organizations lists all, oldest first.
func (c *Client) Organizations(ctx context.Context) ([]licensing.Organization, error) {
	return getAll[licensing.Organization](ctx, c, path("organizations"))
}

// Organization finds one by its name.
func (c *Client) Organization(ctx context.Context, name string) (licensing.Organization, error) {
	return get[licensing.Organization](ctx, c, path("organizations", name))
}
