package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"strings"

	"tallygate/licensing"
)

const recipientColumns = `id, name, channel, address, language, organization, license, kinds, secret, old_secret, old_until, off_reason, created_at`

func scanRecipient(r *sql.Rows) (v licensing.Recipient, err error) {
	var kinds string
	var oldUntil sql.NullInt64
	var created int64
	err = r.Scan(&v.ID, &v.Name, &v.Channel, &v.Address, &v.Language, &v.Organization, &v.License, &kinds,
		&v.Secret, &v.OldSecret, &oldUntil, &v.OffReason, &created)
	if err != nil {
		return v, err
	}
	v.OldUntil, v.CreatedAt = fromNullMicros(oldUntil), fromMicros(created)
	return v, json.Unmarshal([]byte(kinds), &v.Kinds)
}

// readRecipients reads those that have not been removed, oldest first.
func readRecipients(ctx context.Context, q querier) ([]licensing.Recipient, error) {
	return rows(ctx, q, scanRecipient, `SELECT `+recipientColumns+` FROM recipients WHERE removed_at IS NULL ORDER BY id`)
}

// Recipients lists them, oldest first.
func (s *Store) Recipients(ctx context.Context) ([]licensing.Recipient, error) {
	return readRecipients(ctx, s.readers)
}

// AddRecipient adds somebody who is told of what happens from now on. A webhook
// without a secret gets one, which is shown this once.
func (s *Store) AddRecipient(ctx context.Context, ch licensing.Change, r licensing.Recipient) (licensing.NewRecipient, error) {
	r.Name = strings.TrimSpace(r.Name)
	if r.Language == "" {
		r.Language = licensing.LanguageEnglish
	}
	if r.Kinds == nil {
		r.Kinds = []string{}
	}
	if r.Channel == licensing.ChannelWebhook && r.Secret == "" {
		r.Secret = licensing.NewWebhookSecret()
	}
	if err := r.Validate(); err != nil {
		return licensing.NewRecipient{}, err
	}
	err := s.change(ctx, ch, func(t *tx) (err error) {
		if r.Organization != "" {
			o, err := t.state.organization(r.Organization)
			if err != nil {
				return err
			}
			r.Organization = o.Realm
		}
		if r.License != "" {
			l, err := t.state.license(r.License)
			if err != nil {
				return err
			}
			r.License = l.Number
		}
		kinds, err := json.Marshal(r.Kinds)
		if err != nil {
			return faultf("cannot write a recipient: %w", err)
		}
		r.CreatedAt = t.now
		err = t.conn.QueryRowContext(t.ctx, `INSERT INTO recipients (name, channel, address, language, organization, license, kinds, secret, created_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`, r.Name, string(r.Channel), r.Address, string(r.Language),
			r.Organization, r.License, string(kinds), r.Secret, micros(t.now)).Scan(&r.ID)
		if constraint(err) {
			return licensing.Errorf(licensing.CodeConflict, "there is a recipient %q already", r.Name).
				WithHint("choose another name, or remove it first with `tallygate notify recipient remove`")
		}
		if err != nil {
			return wrap("add a recipient", err)
		}
		return t.log("recipient.add", r.Name, r)
	})
	return licensing.NewRecipient{Recipient: r, Secret: r.Secret}, err
}

// recipient finds one by name.
func (n *notices) recipient(name string) (licensing.Recipient, error) {
	all, err := readRecipients(n.ctx, n.conn)
	if err != nil {
		return licensing.Recipient{}, err
	}
	i := slices.IndexFunc(all, func(r licensing.Recipient) bool { return strings.EqualFold(r.Name, strings.TrimSpace(name)) })
	if i < 0 {
		return licensing.Recipient{}, licensing.Errorf(licensing.CodeNotFound, "there is no recipient %q", name).
			WithHint("`tallygate notify recipient list` shows the names")
	}
	return all[i], nil
}

// RemoveRecipient removes one; what waits for it is cancelled. The ledger goes on
// naming it.
func (s *Store) RemoveRecipient(ctx context.Context, ch licensing.Change, name string) error {
	return s.change(ctx, ch, func(t *tx) error {
		n := t.notices()
		r, err := n.recipient(name)
		if err != nil {
			return err
		}
		if err := n.exec(`UPDATE recipients SET removed_at = ? WHERE id = ?`, micros(t.now), r.ID); err != nil {
			return err
		}
		if err := n.stopAll(r.ID, licensing.DeliveryCancelled, "the recipient was removed"); err != nil {
			return err
		}
		return t.log("recipient.remove", r.Name, r)
	})
}

// RotateRecipient draws a new secret for a webhook. The old one signs beside it for
// licensing.SecretOverlap.
func (s *Store) RotateRecipient(ctx context.Context, ch licensing.Change, name string) (fresh licensing.NewRecipient, err error) {
	err = s.change(ctx, ch, func(t *tx) error {
		n := t.notices()
		r, err := n.recipient(name)
		if err != nil {
			return err
		}
		if r.Channel != licensing.ChannelWebhook {
			return licensing.Errorf(licensing.CodeConflict, "%s is reached by e-mail and has no secret", r.Name).
				WithHint("only webhooks are signed")
		}
		r.OldSecret, r.OldUntil, r.Secret = r.Secret, t.now.Add(licensing.SecretOverlap), licensing.NewWebhookSecret()
		fresh = licensing.NewRecipient{Recipient: r, Secret: r.Secret}
		if err := n.exec(`UPDATE recipients SET secret = ?, old_secret = ?, old_until = ? WHERE id = ?`,
			r.Secret, r.OldSecret, micros(r.OldUntil), r.ID); err != nil {
			return err
		}
		return t.log("recipient.rotate", r.Name, r)
	})
	return fresh, err
}

// stopAll ends every delivery to a recipient that has not arrived.
func (n *notices) stopAll(recipient int64, end licensing.DeliveryState, reason string) error {
	if err := n.exec(`UPDATE deliveries SET state = ?, reason = ?, next_at = NULL WHERE recipient_id = ? AND state = ?`,
		string(end), reason, recipient, string(licensing.DeliveryWaiting)); err != nil {
		return err
	}
	return n.exec(`UPDATE deliveries SET stop = ? WHERE recipient_id = ? AND state = ?`, string(end), recipient, string(licensing.DeliverySending))
}
