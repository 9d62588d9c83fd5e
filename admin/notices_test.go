package admin

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"tallygate/licensing"
)

func (f *fakeStore) AddRecipient(_ context.Context, ch licensing.Change, r licensing.Recipient) (licensing.NewRecipient, error) {
	secret := r.Secret
	return licensing.NewRecipient{Recipient: r, Secret: secret}, f.note("AddRecipient %v %s %s %s %s %s %s %v %s", ch, r.Name, r.Channel, r.Address, r.Language, r.Organization, r.License, r.Kinds, r.Secret)
}

func (f *fakeStore) Recipients(context.Context) ([]licensing.Recipient, error) {
	return []licensing.Recipient{{Name: "hook", Secret: "hush", OldSecret: "hush-hush"}}, f.note("Recipients")
}

func (f *fakeStore) RemoveRecipient(_ context.Context, ch licensing.Change, name string) error {
	return f.note("RemoveRecipient %v %s", ch, name)
}

func (f *fakeStore) RotateRecipient(_ context.Context, ch licensing.Change, name string) (licensing.NewRecipient, error) {
	return licensing.NewRecipient{Secret: "fresh"}, f.note("RotateRecipient %v %s", ch, name)
}

func (f *fakeStore) TestRecipient(_ context.Context, ch licensing.Change, name string) (licensing.Delivery, error) {
	return licensing.Delivery{ID: "d1", Recipient: licensing.Recipient{Name: name, Address: "it@hotel.example"}}, f.note("TestRecipient %v %s", ch, name)
}

func (f *fakeStore) Ledger(_ context.Context, l licensing.LedgerFilter, each func(licensing.LedgerEntry) error) error {
	if err := f.note("Ledger %s %s %s %s", l.State, l.Recipient, l.License, l.Kind); err != nil {
		return err
	}
	return each(licensing.LedgerEntry{ID: "d1", Attempts: []licensing.Attempt{{Number: 1, Result: licensing.AttemptSent}}})
}

func (f *fakeStore) UpcomingNotices(context.Context) ([]licensing.UpcomingNotice, error) {
	return []licensing.UpcomingNotice{{Kind: licensing.EventEnd, LastDay: licensing.Date{Year: 2027, Month: 3, Day: 10}}}, f.note("UpcomingNotices")
}

func (f *fakeStore) ReplayDelivery(_ context.Context, ch licensing.Change, id string) (licensing.LedgerEntry, error) {
	return licensing.LedgerEntry{ID: id}, f.note("ReplayDelivery %v %s", ch, id)
}

func (f *fakeStore) NoticeContext(_ context.Context, license string) (string, licensing.EventContext, error) {
	return "TG-1", licensing.EventContext{Organization: "Hotel Sol"}, f.note("NoticeContext %s", license)
}

// fakeCourier notes what it is asked, beside the store's calls.
type fakeCourier struct{ *fakeStore }

func (f fakeCourier) Preview(kind string, language licensing.Language, license string, about *licensing.EventContext) (licensing.Message, error) {
	return licensing.Message{Subject: kind}, f.note("Preview %s %s %s %v", kind, language, license, about != nil)
}

func (f fakeCourier) Deliver(_ context.Context, d licensing.Delivery) (licensing.Outcome, error) {
	return licensing.Outcome{Result: licensing.AttemptFailed, Answer: "550 no"}, f.note("Deliver %s", d.ID)
}

func TestNoticeCallsReachTheStore(t *testing.T) {
	ctx := context.Background()
	for _, tt := range []struct {
		want []string
		call func(c *Client) error
	}{
		{[]string{"AddRecipient {ana@console true} IT/1 webhook https://h.example/ es hotelsol  [notice.*] whsec_x"}, func(c *Client) error {
			r, err := c.AddRecipient(ctx, dryByAna, licensing.Recipient{Name: "IT/1", Channel: licensing.ChannelWebhook, Address: "https://h.example/",
				Language: licensing.LanguageSpanish, Organization: "hotelsol", Kinds: []string{"notice.*"}, Secret: "whsec_x"})
			require.Equal(t, "whsec_x", r.Secret)
			return err
		}},
		{[]string{"Recipients"}, func(c *Client) error {
			all, err := c.Recipients(ctx)
			require.Equal(t, []licensing.Recipient{{Name: "hook"}}, all, "a secret goes in and never out")
			return err
		}},
		{[]string{"RemoveRecipient {ana@console true} IT/1"}, func(c *Client) error { return c.RemoveRecipient(ctx, dryByAna, "IT/1") }},
		{[]string{"RotateRecipient {ana@console false} IT/1"}, func(c *Client) error {
			r, err := c.RotateRecipient(ctx, realByAna, "IT/1")
			require.Equal(t, "fresh", r.Secret)
			return err
		}},
		{[]string{"TestRecipient {ana@console false} IT/1", "Deliver d1"}, func(c *Client) error {
			r, err := c.TestRecipient(ctx, realByAna, "IT/1")
			require.Equal(t, TestedRecipient{ID: "d1", Recipient: "IT/1", Address: "it@hotel.example", Result: licensing.AttemptFailed, Answer: "550 no"}, r)
			return err
		}},
		{[]string{"TestRecipient {ana@console true} IT/1"}, func(c *Client) error { _, err := c.TestRecipient(ctx, dryByAna, "IT/1"); return err }},
		{[]string{"Ledger failed IT/1 TG-1 license.start"}, func(c *Client) error {
			rows := 0
			err := c.Notices(ctx, licensing.LedgerFilter{State: licensing.DeliveryFailed, Recipient: "IT/1", License: "TG-1", Kind: licensing.EventStart},
				func(e licensing.LedgerEntry) error { rows++; require.Len(t, e.Attempts, 1); return nil })
			require.Equal(t, 1, rows)
			return err
		}},
		{[]string{"UpcomingNotices"}, func(c *Client) error {
			all, err := c.UpcomingNotices(ctx)
			require.Equal(t, "2027-03-10", all[0].LastDay.String())
			return err
		}},
		{[]string{"ReplayDelivery {ana@console false} d/1"}, func(c *Client) error {
			e, err := c.ReplayDelivery(ctx, realByAna, "d/1")
			require.Equal(t, "d/1", e.ID)
			return err
		}},
		{[]string{"Preview license.start es  false"}, func(c *Client) error {
			_, err := c.PreviewNotice(ctx, licensing.EventStart, licensing.LanguageSpanish, "")
			return err
		}},
		{[]string{"NoticeContext tg-1", "Preview test en TG-1 true"}, func(c *Client) error {
			_, err := c.PreviewNotice(ctx, licensing.EventTest, licensing.LanguageEnglish, "tg-1")
			return err
		}},
	} {
		store := &fakeStore{}
		s := serve(t, Options{Store: store, Courier: fakeCourier{store}})
		require.NoError(t, tt.call(s.client))
		require.Equal(t, tt.want, store.called())
	}
}

func TestWhatNoticesCannotBeAsked(t *testing.T) {
	store := &fakeStore{}
	s := serve(t, Options{Store: store, Courier: fakeCourier{store}})
	for _, path := range []string{"/v1/notices?state=lost", "/v1/notices?kind=license.born", "/v1/notices/preview?kind=license.born",
		"/v1/notices/preview?kind=test&language=fr", "/v1/notices?since=today"} {
		status, p, _ := s.raw(t, "GET", path, "")
		require.Equal(t, 422, status, path)
		require.NotEmpty(t, p.Detail)
	}
	require.Empty(t, store.called())
}
