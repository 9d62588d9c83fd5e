package radiusd

import (
	"bytes"
	"strings"

	"tallygate/macwatch"
)

// placeRule is a LocationRule, compiled once per Snapshot.
type placeRule struct {
	by       macwatch.LocationBy
	value    string
	prefix   bool // value is how the text begins
	location *location
}

// compilePlaces leaves out rules whose Location is gone: the next one, or the client's
// own Location, is meant then.
func compilePlaces(rules []macwatch.LocationRule, byCode map[string]*location) []placeRule {
	var out []placeRule
	for _, r := range rules {
		l := byCode[strings.ToLower(r.Location)]
		if l == nil {
			continue
		}
		value, prefix := strings.CutSuffix(r.Value, "*")
		if r.By == macwatch.ByAP && !prefix {
			value = macwatch.SlotName(macwatch.KindAP, value)
		}
		if r.By == macwatch.ByRealm {
			value = strings.ToLower(value)
		}
		out = append(out, placeRule{r.By, value, prefix, l})
	}
	return out
}

// locate is the Location that a packet of this client is about: by the first rule that
// fits, else the client's own; nil when that is not known. The NAS, SSID and AP say
// where the guest is; a realm, which belongs to an Organization, only helps where a rule
// says so.
func (c *client) locate(id *identity) *location {
	for i := range c.places {
		if c.places[i].fits(id) {
			return c.places[i].location
		}
	}
	return c.home
}

func (r *placeRule) fits(id *identity) bool {
	switch r.by {
	case macwatch.ByNAS:
		return r.matches(id.nas)
	case macwatch.BySSID:
		return id.ssid != nil && r.matches(id.ssid)
	case macwatch.ByRealm:
		var lower [maxValue]byte
		realm := realmOf(id.userName)
		return len(realm) > 0 && r.matches(lowerCase(lower[:0], realm))
	case macwatch.ByAP:
		for i := range id.aliased {
			if r.matches(id.aliases[i].append(id.findText[:0])) {
				return true
			}
		}
		return r.matches(id.ap)
	}
	return false
}

func (r *placeRule) matches(text []byte) bool {
	if r.prefix {
		return len(text) >= len(r.value) && string(text[:len(r.value)]) == r.value
	}
	return string(text) == r.value
}

// realmOf is what follows the last @ of a User-Name (RFC 7542 section 2.2), or stands
// before a backslash.
func realmOf(user []byte) []byte {
	if at := bytes.LastIndexByte(user, '@'); at >= 0 {
		return user[at+1:]
	}
	if at := bytes.IndexByte(user, '\\'); at > 0 {
		return user[:at]
	}
	return nil
}

// foreign reports whether a User-Name bears the realm of another Organization of this
// gateway than the one whose venue the guest is at. A realm that is nobody's here says
// nothing: guests log in with their e-mail addresses.
func (s *Snapshot) foreign(l *location, user []byte) bool {
	realm := realmOf(user)
	if len(realm) == 0 || len(realm) > maxRealm {
		return false
	}
	var lower [maxRealm]byte
	organization, known := s.realms[string(lowerCase(lower[:0], realm))]
	return known && organization != l.Organization
}

// maxRealm is the longest realm that an Organization can have.
const maxRealm = 12
