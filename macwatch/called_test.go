package macwatch

import (
	"bytes"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

const (
	apMAC = MAC(0x9483c4014227)
)

// research/vendors.md, "Called-Station-Id rule", and every packet of
// vendor-packets/edge-cases.txt.
func TestCalledStationID(t *testing.T) {
	for value, want := range map[string]Called{
		// (1) an address, then the end or one octet that is no hexadecimal digit, then the SSID
		"94-83-C4-01-42-27:Guest":                        {MAC: apMAC, SSID: []byte("Guest"), HasSSID: true},
		"94:83:c4:01:42:27":                              {MAC: apMAC},
		"9483c4014227":                                   {MAC: apMAC},
		"9483.c401.4227":                                 {MAC: apMAC},
		"9483-c401-4227:Hotel Sol":                       {MAC: apMAC, SSID: []byte("Hotel Sol"), HasSSID: true},
		"00:17:0f:20:18:40:muir-guest":                   {MAC: 0x00170f201840, SSID: []byte("muir-guest"), HasSSID: true},
		"94:83:c4:01:42:27:a:b:c":                        {MAC: apMAC, SSID: []byte("a:b:c"), HasSSID: true},
		"94-83-C4-01-42-27:":                             {MAC: apMAC, SSID: []byte{}, HasSSID: true},
		"9483c4014227:aabbccddeeff-guest-wifi-network-1": {MAC: apMAC, SSID: []byte("aabbccddeeff-guest-wifi-network-1"), HasSSID: true},
		"94-83-C4-01-42-27-Guest":                        {MAC: apMAC, SSID: []byte("Guest"), HasSSID: true},
		"94-83-C4-01-42-27 Guest":                        {MAC: apMAC, SSID: []byte("Guest"), HasSSID: true},
		"94-83-C4-01-42-27:\xff\xfe\x00":                 {MAC: apMAC, SSID: []byte("\xff\xfe\x00"), HasSSID: true},
		"94-83-C4-01-42-27:\u2603":                       {MAC: apMAC, SSID: []byte("\u2603"), HasSSID: true},
		"94-83-C4-01-42-27::":                            {MAC: apMAC, SSID: []byte(":"), HasSSID: true},
		// (2) an IP address: a controller
		"10.50.0.1":       {IP: true},
		"192.168.100.200": {IP: true},
		"2001:db8::1":     {IP: true},
		"fe80::1":         {IP: true},
		// (3) anything else: text
		"":                     {},
		"Guest":                {},
		"lobby-ap:Guest":       {},
		"CaptivePortal":        {},
		"94-83-C4-01-42":       {},
		"94-83-C4-01-42-2":     {},
		"94-83-C4-01-42-27A":   {}, // 13 hexadecimal digits
		"5a9c5c0fe6a44":        {},
		":94-83-C4-01-42-27":   {},
		"-9483c4014227":        {},
		"94-83-C4-01-42-2g":    {},
		"deadbeefcafe1234":     {},
		"10.50.0.1:Guest":      {},
		"123.123.123.123":      {IP: true}, // twelve digits all the same
		"fe80::aabb:ccdd":      {IP: true},
		"192.168.100.200:SSID": {},
		"94-83-C4-01-42-27\n":  {MAC: apMAC, SSID: []byte{}, HasSSID: true},
	} {
		want.Text = []byte(value)
		got := ParseCalled([]byte(value))
		require.Equal(t, want.MAC, got.MAC, "%q", value)
		require.Equal(t, want.IP, got.IP, "%q", value)
		require.Equal(t, want.HasSSID, got.HasSSID, "%q", value)
		require.Equal(t, string(want.SSID), string(got.SSID), "%q", value)
		require.Equal(t, value, string(got.Text))
	}
}

func FuzzParseCalled(f *testing.F) {
	for _, s := range []string{
		"94-83-C4-01-42-27:Guest", "94:83:c4:01:42:27:a:b:c", "94-83-C4-01-42-27:", "9483c4014227:aabbccddeeff", "10.50.0.1", "2001:db8::1",
		"", "Guest", "lobby:Guest", "94-83-C4-01-42-27\xff\x00", "123.123.123.123", "9483.c401.4227",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		c := ParseCalled(b)
		if !bytes.Equal(b, before) || !bytes.Equal(c.Text, b) {
			t.Fatal("the input was changed, or its text lost")
		}
		within(t, b, c.Text)
		within(t, b, c.SSID)
		if len(c.SSID) > 0 && !c.HasSSID || c.HasSSID && c.IP || c.IP && c.MAC != 0 {
			t.Fatalf("%q contradicts itself: %+v", b, c)
		}
		// Address, one octet and SSID are all there is.
		address := b
		if c.HasSSID {
			address = b[:len(b)-len(c.SSID)-1]
		}
		m, ok := ParseMAC(address)
		if c.MAC != 0 && (!ok || m != c.MAC) {
			t.Fatalf("%q: %q is not %s", b, address, c.MAC)
		}
		if c.HasSSID && !ok {
			t.Fatalf("%q: an SSID without an address before it", b)
		}
		// A plain canonical value is always understood.
		if c.MAC.Device() {
			again := ParseCalled(append(append(c.MAC.AppendTo(nil), ':'), c.SSID...))
			if again.MAC != c.MAC || !bytes.Equal(again.SSID, c.SSID) {
				t.Fatalf("%q does not come back: %+v", b, again)
			}
		}
	})
}

// within fails when part is not a piece of whole's memory.
func within(t *testing.T, whole, part []byte) {
	t.Helper()
	if len(part) == 0 {
		return
	}
	from, at := uintptr(unsafe.Pointer(unsafe.SliceData(whole))), uintptr(unsafe.Pointer(unsafe.SliceData(part)))
	if at < from || at+uintptr(len(part)) > from+uintptr(len(whole)) {
		t.Fatal("the result does not point into the input")
	}
}

func TestAPKey(t *testing.T) {
	for called, want := range map[string]string{
		"94-83-C4-01-42-27:Guest": "94:83:c4:01:42:27",
		"10.50.0.1":               "nas-1",
		"":                        "nas-1",
		"Guest":                   "nas-1",
		"00-00-00-00-00-00:Guest": "nas-1",
		"FF-FF-FF-FF-FF-FF:Guest": "nas-1",
	} {
		require.Equal(t, "x"+want, string(APKey([]byte("x"), ParseCalled([]byte(called)), []byte("nas-1"))), called)
	}
}
