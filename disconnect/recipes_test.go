package disconnect

import (
	"encoding/binary"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"

	"tallygate/macwatch"
)

// line is a step as a NAS sees it: where to, what, and every attribute, in order, decoded
// by a library that others wrote. Message-Authenticator and Event-Timestamp are marks.
func line(t *testing.T, r recipe, s step, of *macwatch.Session) string {
	t.Helper()
	j := &job{recipe: r, steps: []step{s}}
	b := s.encode(of, 1, 0, noon, []byte(testSecret))
	require.True(t, radius.IsAuthenticRequest(b, []byte(testSecret)))
	p, err := radius.Parse(b, []byte(testSecret))
	require.NoError(t, err)
	out := fmt.Sprintf("%d %s", j.address().Port(), p.Code)
	for _, a := range p.Attributes {
		v := a.Attribute
		switch a.Type {
		case attrUserName:
			out += " user=" + radius.String(v)
		case attrCallingStationID:
			out += " calling=" + radius.String(v)
		case attrNASIdentifier:
			out += " nas=" + radius.String(v)
		case attrAcctSessionID:
			out += " id=" + radius.String(v)
		case attrNASIPAddress, attrFramedIPAddress:
			ip, err := radius.IPAddr(v)
			require.NoError(t, err)
			out += map[radius.Type]string{attrNASIPAddress: " nas-ip=", attrFramedIPAddress: " ip="}[a.Type] + ip.String()
		case attrNASIPv6Address:
			out += " nas-ip=" + net.IP(v).String()
		case attrNASPort:
			n, err := radius.Integer(v)
			require.NoError(t, err)
			out += fmt.Sprintf(" port=%d", n)
		case attrVendorSpecific:
			vendor, value, err := radius.VendorSpecific(v)
			require.NoError(t, err)
			require.EqualValues(t, 9, vendor)
			require.Equal(t, byte(1), value[0], "cisco-avpair")
			require.Equal(t, len(value), int(value[1]))
			out += " " + string(value[2:])
		case attrMessageAuthenticator:
			out += " MA"
		case attrEventTimestamp:
			require.EqualValues(t, noon.Unix(), binary.BigEndian.Uint32(v))
			out += " ET"
		default:
			require.Fail(t, "attribute", "%d", a.Type)
		}
	}
	return out
}

const (
	idAnna      = "id=8F2A00000000001B"
	callingAnna = "calling=80-41-00-00-00-01"
	userAnna    = "user=Anna@Hotel"
)

// How each make is asked, attempt after attempt: strings exactly as its NAS sent them.
func TestRecipes(t *testing.T) {
	const disconnect = "Disconnect-Request"
	aruba := []string{"3799 Disconnect-Request calling=80-41-00-00-00-01 nas-ip=192.0.2.9", "3799 Disconnect-Request calling=80-41-00-00-00-01 user=Anna@Hotel"}
	ruckus := []string{"3799 Disconnect-Request calling=80-41-00-00-00-01 nas-ip=192.0.2.9", "3799 Disconnect-Request calling=80-41-00-00-00-01"}
	all := map[macwatch.Vendor][]string{
		macwatch.VendorGeneric: {
			"3799 Disconnect-Request MA " + idAnna + " " + callingAnna + " " + userAnna + " nas-ip=192.0.2.9 nas=ap-1 ET",
			"3799 Disconnect-Request MA " + callingAnna + " nas-ip=192.0.2.9 ET",
			"3799 Disconnect-Request " + idAnna + " " + userAnna,
			"3799 Disconnect-Request " + callingAnna,
			"3799 Disconnect-Request " + userAnna + " ip=10.0.0.7",
		},
		macwatch.VendorUniFiAP: {
			"3799 Disconnect-Request MA " + callingAnna + " nas=ap-1 ET",
			"3799 Disconnect-Request MA " + callingAnna + " ET",
		},
		macwatch.VendorHostapd: {
			"3799 Disconnect-Request MA " + callingAnna + " " + idAnna + " ET",
			"3799 Disconnect-Request MA " + callingAnna + " ET",
			"3799 Disconnect-Request MA " + idAnna + " ET",
		},
		macwatch.VendorUspot: {
			"3799 Disconnect-Request " + idAnna + " " + callingAnna,
			"3799 Disconnect-Request " + callingAnna + " " + userAnna,
		},
		macwatch.VendorCoovaChilli: {
			"3799 Disconnect-Request MA " + userAnna + " " + idAnna,
			"3799 Disconnect-Request MA " + userAnna,
		},
		macwatch.VendorMikroTikHotspot: {
			"3799 Disconnect-Request " + userAnna + " " + idAnna + " ip=10.0.0.7",
			"3799 Disconnect-Request " + userAnna + " ip=10.0.0.7",
			"3799 Disconnect-Request " + idAnna,
		},
		macwatch.VendorMikroTikWiFi: {
			"3799 Disconnect-Request " + userAnna + " " + callingAnna + " " + idAnna,
			"3799 Disconnect-Request " + userAnna,
			"3799 Disconnect-Request " + callingAnna,
		},
		macwatch.VendorArubaInstant:    aruba,
		macwatch.VendorArubaController: aruba,
		macwatch.VendorCiscoAireOS: {
			"3799 Disconnect-Request " + callingAnna + " nas-ip=192.0.2.9 port=13",
			"3799 Disconnect-Request " + callingAnna,
			"1700 CoA-Request audit-session-id=0A0000010000001B5A subscriber:command=reauthenticate",
		},
		macwatch.VendorCisco9800: {
			"1700 Disconnect-Request audit-session-id=0A0000010000001B5A " + callingAnna,
			"1700 Disconnect-Request " + callingAnna + " nas-ip=192.0.2.9",
			"1700 CoA-Request audit-session-id=0A0000010000001B5A " + callingAnna + " subscriber:command=reauthenticate",
		},
		macwatch.VendorMeraki: {
			"1700 Disconnect-Request " + callingAnna + " audit-session-id=0A0000010000001B5A",
			"1700 Disconnect-Request " + callingAnna,
			"1700 CoA-Request " + callingAnna + " audit-session-id=0A0000010000001B5A subscriber:command=reauthenticate",
		},
		macwatch.VendorRuckusSmartZone: ruckus,
		macwatch.VendorRuckusUnleashed: ruckus,
		macwatch.VendorCambium: {
			"3799 Disconnect-Request " + callingAnna + " " + userAnna,
			"3799 Disconnect-Request " + callingAnna,
		},
		macwatch.VendorFortinet: {
			"3799 Disconnect-Request " + idAnna + " " + userAnna + " ip=10.0.0.7",
			"3799 Disconnect-Request " + idAnna + " " + userAnna,
			"3799 Disconnect-Request " + userAnna + " ip=10.0.0.7",
		},
		macwatch.VendorAerohive:      aruba,
		macwatch.VendorExtremeCampus: aruba,
		macwatch.VendorExtremeWiNG:   aruba,
		macwatch.VendorHuawei: {
			"3799 Disconnect-Request " + idAnna,
			"3799 Disconnect-Request " + callingAnna + " " + userAnna,
		},
		macwatch.VendorPfSense:  nil,
		macwatch.VendorOPNsense: nil,
	}
	require.Len(t, all, len(recipes), "every recipe is shown here")
	for vendor, want := range all {
		t.Run(string(vendor), func(t *testing.T) {
			r := recipes[vendor]
			var got []string
			steps, _ := r.usable(session())
			for _, s := range steps {
				got = append(got, line(t, r, s, session()))
			}
			require.Equal(t, want, got)
			if len(want) == 0 {
				require.Contains(t, r.none, "takes no Disconnect-Request")
				return
			}
			require.NotEmpty(t, r.turn, "what to switch on")
			require.Contains(t, strings.Join(got, "\n"), disconnect)
		})
	}
	for _, v := range macwatch.Vendors() {
		r := recipeOf(v, macwatch.VendorAuto)
		require.True(t, len(r.steps) > 0 || r.none != "", v)
	}
}

// Who says what the make is.
func TestWhichRecipe(t *testing.T) {
	require.Equal(t, recipes[macwatch.VendorHuawei].steps, recipeOf(macwatch.VendorHuawei, macwatch.VendorPfSense).steps, "the operator knows")
	require.NotEmpty(t, recipeOf(macwatch.VendorAuto, macwatch.VendorPfSense).none, "else what its packets look like")
	require.NotEmpty(t, recipeOf(macwatch.VendorAuto, macwatch.VendorGeneric, macwatch.VendorOPNsense).none, "else what earlier ones looked like")
	require.Equal(t, generic, recipeOf(macwatch.VendorGeneric, macwatch.VendorOPNsense).steps)
	require.Equal(t, generic, recipeOf(macwatch.VendorAuto, macwatch.VendorAuto).steps)
	require.Equal(t, generic, recipeOf("", "").steps)
	require.Equal(t, generic, recipeOf(macwatch.VendorOmada, "").steps, "not verified for this make")
}

// What a NAS did not say cannot be said to it.
func TestStepsNeedWhatTheNASSaid(t *testing.T) {
	lines := func(v macwatch.Vendor, change func(*macwatch.Session)) (out []string, missing string) {
		s := session()
		change(s)
		r := recipes[v]
		steps, missing := r.usable(s)
		for _, step := range steps {
			out = append(out, line(t, r, step, s))
		}
		return out, missing
	}
	got, _ := lines(macwatch.VendorHostapd, func(s *macwatch.Session) { s.SessionID = "00000028-0000013C" })
	require.Equal(t, []string{"3799 Disconnect-Request MA " + callingAnna + " ET"}, got, "an id of old hostapd is an invalid value to the new one")
	got, missing := lines(macwatch.VendorCoovaChilli, func(s *macwatch.Session) { s.UserName = "" })
	require.Empty(t, got, "without User-Name CoovaChilli drops it")
	require.Equal(t, "User-Name", missing)
	got, _ = lines(macwatch.VendorArubaController, func(s *macwatch.Session) {
		s.Origin.NASAddress = s.Origin.NASAddress.Next()
		s.Calling = "804100000001"
	})
	require.Equal(t, []string{"3799 Disconnect-Request calling=804100000001 nas-ip=192.0.2.10", "3799 Disconnect-Request calling=804100000001 " + userAnna}, got)
	got, _ = lines(macwatch.VendorUniFiAP, func(s *macwatch.Session) { s.NAS = "192.0.2.9" })
	require.Equal(t, []string{"3799 Disconnect-Request MA " + callingAnna + " ET"}, got, "an address in the place of NAS-Identifier is ours, not the NAS's")
	got, _ = lines(macwatch.VendorCisco9800, func(s *macwatch.Session) { s.Origin.AuditID = nil })
	require.Equal(t, []string{"1700 Disconnect-Request " + callingAnna + " nas-ip=192.0.2.9"}, got)
	got, _ = lines(macwatch.VendorGeneric, func(s *macwatch.Session) {
		*s = macwatch.Session{SessionID: "7"}
	})
	require.Equal(t, []string{"3799 Disconnect-Request MA id=7 ET", "3799 Disconnect-Request id=7"}, got)
}
