package bench

import (
	"context"
	"fmt"
	"net"
	"os"
	"time"

	"tallygate/cmd/internal/load"
)

// secret is shared by every server of the benchmark and the generator.
const secret = "a secret of the benchmark"

// server is a RADIUS server that runs and is asked.
type server struct {
	auth, acct string
	pids       []int // all that belong to it; children are included by themselves
	close      func()
}

func (s *server) usage() (sum usage, err error) {
	for _, pid := range s.pids {
		u, err := usageOf(pid)
		if err != nil {
			return sum, err
		}
		sum.cpu += u.cpu
		sum.resident += u.resident
	}
	return sum, nil
}

// contestant is a kind of server, with the settings at which it does best.
type contestant struct {
	name    string
	prepare int // requests that the generator writes in advance for one run, at least
	start   func(ctx context.Context) (*server, error)
}

// window is how many requests are outstanding, on how many ports.
type window struct{ ports, each int }

func (w window) String() string { return fmt.Sprintf("%d", w.ports*w.each) }

// windows are the concurrencies among which each server gets its best: of few busy access
// points, whose datagrams travel together, and of many.
var windows = []window{{8, 8}, {8, 16}, {4, 64}, {32, 8}, {16, 32}, {64, 8}}

// Sample is one run of the generator at one server.
type Sample struct {
	load.Report
	PerSecond float64 // answers, of all sides
	CPUMicros float64 // of the server, user and system, per answer
	Resident  int64   // octets of the server, at the end of the measured time
}

// measure runs the generator once. The result is an error when it is not worth counting:
// replies that failed verification, guests that were refused, requests that timed out.
func measure(ctx context.Context, s *server, cfg load.Config) (Sample, error) {
	out, err := run(ctx, s, cfg)
	if err != nil {
		return out, err
	}
	for _, side := range out.Sides() {
		switch {
		case out.Bad() > 0:
			err = fmt.Errorf("%d replies failed verification: %v", out.Bad(), side.Bad)
		case side.Rejected > 0:
			err = fmt.Errorf("%d of %d requests were rejected", side.Rejected, side.Sent)
		case side.Unsigned > 0:
			err = fmt.Errorf("%d replies to Access-Requests hold no Message-Authenticator", side.Unsigned)
		case side.Timeouts*1000 > side.Sent:
			err = fmt.Errorf("%d of %d requests stayed unanswered", side.Timeouts, side.Sent)
		}
	}
	return out, err
}

// run is measure for a server that may fail its guests: one that is overloaded.
func run(ctx context.Context, s *server, cfg load.Config) (Sample, error) {
	cfg.Auth, cfg.Acct, cfg.Secret = s.auth, s.acct, secret
	var begin, end usage
	var failed error
	cfg.Measuring = func(begins bool) {
		u, err := s.usage()
		switch {
		case err != nil:
			failed = err
		case begins:
			begin = u
		default:
			end = u
		}
	}
	report, err := load.Run(ctx, cfg)
	switch {
	case err != nil:
		return Sample{}, err
	case ctx.Err() != nil:
		return Sample{}, ctx.Err()
	case failed != nil:
		return Sample{}, failed
	}
	out := Sample{Report: report, PerSecond: report.PerSecond(), Resident: end.resident}
	if n := report.Answered(); n > 0 {
		out.CPUMicros = float64(end.cpu-begin.cpu) / float64(time.Microsecond) / float64(n)
	}
	return out, nil
}

// freePort finds a UDP or TCP port of the loopback that nobody holds just now.
func freePort() (int, error) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	port := conn.LocalAddr().(*net.UDPAddr).Port
	return port, conn.Close()
}

// await polls until ready says so, the process has ended or the patience is over.
func await(ctx context.Context, p *process, patience time.Duration, ready func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for !ready() {
		select {
		case <-p.ended:
			return p.died()
		case <-ctx.Done():
			return fmt.Errorf("the server was not ready after %s: %w; its last words:\n%s", patience, ctx.Err(), lastLines(p.log, 10))
		case <-poll.C:
		}
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
