package macwatch

import (
	"net/netip"
	"slices"
)

// APSight is an AP as one packet shows it.
type APSight struct {
	Name    string     // identity, as read from the packet
	Vendor  Vendor     // by whose profile it was read; no folding without one
	Address netip.Addr // NAS-IP-Address; zero when absent
	NAS     string     // NAS-Identifier; empty when absent
}

// maxRelatives is more addresses than any vendor's rule yields.
const maxRelatives = 128

// Fold finds the one AP of the roster that an address unknown to it is a BSSID of, by the
// vendor's rule (research/vendors.md section 5); -1 when the rule yields none, or more
// than one between which the NAS does not decide. Low bits are never cut off blindly: the
// labels of neighbouring APs can be 16 apart, so a rule only proposes addresses, and what
// counts is that exactly one of them is known.
//
// Learned aliases are no evidence for others: from one to the next a rule would creep
// away from the AP.
func (r *Roster) Fold(s APSight) int {
	if r == nil || len(r.slots) == 0 || !s.Vendor.Folds() {
		return -1
	}
	m, ok := ParseMAC(s.Name)
	if !ok {
		return -1
	}
	self := r.Index(s.Name) // it may have been observed as an AP of its own
	var addresses [maxRelatives]MAC
	var text [MACText]byte
	var found []int
	for _, c := range relatives(addresses[:0], s.Vendor, m) {
		i, known := r.byName[string(c.AppendTo(text[:0]))]
		if !known || i == self || c == m || r.slots[i].learned(c.String()) {
			continue
		}
		if !slices.Contains(found, i) {
			found = append(found, i)
		}
	}
	if len(found) == 1 {
		return found[0]
	}
	chosen := -1
	for _, i := range found {
		if !r.slots[i].behind(s) {
			continue
		}
		if chosen >= 0 {
			return -1
		}
		chosen = i
	}
	return chosen
}

// behind reports whether the NAS that a packet names is this AP.
func (s *Slot) behind(seen APSight) bool {
	if seen.Address.IsValid() && seen.Address == s.NASAddress {
		return true
	}
	nas := SlotName(KindAP, seen.NAS)
	if nas == "" {
		return false
	}
	if nas == s.Name {
		return true
	}
	for _, a := range s.Aliases {
		if a == nas && !s.learned(a) {
			return true
		}
	}
	return false
}

// Unsettled reports whether what Index has found may still turn out to be a BSSID of
// another: it was only observed, and not yet held against this vendor's rule.
func (r *Roster) Unsettled(i int, v Vendor) bool {
	s := &r.slots[i]
	return s.Observed() && !s.Apart && s.Vendor != v && v.Folds()
}

// BSSIDs lists those that were observed as APs of their own and are BSSIDs of this one, by
// the rule of the vendor by whose profile they were read.
func (r *Roster) BSSIDs(slot int64) (out []Slot) {
	for i := range r.slots {
		s := &r.slots[i]
		if !s.Observed() || s.Apart || s.ID == slot {
			continue
		}
		if at := r.Fold(s.sight()); at >= 0 && r.slots[at].ID == slot {
			out = append(out, *s)
		}
	}
	return out
}

func (s *Slot) sight() APSight {
	return APSight{Name: s.Name, Vendor: s.Vendor, Address: s.NASAddress}
}

// Folds reports whether the vendor's APs show addresses that a rule leads back to one.
func (v Vendor) Folds() bool {
	switch v {
	case VendorArubaController, VendorArubaInstant, VendorCisco9800, VendorCiscoAireOS, VendorFortinet, VendorHostapd, VendorMeraki,
		VendorRuckusSmartZone, VendorRuckusUnleashed, VendorUniFiAP, VendorUniFiController:
		return true
	default:
		return false
	}
}

// relatives appends the addresses that an AP may have which shows m: m itself may be among
// them. No table of functions: with one, each call would cost memory for dst.
func relatives(dst []MAC, v Vendor, m MAC) []MAC {
	switch v {
	case VendorArubaController, VendorArubaInstant:
		return arubaRelatives(dst, m)
	case VendorCisco9800, VendorCiscoAireOS:
		return ciscoRelatives(dst, m)
	case VendorFortinet, VendorHostapd:
		return localRelatives(dst, m)
	case VendorMeraki:
		return merakiRelatives(dst, m)
	case VendorRuckusSmartZone, VendorRuckusUnleashed:
		return ruckusRelatives(dst, m)
	case VendorUniFiAP, VendorUniFiController:
		return uniFiRelatives(dst, m)
	default:
		return dst
	}
}

// ciscoRelatives: the radio's base ends in 0, its BSSIDs count from there, up or down from
// F. The bases of two radios never share a block of 16; Ethernet addresses may, so an
// AireOS that is told to send those needs another profile.
func ciscoRelatives(dst []MAC, m MAC) []MAC {
	for n := range MAC(16) {
		dst = append(dst, m&^0xf|n)
	}
	return dst
}

// nearby is how close two addresses may lie and still be the labels of two APs.
const nearby = 0x100

// arubaRelatives: the BSSIDs of an AP are its OUI and ((low 24 bits << 4) XOR 0x800000),
// 16 for each radio, so its highest four bits of 24 are lost, and each BSSID has 16
// possible APs. Where the formula leads to a neighbour (around xx:xx:xx:80:00:00 it
// does), nobody can tell a BSSID of the one from the label of the other.
func arubaRelatives(dst []MAC, m MAC) []MAC {
	const low, flip = 0xffffff, 0x800000
	oui, number := m&^low, m&low
	add := func(c MAC) {
		if max(c, m)-min(c, m) >= nearby {
			dst = append(dst, c)
		}
	}
	// m is a BSSID; an odd block is the second radio of an even AP, or the first of an odd one.
	block := (number ^ flip) >> 4
	for lost := range MAC(16) {
		add(oui | lost<<20 | block)
		if block&1 == 1 {
			add(oui | lost<<20 | (block - 1))
		}
	}
	// m is the AP, known by a BSSID until now.
	base := number<<4&low ^ flip
	radios := MAC(32)
	if m&1 == 1 {
		radios = 16
	}
	for n := range radios {
		add(oui | (base+n)&low)
	}
	return dst
}

// ruckusRelatives: the fourth octet goes up by 0x40 for each WLAN, the last one by 4 for
// the second radio. The block of an AP begins at a multiple of 8.
func ruckusRelatives(dst []MAC, m MAC) []MAC {
	for wlan := range MAC(4) {
		c := m&^0xc00000 | (m+wlan<<22)&0xc00000
		dst = append(dst, c, c^4)
	}
	return dst
}

// uniFiRelatives: the first octet takes the local bit and counts by 4 for each WLAN, the
// fourth one counts radios; the AP's own address is a global one.
func uniFiRelatives(dst []MAC, m MAC) []MAC {
	first, fourth := m>>40&0xff, m>>16&0xff
	rest := m &^ (0xff<<40 | 0xff<<16)
	with := func(first, fourth MAC) MAC { return rest | first<<40 | fourth&0xff<<16 }
	for n := MAC(0); n < 16; n += 4 {
		global, local := first&0xf0|n, first&0xf0|n|2
		for radio := range MAC(4) {
			switch {
			case m.Private() && global < first:
				dst = append(dst, with(global, fourth-radio))
			case !m.Private() && local > first:
				dst = append(dst, with(local, fourth+radio))
			}
		}
		if m.Private() {
			dst = append(dst, with(local, fourth-1), with(local, fourth), with(local, fourth+1))
		}
	}
	return dst
}

// merakiRelatives: packets carry the node's address; on the air the first octet has the
// local bit, and the first and third one are changed in four bits each.
func merakiRelatives(dst []MAC, m MAC) []MAC {
	rest := m &^ (0x0f<<40 | 0xf0<<24)
	other := ^m >> 40 & 2 // the node's is global, that on the air local
	for first := MAC(0); first < 16; first += 4 {
		for third := range MAC(16) {
			dst = append(dst, rest|(first|other)<<40|third<<28)
		}
	}
	return dst
}

// localRelatives: a BSSID is the AP's address with the local bit and a small change in
// the first octet; the other five are the same.
func localRelatives(dst []MAC, m MAC) []MAC {
	first, rest := m>>40, m&^(0xff<<40)
	for step := MAC(0); step < 32; step += 4 {
		switch up, down := first+step, first-step; {
		case m.Private():
			if step <= first {
				dst = append(dst, rest|(down&^2)<<40, rest|down<<40)
			}
			if up <= 0xff {
				dst = append(dst, rest|up<<40)
			}
		case up|2 <= 0xff:
			dst = append(dst, rest|(up|2)<<40)
		}
	}
	return dst
}
