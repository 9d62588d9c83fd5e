package simulate

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2869"
)

// Capture is a packet written down as text, the way radclient reads it: one
// "Name = value" a line, a blank line after each packet, # for comments. A comment
// "# kind: auth" or "# kind: acct" says what it is, "# name: …" what to call it.
type Capture struct {
	Name    string
	Request Request
}

// ParseCaptures reads packets. An attribute that it does not know is an error with
// the number of its line.
func ParseCaptures(text string) ([]Capture, error) {
	var out []Capture
	var c Capture
	begun := false
	end := func() {
		if begun {
			out = append(out, c)
		}
		c, begun = Capture{}, false
	}
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		switch {
		case line == "":
			end()
		case strings.HasPrefix(line, "#"):
			c.comment(strings.TrimSpace(line[1:]))
		default:
			begun = true
			if err := c.attribute(line); err != nil {
				return nil, fmt.Errorf("line %d: %w", i+1, err)
			}
		}
	}
	end()
	return out, nil
}

func (c *Capture) comment(text string) {
	key, value, _ := strings.Cut(text, ":")
	switch value = strings.TrimSpace(value); key {
	case "name":
		c.Name = value
	case "kind":
		c.Request.Code = radius.CodeAccountingRequest
		if value == "auth" {
			// radclient leaves Message-Authenticator out unless the text asks for it.
			c.Request.Code, c.Request.Unsigned = radius.CodeAccessRequest, true
		}
	}
}

func (c *Capture) attribute(line string) error {
	name, value, ok := strings.Cut(line, "=")
	name, value = strings.TrimSpace(name), strings.TrimSpace(value)
	known, found := wireAttributes[name]
	if !ok || !found {
		return fmt.Errorf("attribute %q is not known here", name)
	}
	if text, quoted := strings.CutPrefix(value, `"`); quoted {
		value = strings.TrimSuffix(text, `"`)
	}
	switch known.number {
	case rfc2869.MessageAuthenticator_Type:
		c.Request.Unsigned = false
		return nil
	case rfc2865.UserPassword_Type:
		c.Request.Password = &value
		return nil
	}
	octets, err := known.octets(value)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if known.vendor != 0 {
		octets = append([]byte{byte(known.number), byte(len(octets) + 2)}, octets...)
		octets = append(binary.BigEndian.AppendUint32(nil, known.vendor), octets...)
		c.Request.Attributes.Add(rfc2865.VendorSpecific_Type, octets)
		return nil
	}
	c.Request.Attributes.Add(known.number, octets)
	return nil
}

// wireAttribute is how an attribute is written on the wire.
type wireAttribute struct {
	number radius.Type
	format byte   // t: text, n: number or name of one, a: IPv4 address, x: octets
	vendor uint32 // SMI number; 0: none
}

func (w wireAttribute) octets(value string) ([]byte, error) {
	switch w.format {
	case 't':
		return []byte(value), nil
	case 'x':
		return hex.DecodeString(strings.TrimPrefix(value, "0x"))
	case 'a':
		ip, err := netip.ParseAddr(value)
		if err != nil || !ip.Is4() {
			return nil, fmt.Errorf("%q is not an IPv4 address", value)
		}
		return ip.AsSlice(), nil
	}
	n, named := wireValues[value]
	if !named {
		var err error
		if n, err = strconv.ParseUint(value, 10, 32); err != nil {
			return nil, fmt.Errorf("%q is neither a number nor a known name of one", value)
		}
	}
	return binary.BigEndian.AppendUint32(nil, uint32(n)), nil
}

// SMI numbers of vendors.
const (
	aruba    = 14823
	mikrotik = 14988
	wispr    = 14122
)

var wireAttributes = map[string]wireAttribute{
	"User-Name": {1, 't', 0}, "User-Password": {2, 't', 0}, "CHAP-Password": {3, 'x', 0}, "NAS-IP-Address": {4, 'a', 0},
	"NAS-Port": {5, 'n', 0}, "Service-Type": {6, 'n', 0}, "Framed-IP-Address": {8, 'a', 0}, "Called-Station-Id": {30, 't', 0},
	"Calling-Station-Id": {31, 't', 0}, "NAS-Identifier": {32, 't', 0}, "Proxy-State": {33, 'x', 0}, "Acct-Status-Type": {40, 'n', 0},
	"Acct-Delay-Time": {41, 'n', 0}, "Acct-Input-Octets": {42, 'n', 0}, "Acct-Output-Octets": {43, 'n', 0}, "Acct-Session-Id": {44, 't', 0},
	"Acct-Authentic": {45, 'n', 0}, "Acct-Session-Time": {46, 'n', 0}, "Acct-Input-Packets": {47, 'n', 0}, "Acct-Output-Packets": {48, 'n', 0},
	"Acct-Terminate-Cause": {49, 'n', 0}, "Acct-Multi-Session-Id": {50, 't', 0}, "Acct-Input-Gigawords": {52, 'n', 0},
	"Acct-Output-Gigawords": {53, 'n', 0}, "Event-Timestamp": {55, 'n', 0}, "CHAP-Challenge": {60, 'x', 0}, "NAS-Port-Type": {61, 'n', 0},
	"Connect-Info": {77, 't', 0}, "Message-Authenticator": {80, 'x', 0}, "NAS-Port-Id": {87, 't', 0},
	"WLAN-Pairwise-Cipher": {186, 'n', 0}, "WLAN-Group-Cipher": {187, 'n', 0}, "WLAN-AKM-Suite": {188, 'n', 0},
	"Aruba-User-Role": {1, 't', aruba}, "Aruba-User-Vlan": {2, 'n', aruba}, "Aruba-Essid-Name": {5, 't', aruba},
	"Aruba-Location-Id": {6, 't', aruba}, "Aruba-AP-Group": {10, 't', aruba}, "Aruba-Device-Type": {12, 't', aruba},
	"Mikrotik-Host-IP": {10, 'a', mikrotik}, "WISPr-Logoff-URL": {3, 't', wispr},
}

var wireValues = map[string]uint64{
	"Start": 1, "Stop": 2, "Interim-Update": 3, "Accounting-On": 7, "Accounting-Off": 8, // Acct-Status-Type
	"Login-User": 1, "Framed-User": 2, "Call-Check": 10, // Service-Type
	"RADIUS": 1, "Local": 2, "Remote": 3, // Acct-Authentic
	"User-Request": 1, "Lost-Service": 3, "Idle-Timeout": 4, // Acct-Terminate-Cause
	"Wireless-802.11": 19, // NAS-Port-Type
}
