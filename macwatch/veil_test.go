package macwatch

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var (
	guestMAC   = MAC(0x5c1dd920a0c1)
	privateMAC = MAC(0xda1dd920a0c1)
)

// RFC 2104, against the standard library's.
func TestRFC2104APseudonymIsHMACSHA256(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		key := rapid.SliceOfN(rapid.Byte(), 1, 64).Draw(rt, "key")
		m := MAC(rapid.Uint64Range(1, 1<<48-1).Draw(rt, "address"))
		v := NewVeil(key)
		p := v.Name(m)
		h := hmac.New(sha256.New, key)
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(m))[2:])
		hash := binary.BigEndian.Uint64(h.Sum(nil)) >> 4
		require.Equal(rt, MAC(hash)&lowBits, p&lowBits)
		require.Equal(rt, MAC(hash)>>40, p>>42&highBits)

		require.True(rt, p.Veiled())
		require.False(rt, m.Veiled())
		require.Equal(rt, m.Private(), p.Private())
		require.True(rt, p.Device())
		require.Positive(rt, int64(p), "SQLite's integers are signed, and rows are read in their order")
		require.Equal(rt, p, v.Name(p), "once")
		require.NotEqual(rt, p, NewVeil(append([]byte{key[0] ^ 1}, key[1:]...)).Name(m))

		text := p.String()
		require.Len(rt, text, pseudonymSize)
		again, ok := ParseDevice(text)
		require.True(rt, ok)
		require.Equal(rt, p, again)
		_, ok = ParseMAC(text)
		require.False(rt, ok, "it is no address, and no packet may claim to hold one")
		require.True(rt, strings.HasPrefix(text, p.Last4()))
		var decoded MAC
		encoded, err := json.Marshal(p)
		require.NoError(rt, err)
		require.NoError(rt, json.Unmarshal(encoded, &decoded))
		require.Equal(rt, p, decoded)
	})
	require.Zero(t, NewVeil([]byte("k")).Name(0))
}

func TestAPseudonymCostsNoAllocation(t *testing.T) {
	v := NewVeil(make([]byte, 32))
	session := []byte("5C-1D-D9-20-A0-C2-5c1dd920a0c2-0011")
	pseudonym, dst := v.Name(guestMAC), make([]byte, 0, 100)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		_ = v.Name(guestMAC)
		_ = guestMAC.In(session)
		_ = Redacted(dst, session, guestMAC+1, pseudonym)
	}))
	require.Equal(t, pseudonym.String()+"-"+pseudonym.String()+"-0011", string(Redacted(nil, session, guestMAC+1, pseudonym)))
}

func TestParseDevice(t *testing.T) {
	for text, want := range map[string]MAC{
		"5C-1D-D9-20-A0-C1": guestMAC, "5c1dd920a0c1": guestMAC, "~0000000000000010": assemble(1, 0), "~FFFFFFFFFFFFFFF2": assemble(1<<60-1, privateBit),
	} {
		m, ok := ParseDevice(text)
		require.True(t, ok, text)
		require.Equal(t, want, m, text)
	}
	for _, text := range []string{"", "~", "~3f9a", "~00000000000000011", "~0000000000000011", "~000000000000001g", "~-00000000000010", "5c1dd920a0"} {
		_, ok := ParseDevice(text)
		require.False(t, ok, text)
	}
}

func TestRedact(t *testing.T) {
	for text, want := range map[string]string{
		"":                                 "",
		"5c1dd920a0c1":                     "X",
		"5C-1D-D9-20-A0-C1":                "X",
		"5c1d.d920.a0c1":                   "X",
		"5C1DD920A0C15C1DD920A0C1-65A1":    "XX-65A1",      // Aruba
		"5f3c1b/5c:1d:d9:20:a0:c1/123":     "5f3c1b/X/123", // Cisco AireOS
		"guest-5c:1d:d9:20:a0:c1@hotel":    "guest-X@hotel",
		"005c1dd920a0c100":                 "00X00", // within a longer number
		"555c1dd920a0c1":                   "55X",
		"\x01\x5c\x1d\xd9\x20\xa0\xc1\x02": "\x01X\x02", // octets
		"5c1dd920a0c2":                     "5c1dd920a0c2",
		"5c1dd920a0c":                      "5c1dd920a0c",
		"5c 1d d9 20 a0 c1":                "5c 1d d9 20 a0 c1", // no spelling that ParseMAC knows
	} {
		require.Equal(t, want, Redact(text, guestMAC, "X"), "%q", text)
		require.Equal(t, want, string(Redact([]byte(text), guestMAC, "X")), "%q", text)
		require.Equal(t, want != text, guestMAC.In([]byte(text)), "%q", text)
	}
	require.Equal(t, "000000000000", Redact("000000000000", 0, "X"))
}

func FuzzRedact(f *testing.F) {
	f.Add("5C1DD920A0C1-5c:1d:d9:20:a0:c1", uint64(guestMAC))
	f.Add("\x5c\x1d\xd9\x20\xa0\xc1", uint64(guestMAC))
	f.Add("1111111111111", uint64(0x111111111111))
	f.Fuzz(func(t *testing.T, text string, address uint64) {
		m := MAC(address & (1<<48 - 1))
		var octets [8]byte
		binary.BigEndian.PutUint64(octets[:], uint64(m))
		if m == 0 || bytes.ContainsRune(octets[2:], '~') {
			return // the name itself would be part of a spelling
		}
		out := Redact(text, m, "~")
		if m.In([]byte(out)) {
			t.Fatalf("%q still holds %s: %q", text, m, out)
		}
		if !m.In([]byte(text)) && out != text {
			t.Fatalf("%q holds no %s and became %q", text, m, out)
		}
	})
}

func TestASessionHidesItsDevice(t *testing.T) {
	name := NewVeil([]byte("key")).Name(guestMAC)
	s := &Session{
		MAC: name, Address: guestMAC, SessionID: "5C1DD920A0C1-1", UserName: "5c1dd920a0c1", Calling: "5C-1D-D9-20-A0-C1",
		Called: "94-83-C4-01-42-27:Guest", Room: "~5C1DD920A0C1", Class: []byte("c-5c1d.d920.a0c1"),
		Origin: Origin{MultiID: []byte("m5c1dd920a0c1"), AuditID: []byte("0a0b")},
	}
	shown := s.Hidden()
	require.Equal(t, "5C-1D-D9-20-A0-C1", s.Calling, "who shows it hides a copy")
	require.Equal(t, []string{name.String() + "-1", name.String(), name.String(), "94-83-C4-01-42-27:Guest"},
		[]string{shown.SessionID, shown.UserName, shown.Calling, shown.Called})
	require.Equal(t, "c-"+name.String(), string(shown.Class))
	require.Equal(t, "m"+name.String(), string(shown.Origin.MultiID))
	require.Equal(t, "0a0b", string(shown.Origin.AuditID))
	require.Zero(t, shown.Address)
	require.Same(t, shown, shown.Hidden())

	other := &Session{MAC: name, Address: guestMAC, UserName: "aa-bb-cc-dd-ee-ff", Calling: "5c1dd920a0c1"}
	other.Hide()
	require.Equal(t, "~", other.UserName, "another device's address is nobody's business either")
	require.Equal(t, privateMAC.Private(), NewVeil([]byte("key")).Name(privateMAC).Private())
}

func TestASessionKnowsTheAddressBehindThePseudonym(t *testing.T) {
	clear := rec(StatusStart, 0)
	veiled := rec(StatusStart, 0, func(r *Record) { r.Address, r.MAC = r.MAC, NewVeil([]byte("key")).Name(r.MAC) })
	s := OpenSession(veiled, veiled.Ident(), noon, nil)
	require.Equal(t, clear.MAC, s.Address)
	s.Apply(rec(StatusInterim, time.Minute, func(r *Record) { r.MAC = veiled.MAC }), noon.Add(time.Minute))
	require.Equal(t, clear.MAC, s.Address, "a record that was joined by Class does not know it")
	require.Zero(t, OpenSession(clear, clear.Ident(), noon, nil).Address)
}

// A pseudonym fills the cache's word: two Locations must not meet in it.
func TestTheCacheHoldsPseudonyms(t *testing.T) {
	c, p := NewCache(10), NewVeil([]byte("key")).Name(guestMAC)
	c.Add(DeviceKey{1, p}, 1, noon)
	require.True(t, c.Counted(DeviceKey{1, p}, 1, noon))
	require.False(t, c.Counted(DeviceKey{2, p}, 1, noon))
	require.False(t, c.Counted(DeviceKey{1, guestMAC}, 1, noon))
}

func BenchmarkPseudonym(b *testing.B) {
	v := NewVeil(make([]byte, 32))
	for i := 0; b.Loop(); i++ {
		_ = v.Name(guestMAC + MAC(i&0xffff))
	}
}

func TestAddressesOfAPacket(t *testing.T) {
	for text, want := range map[string][]MAC{
		"":                                nil,
		"5c1dd920a0c":                     nil,
		"5C-1D-D9-20-A0-C1":               {guestMAC},
		"\x01\x12s-5c1d.d920.a0c1-65\x00": {guestMAC, 0xc1dd920a0c16, 0x1dd920a0c165}, // as long as digits follow
		"000000000000":                    nil,
	} {
		require.Equal(t, want, slices.Collect(Addresses([]byte(text))), "%q", text)
	}
}
