package radiusd

import (
	"regexp"

	"tallygate/macwatch"
)

// customRules are a client's own rules for where its packets hold what, compiled once
// per Snapshot. They go before its profile; where one finds nothing, the profile stands.
type customRules struct {
	ap, ssid, guest *fieldRule
}

type fieldRule struct {
	from    named
	source  string
	pattern *regexp.Regexp // nil: the whole text
}

// compileCustom is nil when there are no rules.
func compileCustom(s macwatch.ClientSettings) *customRules {
	c := customRules{compileField(s.AP), compileField(s.SSID), compileField(s.GuestMAC)}
	if c == (customRules{}) {
		return nil
	}
	return &c
}

// compileField is nil for no rule, and for one that is not valid: the store refuses those.
func compileField(r macwatch.FieldRule) *fieldRule {
	from, ok := findNamed(r.Attribute)
	if r.Attribute == "" || !ok {
		return nil
	}
	f := &fieldRule{from: from, source: r.Attribute}
	if r.Pattern != "" {
		var err error
		if f.pattern, err = regexp.Compile(r.Pattern); err != nil {
			return nil
		}
	}
	return f
}

// find is the text that the rule finds; nil when it finds none.
func (f *fieldRule) find(p *packet, id *identity) []byte {
	var scratch [16]byte
	text := f.from.text(p, id, scratch[:])
	if len(text) == 0 || f.pattern == nil {
		return text
	}
	return matched(f.pattern, text)
}

// matched is the first group of a pattern, else the whole match; nil when there is none.
func matched(pattern *regexp.Regexp, text []byte) []byte {
	at := pattern.FindSubmatchIndex(text)
	switch {
	case at == nil:
		return nil
	case len(at) > 2 && at[2] < 0: // the group took no part in the match
		return nil
	case len(at) > 2:
		return text[at[2]:at[3]]
	}
	return text[at[0]:at[1]]
}

// apply lets the rules speak.
func (c *customRules) apply(p *packet, id *identity) {
	if c.guest != nil {
		if m, ok := macwatch.ParseMAC(c.guest.find(p, id)); ok && m.Device() {
			id.mac, id.source, id.nameless = m, c.guest.source, false
		}
	}
	if c.ssid != nil {
		if ssid := c.ssid.find(p, id); len(ssid) > 0 {
			id.ssid, id.ssidSource = ssid, c.ssid.source
		}
	}
	if c.ap != nil {
		if name, ok := nameOf(c.ap.find(p, id), c.ap.source); ok {
			id.aliased = 0
			id.alias(name)
			id.setAP(name)
		}
	}
}
