package licensing

import (
	"slices"
	"strings"
)

//go:generate go generate ../radiusd/dictionary

// Where rules can read from, beside the vendors' attributes: words for what several
// attributes may hold (the VLAN; the AP and the SSID as the gateway finds them), and
// attributes of the RFCs.
var standardAttributes = [...]string{
	"nas-port-id", "vlan", "user-name", "nas-identifier", "called-station-id", "ap", "ssid", "calling-station-id",
	"acct-session-id", "acct-multi-session-id", "tunnel-private-group-id", "connect-info", "nas-port", "nas-ip-address", "framed-ip-address",
}

// pairAttribute begins the name of one of Cisco's pairs: cisco-avpair:vlan-id.
const pairAttribute = "cisco-avpair:"

// Attributes lists the names that a rule may use: of a Location's rooms, of a client.
func Attributes() []string {
	return append(slices.Clone(standardAttributes[:]), vendorAttributes[:]...)
}

// CheckAttribute checks a name that a rule uses; letter case does not matter. The error
// names the attributes that are alike.
func CheckAttribute(name string) error {
	plain := strings.ToLower(strings.TrimSpace(name))
	if key, ok := strings.CutPrefix(plain, pairAttribute); ok && key != "" {
		return nil
	}
	for _, known := range Attributes() {
		if strings.EqualFold(known, plain) {
			return nil
		}
	}
	return Errorf(CodeInvalid, "%q is not an attribute that can be read", name).
		WithHint("choose one of %s", strings.Join(alike(plain), ", "))
}

// alike are the names that share a part with what was written; the standard ones, and how
// to write the others, when none does.
func alike(name string) (out []string) {
	for part := range strings.SplitSeq(name, "-") {
		for _, known := range vendorAttributes {
			if len(part) > 2 && strings.Contains(strings.ToLower(known), part) && !slices.Contains(out, known) && len(out) < 20 {
				out = append(out, known)
			}
		}
	}
	return append(append(slices.Clone(standardAttributes[:]), out...), pairAttribute+"KEY")
}
