package admin

import (
	"context"
	"net/http"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// Stays keeps who stays in which room, named by their ids.
type Stays interface {
	ImportStays(ctx context.Context, ch licensing.Change, location string, list macwatch.StayImport) (macwatch.StayReport, error)
	Stays(ctx context.Context, location string) ([]macwatch.GuestStay, error)
	RemoveStay(ctx context.Context, ch licensing.Change, location, id string) error
}

// stayBody is a list of stays, as a hotel's system knows them.
type stayBody struct {
	Stays []struct {
		ID        string `json:"id,omitempty"`
		Room      string `json:"room"`
		Surname   string `json:"surname"`
		Arrival   string `json:"arrival"`
		Departure string `json:"departure"`
	} `json:"stays"`
	Replace bool `json:"replace,omitempty"`
}

// maxBody has room for every stay of a large house.
func (stayBody) maxBody() int64 { return 8 << 20 }

func importStays(book Stays) endpoint {
	return answer(func(ctx context.Context, q request[stayBody]) (macwatch.StayReport, error) {
		list := macwatch.StayImport{Replace: q.Body.Replace}
		for _, s := range q.Body.Stays {
			list.Stays = append(list.Stays, macwatch.GuestStay{ID: s.ID, Room: s.Room, Surname: s.Surname, Arrival: s.Arrival, Departure: s.Departure})
		}
		return book.ImportStays(ctx, q.Change, q.PathValue("location"), list)
	})
}

func listStays(book Stays) endpoint {
	return list(func(ctx context.Context, q request[none]) ([]macwatch.GuestStay, error) {
		return book.Stays(ctx, q.PathValue("location"))
	})
}

func removeStay(book Stays) endpoint {
	return answer(func(ctx context.Context, q request[none]) (none, error) {
		return none{}, book.RemoveStay(ctx, q.Change, q.PathValue("location"), q.PathValue("id"))
	})
}

// ImportStays makes stays as a list says, all of it or nothing.
func (c *Client) ImportStays(ctx context.Context, ch licensing.Change, location string, l macwatch.StayImport) (macwatch.StayReport, error) {
	type stay struct {
		ID        string `json:"id,omitempty"`
		Room      string `json:"room"`
		Surname   string `json:"surname"`
		Arrival   string `json:"arrival"`
		Departure string `json:"departure"`
	}
	body := struct {
		Stays   []stay `json:"stays"`
		Replace bool   `json:"replace,omitempty"`
	}{[]stay{}, l.Replace}
	for _, s := range l.Stays {
		body.Stays = append(body.Stays, stay{s.ID, s.Room, s.Surname, s.Arrival, s.Departure})
	}
	return call[macwatch.StayReport](ctx, c, http.MethodPost, path("locations", location, "stays"), ch, body)
}

// Stays lists stays, by arrival.
func (c *Client) Stays(ctx context.Context, location string) ([]macwatch.GuestStay, error) {
	return getAll[macwatch.GuestStay](ctx, c, path("locations", location, "stays"))
}

// RemoveStay removes one.
func (c *Client) RemoveStay(ctx context.Context, ch licensing.Change, location, id string) error {
	return change(ctx, c, http.MethodDelete, path("locations", location, "stays", id), ch, nil)
}
