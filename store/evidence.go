package store

import (
	"context"
	"encoding/json"

	"tallygate/licensing"
)

// Receipt is the start receipt of a license with what proves it.
func (s *Store) Receipt(ctx context.Context, number string) (e licensing.Evidence, err error) {
	st := s.state.Load()
	l, err := st.license(number)
	if err != nil {
		return e, err
	}
	receipt, err := readReceipt(ctx, s.readers, l.ID)
	if err != nil {
		return e, err
	}
	if receipt == nil {
		return e, licensing.Errorf(licensing.CodeNotFound, "%s has not started: there is no receipt", l.Number).
			WithHint("`tallygate license explain %s` shows what is still missing", l.Number)
	}
	e.Receipt, e.Organization, e.TimeZone = *receipt, l.Terms.Organization, l.Zone
	if at, err := st.location(receipt.Location); err == nil {
		e.LocationName = at.Name
	}
	if day, ok := l.LastDay(); ok {
		e.LastDay = &day
	}
	if e.Hash, err = receipt.Hash(); err != nil {
		return e, faultf("%w", err)
	}
	if e.Entry, err = s.entryOf(ctx, l.Number, e.Hash); err != nil {
		return e, err
	}
	// One that came from another gateway has that one's signature, not ours.
	if receipt.GatewayKey == s.keys.public {
		e.Signed, err = s.keys.signer.SignReceipt(*receipt)
	}
	return e, err
}

// entryOf finds the log's entry of a receipt; 0 when it has none.
func (s *Store) entryOf(ctx context.Context, number, hash string) (seq int64, err error) {
	entries, err := rows(ctx, s.readers, scanAudit, `SELECT seq, at, actor, action, subject, detail FROM audit
		WHERE subject = ? AND action IN (?, ?, ?) ORDER BY seq`, number, actionStart, actionMovedStart, actionReceipt)
	for _, entry := range entries {
		var logged licensing.Receipt
		if json.Unmarshal(entry.Detail, &logged) != nil {
			continue
		}
		if h, err := logged.Hash(); err == nil && h == hash && seq == 0 {
			seq = entry.Seq
		}
	}
	return seq, err
}
