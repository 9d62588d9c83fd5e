package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"go.uber.org/zap"

	"tallygate/licensing"
)

// actionMismatch is the audit entry for license facts that did not agree with what
// they came from.
const actionMismatch = "license.mismatch"

// mismatch is a license whose row says something else than its signed order and its
// start receipt; mended is what they say.
type mismatch struct {
	number  string
	mended  *licensing.License
	forged  *licensing.License // instead: it is removed
	problem string
}

// verifyFacts holds every license against its signed order and its start receipt. The
// rows are the gateway's notes; those two are the evidence, and they win: otherwise an
// edit of one number would be a longer contract. Whoever may edit files as root can
// forge the receipt as well; see DESIGN 2.11 on what this is worth.
func (w *writer) verifyFacts(ctx context.Context) error {
	var found []mismatch
	for _, l := range w.state.licenses {
		m, err := w.verifyLicense(ctx, l)
		if err != nil {
			return err
		}
		if m != nil {
			found = append(found, *m)
		}
	}
	if len(found) == 0 {
		return nil
	}
	return w.change(ctx, licensing.Change{By: "tallygate"}, func(t *tx) error {
		for _, m := range found {
			w.s.log.Error("the facts of a license were altered in the database", zap.String("license", m.mended.Number),
				zap.String("problem", m.problem), zap.String("what_to_do", "find out who can write to the data directory; what was signed and receipted is in force"))
			if err := t.saveLicense(m.mended); err != nil {
				return err
			}
			if err := t.log(actionMismatch, m.mended.Number, m.problem); err != nil {
				return err
			}
		}
		return nil
	})
}

// verifyLicense is nil when the row agrees with the evidence.
func (w *writer) verifyLicense(ctx context.Context, l *licensing.License) (*mismatch, error) {
	mended, problem := *l, ""
	signed, err := w.signed(ctx, l)
	if licensing.CodeOf(err) == licensing.CodeInternal && err != nil {
		return nil, err
	}
	if err != nil {
		problem = "its orders do not verify: " + err.Error()
	} else if !sameFacts(signed, &licensing.License{Terms: l.Terms, Renewals: l.Renewals, Sequence: l.Sequence}) {
		mended.Terms, mended.Renewals, mended.Sequence = signed.Terms, signed.Renewals, signed.Sequence
		problem = "its terms are not those of its signed orders"
	}
	receipt, err := readReceipt(ctx, w.conn, l.ID)
	if err != nil {
		return nil, err
	}
	// Earlier than the receipt is right where a clock's jump was withdrawn (settle).
	if receipt != nil && (l.StartedAt.IsZero() || l.StartedAt.After(receipt.StartsAt)) {
		mended.StartedAt, problem = receipt.StartsAt, fmt.Sprintf("it started at %s by its receipt, not at %s", receipt.StartsAt, l.StartedAt)
	}
	if problem == "" {
		return nil, nil
	}
	return &mismatch{number: l.Number, mended: &mended, problem: problem}, nil
}

// signed is what the signed texts alone say of a license: its terms, renewals and
// sequence. An *Error other than internal says which of them does not verify.
func (w *writer) signed(ctx context.Context, l *licensing.License) (*licensing.License, error) {
	grant, err := readText(ctx, w.conn, `SELECT text FROM orders WHERE id = ?`, l.Terms.GrantID)
	if err != nil {
		return nil, err
	}
	terms, err := licensing.VerifyGrant(grant, claimedIssuer(grant))
	if err != nil {
		return nil, err
	}
	pool := terms.Licenses(l.ActivatedAt)
	if l.Terms.Index >= len(pool) {
		return nil, licensing.Errorf(licensing.CodeInvalid, "its grant has %d licenses", len(pool))
	}
	texts, err := rows(ctx, w.conn, func(r *sql.Rows) (text string, err error) { return text, r.Scan(&text) },
		`SELECT text FROM orders WHERE license = ? AND sequence > 0 ORDER BY sequence`, l.Number)
	if err != nil {
		return nil, err
	}
	orders := make([]licensing.Order, len(texts))
	for i, text := range texts {
		if orders[i], err = licensing.VerifyOrder(text, claimedIssuer(text)); err != nil {
			return nil, err
		}
	}
	r := licensing.Rebuild(pool[l.Terms.Index], orders)
	return &licensing.License{Terms: r.Terms, Renewals: r.Renewals, Sequence: r.Sequence}, nil
}

// claimedIssuer trusts whoever a text says has signed it: it was accepted once, as the
// audit log knows, and an issuer that is trusted no longer has still signed it.
func claimedIssuer(text string) []string {
	issuer, err := licensing.ReadIssuer(text)
	if err != nil {
		return nil
	}
	return []string{issuer}
}

// verifyIdentity refuses a database that belongs to another gateway key: with a new
// one, licenses bound to this gateway, pseudonyms and the audit chain would all be
// void, and nobody would know why.
func verifyIdentity(ctx context.Context, conn *sql.Conn, public, dir string) error {
	var known string
	err := conn.QueryRowContext(ctx, `SELECT value FROM meta WHERE key = 'gateway'`).Scan(&known)
	if errors.Is(err, sql.ErrNoRows) {
		_, err = conn.ExecContext(ctx, `INSERT INTO meta (key, value) VALUES ('gateway', ?)`, public)
		return wrap("note the gateway's key", err)
	}
	if err != nil {
		return faultf("cannot read the gateway's key: %w", err)
	}
	if known != public {
		return licensing.Errorf(licensing.CodeConflict, "%s/gateway.key is not the key of this database (%s)", dir, known).
			WithHint("restore gateway.key from a backup: licenses and the audit log are bound to it. To begin anew, use an empty data_dir")
	}
	return nil
}
