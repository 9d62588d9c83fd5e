package disconnect

import (
	"net/netip"
	"sync"
	"time"

	"go.uber.org/zap"

	"tallygate/macwatch"
)

// logWindow: lines repeat at most once in it for the same cause and NAS. A burst of
// thousands must not fill the log.
const (
	logWindow = time.Minute
	logKeys   = 1024
)

// journalist writes log lines, one per window and key, with how many it left out.
type journalist struct {
	log *zap.Logger

	mu   sync.Mutex
	seen map[logKey]*logEntry
}

type logKey struct {
	what string
	to   netip.Addr
}

type logEntry struct {
	next       time.Time
	suppressed int
}

func newJournalist(log *zap.Logger) *journalist {
	return &journalist{log: log, seen: map[logKey]*logEntry{}}
}

// due reports whether a line may be written now, and how many were left out before.
func (j *journalist) due(what string, to netip.Addr) (suppressed int, ok bool) {
	now := time.Now()
	j.mu.Lock()
	defer j.mu.Unlock()
	k := logKey{what, to}
	e := j.seen[k]
	if e == nil {
		if len(j.seen) >= logKeys {
			clear(j.seen)
		}
		e = &logEntry{}
		j.seen[k] = e
	}
	if now.Before(e.next) {
		e.suppressed++
		return 0, false
	}
	suppressed, e.suppressed, e.next = e.suppressed, 0, now.Add(logWindow)
	return suppressed, true
}

func (j *journalist) warn(what string, about *job, fields ...zap.Field) {
	suppressed, ok := j.due(what, about.to)
	if !ok {
		return
	}
	device := ""
	if about.session.MAC != 0 {
		device = about.session.MAC.Last4()
	}
	j.log.Warn(what, append([]zap.Field{
		zap.String("client", about.client), zap.Stringer("nas", about.address()), zap.String("device", device),
		zap.String("why", about.why), zap.Int("suppressed", suppressed),
	}, fields...)...)
}

func (j *journalist) refused(about *job) {
	j.warn("a NAS refuses to end a session", about, zap.Stringer("error_cause", about.refusal), zap.String("what_to_do", about.refusal.hint()))
}

func (j *journalist) unanswered(about *job, waiting int) {
	j.warn("a NAS does not answer a request to end a session", about, zap.Int("waiting", waiting), zap.String("what_to_do", about.recipe.turn))
}

func (j *journalist) falseAnswer(about *job) {
	j.warn("an answer to a request to end a session is not signed with the shared secret", about, zap.String("what_to_do", wrongSecret))
}

// impossible tells of sessions that nobody can be asked to end: a line for each NAS.
func (j *journalist) impossible(s *macwatch.Session, why, detail string) {
	if suppressed, ok := j.due(detail, s.Origin.Source); ok {
		j.log.Info("sessions that should end cannot be ended from here", zap.String("nas", s.NAS), zap.Stringer("source", s.Origin.Source),
			zap.String("why", why), zap.String("reason", detail), zap.Int("suppressed", suppressed))
	}
}

func (j *journalist) unsent(to netip.AddrPort, err error) {
	if suppressed, ok := j.due("unsent", to.Addr()); ok {
		j.log.Warn("a request to end a session could not be sent; it is repeated", zap.Stringer("nas", to), zap.Error(err), zap.Int("suppressed", suppressed))
	}
}
