package radiusd

import (
	"net/netip"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"tallygate/licensing"
)

// radsecMetrics are those of RadSec alone; its packets are counted as the listener radsec.
type radsecMetrics struct {
	connections prometheus.Gauge
	failed      map[string]prometheus.Counter
}

func (m *radsecMetrics) register(registerer prometheus.Registerer) error {
	m.connections = prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "tallygate", Name: "radsec_connections", Help: "RadSec connections that stand."})
	failed := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "tallygate", Name: "radsec_handshakes_failed_total", Help: "RadSec connections that were not made, by reason."}, []string{"reason"})
	m.failed = make(map[string]prometheus.Counter)
	for _, reason := range handshakeFailures {
		m.failed[reason] = failed.WithLabelValues(reason)
	}
	if registerer == nil {
		return nil
	}
	if err := registerer.Register(m.connections); err != nil {
		return err
	}
	return registerer.Register(failed)
}

// radsecRefused tells of a connection that was not made, once a minute for an address.
func (j *journalist) radsecRefused(source netip.AddrPort, why string, err error, hint string) {
	suppressed, ok := j.due(logKey{reason: licensing.ReasonUnknownClient, source: source.Addr(), client: radsecKey})
	if !ok {
		return
	}
	fields := []zap.Field{zap.String("reason", why), zap.Stringer("source", source), zap.Int("suppressed", suppressed)}
	if err != nil {
		fields = append(fields, zap.Error(err))
	}
	if hint != "" {
		fields = append(fields, zap.String("hint", hint))
	}
	j.log.Warn("RadSec connection refused", fields...)
}

// radsecKey stands in a logKey for what concerns RadSec connections, and no client.
const radsecKey = -1

func (j *journalist) linkMade(l *link) {
	suppressed, ok := j.due(logKey{client: l.id})
	if !ok {
		return
	}
	state := l.conn.ConnectionState()
	j.log.Info("RadSec connection made", zap.String("client", l.name), zap.Stringer("source", l.source),
		zap.Uint16("tls_version", state.Version), zap.String("certificate", l.peer.digest), zap.Int("suppressed", suppressed))
}

func (j *journalist) linkEnded(l *link, why string, level zapcore.Level) {
	suppressed, ok := j.due(logKey{client: l.id, source: netip.IPv6Unspecified()})
	if !ok {
		return
	}
	j.log.Log(level, "RadSec connection ended", zap.String("client", l.name), zap.Stringer("source", l.source),
		zap.String("why", why), zap.Int("suppressed", suppressed))
}

// radsecHint is dropHint for packets of a RadSec connection.
func radsecHint(reason licensing.Reason) string {
	switch reason {
	case licensing.ReasonBadAuthenticator:
		return "The shared secret of RadSec is always \"radsec\" (RFC 6614 section 2.3): set it in the access point or proxy. The connection was closed"
	case licensing.ReasonUnknownClient:
		return "Its client has been removed, or may no longer come from there. The connection was closed"
	case licensing.ReasonMalformed, licensing.ReasonMissingMessageAuthenticator:
		return "The connection was closed, as RFC 6613 section 2.6.4 wants it"
	default:
		return ""
	}
}
