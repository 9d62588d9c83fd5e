package macwatch

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func address(t require.TestingT, s string) MAC {
	m, ok := ParseMAC(s)
	require.True(t, ok, s)
	return m
}

// The pairs are those of research/vendors.md section 5 and of the captures behind it.
func TestBSSIDsOfCaptures(t *testing.T) {
	for _, c := range []struct {
		vendor    Vendor
		ap, bssid string
	}{
		{VendorArubaInstant, "04:bd:88:c9:5f:f0", "04BD8815FF15"},
		{VendorArubaController, "04:bd:88:c9:5f:f0", "04:bd:88:15:ff:00"},
		{VendorArubaController, "04:bd:88:c9:5f:f0", "04:bd:88:15:ff:1f"},
		{VendorRuckusSmartZone, "00:33:58:16:ef:20", "00-33-58-56-EF-20"},
		{VendorRuckusUnleashed, "24:c9:a1:2d:a8:98", "24-C9-A1-6D-A8-98"},
		{VendorRuckusUnleashed, "24:c9:a1:6d:a8:98", "24-C9-A1-6D-A8-9C"},
		{VendorUniFiAP, "002722fc0683", "0E-27-22-FD-06-83"},
		{VendorUniFiAP, "7483c271f552", "76-83-C2-71-F5-52"},
		{VendorMeraki, "88-15-44-50-0F-1C", "82:15:54:50:0f:1c"},
		{VendorCiscoAireOS, "38-1c-1a-c5-66-20", "381c.1ac5.6621"},
		{VendorCisco9800, "38-1c-1a-c5-66-20", "38:1c:1a:c5:66:2f"},
		{VendorFortinet, "00:09:0f:11:22:33", "12-09-0F-11-22-33"},
		{VendorHostapd, "94:83:c4:01:42:27", "96:83:c4:01:42:27"},
	} {
		known := NewRoster([]Slot{held(1, SlotName(KindAP, c.ap), 0), held(2, "another", 1)})
		name := address(t, c.bssid).String()
		require.Equal(t, -1, known.Index(name))
		require.Equal(t, 0, known.Fold(APSight{Name: name, Vendor: c.vendor}), "%s shows %s", c.ap, c.bssid)
		// Whichever of the two was seen first.
		byBSSID := NewRoster([]Slot{held(1, name, 0)})
		require.Equal(t, 0, byBSSID.Fold(APSight{Name: SlotName(KindAP, c.ap), Vendor: c.vendor}), "%s, known as %s", c.ap, c.bssid)
		// Without a vendor, or by a vendor without a rule, nothing is folded.
		for _, other := range []Vendor{"", VendorAuto, VendorGeneric, VendorOmada, VendorAerohive} {
			require.Equal(t, -1, known.Fold(APSight{Name: name, Vendor: other}))
		}
	}
}

func TestFoldingNeedsExactlyOne(t *testing.T) {
	at := netip.MustParseAddr("10.0.0.7")
	one, two := held(1, "24:c9:a1:2d:a8:98", 0), held(2, "24:c9:a1:6d:a8:98", 1)
	two.NASAddress = at
	r := NewRoster([]Slot{one, two})
	sight := APSight{Name: "24:c9:a1:ad:a8:98", Vendor: VendorRuckusUnleashed}
	require.Equal(t, -1, r.Fold(sight), "two are possible")
	sight.Address = at
	require.Equal(t, 1, r.Fold(sight), "NAS-IP-Address decides")
	sight.Address, sight.NAS = netip.Addr{}, "24-C9-A1-2D-A8-98"
	require.Equal(t, 0, r.Fold(sight), "NAS-Identifier decides")
	sight.Address = at
	require.Equal(t, -1, r.Fold(sight), "they disagree")

	require.Equal(t, -1, r.Fold(APSight{Name: "lobby", Vendor: VendorCisco9800}), "no address")
	require.Equal(t, -1, (*Roster)(nil).Fold(sight))
}

func TestLearnedAliasesAreNoEvidence(t *testing.T) {
	s := held(1, "00:27:22:fc:06:83", 0, "0e:27:22:fe:06:83")
	s.Learned = []Learned{{Alias: "0e:27:22:fe:06:83", Vendor: VendorUniFiAP}}
	r := NewRoster([]Slot{s})
	require.Equal(t, 0, r.Index("0e:27:22:fe:06:83"), "it is an alias all the same")
	far := APSight{Name: "00:27:22:fb:06:83", Vendor: VendorUniFiAP}
	require.Equal(t, -1, r.Fold(far))
	s.Learned = nil
	require.Equal(t, 0, NewRoster([]Slot{s}).Fold(far), "a declared one is")
}

// bssidOf is what an AP of the vendor shows, by the rule of vendors.md.
func bssidOf(v Vendor, ap MAC, wlan, radio int) MAC {
	n, r := MAC(wlan), MAC(radio)
	switch v {
	case VendorArubaController:
		return ap&^0xffffff | (ap<<4&0xffffff^0x800000+r<<4+n)&0xffffff
	case VendorRuckusUnleashed:
		return ap&^0xc00000 | (ap+n%4<<22)&0xc00000 | r<<2
	case VendorCiscoAireOS:
		if radio == 1 {
			return ap | 15 - n
		}
		return ap | n
	case VendorUniFiAP:
		first := ap >> 40 & 0xf
		return (ap+(2+n%((16-first)/4)*4)<<40)&^(0xff<<16) | (ap+r<<16)&(0xff<<16)
	case VendorFortinet:
		return ap + (2+n%8*4)<<40
	}
	return ap
}

// TestAnAPIsOneAndItsNeighbourAnother: among APs whose addresses follow each other as they
// do in a carton, every BSSID leads to its own AP or to none, and nothing leads from the
// label of one to another.
func TestAnAPIsOneAndItsNeighbourAnother(t *testing.T) {
	steps := map[Vendor]int{VendorArubaController: 2, VendorRuckusUnleashed: 16, VendorCiscoAireOS: 16, VendorUniFiAP: 1, VendorFortinet: 1}
	vendors := []Vendor{VendorArubaController, VendorRuckusUnleashed, VendorCiscoAireOS, VendorUniFiAP, VendorFortinet}
	rapid.Check(t, func(rt *rapid.T) {
		v := rapid.SampledFrom(vendors).Draw(rt, "vendor")
		step := MAC(steps[v])
		oui := MAC(rapid.SampledFrom([]int{0x04bd88, 0x24c9a1, 0x381c1a, 0x002722, 0x00090f}).Draw(rt, "oui")) << 24
		first := MAC(rapid.IntRange(0, 0xfff000).Draw(rt, "first")) &^ 0xf
		n := rapid.IntRange(2, 12).Draw(rt, "APs")
		var aps []MAC
		var slots []Slot
		for i := range n {
			ap := oui | first + MAC(i)*step*MAC(rapid.SampledFrom([]int{1, 1, 1, 8}).Draw(rt, "gap"))
			if len(aps) > 0 && ap <= aps[len(aps)-1] {
				continue
			}
			aps = append(aps, ap)
		}
		known := rapid.IntRange(1, len(aps)).Draw(rt, "known")
		for i := range known {
			slots = append(slots, held(int64(i+1), aps[i].String(), i))
		}
		r := NewRoster(slots)
		own := 0
		for i, ap := range aps {
			if i >= known {
				require.Equal(rt, -1, r.Fold(APSight{Name: ap.String(), Vendor: v}), "%s is an AP of its own, after %v", ap, aps[:known])
			}
			for range 4 {
				b := bssidOf(v, ap, rapid.IntRange(0, 7).Draw(rt, "wlan"), rapid.IntRange(0, 1).Draw(rt, "radio"))
				at := r.Index(b.String())
				if at < 0 {
					at = r.Fold(APSight{Name: b.String(), Vendor: v})
				}
				if i >= known {
					require.Equal(rt, -1, at, "%s of the unknown %s", b, ap)
					continue
				}
				if at == i {
					own++
				}
				require.Contains(rt, []int{i, -1}, at, "%s of %s", b, ap)
				if v != VendorArubaController { // there it may be the address of a neighbour as well
					require.Equal(rt, i, at, "%s of %s among %v", b, ap, aps)
				}
			}
		}
	})
}

// TestManyBSSIDsOneAP: in whatever order an AP's BSSIDs are seen, and without its own
// address ever being seen, they are one, for the vendors whose rule is a class.
func TestManyBSSIDsOneAP(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		v := rapid.SampledFrom([]Vendor{VendorRuckusUnleashed, VendorCiscoAireOS, VendorFortinet}).Draw(rt, "vendor")
		ap := MAC(0x24c9a1000000 | rapid.IntRange(0, 0xfffff).Draw(rt, "AP")<<4)
		var r *Roster
		for i := range 10 {
			b := bssidOf(v, ap, rapid.IntRange(0, 7).Draw(rt, "wlan"), rapid.IntRange(0, 1).Draw(rt, "radio"))
			if r.Index(b.String()) >= 0 {
				continue
			}
			at := r.Fold(APSight{Name: b.String(), Vendor: v})
			if r == nil {
				r = r.With(held(1, b.String(), 0))
				continue
			}
			require.Equal(rt, 0, at, "sight %d: %s of %s", i, b, ap)
			s := r.At(at)
			s.Aliases = append(s.Aliases[:len(s.Aliases):len(s.Aliases)], b.String())
			s.Learned = append(s.Learned[:len(s.Learned):len(s.Learned)], Learned{Alias: b.String(), Vendor: v})
			r = r.With(s)
		}
		require.Equal(rt, 1, r.Used(noon))
	})
}

func TestWhereTheFormulaLeadsToANeighbour(t *testing.T) {
	r := NewRoster([]Slot{held(1, "04:bd:88:80:00:00", 0)})
	for _, label := range []string{"04:bd:88:80:00:02", "04:bd:88:80:00:10"} {
		require.Equal(t, -1, r.Fold(APSight{Name: label, Vendor: VendorArubaInstant}), "it may as well be the AP beside it")
	}
}

func TestStatesOfSlots(t *testing.T) {
	released := held(3, "released", 2)
	released.ReleasedAt = noon.Add(2 * time.Hour)
	r := NewRoster([]Slot{held(1, "here", 0), held(2, "silent", 1), released, held(4, "beyond", 3), {ID: 5, Name: "refused"}, {ID: 6, Name: "seen"}})
	now := noon.Add(25 * time.Hour)
	r.Saw(r.Index("here"), now.Add(-time.Minute))
	r.Saw(r.Index("nobody"), now)
	r.Refused(r.Index("refused"), now)
	states := map[string]SlotState{}
	for _, s := range r.List(3, now, DefaultSilentAfter) {
		states[s.Name] = s.State
	}
	require.Equal(t, map[string]SlotState{"here": SlotHolds, "silent": SlotSilent, "released": SlotReleased,
		"beyond": SlotRefused, "refused": SlotRefused, "seen": SlotUnassigned}, states)
	require.Equal(t, SlotSilent, r.List(3, now, time.Second)[0].State)
	require.Equal(t, now.Add(-time.Minute), r.List(3, now, time.Second)[0].LastSeen)
	require.Equal(t, noon, r.List(3, noon, time.Second)[0].LastSeen, "never later than now")
}

func TestLastSeenOutlivesARoster(t *testing.T) {
	old := NewRoster([]Slot{held(1, "a", 0)})
	changed := old.With(held(2, "b", 1))
	old.Saw(0, noon)
	require.Equal(t, noon, changed.Slots(-1, noon)[0].LastSeen, "one roster is as good as another")
	read := NewRoster([]Slot{held(1, "a", 0), held(2, "b", 1)})
	read.Follow(changed)
	require.Equal(t, noon, read.Slots(-1, noon)[0].LastSeen)

	unsaved := read.Unsaved(noon, time.Minute)
	require.Len(t, unsaved, 1)
	unsaved[0].Saved()
	require.Empty(t, read.Unsaved(noon, time.Minute))
	read.Saw(0, noon.Add(time.Second))
	require.Empty(t, read.Unsaved(noon.Add(time.Second), time.Minute))
	require.Len(t, read.Unsaved(noon.Add(time.Second), 0), 1)
}

func BenchmarkKnownAP(b *testing.B) {
	var slots []Slot
	for i := range 1000 {
		slots = append(slots, held(int64(i+1), fmt.Sprintf("24:c9:a1:2d:%02x:%02x", i>>8, i&0xff), i))
	}
	r, name := NewRoster(slots), []byte("24:c9:a1:2d:01:07")
	for b.Loop() {
		i := r.Index(string(name))
		r.Saw(i, noon)
		r.StandAt(i, -1, noon)
	}
}
