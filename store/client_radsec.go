package store

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"net/netip"
	"strings"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// certificatePrefix begins the prefix column of a client that comes over RadSec only.
// The column is unique and says what a client is known by: its addresses, or this.
const certificatePrefix = "radsec:"

// storedSettings is the settings column.
type storedSettings struct {
	macwatch.ClientSettings
	From netip.Prefix `json:"radsec_from,omitzero"` // where a RadSec-only client may come from
}

// canonicalRadSec spells a client's certificate as it is compared, and says whether the
// client comes over RadSec alone: then it has no secret.
func canonicalRadSec(c macwatch.Client) macwatch.RadSecSettings {
	s := c.RadSecSettings
	s.RadSecName = strings.ToLower(strings.TrimSpace(s.RadSecName))
	s.Certificate = strings.ToLower(strings.NewReplacer(":", "", " ", "").Replace(s.Certificate))
	s.RadSecOnly = s.RadSec() && c.Secret == ""
	return s
}

// certificateKey is what a client is known by on RadSec; "" when it does not come so.
func certificateKey(c macwatch.Client) string { return cmp.Or(c.Certificate, c.RadSecName) }

// checkRadSec checks a client that comes over RadSec, perhaps over UDP as well.
func checkRadSec(c macwatch.Client) error {
	digest, err := hex.DecodeString(c.Certificate)
	switch {
	case c.RadSecName != "" && c.Certificate != "":
		return licensing.Errorf(licensing.CodeInvalid, "a client is known by a name in its certificate or by the certificate itself, not by both").
			WithHint("the name outlives a renewal of the certificate, and is what most venues want")
	case c.Certificate != "" && (err != nil || len(digest) != 32):
		return licensing.Errorf(licensing.CodeInvalid, "%q is not the SHA-256 of a certificate", c.Certificate).
			WithHint("it has 64 hexadecimal digits, as `openssl x509 -in FILE -noout -fingerprint -sha256` prints them")
	case strings.ContainsAny(c.RadSecName, " \t,;/\"") || strings.LastIndexByte(c.RadSecName, '*') > 0 ||
		c.RadSecName != "" && c.RadSecName[0] == '*' && !strings.HasPrefix(c.RadSecName, "*."):
		return licensing.Errorf(licensing.CodeInvalid, "%q is not a name that a certificate bears", c.RadSecName).
			WithHint("write a DNS name of the certificate, such as ap1.example, or *.example for every ap in it")
	case c.RadSecOnly && c.Secret != "":
		return licensing.Errorf(licensing.CodeInvalid, "client %q comes over RadSec alone, which needs no secret", c.Name).
			WithHint("to serve it over UDP as well, remove it and add it with --address and --secret")
	case !c.RadSecOnly && !c.Prefix.IsValid():
		return licensing.Errorf(licensing.CodeInvalid, "a client with a secret needs an address").
			WithHint("give --address, or leave --secret out: over RadSec alone none is needed")
	}
	return nil
}

// clientColumns are the prefix and settings columns of a client.
func clientColumns(c macwatch.Client) (prefix, settings string, err error) {
	prefix = c.Prefix.String()
	stored := storedSettings{ClientSettings: c.ClientSettings}
	if c.RadSecOnly {
		prefix, stored.From = certificatePrefix+certificateKey(c), c.Prefix
	}
	text, err := json.Marshal(stored)
	if err != nil {
		return "", "", faultf("cannot write a client's settings: %w", err)
	}
	return prefix, string(text), nil
}

// readClientColumns is the reverse.
func readClientColumns(c *macwatch.Client, prefix, settings string) error {
	var stored storedSettings
	if err := json.Unmarshal([]byte(settings), &stored); err != nil {
		return err
	}
	c.ClientSettings = stored.ClientSettings
	if c.RadSecOnly {
		c.Prefix = stored.From
		return nil
	}
	var err error
	c.Prefix, err = netip.ParsePrefix(prefix)
	return err
}
