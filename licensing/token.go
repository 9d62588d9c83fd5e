package licensing

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"unicode"

	"aidanwoods.dev/go-paseto"
)

const (
	grantKind   = string(OrderGrant)
	tokenHeader = "v4.public."

	// tokenMax is far above any grant, and bounds what a pasted text can cost. A transfer
	// order may carry five years of monthly confirmations.
	tokenMax = 128 << 10
)

// footer stands unencrypted at the end of a signed text and is covered by its
// signature. It says what the text is and who claims to have signed it, before
// anything is believed: that tells "forged" and "not trusted" apart.
type footer struct {
	Kind   string `json:"kind"`
	Issuer string `json:"issuer"` // public key, k4.public.…
}

// assertion is signed but not part of the text (PASETO's implicit assertion). A
// text that was signed for another purpose never verifies as a grant, even if
// its content would do.
func assertion(kind string) []byte { return []byte("tallygate " + kind + " v1") }

// SignGrant signs t, with the key's public half as its issuer. It refuses what
// Validate refuses: a distributor cannot issue what no gateway would take.
func (k IssuerKey) SignGrant(t Terms) (string, error) {
	t.Issuer = k.Public()
	if err := t.Validate(); err != nil {
		return "", err
	}
	return k.sign(OrderGrant, t)
}

// SignOrder signs o, with the key's public half as its issuer. It refuses what
// Validate refuses.
func (k IssuerKey) SignOrder(o Order) (string, error) {
	o.Issuer = k.Public()
	if err := o.Validate(); err != nil {
		return "", err
	}
	return k.sign(o.Kind, o)
}

func (k IssuerKey) sign(kind OrderKind, content any) (string, error) {
	if k.secret == nil {
		return "", Errorf(CodeInvalid, "there is no issuer key to sign with").
			WithHint("make one with `tallygate issuer init --dir DIR`")
	}
	claims, err := json.Marshal(content)
	if err != nil {
		return "", Errorf(CodeInternal, "write the %s: %w", kind, err)
	}
	foot, err := json.Marshal(footer{string(kind), k.Public()})
	if err != nil {
		return "", Errorf(CodeInternal, "write the %s: %w", kind, err)
	}
	token, err := paseto.NewTokenFromClaimsJSON(claims, foot)
	if err != nil {
		return "", Errorf(CodeInternal, "write the %s: %w", kind, err)
	}
	key, err := paseto.NewV4AsymmetricSecretKeyFromEd25519(k.secret)
	if err != nil {
		return "", Errorf(CodeInternal, "sign the %s: %w", kind, err)
	}
	return token.V4Sign(key, assertion(string(kind))), nil
}

// ReadKind is what a signed text claims to be, unverified: "grant", a kind of order,
// or anything else. An *Error with CodeInvalid when it is no signed text.
func ReadKind(text string) (kind string, err error) {
	foot, err := readFooter(withoutSpace(text))
	return foot.Kind, err
}

// ReadIssuer is who claims to have signed a text, unverified, as ReadKind.
func ReadIssuer(text string) (issuer string, err error) {
	foot, err := readFooter(withoutSpace(text))
	return foot.Issuer, err
}

// VerifyGrant reads an activation key, as pasted: white space anywhere in it is
// ignored. trusted holds the public keys (k4.public.…) of the issuers whose grants
// count. What can be wrong, in the order of the checks:
//
//   - CodeInvalid: it is not an activation key, or is cut off or damaged
//   - CodeInvalid: it is signed, but something else than a grant
//   - CodeRefused: the signature does not fit: forged or altered
//   - CodeRefused: it is genuine, but its issuer, which the error names, is not trusted
//   - CodeInvalid: it is genuine and trusted, but grants what cannot be
func VerifyGrant(text string, trusted []string) (Terms, error) {
	text = withoutSpace(text)
	foot, err := readFooter(text)
	if err != nil {
		return Terms{}, err
	}
	if foot.Kind != grantKind {
		return Terms{}, Errorf(CodeInvalid, "this signed text is no grant but of the kind %q", foot.Kind).
			WithHint("enter the activation key of the license; a newer gateway may know this kind")
	}
	var t Terms
	if err := verified(text, foot, trusted, &t); err != nil {
		return Terms{}, err
	}
	if err := sameIssuer(t.Issuer, foot); err != nil {
		return Terms{}, err
	}
	if err := t.Validate(); err != nil {
		return Terms{}, err
	}
	return t, nil
}

// VerifyOrder reads a signed order, with the same checks, in the same order, as
// VerifyGrant. A kind that this gateway does not know is CodeInvalid.
func VerifyOrder(text string, trusted []string) (Order, error) {
	text = withoutSpace(text)
	foot, err := readFooter(text)
	if err != nil {
		return Order{}, err
	}
	if !slices.Contains(OrderKinds(), OrderKind(foot.Kind)) {
		return Order{}, Errorf(CodeInvalid, "this signed text is no order but of the kind %q", foot.Kind).
			WithHint("a newer gateway may know this kind")
	}
	var o Order
	if err := verified(text, foot, trusted, &o); err != nil {
		return Order{}, err
	}
	if err := sameIssuer(o.Issuer, foot); err != nil {
		return Order{}, err
	}
	if string(o.Kind) != foot.Kind {
		return Order{}, Errorf(CodeInvalid, "the order is of two kinds, %s and %s", foot.Kind, o.Kind).
			WithHint("ask your distributor for a new one")
	}
	if err := o.Validate(); err != nil {
		return Order{}, err
	}
	return o, nil
}

// verified checks the signature, then whether its issuer counts, and reads the claims.
func verified(text string, foot footer, trusted []string, content any) error {
	claims, err := verify(text, foot)
	if err != nil {
		return err
	}
	if !slices.Contains(trusted, foot.Issuer) {
		return Errorf(CodeRefused, "the key is genuine, but its issuer is not trusted here: %s", foot.Issuer).
			WithHint("if your distributor confirms that this is its public key, add it to `issuers` in the configuration and reload")
	}
	// Strict: a field that this gateway does not know could be a restriction, and to
	// ignore it would give more than was granted.
	decoder := json.NewDecoder(bytes.NewReader(claims))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(content); err != nil {
		return Errorf(CodeInvalid, "the activation key is genuine, but not understood: %w", err).
			WithHint("it may need a newer version of Tallygate: update the gateway, or ask the distributor")
	}
	return nil
}

func sameIssuer(issuer string, foot footer) error {
	if issuer == foot.Issuer {
		return nil
	}
	return Errorf(CodeInvalid, "the activation key names two issuers").WithHint("ask your distributor for a new one")
}

func withoutSpace(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, text)
}

// readFooter finds the footer of a signed text. Nothing in it is verified yet.
func readFooter(text string) (footer, error) {
	broken := func(what string) error {
		return Errorf(CodeInvalid, "the activation key %s", what).
			WithHint("copy the whole text, from %s to its last character, or use the file itself: `tallygate license activate @FILE`", tokenHeader)
	}
	if len(text) > tokenMax {
		return footer{}, broken("is longer than any key")
	}
	body, found := strings.CutPrefix(text, tokenHeader)
	if !found {
		return footer{}, broken("does not begin with " + tokenHeader)
	}
	signed, foot, found := strings.Cut(body, ".")
	if !found {
		return footer{}, broken("is incomplete")
	}
	encoding := base64.RawURLEncoding.Strict()
	raw, err := encoding.DecodeString(foot)
	if _, bad := encoding.DecodeString(signed); bad != nil || err != nil {
		return footer{}, broken("is incomplete or damaged")
	}
	var f footer
	if err := json.Unmarshal(raw, &f); err != nil {
		return footer{}, broken("is incomplete or damaged")
	}
	if CheckIssuer(f.Issuer) != nil {
		return footer{}, broken("does not say who issued it")
	}
	return f, nil
}

// verify checks the signature against the issuer that the footer claims, trusted
// or not, and returns the claims.
func verify(text string, foot footer) ([]byte, error) {
	public, _ := decodeKey(foot.Issuer, publicHeader, ed25519.PublicKeySize)
	key, err := paseto.NewV4AsymmetricPublicKeyFromBytes(public)
	if err != nil {
		return nil, Errorf(CodeInternal, "read the issuer's key: %w", err)
	}
	token, err := paseto.MakeParser(nil).ParseV4Public(key, text, assertion(foot.Kind))
	if err != nil {
		return nil, Errorf(CodeRefused, "the activation key is forged or altered: its signature does not fit").
			WithHint("copy it again from the original; if it still fails, ask your distributor for a new one")
	}
	return token.ClaimsJSON(), nil
}
