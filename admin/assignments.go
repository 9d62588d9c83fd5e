package admin

import (
	"context"
	"net/http"

	"tallygate/licensing"
)

// Assignments spreads licenses over Locations.
type Assignments interface {
	AssignLicense(ctx context.Context, ch licensing.Change, number, location string, aps, rooms *licensing.Limit) (licensing.Assignment, error)
	UnassignLicense(ctx context.Context, ch licensing.Change, number, location string) (licensing.Assignment, error)
}

// partBody is a Location's part of a license. What is left out, or null, is what is
// left of the license, or what the Location has already.
type partBody struct {
	APs   *licensing.Limit `json:"aps,omitempty"`
	Rooms *licensing.Limit `json:"rooms,omitempty"`
}

func assignLicense(book Assignments) endpoint {
	return answer(func(ctx context.Context, q request[partBody]) (licensing.Assignment, error) {
		return book.AssignLicense(ctx, q.Change, q.PathValue("number"), q.PathValue("location"), q.Body.APs, q.Body.Rooms)
	})
}

// unassignLicense takes the license from one Location, or from all where none is named.
func unassignLicense(book Assignments) endpoint {
	return answer(func(ctx context.Context, q request[none]) (licensing.Assignment, error) {
		return book.UnassignLicense(ctx, q.Change, q.PathValue("number"), q.PathValue("location"))
	})
}

// AssignLicense gives a Location a part of a license; nil is what is left, or what it has.
func (c *Client) AssignLicense(ctx context.Context, ch licensing.Change, number, location string, aps, rooms *licensing.Limit) (licensing.Assignment, error) {
	return call[licensing.Assignment](ctx, c, http.MethodPut, path("licenses", number, "allotments", location), ch, partBody{aps, rooms})
}

// UnassignLicense takes a license back from a Location; without one from all, as if its
// key had not been entered there.
func (c *Client) UnassignLicense(ctx context.Context, ch licensing.Change, number, location string) (licensing.Assignment, error) {
	where := path("licenses", number, "allotments")
	if location != "" {
		where = path("licenses", number, "allotments", location)
	}
	return call[licensing.Assignment](ctx, c, http.MethodDelete, where, ch, nil)
}
