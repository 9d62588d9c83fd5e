package licensing

import (
	"bytes"
	"compress/gzip"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"strings"
)

// A release as text: releaseHeader, the signed Release, a dot, the packed facts.
const (
	releaseHeader = "tg-release.v1."
	releaseKind   = "release" // no OrderKind: no distributor signs it

	// MaxRelease bounds a release as text, in octets: about a million counted devices.
	MaxRelease = 32 << 20
	// factsMax bounds what the packed facts unfold to.
	factsMax = 256 << 20
)

// GatewayKey is a gateway's own key pair, from the seed in its key file, with which it
// signs releases. As an issuer it is trusted by nobody.
func GatewayKey(seed []byte) (IssuerKey, error) {
	if len(seed) != ed25519.SeedSize {
		return IssuerKey{}, Errorf(CodeInvalid, "a gateway's seed has %d octets, not %d", ed25519.SeedSize, len(seed))
	}
	return IssuerKey{ed25519.NewKeyFromSeed(seed)}, nil
}

// SealRelease packs the facts, signs r over them, and returns the text. From and Facts
// of r are filled in. CodeConflict when there are more devices than MaxRelease takes.
func (k IssuerKey) SealRelease(r Release, f ReleaseFacts) (string, error) {
	packed, err := packFacts(f)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(packed)
	r.From, r.Facts = k.Public(), hex.EncodeToString(sum[:])
	token, err := k.sign(OrderKind(releaseKind), r)
	if err != nil {
		return "", err
	}
	text := releaseHeader + token + "." + base64.RawURLEncoding.EncodeToString(packed)
	if len(text) > MaxRelease {
		return "", Errorf(CodeConflict, "%s has counted more devices than a release can carry", r.License).
			WithHint("ask the distributor for a transfer order, which carries the start without the devices")
	}
	return text, nil
}

func packFacts(f ReleaseFacts) ([]byte, error) {
	text, err := json.Marshal(f)
	if err != nil {
		return nil, Errorf(CodeInternal, "write the release: %w", err)
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err = z.Write(text); err == nil {
		err = z.Close()
	}
	if err != nil {
		return nil, Errorf(CodeInternal, "pack the release: %w", err)
	}
	return packed.Bytes(), nil
}

// CutReleases divides what was entered into a signed text, which may be empty, and the
// releases after it: `gateway release --all` writes several into one file, and a
// transfer order may stand before the release that it permits. White space is ignored.
func CutReleases(text string) (signed string, releases []string) {
	signed, rest, found := strings.Cut(withoutSpace(text), releaseHeader)
	for found {
		var one string
		one, rest, found = strings.Cut(rest, releaseHeader)
		releases = append(releases, releaseHeader+one)
	}
	return signed, releases
}

// ReleaseToken is the signed part of a release, without its facts; "" when text is no
// release.
func ReleaseToken(text string) string {
	body, found := strings.CutPrefix(text, releaseHeader)
	at := strings.LastIndexByte(body, '.')
	if !found || at < 0 {
		return ""
	}
	return body[:at]
}

// VerifyRelease reads the signed part of a release. Whether the gateway that signed it
// had anything to say is another matter (CheckRelease).
func VerifyRelease(token string) (Release, error) {
	foot, err := readFooter(token)
	if err != nil {
		return Release{}, err
	}
	var r Release
	if foot.Kind != releaseKind {
		return r, Errorf(CodeInvalid, "this signed text is no release but of the kind %q", foot.Kind).
			WithHint("`tallygate gateway release` writes one")
	}
	if err := verified(token, foot, []string{foot.Issuer}, &r); err != nil {
		return r, err
	}
	number, err := ParseNumber(r.License)
	if err != nil || number != r.License || r.From != foot.Issuer || CheckGateway(r.To) != nil || r.Hop < 1 || r.ReleasedAt.IsZero() {
		return r, Errorf(CodeInvalid, "the release is genuine, but says what cannot be").
			WithHint("release the license again on the old gateway")
	}
	return r, nil
}

// OpenRelease reads a release with its facts, one of CutReleases: an *Error with
// CodeRefused when it was altered, with CodeInvalid when it is damaged or not understood.
func OpenRelease(text string) (Release, ReleaseFacts, error) {
	var f ReleaseFacts
	if len(text) > MaxRelease {
		return Release{}, f, Errorf(CodeInvalid, "the release is longer than any").WithHint("use the file that `tallygate gateway release` wrote")
	}
	token := ReleaseToken(text)
	r, err := VerifyRelease(token)
	if err != nil {
		return r, f, err
	}
	packed, err := base64.RawURLEncoding.Strict().DecodeString(text[len(releaseHeader)+len(token)+1:])
	sum := sha256.Sum256(packed)
	if err != nil || hex.EncodeToString(sum[:]) != r.Facts {
		return r, f, Errorf(CodeRefused, "the release of %s is cut off or altered: what it carries is not what was signed", r.License).
			WithHint("copy the file again; `tallygate gateway release` on the old gateway writes it once more")
	}
	if err := unpackFacts(packed, &f); err != nil {
		return r, f, Errorf(CodeInvalid, "the release of %s is genuine, but not understood: %w", r.License, err).
			WithHint("it may need a newer version of Tallygate: update this gateway")
	}
	return r, f, nil
}

func unpackFacts(packed []byte, f *ReleaseFacts) error {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(io.LimitReader(z, factsMax))
	decoder.DisallowUnknownFields()
	return decoder.Decode(f)
}
