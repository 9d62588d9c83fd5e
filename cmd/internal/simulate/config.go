// Package simulate plays a venue at any RADIUS server: access points with UDP ports
// of their own, guests that arrive, log in, roam and leave, and the network's bad
// days (loss, duplicates, reordering, reboots). It verifies every reply, and writes
// down each accounting record that was acknowledged, so that "acknowledged" can be
// compared with "stored".
//
// It speaks RADIUS through layeh.com/radius and shares no code with the gateway's
// own engine: a mistake made on one side is not made on the other.
package simulate

import (
	"io"
	"time"

	"tallygate/licensing"
)

// Config describes the venue and its network. Zero fields get the defaults said here.
type Config struct {
	Auth, Acct string // host:port of the server's two ports
	Secret     string // shared by all access points

	APs      int // 1-1000, default 3
	Guests   int // 1-1000000, default 20
	Sessions int // visits of each guest, 1-1000, default 1
	Interims int // Interim-Updates of a visit, up to 1000; 0: two, negative: none
	Reboots  int // access points that reboot, at most one after each round of visits: session ids begin anew

	Roam      int // percent of the visits that move on to another access point; negative: none, 0: 25
	Loss      int // percent of datagrams lost, on each way
	Duplicate int // percent of datagrams that the network delivers twice
	Reorder   int // percent of accounting records overtaken by their successor

	Timeout     time.Duration // until the first retransmission; doubles up to 16 times itself (RFC 5080 section 2.2.1). Default 2 s
	Retries     int           // retransmissions of one request; 0: five, negative: none
	Interval    time.Duration // pause between two packets of a guest; default none
	Concurrency int           // guests at once, 1-1000, default 16
	Duration    time.Duration // the run ends by then, finished or not; default 5 min

	Seed uint64 // same seed: same venue, guests, sessions and mishaps

	User, Password string // of every portal login; default guest-N and portal-pass
	Unsigned       bool   // send Access-Requests without Message-Authenticator

	Ledger io.Writer // gets one JSON line per acknowledged record; nil: no ledger
}

// validated returns the configuration with defaults filled in.
func (c Config) validated() (Config, error) {
	fill := func(field *int, value int) {
		switch {
		case *field == 0:
			*field = value
		case *field < 0:
			*field = 0
		}
	}
	fill(&c.Interims, 2)
	fill(&c.Roam, 25)
	fill(&c.Retries, 5)
	for _, d := range []struct {
		field *int
		value int
	}{{&c.APs, 3}, {&c.Guests, 20}, {&c.Sessions, 1}, {&c.Concurrency, 16}} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	if c.Timeout == 0 {
		c.Timeout = 2 * time.Second
	}
	if c.Duration == 0 {
		c.Duration = 5 * time.Minute
	}
	if c.Auth == "" || c.Acct == "" || c.Secret == "" {
		return c, licensing.Errorf(licensing.CodeInvalid, "the server's two addresses and the shared secret are needed").
			WithHint("for example --auth 127.0.0.1:1812 --acct 127.0.0.1:1813 --secret testing123")
	}
	for _, r := range []struct {
		name          string
		value, lo, hi int
	}{
		{"aps", c.APs, 1, 1000},
		{"guests", c.Guests, 1, 1_000_000},
		{"sessions", c.Sessions, 1, 1000},
		{"interims", c.Interims, 0, 1000},
		{"reboots", c.Reboots, 0, c.Sessions},
		{"roam", c.Roam, 0, 100},
		{"loss", c.Loss, 0, 100},
		{"duplicate", c.Duplicate, 0, 100},
		{"reorder", c.Reorder, 0, 100},
		{"retries", c.Retries, 0, 1000},
		{"concurrency", c.Concurrency, 1, 1000},
	} {
		if r.value < r.lo || r.value > r.hi {
			return c, licensing.Errorf(licensing.CodeInvalid, "%s is %d", r.name, r.value).
				WithHint("give a number from %d to %d", r.lo, r.hi)
		}
	}
	if c.Timeout < 0 || c.Interval < 0 || c.Duration < 0 {
		return c, licensing.Errorf(licensing.CodeInvalid, "timeout, interval and duration cannot be negative").
			WithHint("give durations such as 500ms, 2s or 5m")
	}
	return c, nil
}
