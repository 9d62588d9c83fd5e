package radiusd

import (
	"encoding/binary"
	hexadecimal "encoding/hex"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"tallygate/licensing"
	"tallygate/macwatch"
	"tallygate/radiusd/dictionary"
)

// attributeName is a standard attribute as people name it.
type attributeName struct {
	name string
	kind uint8
	form byte // formText, formNumber, formAddress, or formOctets
}

const formOctets = 'o'

// attributeNames are those that answers carry, and that somebody may want to send.
var attributeNames = []attributeName{
	{"User-Name", attrUserName, formText}, {"User-Password", attrUserPassword, formOctets}, {"CHAP-Password", attrCHAPPassword, formOctets},
	{"NAS-IP-Address", attrNASIPAddress, formAddress}, {"NAS-Port", attrNASPort, formNumber}, {"Service-Type", 6, formNumber},
	{"Framed-Protocol", 7, formNumber}, {"Framed-IP-Address", attrFramedIPAddress, formAddress}, {"Filter-Id", attrFilterID, formText},
	{"Framed-MTU", 12, formNumber}, {"Reply-Message", attrReplyMessage, formText}, {"State", 24, formOctets}, {"Class", attrClass, formOctets},
	{"Session-Timeout", attrSessionTimeout, formNumber}, {"Idle-Timeout", 28, formNumber}, {"Termination-Action", 29, formNumber},
	{"Called-Station-Id", attrCalledStationID, formText}, {"Calling-Station-Id", attrCallingStationID, formText},
	{"NAS-Identifier", attrNASIdentifier, formText}, {"Proxy-State", attrProxyState, formOctets},
	{"Acct-Status-Type", attrAcctStatusType, formNumber}, {"Acct-Delay-Time", attrAcctDelayTime, formNumber},
	{"Acct-Input-Octets", attrAcctInputOctets, formNumber}, {"Acct-Output-Octets", attrAcctOutputOctets, formNumber},
	{"Acct-Session-Id", attrAcctSessionID, formText}, {"Acct-Session-Time", attrAcctSessionTime, formNumber},
	{"Acct-Terminate-Cause", attrAcctTerminateCause, formNumber}, {"Acct-Multi-Session-Id", attrAcctMultiSessionID, formText},
	{"Event-Timestamp", attrEventTimestamp, formNumber}, {"CHAP-Challenge", attrCHAPChallenge, formOctets}, {"NAS-Port-Type", attrNASPortType, formNumber},
	{"Tunnel-Type", attrTunnelType, formNumber}, {"Tunnel-Medium-Type", attrTunnelMediumType, formNumber}, {"Connect-Info", attrConnectInfo, formText},
	{"EAP-Message", attrEAPMessage, formOctets}, {"Message-Authenticator", attrMessageAuthenticator, formOctets},
	{"Tunnel-Private-Group-Id", attrTunnelPrivateGroupID, formText}, {"Acct-Interim-Interval", attrAcctInterimInterval, formNumber},
	{"NAS-Port-Id", attrNASPortID, formText}, {"NAS-IPv6-Address", attrNASIPv6Address, formAddress},
}

// ParseTrialAttribute reads NAME=VALUE: a standard attribute by its name, or by its number
// with the value in hexadecimal digits (26=0000…).
func ParseTrialAttribute(text string) (macwatch.TrialAttribute, error) {
	name, value, found := strings.Cut(text, "=")
	wrong := func(format string, args ...any) (macwatch.TrialAttribute, error) {
		return macwatch.TrialAttribute{}, licensing.Errorf(licensing.CodeInvalid, "%.80q: "+format, append([]any{text}, args...)...).
			WithHint("write NAME=VALUE, such as NAS-Port-Id=wlan0, or NUMBER=HEX, such as 26=000037f2")
	}
	if !found {
		return wrong("there is no =")
	}
	if n, err := strconv.ParseUint(name, 10, 8); err == nil && n > 0 {
		octets, err := hexadecimal.DecodeString(strings.TrimPrefix(value, "0x"))
		if err != nil || len(octets) > maxValue {
			return wrong("the value of a numbered attribute is up to %d octets in hexadecimal digits", maxValue)
		}
		return macwatch.TrialAttribute{Type: uint8(n), Value: octets}, nil
	}
	for _, a := range attributeNames {
		if strings.EqualFold(a.name, name) {
			octets, err := a.encode(value)
			if err != nil {
				return wrong("%w", err)
			}
			return macwatch.TrialAttribute{Type: a.kind, Value: octets}, nil
		}
	}
	return wrong("no standard attribute has this name")
}

func (a attributeName) encode(value string) ([]byte, error) {
	switch a.form {
	case formNumber:
		n, err := strconv.ParseUint(value, 0, 32)
		if err != nil {
			return nil, fmt.Errorf("%s is a number", a.name)
		}
		return binary.BigEndian.AppendUint32(nil, uint32(n)), nil
	case formAddress:
		ip, err := netip.ParseAddr(value)
		if err != nil || ip.Is4() == (a.kind == attrNASIPv6Address) {
			return nil, fmt.Errorf("%s is an IP address", a.name)
		}
		return ip.WithZone("").AsSlice(), nil
	case formOctets:
		octets, err := hexadecimal.DecodeString(strings.TrimPrefix(value, "0x"))
		if err != nil || len(octets) > maxValue {
			return nil, fmt.Errorf("%s takes hexadecimal digits", a.name)
		}
		return octets, nil
	}
	if len(value) > maxValue {
		return nil, fmt.Errorf("%s holds at most %d octets", a.name, maxValue)
	}
	return []byte(value), nil
}

// answerDetails shows an attribute; a Vendor-Specific one may hold several.
func answerDetails(kind uint8, value []byte) []macwatch.TrialAnswerDetail {
	if kind == attrVendorSpecific {
		var out []macwatch.TrialAnswerDetail
		for a := range vendorAttributes(value) {
			out = append(out, vendorDetail(a))
		}
		if out != nil {
			return out
		}
	}
	name, form := fmt.Sprintf("Attribute %d", kind), byte(formOctets)
	if kind == attrVendorSpecific {
		name = "Vendor-Specific"
	}
	for _, a := range attributeNames {
		if a.kind == kind {
			name, form = a.name, a.form
		}
	}
	if kind == attrTunnelPrivateGroupID {
		value = untagged(value)
	}
	return []macwatch.TrialAnswerDetail{{Name: name, Value: showValue(form, value)}}
}

func vendorDetail(a vendorAttribute) macwatch.TrialAnswerDetail {
	for _, known := range dictionary.Attributes {
		if known.Vendor == a.vendor && known.Type == a.kind {
			form := map[dictionary.Form]byte{dictionary.Text: formText, dictionary.Number: formNumber, dictionary.Address: formAddress, dictionary.Octets: formOctets}
			return macwatch.TrialAnswerDetail{Name: known.Name, Value: showValue(form[known.Form], a.value)}
		}
	}
	name, form := fmt.Sprintf("Vendor %d, attribute %d", a.vendor, a.kind), byte(formOctets)
	if a.vendor == vendorWISPr && (a.kind == wisprBandwidthUp || a.kind == wisprBandwidthDn) {
		name, form = map[uint8]string{wisprBandwidthUp: "WISPr-Bandwidth-Max-Up", wisprBandwidthDn: "WISPr-Bandwidth-Max-Down"}[a.kind], formNumber
	}
	return macwatch.TrialAnswerDetail{Name: name, Value: showValue(form, a.value)}
}

// showValue writes a value as its form wants it; what does not have that form, in
// hexadecimal digits.
func showValue(form byte, value []byte) string {
	switch form {
	case formText:
		return shown(value)
	case formNumber:
		if len(value) == 4 {
			return strconv.FormatUint(uint64(binary.BigEndian.Uint32(value)), 10)
		}
	case formAddress:
		if a, ok := netip.AddrFromSlice(value); ok {
			return a.String()
		}
	}
	return "0x" + hexadecimal.EncodeToString(value)
}
