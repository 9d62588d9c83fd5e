package admin

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"tallygate/licensing"
)

// Notices is the ledger: what was told, to whom, and what has come of it.
type Notices interface {
	Ledger(ctx context.Context, f licensing.LedgerFilter, each func(licensing.LedgerEntry) error) error
	UpcomingNotices(context.Context) ([]licensing.UpcomingNotice, error)
	ReplayDelivery(ctx context.Context, ch licensing.Change, id string) (licensing.LedgerEntry, error)
	// NoticeContext is what a notice about a license says of it, with its number as written.
	NoticeContext(ctx context.Context, license string) (string, licensing.EventContext, error)
}

func listNotices(book Notices) endpoint {
	return stream(func(ctx context.Context, q request[none], each func(licensing.LedgerEntry) error) error {
		query := q.URL.Query()
		f := licensing.LedgerFilter{
			State: licensing.DeliveryState(query.Get("state")), Recipient: query.Get("recipient"), License: query.Get("license"), Kind: query.Get("kind"),
		}
		if f.State != "" && !slices.Contains(licensing.DeliveryStates(), f.State) {
			return licensing.Errorf(licensing.CodeInvalid, "%.40q is not a state of a notice", f.State).WithHint("the states are %s", deliveryStates())
		}
		if f.Kind != "" && f.Kind != licensing.EventTest {
			if err := licensing.CheckKinds([]string{f.Kind}); err != nil {
				return err
			}
		}
		return book.Ledger(ctx, f, each)
	})
}

func deliveryStates() string {
	var names []string
	for _, s := range licensing.DeliveryStates() {
		names = append(names, string(s))
	}
	return strings.Join(names, ", ")
}

func listUpcoming(book Notices) endpoint {
	return list(func(ctx context.Context, _ request[none]) ([]licensing.UpcomingNotice, error) {
		return book.UpcomingNotices(ctx)
	})
}

func replayNotice(book Notices) endpoint {
	return answer(func(ctx context.Context, q request[none]) (licensing.LedgerEntry, error) {
		return book.ReplayDelivery(ctx, q.Change, q.PathValue("id"))
	})
}

func previewNotice(book Notices, courier Courier) endpoint {
	return answer(func(ctx context.Context, q request[none]) (m licensing.Message, err error) {
		query := q.URL.Query()
		kind, language, license := query.Get("kind"), licensing.Language(query.Get("language")), query.Get("license")
		if language == "" {
			language = licensing.LanguageEnglish
		}
		if !slices.Contains(licensing.Languages(), language) {
			return m, licensing.Errorf(licensing.CodeInvalid, "%.40q is not a language that notices are written in", language).WithHint("choose en or es")
		}
		if !slices.Contains(append(licensing.EventKinds(), licensing.EventTest), kind) {
			return m, licensing.Errorf(licensing.CodeInvalid, "%.40q is not a kind of notice", kind).
				WithHint("the kinds are %s, %s", strings.Join(licensing.EventKinds(), ", "), licensing.EventTest)
		}
		if license == "" {
			return courier.Preview(kind, language, "", nil)
		}
		number, about, err := book.NoticeContext(ctx, license)
		if err != nil {
			return m, err
		}
		return courier.Preview(kind, language, number, &about)
	})
}

// Notices reads the ledger row by row, oldest first.
func (c *Client) Notices(ctx context.Context, f licensing.LedgerFilter, each func(licensing.LedgerEntry) error) error {
	query := url.Values{}
	for name, value := range map[string]string{"state": string(f.State), "recipient": f.Recipient, "license": f.License, "kind": f.Kind} {
		if value != "" {
			query.Set(name, value)
		}
	}
	return getEach(ctx, c, withQuery(path("notices"), query), each)
}

// UpcomingNotices lists what the ladders hold for later, the next one first.
func (c *Client) UpcomingNotices(ctx context.Context) ([]licensing.UpcomingNotice, error) {
	return getAll[licensing.UpcomingNotice](ctx, c, path("notices", "upcoming"))
}

// ReplayDelivery has a delivery sent again, by its id.
func (c *Client) ReplayDelivery(ctx context.Context, ch licensing.Change, id string) (licensing.LedgerEntry, error) {
	return call[licensing.LedgerEntry](ctx, c, http.MethodPost, path("notices", id, "replay"), ch, nil)
}

// PreviewNotice is how a notice would look; license may be empty.
func (c *Client) PreviewNotice(ctx context.Context, kind string, language licensing.Language, license string) (licensing.Message, error) {
	query := url.Values{"kind": {kind}, "language": {string(language)}}
	if license != "" {
		query.Set("license", license)
	}
	return get[licensing.Message](ctx, c, withQuery(path("notices", "preview"), query))
}
