package admin

import (
	"context"
	"net/url"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// Days knows what the days of a Location were like.
type Days interface {
	// Days lists them, oldest first, today as it is so far; a zero date leaves its side open.
	Days(ctx context.Context, location string, from, to licensing.Date) ([]macwatch.Day, error)
}

func listDays(book Days) endpoint {
	return list(func(ctx context.Context, q request[none]) ([]macwatch.Day, error) {
		var from, to licensing.Date
		for _, side := range []struct {
			name string
			date *licensing.Date
		}{{"from", &from}, {"to", &to}} {
			if err := side.date.UnmarshalText([]byte(q.URL.Query().Get(side.name))); err != nil {
				return nil, err
			}
		}
		return book.Days(ctx, q.PathValue("location"), from, to)
	})
}

// Days lists what the days of a Location were like, oldest first.
func (c *Client) Days(ctx context.Context, location string, from, to licensing.Date) ([]macwatch.Day, error) {
	where := path("locations", location, "days")
	query := url.Values{}
	if !from.IsZero() {
		query.Set("from", from.String())
	}
	if !to.IsZero() {
		query.Set("to", to.String())
	}
	if len(query) > 0 {
		where += "?" + query.Encode()
	}
	return getAll[macwatch.Day](ctx, c, where)
}
