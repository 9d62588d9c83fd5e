package radiusd

import (
	"fmt"
	"net/netip"
	"sync"
	"time"

	"go.uber.org/zap"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// Log lines repeat at most once per window for the same cause and party: anyone
// can send packets, and the log must not be theirs to fill.
const (
	logWindow = time.Minute
	logKeys   = 1024
)

// journalist writes log lines, one per window and key, with how many it left out.
type journalist struct {
	log   *zap.Logger
	clock stopwatch

	mu   sync.Mutex
	seen map[logKey]*logEntry
}

// logKey is a cause and whom it concerns.
type logKey struct {
	reason licensing.Reason
	source netip.Addr
	client int64
}

type logEntry struct {
	next       instant
	suppressed int
}

// due reports whether a line may be written now, and how many were left out before.
func (j *journalist) due(k logKey) (suppressed int, ok bool) {
	now := j.clock.now()
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.seen == nil {
		j.seen = make(map[logKey]*logEntry)
	}
	e := j.seen[k]
	if e == nil {
		if len(j.seen) >= logKeys {
			j.forget(now)
		}
		if len(j.seen) >= logKeys {
			return 0, false
		}
		e = &logEntry{}
		j.seen[k] = e
	} else if now < e.next {
		e.suppressed++
		return 0, false
	}
	suppressed, e.suppressed = e.suppressed, 0
	e.next = now + instant(logWindow)
	return suppressed, true
}

// forget makes room by dropping keys whose window has passed.
func (j *journalist) forget(now instant) {
	for k, e := range j.seen {
		if now >= e.next {
			delete(j.seen, k)
		}
	}
}

// dropped tells why a packet got no answer. Unknown clients share one key per
// address, known ones one per client and reason.
func (j *journalist) dropped(l listener, reason licensing.Reason, source netip.AddrPort, c *client, detail error) {
	key := logKey{reason: reason, source: source.Addr()}
	if c != nil {
		key = logKey{reason: reason, client: c.ID}
	}
	suppressed, ok := j.due(key)
	if !ok {
		return
	}
	fields := []zap.Field{
		zap.Stringer("reason", reason),
		zap.Stringer("listener", l),
		zap.Stringer("source", source),
		zap.Int("suppressed", suppressed),
	}
	if c != nil {
		fields = append(fields, zap.String("client", c.Name))
	}
	if detail != nil {
		fields = append(fields, zap.Error(detail))
	}
	hint := dropHint(reason, source.Addr(), c)
	if l == radsecListener {
		hint = radsecHint(reason)
	}
	if hint != "" {
		fields = append(fields, zap.String("hint", hint))
	}
	level := zap.WarnLevel
	if reason == licensing.ReasonDuplicateInProgress {
		level = zap.DebugLevel // a busy moment, nobody's fault
	}
	j.log.Log(level, "RADIUS packet dropped: "+reason.Text(), fields...)
}

// dropHint is what the operator can do, in one plain sentence.
func dropHint(reason licensing.Reason, source netip.Addr, c *client) string {
	switch reason {
	case licensing.ReasonUnknownClient:
		return fmt.Sprintf("If %s is one of your access points or controllers, run: tallygate client add NAME --address %s --secret S --location ID", source, source)
	case licensing.ReasonProxyStateUnsigned:
		return fmt.Sprintf("%q proxies requests without Message-Authenticator, which anybody on the way can forge; no setting lifts this. Update or configure the proxy so that it sends Message-Authenticator", c.Name)
	case licensing.ReasonMissingMessageAuthenticator:
		// auto still demands it of every source that has once sent it. Where auto
		// itself dropped the packet, only no is left.
		policy := macwatch.RequireAuto
		if c.RequireMA == macwatch.RequireAuto {
			policy = macwatch.RequireNo
		}
		return fmt.Sprintf("Update the firmware of %q so that it sends Message-Authenticator; if it cannot, run: tallygate client set %s --require-message-authenticator %s",
			c.Name, c.Name, policy)
	case licensing.ReasonBadAuthenticator:
		return fmt.Sprintf("The shared secret of %q differs from the one entered here; make them equal: tallygate client set %s --secret S",
			c.Name, c.Name)
	default:
		return ""
	}
}

// rejected tells of a refusal; the device by its last four digits only.
func (j *journalist) rejected(reason licensing.Reason, c *client, ap []byte, mac macwatch.MAC) {
	suppressed, ok := j.due(logKey{reason: reason, client: c.ID})
	if !ok {
		return
	}
	j.log.Info("Access-Reject: "+reason.Text(),
		zap.Stringer("reason", reason),
		zap.String("client", c.Name),
		zap.String("location", c.Location),
		zap.ByteString("ap", ap),
		zap.String("device", mac.Last4()),
		zap.Int("suppressed", suppressed))
}

// unsupported tells of a login that a guest cannot know how to mend.
func (j *journalist) unsupported(method string, c *client) {
	suppressed, ok := j.due(logKey{reason: licensing.ReasonBadCredentials, client: c.ID, source: netip.IPv6Unspecified()})
	if !ok {
		return
	}
	j.log.Warn("a guest logs in by a method that is not offered",
		zap.String("method", method),
		zap.String("client", c.Name),
		zap.Int("suppressed", suppressed),
		zap.String("hint", "set the portal or controller to PAP or CHAP"))
}

// panicked tells of a fault of ours.
func (j *journalist) panicked(l listener, fault any) {
	suppressed, ok := j.due(logKey{reason: licensing.ReasonInternalError})
	if !ok {
		return
	}
	j.log.Error("the gateway failed on a RADIUS packet; please report this",
		zap.Stringer("listener", l),
		zap.Any("panic", fault),
		zap.Int("suppressed", suppressed),
		zap.Stack("stack"))
}
