package macwatch

import "bytes"

// SessionMAC finds the guest's address inside an Acct-Session-Id or an
// Acct-Multi-Session-Id, as some senders make them:
//
//	646f26a4/f6:ff:cc:5f:51:68/911              Cisco AireOS: time, guest, counter
//	04BD8815FF15-DADB914A5923-646A2888-45ECD    Aruba: BSSID, guest, time, random
//	1970D5A4-001F3B8C3A15-0000000001            Extreme WiNG: AP, guest, counter
//	DADB914A5923-1684678474                     Aruba, across roaming: guest, time
//	00335856ef202a27690654d767bc07f40001        Ruckus, across roaming: BSSID, guest, time, counter
//	192.168.1.9_20260105_101112_5c1dd920a0c1    Alcatel: AP, day, time, guest
//
// Digits that only happen to be twelve are not taken: neither those of a UUID, nor a
// date and time.
func SessionMAC(id []byte) (MAC, bool) {
	switch {
	case len(id) < 12:
		return 0, false
	case bytes.IndexByte(id, '-') == 12:
		return arubaMAC(id)
	case len(id) == 32 && id[8] == '-' && id[21] == '-' && digitsOnly(id[22:]):
		m, ok := ParseMAC(id[9:21])
		return m, ok && m.Device()
	case len(id) == 36:
		if m, ok := ruckusMAC(id); ok {
			return m, true
		}
	}
	if UUID(id) {
		return 0, false
	}
	return embeddedMAC(id)
}

// UUID reports whether the text is one: 8-4-4-4-12 hexadecimal digits.
func UUID(b []byte) bool {
	if len(b) != 36 {
		return false
	}
	for i, c := range b {
		if dash := i == 8 || i == 13 || i == 18 || i == 23; dash != (c == '-') || !dash && hexValue(c) < 0 {
			return false
		}
	}
	return true
}

func arubaMAC(id []byte) (MAC, bool) {
	first, rest := id[:12], id[13:]
	if second, tail, ok := bytes.Cut(rest, []byte{'-'}); ok && len(second) == 12 {
		m, good := ParseMAC(second)
		_, bssid := ParseMAC(first)
		return m, good && bssid && len(tail) >= 8 && m.Device()
	}
	m, ok := ParseMAC(first)
	return m, ok && len(rest) >= 9 && digitsOnly(rest) && m.Device()
}

func ruckusMAC(id []byte) (MAC, bool) {
	seconds := uint64(0)
	for i, c := range id {
		d := hexValue(c)
		if d < 0 {
			return 0, false
		}
		if i >= 24 && i < 32 {
			seconds = seconds<<4 | uint64(d)
		}
	}
	const year2000, year2100 = 946684800, 4102444800
	m, ok := ParseMAC(id[12:24])
	return m, ok && m.Device() && seconds > year2000 && seconds < year2100
}

// embeddedMAC finds an address among the parts of a text, which / _ and the like divide.
// Without separators of its own it must hold a letter, or it may be a number or a date.
func embeddedMAC(text []byte) (MAC, bool) {
	whole := len(text)
	for len(text) > 0 {
		part, rest := text, []byte(nil)
		if i := bytes.IndexAny(text, "/_ ,;|@#"); i >= 0 {
			part, rest = text[:i], text[i+1:]
		}
		if m, ok := ParseMAC(part); ok && m.Device() && (spelled(part) || len(part) == 12 && whole > 12 && lettered(part)) {
			return m, true
		}
		text = rest
	}
	return 0, false
}

// spelled reports whether an address has the separators of one: between the octets, or
// after every second.
func spelled(mac []byte) bool {
	switch len(mac) {
	case 17:
		return mac[2] == mac[5] && mac[5] == mac[8] && mac[8] == mac[11] && mac[11] == mac[14] && hexValue(mac[2]) < 0
	case 14:
		return mac[4] == mac[9] && hexValue(mac[4]) < 0
	}
	return false
}

func lettered(b []byte) bool {
	for _, c := range b {
		if c > '9' {
			return true
		}
	}
	return false
}

func digitsOnly(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}
