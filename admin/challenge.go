package admin

import (
	"crypto/md5"
	"encoding/hex"
	"strconv"
	"strings"

	"tallygate/licensing"
)

// chapBody is the challenge of a MikroTik hotspot, as its redirect page gives it out
// (`chap-id`, `chap-challenge`): octets, the odd ones written as \ooo; or in hexadecimal.
type chapBody struct {
	ID        string `json:"id"`
	Challenge string `json:"challenge"`
}

// uamBody is the challenge of CoovaChilli (32 hexadecimal digits) and the uamsecret that
// the portal shares with it; empty where none is set. Neither is kept.
type uamBody struct {
	Challenge string `json:"challenge"`
	Secret    string `json:"secret,omitempty"`
}

// challenge is how the password of the credential is to be answered with; nil: not at all.
func (b credentialBody) challenge() (respond func(password string) string, err error) {
	switch {
	case b.CHAP != nil && b.UAM != nil:
		return nil, licensing.Errorf(licensing.CodeInvalid, "chap and uam are the challenges of two makes").WithHint("send chap for MikroTik, uam for CoovaChilli")
	case b.CHAP != nil:
		return b.CHAP.respond()
	case b.UAM != nil:
		return b.UAM.respond()
	}
	return nil, nil
}

func (c chapBody) respond() (func(string) string, error) {
	id, okID := octets(c.ID)
	challenge, ok := octets(c.Challenge)
	if !okID || len(id) != 1 || !ok || len(challenge) == 0 || len(challenge) > 253 {
		return nil, licensing.Errorf(licensing.CodeInvalid, "chap holds no challenge").
			WithHint(`pass on $(chap-id) and $(chap-challenge) as the hotspot writes them, such as \145 and \021\327…, or in hexadecimal`)
	}
	return func(password string) string { return chapResponse(id[0], password, challenge) }, nil
}

func (u uamBody) respond() (func(string) string, error) {
	challenge, err := hex.DecodeString(u.Challenge)
	if err != nil || len(challenge) != md5.Size {
		return nil, licensing.Errorf(licensing.CodeInvalid, "uam holds no challenge").WithHint("pass on the parameter challenge of the redirect: 32 hexadecimal digits")
	}
	if u.Secret != "" {
		sum := md5.Sum(append(challenge, u.Secret...))
		challenge = sum[:]
	}
	return func(password string) string { return chapResponse(0, password, challenge) }, nil
}

// chapResponse is the value of a CHAP response (RFC 1994 section 4.1), in hexadecimal.
func chapResponse(id byte, password string, challenge []byte) string {
	h := md5.New()
	h.Write([]byte{id})
	h.Write([]byte(password))
	h.Write(challenge)
	return hex.EncodeToString(h.Sum(nil))
}

// octets reads what a MikroTik writes: \ooo for an octet, anything else as it stands.
// Without a backslash, pairs of hexadecimal digits are hexadecimal.
func octets(text string) ([]byte, bool) {
	if !strings.Contains(text, `\`) {
		if b, err := hex.DecodeString(text); err == nil && len(b) > 0 {
			return b, true
		}
		return []byte(text), text != ""
	}
	var out []byte
	for text != "" {
		if text[0] != '\\' {
			out, text = append(out, text[0]), text[1:]
			continue
		}
		if len(text) < 4 {
			return nil, false
		}
		n, err := strconv.ParseUint(text[1:4], 8, 8)
		if err != nil {
			return nil, false
		}
		out, text = append(out, byte(n)), text[4:]
	}
	return out, true
}
