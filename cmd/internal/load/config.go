// Package load asks a RADIUS server as much as it can answer, or as much as it is told
// to, and measures what comes of it: requests written in advance, many source ports, a
// window of outstanding requests on each or a fixed rate, retransmissions, every reply
// verified, percentiles of the latency. It works against any server.
//
// It shares no code with the gateway's own engine: a mistake made on one side is not
// made on the other. One thread does everything, so that it can be given a core.
package load

import (
	"slices"
	"time"

	"tallygate/licensing"
)

// Config is a run. Zero fields get the defaults said here.
type Config struct {
	Workload   Workload
	Auth, Acct string // host:port of the server's two ports; what the workload does not need may be empty
	Secret     string

	Ports  int // source ports, each a NAS of its own, 1-4096, default 8; mixed: an even number
	Window int // outstanding requests of a port, 1-256, default 16; with a rate 256

	// Rate makes an open loop: so many requests a second in all, each due at its time
	// however the server fares, and its latency counts from then. 0: a closed loop, which
	// sends the next request when one is answered.
	Rate float64

	WarmUp   time.Duration // before what is measured; default none
	Duration time.Duration // of what is measured; default 10 s
	Count    int           // end after so many requests in all, warm-up included; 0: only by time
	Timeout  time.Duration // until a request is sent again; default 2 s
	Retries  int           // how often; 0: three times, negative: never
	Prepare  int           // requests of each kind to write in advance, about 170 octets each; 0: 250 000. Later ones cost the run 0.5 us each

	Guests   int // devices, 1-2^31, default 100 000
	Skip     int // guests of an earlier run: this one begins with those after them
	Users    int // portal logins, 1-10^6, default 1000
	Sessions int // accounting sessions at a time, default 1024; rounded up to a multiple of the ports

	// Mishaps, in percent of datagrams: lost on each way, delivered twice, overtaken by a
	// later one of the same port.
	Loss, Duplicate, Reorder int
	Seed                     uint64 // of the mishaps

	CPUs []int // the run's thread stays on these; none: anywhere

	// Measuring is called when the measured time begins (true) and ends (false), on the
	// run's own thread: it should be quick. nil: nobody is told.
	Measuring func(begins bool)
}

// prepareDefault is how many requests are written in advance.
const prepareDefault = 250_000

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
	window := 16
	if c.Rate > 0 {
		window = 256
	}
	for _, d := range []struct {
		field *int
		value int
	}{{&c.Ports, 8}, {&c.Window, window}, {&c.Retries, 3}, {&c.Prepare, prepareDefault}, {&c.Guests, 100_000}, {&c.Users, 1000}, {&c.Sessions, 1024}} {
		fill(d.field, d.value)
	}
	if c.Duration == 0 {
		c.Duration = 10 * time.Second
	}
	if c.Timeout == 0 {
		c.Timeout = 2 * time.Second
	}
	if c.Count > 0 {
		c.Prepare = min(c.Prepare, c.Count)
	}
	return c, c.check()
}

func (c Config) check() error {
	if !slices.Contains(Workloads(), c.Workload) {
		return licensing.Errorf(licensing.CodeInvalid, "there is no workload %q", c.Workload).
			WithHint("choose one of %v", Workloads())
	}
	if c.Secret == "" || c.Workload != Acct && c.Auth == "" || c.Workload != AuthMAC && c.Workload != AuthPAP && c.Acct == "" {
		return licensing.Errorf(licensing.CodeInvalid, "the server's addresses and the shared secret are needed").
			WithHint("for example --auth 127.0.0.1:1812 --acct 127.0.0.1:1813 --secret testing123")
	}
	for _, r := range []struct {
		name          string
		value, lo, hi int
	}{
		{"ports", c.Ports, 1, 4096},
		{"window", c.Window, 1, 256},
		{"retries", c.Retries, 0, 1000},
		{"prepare", c.Prepare, 0, 20_000_000},
		{"count", c.Count, 0, 1 << 40},
		{"guests", c.Guests, 1, 1 << 31},
		{"skip", c.Skip, 0, 1 << 31},
		{"users", c.Users, 1, 1_000_000},
		{"sessions", c.Sessions, 1, 10_000_000},
		{"loss", c.Loss, 0, 100},
		{"duplicate", c.Duplicate, 0, 100},
		{"reorder", c.Reorder, 0, 100},
	} {
		if r.value < r.lo || r.value > r.hi {
			return licensing.Errorf(licensing.CodeInvalid, "%s is %d", r.name, r.value).
				WithHint("give a number from %d to %d", r.lo, r.hi)
		}
	}
	if c.Workload == Mixed && c.Ports%2 != 0 {
		return licensing.Errorf(licensing.CodeInvalid, "ports is %d", c.Ports).
			WithHint("mixed takes an even number: half of them ask for access, half report accounting")
	}
	if c.WarmUp < 0 || c.Duration < 0 || c.Timeout < 0 || c.Rate < 0 {
		return licensing.Errorf(licensing.CodeInvalid, "times and the rate cannot be negative").
			WithHint("give durations such as 500ms, 2s or 5m, and a number of requests a second")
	}
	return nil
}
