package admin

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"tallygate/licensing"
)

// Licenses keeps licenses, named by their number, and takes signed orders.
type Licenses interface {
	Listing
	Activate(ctx context.Context, ch licensing.Change, key, location string) (licensing.Activation, error)
	License(ctx context.Context, number string, asOf time.Time) (licensing.Detail, error)
	Explain(ctx context.Context, number string) (licensing.Explanation, error)
	DenyLicense(ctx context.Context, ch licensing.Change, number, reason string) (licensing.Summary, error)
	RestoreLicense(ctx context.Context, ch licensing.Change, number string) (licensing.Summary, error)
	Assignments
	Proposals
}

type activationBody struct {
	Key      string `json:"key"`
	Location string `json:"location,omitempty"`
}

// maxBody: what another gateway has released carries every device that counts. --all
// puts several into one file.
func (activationBody) maxBody() int64 { return 4 * licensing.MaxRelease }

func activate(book Licenses) endpoint {
	return answer(func(ctx context.Context, q request[activationBody]) (licensing.Activation, error) {
		return book.Activate(ctx, q.Change, q.Body.Key, q.Body.Location)
	})
}

func showLicense(book Licenses) endpoint {
	return answer(func(ctx context.Context, q request[none]) (licensing.Detail, error) {
		number, text := q.PathValue("number"), q.URL.Query().Get("as_of")
		if text == "" {
			return book.License(ctx, number, time.Time{})
		}
		if at, err := time.Parse(time.RFC3339, text); err == nil {
			return book.License(ctx, number, at)
		}
		d, err := book.License(ctx, number, time.Time{})
		if err != nil {
			return d, err
		}
		at, err := endOfDay(text, d.License.Zone)
		if err != nil {
			return d, err
		}
		return book.License(ctx, number, at)
	})
}

// endOfDay is what a date stands for, in the license's zone: "as of its last day" must
// still show service.
func endOfDay(text, zone string) (time.Time, error) {
	date, err := licensing.ParseDate(text)
	if err != nil {
		return time.Time{}, err
	}
	where := time.UTC // of a license that no Location has given its zone yet
	if zone != "" {
		if where, err = licensing.LoadZone(zone); err != nil {
			return time.Time{}, err
		}
	}
	return date.AddDays(1).Start(where).Add(-time.Nanosecond), nil
}

func explainLicense(book Licenses) endpoint {
	return answer(func(ctx context.Context, q request[none]) (licensing.Explanation, error) {
		return book.Explain(ctx, q.PathValue("number"))
	})
}

type denialBody struct {
	Reason string `json:"reason"`
}

func denyLicense(book Licenses) endpoint {
	return answer(func(ctx context.Context, q request[denialBody]) (licensing.Summary, error) {
		return book.DenyLicense(ctx, q.Change, q.PathValue("number"), q.Body.Reason)
	})
}

func restoreLicense(book Licenses) endpoint {
	return answer(func(ctx context.Context, q request[none]) (licensing.Summary, error) {
		return book.RestoreLicense(ctx, q.Change, q.PathValue("number"))
	})
}

// Activate enters a signed key; location may be empty when the key names one.
func (c *Client) Activate(ctx context.Context, ch licensing.Change, key, location string) (licensing.Activation, error) {
	return call[licensing.Activation](ctx, c, http.MethodPost, path("activations"), ch,
		activationBody{Key: key, Location: location})
}

// License shows one as it stands at asOf; zero is now.
func (c *Client) License(ctx context.Context, number string, asOf time.Time) (licensing.Detail, error) {
	if asOf.IsZero() {
		return get[licensing.Detail](ctx, c, path("licenses", number))
	}
	return c.LicenseAsOf(ctx, number, asOf.Format(time.RFC3339Nano))
}

// LicenseAsOf shows one at an RFC 3339 time, or at the end of a day in its own zone.
func (c *Client) LicenseAsOf(ctx context.Context, number, asOf string) (licensing.Detail, error) {
	return get[licensing.Detail](ctx, c, withQuery(path("licenses", number), url.Values{"as_of": {asOf}}))
}

// Explain says which devices count towards the start, and why the others do not.
func (c *Client) Explain(ctx context.Context, number string) (licensing.Explanation, error) {
	return get[licensing.Explanation](ctx, c, path("licenses", number, "explanation"))
}

// DenyLicense is the operator's denial; it takes effect at once.
func (c *Client) DenyLicense(ctx context.Context, ch licensing.Change, number, reason string) (licensing.Summary, error) {
	return call[licensing.Summary](ctx, c, http.MethodPut, path("licenses", number, "denial"), ch, denialBody{Reason: reason})
}

// RestoreLicense lifts the operator's denial.
func (c *Client) RestoreLicense(ctx context.Context, ch licensing.Change, number string) (licensing.Summary, error) {
	return call[licensing.Summary](ctx, c, http.MethodDelete, path("licenses", number, "denial"), ch, nil)
}
