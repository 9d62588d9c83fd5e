package admin

import (
	"context"
	"net/http"
	"time"

	"tallygate/licensing"
)

// Labs keeps the lab mode of a Location.
type Labs interface {
	StartLab(ctx context.Context, ch licensing.Change, location string) (licensing.LabPeriod, error)
	StopLab(ctx context.Context, ch licensing.Change, location string) (licensing.LabPeriod, error)
	Labs(ctx context.Context, location string) ([]licensing.LabPeriod, error)
}

// LabStatus is the answer of `lab status`.
type LabStatus struct {
	Active  bool                  `json:"active"`
	EndsAt  *time.Time            `json:"ends_at"` // of the running period, else null
	Periods []licensing.LabPeriod `json:"periods"` // oldest first
}

func startLab(book Labs) endpoint {
	return answer(func(ctx context.Context, q request[none]) (licensing.LabPeriod, error) {
		return book.StartLab(ctx, q.Change, q.PathValue("location"))
	})
}

func stopLab(book Labs) endpoint {
	return answer(func(ctx context.Context, q request[none]) (licensing.LabPeriod, error) {
		return book.StopLab(ctx, q.Change, q.PathValue("location"))
	})
}

func showLab(book Labs, now func() time.Time) endpoint {
	return answer(func(ctx context.Context, q request[none]) (LabStatus, error) {
		periods, err := book.Labs(ctx, q.PathValue("location"))
		status := LabStatus{Periods: append([]licensing.LabPeriod{}, periods...)}
		for _, p := range periods {
			if p.Covers(now()) {
				status.Active, status.EndsAt = true, &p.End
			}
		}
		return status, err
	})
}

// StartLab begins lab mode; it ends by itself after licensing.LabDuration.
func (c *Client) StartLab(ctx context.Context, ch licensing.Change, location string) (licensing.LabPeriod, error) {
	return call[licensing.LabPeriod](ctx, c, http.MethodPost, path("locations", location, "lab"), ch, nil)
}

// StopLab ends lab mode now.
func (c *Client) StopLab(ctx context.Context, ch licensing.Change, location string) (licensing.LabPeriod, error) {
	return call[licensing.LabPeriod](ctx, c, http.MethodDelete, path("locations", location, "lab"), ch, nil)
}

// Lab says whether lab mode is on, and when it was.
func (c *Client) Lab(ctx context.Context, location string) (LabStatus, error) {
	return get[LabStatus](ctx, c, path("locations", location, "lab"))
}
