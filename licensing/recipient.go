package licensing

import (
	"cmp"
	"crypto/rand"
	"encoding/base64"
	"net/mail"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Channel is how a recipient is reached.
type Channel string

const (
	ChannelEmail   Channel = "email"
	ChannelWebhook Channel = "webhook"
)

// Channels lists them.
func Channels() []Channel { return []Channel{ChannelEmail, ChannelWebhook} }

// Language is what a recipient reads.
type Language string

const (
	LanguageEnglish Language = "en"
	LanguageSpanish Language = "es"
)

// Languages lists them.
func Languages() []Language { return []Language{LanguageEnglish, LanguageSpanish} }

// Recipient is told of events: all of the gateway, or those of an Organization or of
// one license, of all kinds or some.
type Recipient struct {
	ID           int64    `json:"-"`
	Name         string   `json:"name"`
	Channel      Channel  `json:"channel"`
	Address      string   `json:"address"` // e-mail address, or URL of the webhook
	Language     Language `json:"language"`
	Organization string   `json:"organization,omitempty"` // its realm; empty: of all
	License      string   `json:"license,omitempty"`      // number; empty: all
	Kinds        []string `json:"kinds"`                  // kinds or groups (notice.*); empty: all
	// Secret signs what goes to a webhook. For a day after it was replaced, the old one
	// signs as well, so that the receiver can be changed meanwhile.
	Secret    string    `json:"-"`
	OldSecret string    `json:"-"`
	OldUntil  time.Time `json:"old_secret_until,omitzero"`
	OffReason string    `json:"off_reason,omitempty"` // why nothing is sent any more; empty: it is
	CreatedAt time.Time `json:"created_at"`
}

// NewRecipient is a recipient with what is shown once only.
type NewRecipient struct {
	Recipient
	Secret string `json:"secret,omitempty"` // of a webhook: whsec_…
}

// SecretOverlap is how long a replaced secret goes on signing beside the new one.
const SecretOverlap = 24 * time.Hour

const (
	secretPrefix = "whsec_"
	secretSize   = 32 // octets; Standard Webhooks asks for 24 to 64
)

// NewWebhookSecret draws one.
func NewWebhookSecret() string {
	b := make([]byte, secretSize)
	_, _ = rand.Read(b) // never fails, see crypto/rand
	return secretPrefix + base64.StdEncoding.EncodeToString(b)
}

// WebhookKey is the key that a secret holds, 24 to 64 octets; anything else is an
// *Error with CodeInvalid.
func WebhookKey(secret string) ([]byte, error) {
	text, ok := strings.CutPrefix(secret, secretPrefix)
	key, err := base64.StdEncoding.DecodeString(text)
	if !ok || err != nil || len(key) < 24 || len(key) > 64 {
		return nil, Errorf(CodeInvalid, "the secret of a webhook is %s and then 24 to 64 octets in base64", secretPrefix).
			WithHint("leave it out, and one is drawn and shown")
	}
	return key, nil
}

// Validate reports what cannot be right in r: an *Error with CodeInvalid.
func (r Recipient) Validate() error {
	return cmp.Or(r.checkName(), r.checkAddress(), r.checkScope(), CheckKinds(r.Kinds))
}

func (r Recipient) checkName() error {
	if r.Name == "" || len(r.Name) > 100 || strings.ContainsFunc(r.Name, func(c rune) bool { return c < ' ' }) {
		return Errorf(CodeInvalid, "a recipient needs a name of 1 to 100 characters").
			WithHint("for example reception, or partner-support")
	}
	if !slices.Contains(Languages(), r.Language) {
		return Errorf(CodeInvalid, "%.40q is not a language that notices are written in", r.Language).WithHint("choose en or es")
	}
	return nil
}

func (r Recipient) checkAddress() error {
	switch r.Channel {
	case ChannelEmail:
		a, err := mail.ParseAddress(r.Address)
		if err != nil || a.Address != r.Address || len(r.Address) > 254 {
			return Errorf(CodeInvalid, "%.80q is not an e-mail address", r.Address).WithHint("write one address, such as it@hotel.example")
		}
		return nil
	case ChannelWebhook:
		u, err := url.Parse(r.Address)
		if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Hostname() == "" || u.User != nil || u.Fragment != "" || len(r.Address) > 2000 {
			return Errorf(CodeInvalid, "%.80q is not the URL of a webhook", r.Address).
				WithHint("write https://, a host and a path, without user name, password or #")
		}
		_, err = WebhookKey(r.Secret)
		return err
	}
	return Errorf(CodeInvalid, "%.40q is not a channel", r.Channel).WithHint("choose email or webhook")
}

func (r Recipient) checkScope() error {
	if r.Organization != "" && r.License != "" {
		return Errorf(CodeInvalid, "a recipient is told of an Organization or of a license, not of both").
			WithHint("leave one out: the license belongs to its Organization")
	}
	return nil
}

// Wants reports whether the recipient asked to be told of e.
func (r Recipient) Wants(e Event, c EventContext) bool {
	if e.Kind == EventTest {
		return false // handed to its recipient directly
	}
	if r.License != "" && r.License != e.License || r.Organization != "" && !strings.EqualFold(r.Organization, c.Realm) {
		return false
	}
	return len(r.Kinds) == 0 || slices.ContainsFunc(r.Kinds, func(k string) bool {
		group, whole := strings.CutSuffix(k, "*")
		return k == e.Kind || whole && strings.HasPrefix(e.Kind, group)
	})
}

// Secrets are those that sign at now, the present one first.
func (r Recipient) Secrets(now time.Time) []string {
	if r.OldSecret == "" || !now.Before(r.OldUntil) {
		return []string{r.Secret}
	}
	return []string{r.Secret, r.OldSecret}
}
