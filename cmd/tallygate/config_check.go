package main

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap/zapcore"

	"tallygate/licensing"
	"tallygate/store"
)

const (
	maxRejectDelay = 5 * time.Second
	maxSockets     = 64
	minBuffer      = 64 << 10
	maxBuffer      = 1 << 30
	minSessionDays = int(store.MinRetention / (24 * time.Hour))
	maxSessionDays = 36_500 // a hundred years
	maxHistory     = 1_000_000
)

// The two log formats.
const (
	logJSON    = "json"
	logConsole = "console"
)

// check finds the first value that cannot be right; nil when all can.
func (c Config) check() *mistake {
	for _, find := range []func() *mistake{c.checkRadius, c.checkRadSec, c.checkAdmin, c.checkIssuers, c.checkNotices, c.Disconnect.check, c.checkRest} {
		if m := find(); m != nil {
			return m
		}
	}
	return nil
}

func (c Config) checkRadius() *mistake {
	r := c.Radius
	for _, l := range []struct {
		key, port string
		addresses []string
	}{{"auth", "1812", r.Auth}, {"acct", "1813", r.Acct}} {
		if len(l.addresses) == 0 {
			return &mistake{path: "$.radius." + l.key, message: "there must be at least one address"}
		}
		for i, a := range l.addresses {
			if m := checkAddress(fmt.Sprintf("$.radius.%s[%d]", l.key, i), a, l.port); m != nil {
				return m
			}
		}
	}
	if d := r.rejectDelay(); d < 0 || d > maxRejectDelay {
		return &mistake{path: "$.radius.reject_delay", message: fmt.Sprintf("reject_delay must be from 0s to %s, not %s", maxRejectDelay, d)}
	}
	if r.Sockets < 1 || r.Sockets > maxSockets {
		return &mistake{path: "$.radius.sockets", message: fmt.Sprintf("sockets must be from 1 to %d, not %d", maxSockets, r.Sockets)}
	}
	if r.ReceiveBuffer < minBuffer || r.ReceiveBuffer > maxBuffer {
		return &mistake{path: "$.radius.receive_buffer", message: fmt.Sprintf("receive_buffer must be from %d to %d octets, not %d", minBuffer, maxBuffer, r.ReceiveBuffer)}
	}
	return nil
}

func (c Config) checkAdmin() *mistake {
	if t := c.Admin.TLS; (t.Certificate == "") != (t.Key == "") {
		return &mistake{path: "$.admin.tls", message: "certificate and key go together", hint: "give both, or neither for plain HTTP"}
	}
	if c.Admin.Listen == "" {
		return nil
	}
	return checkAddress("$.admin.listen", c.Admin.Listen, "8480")
}

// checkAddress wants IP:port. A host name would be looked up, and the gateway must
// start with the network down.
func checkAddress(path, address, port string) *mistake {
	if _, err := netip.ParseAddrPort(address); err == nil {
		return nil
	}
	return &mistake{
		path:    path,
		message: fmt.Sprintf("%q is not an address with a port", address),
		hint:    fmt.Sprintf("write an IP address of this machine and a port: 127.0.0.1:%[1]s, or 0.0.0.0:%[1]s for all IPv4, or \"[::]:%[1]s\" for all IPv6", port),
	}
}

func (c Config) checkIssuers() *mistake {
	for i, key := range c.Issuers {
		m := &mistake{path: fmt.Sprintf("$.issuers[%d]", i)}
		switch err := licensing.CheckIssuer(key); {
		case strings.HasPrefix(key, "k4.secret."):
			m.path = "" // without the line itself: the message may end in a log
			m.message = fmt.Sprintf("issuers[%d] is an issuer's SECRET key, which does not belong on a gateway", i)
			m.hint = "remove it, and use the public key (k4.public.…) that `tallygate issuer init` printed; treat the secret key as known to others"
		case err != nil:
			m.message, m.hint = err.Error(), hintOf(err)
		case slices.Index(c.Issuers, key) < i:
			m.message = "this issuer is listed twice"
		default:
			continue
		}
		return m
	}
	return nil
}

func (c Config) checkRest() *mistake {
	if strings.TrimSpace(c.DataDir) == "" {
		return &mistake{path: "$.data_dir", message: "data_dir must name a directory", hint: "for example ./data or /var/lib/tallygate"}
	}
	if c.MACCache.Capacity < 1 {
		return &mistake{path: "$.mac_cache.capacity", message: fmt.Sprintf("capacity must be 1 or more, not %d", c.MACCache.Capacity)}
	}
	if m := c.Retention.check(); m != nil {
		return m
	}
	if s := c.Privacy.MACStorage; s != store.MACClear && s != store.MACHMAC {
		return &mistake{path: "$.privacy.mac_storage", message: fmt.Sprintf("%q is no way to store addresses", s), hint: "choose clear or hmac; hmac is for good: no pseudonym becomes an address again"}
	}
	if h := c.Trace.History; h < 0 || h > maxHistory {
		return &mistake{path: "$.trace.history", message: fmt.Sprintf("history must be from 0 to %d events, not %d", maxHistory, h)}
	}
	levels := []string{"debug", "info", "warn", "error"}
	if _, err := zapcore.ParseLevel(c.Log.Level); err != nil || !slices.Contains(levels, c.Log.Level) {
		return &mistake{path: "$.log.level", message: fmt.Sprintf("%q is not a log level", c.Log.Level), hint: "levels: " + strings.Join(levels, ", ")}
	}
	if c.Log.Format != logJSON && c.Log.Format != logConsole {
		return &mistake{path: "$.log.format", message: fmt.Sprintf("%q is not a log format", c.Log.Format), hint: "formats: json, console"}
	}
	return nil
}
