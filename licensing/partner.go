package licensing

import (
	"cmp"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"time"
)

// Partner sells licenses and looks after them. A license belongs to exactly one:
// first to the one that its grant names, then to whoever took it over.
type Partner struct {
	Row       int64     `json:"-"`
	ID        string    `json:"id"`   // unique on the gateway, compared without case
	Name      string    `json:"name"` // likewise
	Secret    string    `json:"-"`    // what the partner proves its consent with
	CreatedAt time.Time `json:"created_at"`
}

// PartnerDetail is `partner show`.
type PartnerDetail struct {
	Partner
	Licenses []string          `json:"licenses"` // numbers of those that belong to it, oldest first
	Requests []TransferRequest `json:"transfers"`
}

// minPartnerSecret is how long a partner's secret is at least, in octets: what a
// proof shows of it must not be enough to find it by trying.
const minPartnerSecret = 16

// maxPartnerID is how long a partner's id may be, in characters.
const maxPartnerID = 40

// ValidatePartner reports, with CodeInvalid, what cannot be right in p.
func ValidatePartner(p Partner) error {
	if len(p.Secret) < minPartnerSecret {
		return Errorf(CodeInvalid, "a partner's secret of %d characters is too short", len(p.Secret)).
			WithHint("use %d or more random ones; --generate makes such a secret", minPartnerSecret)
	}
	return cmp.Or(checkPartnerID(p.ID), checkName("partner", p.Name))
}

func checkPartnerID(id string) error {
	odd := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("._-", r)
	}
	if id != "" && len(id) <= maxPartnerID && !strings.ContainsFunc(id, odd) {
		return nil
	}
	return Errorf(CodeInvalid, "%.80q is not a partner id", id).
		WithHint("an id has 1 to %d letters, digits, dots, hyphens or underscores", maxPartnerID)
}

// Is reports whether name, which may be an id, means this partner.
func (p Partner) Is(name string) bool { return sameName(p.ID, name) || sameName(p.Name, name) }

// NewPartnerSecret makes a secret from the system's random numbers: 256 bits, as text.
func NewPartnerSecret() string {
	secret := make([]byte, 32)
	rand.Read(secret)
	return base64.RawURLEncoding.EncodeToString(secret)
}

// NewTransferID makes the identity of a transfer request: 16 random octets, hex.
func NewTransferID() string { return NewGrantID() }

// TransferStep is what a partner does with a transfer between partners.
type TransferStep string

const (
	StepRequest  TransferStep = "request"  // the giver
	StepApprove  TransferStep = "approve"  // the receiver
	StepRefuse   TransferStep = "refuse"   // the receiver, with a reason
	StepWithdraw TransferStep = "withdraw" // the giver
)

// Consent is one step of one partner, and the proof that it is the partner's own: an
// HMAC with its secret over the step and the whole request. The secret itself goes
// nowhere, so a partner far away can send a proof without giving the venue more than
// this one step; and since the ID is drawn anew for each request, a proof that was
// used is worth nothing afterwards.
type Consent struct {
	Step    TransferStep `json:"step"`
	ID      string       `json:"id"` // of the request, from NewTransferID
	License string       `json:"license"`
	From    string       `json:"from"` // partner ids
	To      string       `json:"to"`
	Reason  string       `json:"reason,omitempty"`
	Partner string       `json:"partner"` // who takes the step
	Proof   string       `json:"proof"`   // hex
}

// Prove is c with the proof that secret makes.
func (c Consent) Prove(secret string) Consent {
	c.Proof = hex.EncodeToString(c.mac(secret))
	return c
}

// CheckProof reports, with CodeRefused, that c was not proven with p's secret.
func (c Consent) CheckProof(p Partner) error {
	proof, err := hex.DecodeString(c.Proof)
	if err != nil || !hmac.Equal(proof, c.mac(p.Secret)) {
		return Errorf(CodeRefused, "this is not the secret of partner %s: nobody moves a license without its partner's consent", p.ID).
			WithHint("use the secret file of partner %s; if it is lost, the distributor can sign a transfer order", p.ID)
	}
	return nil
}

func (c Consent) mac(secret string) []byte {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte("tallygate partner consent v1"))
	for _, part := range []string{string(c.Step), c.ID, c.License, strings.ToLower(c.From), strings.ToLower(c.To), c.Reason} {
		// Hashed one by one, so that no two consents read the same.
		sum := sha256.Sum256([]byte(part))
		h.Write(sum[:])
	}
	return h.Sum(nil)
}

func (c Consent) check(step TransferStep) error {
	id, err := hex.DecodeString(c.ID)
	if err != nil || len(id) != 16 || c.Step != step {
		return Errorf(CodeInvalid, "this is no consent to %s a transfer", step).
			WithHint("use `tallygate license transfer`")
	}
	return nil
}

// Holder is the partner, by id or name, that the license belongs to; "" while it is
// the distributor's own.
func (l *License) Holder() string { return cmp.Or(l.Partner, l.Terms.Partner) }
