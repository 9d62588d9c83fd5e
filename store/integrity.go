package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
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
	mended  *licensing.License
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
			terms, err := json.Marshal(m.mended.Terms)
			if err != nil {
				return faultf("cannot write the terms: %w", err)
			}
			if _, err := t.exec(nil, `UPDATE licenses SET terms = ? WHERE id = ?`, string(terms), m.mended.ID); err != nil {
				return err
			}
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
	var order string
	err := w.conn.QueryRowContext(ctx, `SELECT text FROM orders JOIN licenses ON licenses.grant_id = orders.id WHERE licenses.id = ?`, l.ID).Scan(&order)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, wrap("read the orders", err)
	}
	// An issuer that is trusted no longer has still signed this.
	signed, err := licensing.VerifyGrant(order, append([]string{l.Terms.Issuer}, *w.s.issuers.Load()...))
	if err != nil {
		problem = "its order does not verify: " + err.Error()
	} else if pool := signed.Licenses(l.ActivatedAt); l.Terms.Index < len(pool) && !sameTerms(pool[l.Terms.Index].Terms, l.Terms) {
		mended.Terms, problem = pool[l.Terms.Index].Terms, "its terms are not those of its signed order"
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
	return &mismatch{&mended, problem}, nil
}

func sameTerms(a, b licensing.Terms) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
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
