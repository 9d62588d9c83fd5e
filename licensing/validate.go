package licensing

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxAttribute is what one RADIUS attribute can hold, in octets (RFC 2865 section 5).
const maxAttribute = 253

// minStaleAfter is in seconds: no NAS reports more often than once a minute.
const minStaleAfter = 120

// ValidateOrganization reports, with CodeInvalid, what is wrong with o.
func ValidateOrganization(o Organization) error {
	if err := cmp.Or(checkName("Organization", o.Name), checkRealm(o.Realm)); err != nil {
		return err
	}
	if len(o.Code) != 3 || !isCode(o.Code) {
		return Errorf(CodeInvalid, "Organization code %q is not three characters of A-Z and 0-9", o.Code).
			WithHint("it becomes the middle of Location ids: --code N2S gives 28N2S004")
	}
	return nil
}

// ValidateLocation reports, with CodeInvalid, what is wrong with l and its
// Settings. Whether l.Code fits its Organization is CheckLocationCode's matter.
func ValidateLocation(l Location) error {
	if err := cmp.Or(checkLocationCode(l.Code), checkName("Location", l.Name)); err != nil {
		return err
	}
	if strings.Trim(l.Sector, "abcdefghijklmnopqrstuvwxyz-") != "" || len(l.Sector) > 32 {
		return Errorf(CodeInvalid, "sector %q is not one word in lower case", l.Sector).
			WithHint("for example hospitality, retail, health or education; or leave it out")
	}
	return ValidateSettings(l.Settings)
}

// CheckLocationCode reports, with CodeInvalid, whether code is the id of a
// Location of this Organization: two characters for the province, the
// Organization's code, three digits.
func (o Organization) CheckLocationCode(code string) error {
	if err := checkLocationCode(code); err != nil {
		return err
	}
	if code[2:5] != o.Code {
		return Errorf(CodeInvalid, "Location id %s does not hold %s, the code of %s", code, o.Code, o.Name).
			WithHint("for example %s%s%s", code[:2], o.Code, code[5:])
	}
	return nil
}

// WithDefaults fills what is left empty with what a new Location starts with.
func (s Settings) WithDefaults() Settings {
	s.Guests = cmp.Or(s.Guests, GuestsOpen)
	s.Count = cmp.Or(s.Count, CountAccounting)
	s.APs = cmp.Or(s.APs, APsFirstCome)
	s.AutoRenewal = cmp.Or(s.AutoRenewal, AutoRenewalOn)
	if s.Reply == (Reply{}) {
		s.Reply = DefaultReply()
	}
	return s
}

// ValidateSettings reports, with CodeInvalid, what is wrong with s. Nothing is
// filled in: see Settings.WithDefaults.
func ValidateSettings(s Settings) error {
	_, zoneErr := LoadZone(s.Timezone)
	err := cmp.Or(zoneErr,
		oneOf("guests", s.Guests, GuestsOpen, GuestsLocal),
		oneOf("count", s.Count, CountAccounting, CountAccepted),
		oneOf("AP policy", s.APs, APsFirstCome, APsDeclared),
		oneOf("auto-renewal", s.AutoRenewal, AutoRenewalOn, AutoRenewalOff),
		s.Room.check(), s.Reply.check(), s.Stays.check())
	if err != nil {
		return err
	}
	switch {
	case s.StaleAfter != 0 && s.StaleAfter < minStaleAfter:
		return Errorf(CodeInvalid, "sessions cannot be closed after %d seconds without news", s.StaleAfter).
			WithHint("give %d seconds or more: two or three times what lies between two reports of an AP; 0 leaves it to the gateway", minStaleAfter)
	case s.GuestSessions < 0:
		return Errorf(CodeInvalid, "a guest account cannot have %d devices online", s.GuestSessions).WithHint("0 means any number")
	}
	if s.APReleaseAfter != 0 && s.APReleaseAfter < 24*60*60 {
		return Errorf(CodeInvalid, "an AP's slot cannot be released after %d seconds", s.APReleaseAfter).
			WithHint("it takes a day (86400) or more, such as 30d; 0 or never: not by itself")
	}
	for ssid, module := range s.Modules {
		// An SSID is at most 32 octets (IEEE 802.11), of any kind.
		if ssid == "" || len(ssid) > 32 || strings.TrimSpace(module) == "" {
			return Errorf(CodeInvalid, "SSID %q with module %q is not possible", ssid, module).
				WithHint("an SSID has 1 to 32 octets, and a module has a name")
		}
	}
	return nil
}

// ValidateRoomRule reports, with CodeInvalid, what is wrong with a rule for rooms.
func ValidateRoomRule(r RoomRule) error { return r.check() }

func (r RoomRule) check() error {
	if r.Attribute == "" {
		if r.Pattern != "" || r.Required || r.Declared || len(r.Map) > 0 {
			return Errorf(CodeInvalid, "a rule for rooms needs the attribute to read them from").
				WithHint("choose one of %s", strings.Join(alike(""), ", "))
		}
		return nil
	}
	if err := CheckAttribute(r.Attribute); err != nil {
		return err
	}
	if _, err := regexp.Compile(r.Pattern); err != nil {
		return Errorf(CodeInvalid, "the room pattern is not a regular expression: %w", err).
			WithHint("for example ^vlan-(\\d+)$; the first group is the room")
	}
	return nil
}

func (r Reply) check() error {
	switch {
	case r.SessionTimeout < 0 || r.IdleTimeout < 0 || r.BandwidthUp < 0 || r.BandwidthDown < 0:
		return Errorf(CodeInvalid, "a timeout or bandwidth is below zero").WithHint("0 leaves it out")
	case r.InterimInterval != 0 && r.InterimInterval < 60:
		return Errorf(CodeInvalid, "an interim interval of %d seconds is too short", r.InterimInterval).
			WithHint("it is 60 seconds or more (RFC 2869 section 5.16); the default is %d", DefaultReply().InterimInterval)
	case r.VLAN < 0 || r.VLAN > 4094:
		return Errorf(CodeInvalid, "VLAN %d does not exist", r.VLAN).WithHint("VLANs are 1 to 4094; 0 leaves it out")
	case len(r.FilterID) > maxAttribute:
		return Errorf(CodeInvalid, "the filter id has %d octets", len(r.FilterID)).WithHint("an attribute holds %d", maxAttribute)
	}
	return nil
}

// oneOf checks a setting against the words it may be.
func oneOf[S ~string](what string, value S, words ...S) error {
	if slices.Contains(words, value) {
		return nil
	}
	list := make([]string, len(words))
	for i, w := range words {
		list[i] = string(w)
	}
	return Errorf(CodeInvalid, "%s %q is not known", what, value).WithHint("use one of %s", strings.Join(list, ", "))
}

func checkName(what, name string) error {
	if strings.TrimSpace(name) == "" {
		return Errorf(CodeInvalid, "the %s needs a name", what).WithHint("give the name that people know it by")
	}
	if !utf8.ValidString(name) || len(name) > 200 || strings.ContainsFunc(name, unicode.IsControl) {
		return Errorf(CodeInvalid, "the name of the %s is too long or holds control characters", what).
			WithHint("use up to 200 octets of plain text")
	}
	return nil
}

func checkRealm(realm string) error {
	bad := func(r rune) bool {
		return r != '-' && r != '.' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}
	if len(realm) < 6 || len(realm) > 12 || strings.ContainsFunc(realm, bad) {
		return Errorf(CodeInvalid, "realm %q is not 6 to 12 letters, digits, hyphens and dots", realm).
			WithHint("for example hotelsol")
	}
	return nil
}

func checkLocationCode(code string) error {
	if len(code) != 8 || !isCode(code[:5]) || strings.Trim(code[5:], "0123456789") != "" {
		return Errorf(CodeInvalid, "%q is not a Location id", code).
			WithHint("it is two characters for the province, the Organization's three, and three digits: 28N2S004")
	}
	return nil
}

func isCode(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return (r < '0' || r > '9') && (r < 'A' || r > 'Z') })
}
