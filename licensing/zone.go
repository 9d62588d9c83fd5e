package licensing

import (
	"time"
	_ "time/tzdata" // a venue's server may come without /usr/share/zoneinfo
)

// LoadZone finds the time zone with an IANA name such as "Europe/Madrid".
// "" and "Local" are refused, with CodeInvalid, because they would mean another
// zone on another machine.
func LoadZone(name string) (*time.Location, error) {
	hint := "use an IANA name such as Europe/Madrid or America/Santiago; `timedatectl list-timezones` lists them"
	if name == "" || name == "Local" {
		return nil, Errorf(CodeInvalid, "a time zone is needed").WithHint("%s", hint)
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, Errorf(CodeInvalid, "time zone %.40q is not known", name).WithHint("%s", hint)
	}
	return zone, nil
}

// ResolveZone loads the license's zone and keeps it, so that every later question
// about this license is answered from memory. Who publishes licenses to many
// readers calls it first: it changes l. Without it answers are the same, but each
// one reads the zone's file again. The error is LoadZone's.
func (l *License) ResolveZone() error {
	zone, err := LoadZone(l.zoneName())
	if err != nil {
		return err
	}
	l.zone = zone
	return nil
}

// zoneName is the zone that was frozen, else the one that the grant names, else "".
func (l *License) zoneName() string {
	if l.Zone != "" {
		return l.Zone
	}
	return l.Terms.Zone
}

// location is the license's zone. A name that this build does not know counts as
// UTC: a contract that ends some hours off is better than one that never ends.
func (l *License) location() *time.Location {
	name := l.zoneName()
	if l.zone != nil && l.zone.String() == name { // false where a copy was given another Zone
		return l.zone
	}
	zone, err := LoadZone(name)
	if err != nil {
		return time.UTC
	}
	return zone
}
