package licensing

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"
	"time"
	"unicode"
)

// Role is what the holder of an access token may do within its scope.
type Role string

const (
	RoleOwner     Role = "owner"      // everything, tokens included
	RoleOperator  Role = "operator"   // runs venues: devices, APs, rooms, guests, lab mode, settings
	RoleViewer    Role = "viewer"     // reads, but no credentials
	RoleFrontDesk Role = "front-desk" // guests: accounts, tickets, stays; who is online
	RolePortal    Role = "portal"     // asks for credentials, nothing else
)

// Roles lists them, from the one with most rights.
func Roles() []Role {
	return []Role{RoleOwner, RoleOperator, RoleViewer, RoleFrontDesk, RolePortal}
}

// AccessToken lets a program in over TCP: a role, within an Organization, a Location, or
// the whole gateway. Its secret is shown once and kept as a hash.
type AccessToken struct {
	ID           int64             `json:"-"`
	Name         string            `json:"name"`
	Role         Role              `json:"role"`
	Organization string            `json:"organization,omitempty"` // realm
	Location     string            `json:"location,omitempty"`     // id
	Hash         [sha256.Size]byte `json:"-"`
	CreatedAt    time.Time         `json:"created_at"`
	ExpiresAt    time.Time         `json:"expires_at,omitzero"` // zero: never
	RevokedAt    time.Time         `json:"revoked_at,omitzero"`
	LastUsedAt   time.Time         `json:"last_used_at,omitzero"` // to the minute
}

// NewAccessToken is a token with what is shown once only.
type NewAccessToken struct {
	AccessToken
	Secret string `json:"token"`
}

// accessPrefix lets people, and programs that look for secrets in the wrong place, know
// what it is.
const accessPrefix = "tgat_"

// NewAccessSecret draws 32 octets and writes them as a token.
func NewAccessSecret() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails, see crypto/rand
	return accessPrefix + base64.RawURLEncoding.EncodeToString(b)
}

// HashAccessSecret is what is kept of a token. One round is enough: there is nothing to
// guess in 32 random octets.
func HashAccessSecret(secret string) [sha256.Size]byte { return sha256.Sum256([]byte(secret)) }

// Gateway reports whether the token is for the whole gateway.
func (t AccessToken) Gateway() bool { return t.Organization == "" && t.Location == "" }

// Refusal says why the token is no good at now; empty: it is good.
func (t AccessToken) Refusal(now time.Time) string {
	switch {
	case !t.RevokedAt.IsZero():
		return "revoked"
	case !t.ExpiresAt.IsZero() && !now.Before(t.ExpiresAt):
		return "expired"
	}
	return ""
}

// CoversLocation reports whether a Location, with its Organization's realm, is in scope.
func (t AccessToken) CoversLocation(location, realm string) bool {
	if t.Location != "" {
		return strings.EqualFold(t.Location, location)
	}
	return t.CoversOrganization(realm)
}

// CoversOrganization reports whether everything of an Organization is in scope.
func (t AccessToken) CoversOrganization(realm string) bool {
	return t.Location == "" && (t.Organization == "" || strings.EqualFold(t.Organization, realm))
}

// Validate reports what cannot be right in t: an *Error with CodeInvalid.
func (t AccessToken) Validate(now time.Time) error { return cmp.Or(t.checkName(), t.checkRest(now)) }

func (t AccessToken) checkName() error {
	if t.Name == "" || len(t.Name) > 64 || strings.ContainsFunc(t.Name, func(c rune) bool { return !unicode.IsGraphic(c) || c == '/' }) {
		return Errorf(CodeInvalid, "a token needs a name of 1 to 64 characters").WithHint("for example lobby-portal; the audit log names it")
	}
	return nil
}

func (t AccessToken) checkRest(now time.Time) error {
	switch {
	case !slices.Contains(Roles(), t.Role):
		return Errorf(CodeInvalid, "%.40q is not a role", t.Role).WithHint("choose owner, operator, viewer, front-desk or portal")
	case t.Organization != "" && t.Location != "":
		return Errorf(CodeInvalid, "a token is for an Organization or for a Location, not for both").
			WithHint("leave one out: the Location belongs to its Organization")
	case !t.ExpiresAt.IsZero() && !t.ExpiresAt.After(now):
		return Errorf(CodeInvalid, "the token would be over already").WithHint("give a time that is still to come, such as 90d")
	}
	return nil
}
