package macwatch

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSessionMAC(t *testing.T) {
	for id, want := range map[string]string{
		"646f26a4/f6:ff:cc:5f:51:68/911":                 "f6:ff:cc:5f:51:68",
		"04BD8815FF15-DADB914A5923-646A2888-45ECD":       "da:db:91:4a:59:23",
		"DADB914A5923-1684678474":                        "da:db:91:4a:59:23",
		"00335856ef202a27690654d767bc07f40001":           "2a:27:69:06:54:d7",
		"6caab3ecb03cbc926b34c6b2574db03e8bcf":           "bc:92:6b:34:c6:b2",
		"1970D5A4-001F3B8C3A15-0000000001":               "00:1f:3b:8c:3a:15",
		"192.168.1.138_09/02/2026_08:39:47_fe99737becd0": "fe:99:73:7b:ec:d0",
		"5c:1d:d9:20:a0:c1":                              "5c:1d:d9:20:a0:c1",
		"s1 5c1d.d920.a0c1":                              "5c:1d:d9:20:a0:c1",

		"":                                     "",
		"80300083":                             "",
		"00000028-0000013C":                    "",
		"B0CE1AA98E2E130C":                     "",
		"13b4620b9267463b96183d63d9c3bb9e":     "",
		"3911939226325692155":                  "",
		"175114367300000001":                   "",
		"815dfcc8-855c-453f-a3e2-fd57c5110165": "",
		"94b2-710000000000010128a1020000016":   "",
		"67BC07F4-5856EF20":                    "",
		"9f86d081884c":                         "", // an id of twelve digits is only an id
		"a_202601011200":                       "", // a time
		"ap1_000000000000":                     "",
		"x/ff:ff:ff:ff:ff:ff/1":                "",
		"04BD8815FF15-DADB914A5923-64":         "",
		"DADB914A5923-16846x8474":              "",
		"00335856ef202a27690654d70000000000ff": "", // no time
		"10.1.1.1/2001:db8:0:1/x":              "",
	} {
		m, ok := SessionMAC([]byte(id))
		require.Equal(t, want != "", ok, id)
		if ok {
			require.Equal(t, want, m.String(), id)
		}
	}
}

func TestNamesOfGuests(t *testing.T) {
	for _, tt := range []struct {
		calling, user, mac, source string
		login                      bool
	}{
		{"10.1.1.1", "user_7C:C5:37:FF:F8:AF_134", "7c:c5:37:ff:f8:af", SourceUserName, false},
		{"", "28-D2-44-37-69-7C@hotelsol", "28:d2:44:37:69:7c", SourceUserName, true},
		{"28-D2-44-37-69-7C", "28d24437697c@hotelsol", "28:d2:44:37:69:7c", SourceCalling, true},
		{"28-D2-44-37-69-7C[wlan0]", "guest", "28:d2:44:37:69:7c", SourceCalling, false},
		{"28-D2-44-37-69-7C:Guest", "28d24437697c", "28:d2:44:37:69:7c", SourceCalling, true},
		{"28-D2-44-37-69-7C", "ana@28d24437697c.example", "28:d2:44:37:69:7c", SourceCalling, false},
		{"2001:db8:0:1:1:1:1:1", "guest", "00:00:00:00:00:00", SourceNone, false},
		{"", "ana_202601011200", "00:00:00:00:00:00", SourceNone, false},
	} {
		m, source := GuestMAC([]byte(tt.calling), []byte(tt.user))
		require.Equal(t, tt.mac, m.String(), "%+v", tt)
		require.Equal(t, tt.source, source, "%+v", tt)
		require.Equal(t, tt.login, MACLogin([]byte(tt.user), []byte(tt.calling)), "%+v", tt)
	}
	require.True(t, Voucher([]byte("123456789012")))
	require.False(t, Voucher([]byte("12345678901a")))
	require.False(t, Voucher([]byte("12-34-56-78-90-12")))
	require.True(t, HasAddress([]byte("00-00-00-00-00-00")))
	require.False(t, HasAddress([]byte("10.1.1.1")))
}

// FuzzSessionMAC: whatever stands there, what is found is a device's.
func FuzzSessionMAC(f *testing.F) {
	for _, id := range []string{
		"646f26a4/f6:ff:cc:5f:51:68/911", "04BD8815FF15-DADB914A5923-646A2888-45ECD", "DADB914A5923-1684678474", "1970D5A4-001F3B8C3A15-0000000001",
		"00335856ef202a27690654d767bc07f40001", "192.168.1.138_09/02/2026_08:39:47_fe99737becd0", "815dfcc8-855c-453f-a3e2-fd57c5110165", "____________",
	} {
		f.Add([]byte(id))
	}
	f.Fuzz(func(t *testing.T, id []byte) {
		if m, ok := SessionMAC(id); ok && !m.Device() {
			t.Fatalf("%q gives %s", id, m)
		}
		if m, source := GuestMAC(nil, id); (source != SourceNone) != m.Device() {
			t.Fatalf("%q gives %s from %s", id, m, source)
		}
	})
}
