package store

import (
	"context"
	"crypto/subtle"
	"database/sql"
	"slices"
	"strings"
	"time"

	"tallygate/licensing"
)

const accessColumns = `id, name, role, organization, location, hash, created_at, expires_at, revoked_at, last_used_at`

// tokenUse is how exactly the last use of a token is known.
const tokenUse = time.Minute

func scanToken(r *sql.Rows) (v licensing.AccessToken, err error) {
	var hash []byte
	var created int64
	var expires, revoked, used sql.NullInt64
	err = r.Scan(&v.ID, &v.Name, &v.Role, &v.Organization, &v.Location, &hash, &created, &expires, &revoked, &used)
	copy(v.Hash[:], hash)
	v.CreatedAt, v.ExpiresAt = fromMicros(created), fromNullMicros(expires)
	v.RevokedAt, v.LastUsedAt = fromNullMicros(revoked), fromNullMicros(used)
	return v, err
}

func (st *state) loadTokens(ctx context.Context, q querier) (err error) {
	st.tokens, err = rows(ctx, q, scanToken, `SELECT `+accessColumns+` FROM access_tokens ORDER BY id`)
	return err
}

// Tokens lists the access tokens, the revoked ones too, oldest first.
func (s *Store) Tokens(ctx context.Context) ([]licensing.AccessToken, error) {
	return rows(ctx, s.readers, scanToken, `SELECT `+accessColumns+` FROM access_tokens ORDER BY id`)
}

// AddToken draws a token, which is shown this once.
func (s *Store) AddToken(ctx context.Context, ch licensing.Change, v licensing.AccessToken) (licensing.NewAccessToken, error) {
	v.Name = strings.TrimSpace(v.Name)
	if err := v.Validate(s.Now()); err != nil {
		return licensing.NewAccessToken{}, err
	}
	secret := licensing.NewAccessSecret()
	v.Hash = licensing.HashAccessSecret(secret)
	err := s.change(ctx, ch, func(t *tx) error {
		if v.Organization != "" {
			o, err := t.state.organization(v.Organization)
			if err != nil {
				return err
			}
			v.Organization = o.Realm
		}
		if v.Location != "" {
			l, err := t.state.location(v.Location)
			if err != nil {
				return err
			}
			v.Location = l.Code
		}
		v.CreatedAt = t.now
		exists := licensing.Errorf(licensing.CodeConflict, "there is a token %q already", v.Name).
			WithHint("choose another name, or revoke it first with `tallygate token revoke`")
		if _, err := t.exec(exists, `INSERT INTO access_tokens (name, role, organization, location, hash, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)`,
			v.Name, string(v.Role), v.Organization, v.Location, v.Hash[:], micros(v.CreatedAt), nullMicros(v.ExpiresAt)); err != nil {
			return err
		}
		return t.log("token.add", v.Name, v)
	})
	if ch.DryRun {
		secret = "" // it is nobody's
	}
	return licensing.NewAccessToken{AccessToken: v, Secret: secret}, err
}

// RevokeToken ends a token at once, and for good.
func (s *Store) RevokeToken(ctx context.Context, ch licensing.Change, name string) error {
	return s.change(ctx, ch, func(t *tx) error {
		i := slices.IndexFunc(t.state.tokens, func(v licensing.AccessToken) bool {
			return v.RevokedAt.IsZero() && strings.EqualFold(v.Name, strings.TrimSpace(name))
		})
		if i < 0 {
			return licensing.Errorf(licensing.CodeNotFound, "there is no token %q in force", name).
				WithHint("`tallygate token list` shows the names")
		}
		v := t.state.tokens[i]
		if _, err := t.exec(nil, `UPDATE access_tokens SET revoked_at = ? WHERE id = ?`, micros(t.now), v.ID); err != nil {
			return err
		}
		return t.log("token.revoke", v.Name, nil)
	})
}

// Authenticate finds the token with this secret, whether or not it is still good. Every
// token is compared, in constant time.
func (s *Store) Authenticate(secret string) (found licensing.AccessToken, ok bool) {
	hash := licensing.HashAccessSecret(secret)
	for _, v := range s.state.Load().tokens {
		if subtle.ConstantTimeCompare(hash[:], v.Hash[:]) == 1 {
			found, ok = v, true
		}
	}
	if ok && found.Refusal(s.Now()) == "" && s.Now().Sub(found.LastUsedAt) >= tokenUse {
		s.tokenUsed(found.ID)
	}
	return found, ok
}

// tokenUsed notes the use, as far as there is room. What is published learns of it with
// the next change; until then a busy token's notes find it written already.
func (s *Store) tokenUsed(id int64) {
	s.queue.push(op{note: func(b *batch) error {
		i := slices.IndexFunc(b.state.tokens, func(v licensing.AccessToken) bool { return v.ID == id })
		if i < 0 || b.now.Sub(b.state.tokens[i].LastUsedAt) < tokenUse {
			return nil
		}
		_, err := b.w.conn.ExecContext(context.Background(), `UPDATE access_tokens SET last_used_at = ? WHERE id = ?`, micros(b.now), id)
		if err != nil {
			return wrap("note the use of a token", err)
		}
		st := b.change()
		st.tokens = slices.Clone(st.tokens)
		st.tokens[i].LastUsedAt = b.now
		return nil
	}})
}
