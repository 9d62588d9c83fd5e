package load

import (
	"time"

	"golang.org/x/sys/unix"
)

// side is what goes to one of the server's ports, and what comes back.
type side struct {
	rank        uint64 // among the sides
	deck        *deck
	ports       []*port
	limit       uint64 // requests; 0: no limit
	begun       uint64 // of them
	outstanding int
	latency     Histogram
	report      Side
}

// newSide writes the requests and opens the ports.
func newSide(cfg Config, workload Workload, ports int) (*side, error) {
	cfg.Ports = ports
	cfg.Sessions = (cfg.Sessions + ports - 1) / ports * ports // else a session's records would leave from several
	s := &side{deck: newDeck(newEncoder(cfg, workload), cfg.Prepare), report: Side{Bad: map[Verdict]uint64{}}}
	address := cfg.Auth
	if workload == Acct {
		address = cfg.Acct
	}
	for i := range ports {
		fd, err := dial(address)
		if err != nil {
			s.close()
			return nil, err
		}
		s.ports = append(s.ports, &port{side: s, fd: fd, number: uint64(i)})
	}
	return s, nil
}

// newSides makes those that the workload has.
func newSides(cfg Config) (sides []*side, err error) {
	parts := []Workload{cfg.Workload}
	if cfg.Workload == Mixed {
		parts = []Workload{AuthMAC, Acct}
	}
	for i, workload := range parts {
		s, err := newSide(cfg, workload, cfg.Ports/len(parts))
		if err != nil {
			for _, s := range sides {
				s.close()
			}
			return nil, err
		}
		if cfg.Count > 0 { // the first has the odd one
			s.limit = uint64((cfg.Count + len(parts) - 1 - i) / len(parts))
		}
		s.rank = uint64(i)
		sides = append(sides, s)
	}
	return sides, nil
}

func (s *side) close() {
	for _, p := range s.ports {
		_ = unix.Close(p.fd) // nothing is buffered in a socket of ours
	}
}

// mayBegin reports whether the port has one more request to send.
func (p *port) mayBegin() bool {
	return p.side.limit == 0 || p.index(p.sent) < p.side.limit
}

// answered counts a good answer.
func (s *side) answered(slot *slot, reply []byte, signed bool) {
	switch reply[0] {
	case codeAccountingResponse:
		s.report.Records.add(recordAt(slot.index, s.deck.encoder.sessions))
		return
	case codeAccessAccept:
		s.report.Accepted++
	default:
		s.report.Rejected++
	}
	if !signed {
		s.report.Unsigned++
	}
}

// finish is the report of a run that was measured for so long: a copy, for whoever keeps it
// would keep the side with it, and all its requests.
func (s *side) finish(measured time.Duration) *Side {
	report := s.report
	report.Latency = latencyOf(&s.latency)
	if measured > 0 {
		report.PerSecond = float64(report.Answered) / measured.Seconds()
	}
	report.Sent = s.begun
	return &report
}
