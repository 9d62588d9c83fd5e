package load

import (
	"context"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"

	"tallygate/licensing"
)

// responder is a small RADIUS server. answer gets each packet with its place in the order
// of arrival, and returns what is to be sent for it.
type responder struct {
	conn *net.UDPConn
	mu   sync.Mutex
	got  [][]byte
}

func respond(t *testing.T, answer func(n int, wire []byte) [][]byte) *responder {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	r := &responder{conn: conn}
	var done sync.WaitGroup
	done.Go(func() {
		buf := make([]byte, 5000)
		for {
			n, from, err := conn.ReadFromUDP(buf)
			if err != nil {
				return
			}
			wire := append([]byte(nil), buf[:n]...)
			r.mu.Lock()
			r.got = append(r.got, wire)
			count := len(r.got)
			r.mu.Unlock()
			for _, reply := range answer(count-1, wire) {
				_, _ = conn.WriteToUDP(reply, from)
			}
		}
	})
	t.Cleanup(func() {
		_ = conn.Close()
		done.Wait()
	})
	return r
}

// good is the right answer.
func good(t *testing.T, wire []byte) []byte {
	if wire[0] == codeAccessRequest {
		return reply(t, wire, radius.CodeAccessAccept, true)
	}
	return reply(t, wire, radius.CodeAccountingResponse, false)
}

func (r *responder) packets() [][]byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.got
}

func (r *responder) config(workload Workload, count int) Config {
	address := r.conn.LocalAddr().String()
	return Config{
		Workload: workload, Auth: address, Acct: address, Secret: testSecret, Count: count, Ports: 4, Window: 4, Sessions: 8,
		Guests: 50, Prepare: 1000, Duration: time.Minute, Timeout: 5 * time.Second,
	}
}

func TestClosedLoop(t *testing.T) {
	for _, workload := range []Workload{AuthMAC, AuthPAP, Acct} {
		t.Run(string(workload), func(t *testing.T) {
			server := respond(t, func(_ int, wire []byte) [][]byte { return [][]byte{good(t, wire)} })
			cfg := server.config(workload, 600)
			cfg.Prepare = 100 // the others when their turn comes
			var calls []bool
			cfg.Measuring = func(begins bool) { calls = append(calls, begins) }
			out, err := Run(t.Context(), cfg)
			require.NoError(t, err)
			require.Equal(t, []bool{true, false}, calls)
			require.Len(t, out.Sides(), 1)
			side := out.Sides()[0]
			require.EqualValues(t, 600, side.Sent)
			require.EqualValues(t, 600, side.Answered)
			require.Zero(t, out.Bad()+out.Timeouts()+side.Retransmissions+side.Repeated+side.Late+side.Unsigned)
			require.InDelta(t, 600/out.Seconds, side.PerSecond, 1)
			require.Positive(t, side.Latency.P50)
			require.LessOrEqual(t, side.Latency.P50, side.Latency.P99)
			require.LessOrEqual(t, side.Latency.P999, side.Latency.Max)
			if workload == Acct {
				require.Equal(t, Records{Starts: 200, Interims: 200, Stops: 200, InputOctets: side.Records.InputOctets, OutputOctets: side.Records.OutputOctets}, side.Records)
				require.Positive(t, side.Records.OutputOctets)
			} else {
				require.EqualValues(t, 600, side.Accepted)
			}
			distinct := map[string]bool{}
			for _, wire := range server.packets() {
				parsed(t, wire)
				distinct[string(wire[4:20])] = true
			}
			require.Len(t, distinct, 600, "each request once, with an authenticator of its own")
		})
	}
}

func TestMixed(t *testing.T) {
	server := respond(t, func(_ int, wire []byte) [][]byte { return [][]byte{good(t, wire)} })
	out, err := Run(t.Context(), server.config(Mixed, 301))
	require.NoError(t, err)
	require.EqualValues(t, 151, out.Access.Accepted)
	require.EqualValues(t, 150, out.Acct.Records.All())
	require.EqualValues(t, 301, out.Answered())
}

// What fails verification answers nothing: it is counted, and the request is sent again.
func TestWrongRepliesAreCounted(t *testing.T) {
	server := respond(t, func(n int, wire []byte) [][]byte {
		switch n {
		case 0:
			return [][]byte{flipped(good(t, wire), 10)}
		case 1:
			return [][]byte{reply(t, wire, radius.CodeAccountingResponse, false)}
		case 2:
			return [][]byte{{2, wire[1], 0, 21}}
		case 3:
			wrong := flipped(good(t, wire), 25)
			copy(wrong[4:20], wire[4:20])
			sum := newSigner(testSecret).seal(wrong)
			copy(wrong[4:20], sum[:])
			return [][]byte{wrong}
		case 4:
			return [][]byte{reply(t, wire, radius.CodeAccessReject, true)}
		case 5:
			return [][]byte{reply(t, wire, radius.CodeAccessAccept, false), reply(t, wire, radius.CodeAccessAccept, false)}
		}
		return [][]byte{good(t, wire)}
	})
	cfg := server.config(AuthPAP, 10)
	cfg.Ports, cfg.Window, cfg.Timeout, cfg.Retries = 1, 1, 20*time.Millisecond, 200
	out, err := Run(t.Context(), cfg)
	require.NoError(t, err)
	side := out.Access
	for _, verdict := range []Verdict{BadAuthenticator, WrongCode, Malformed, BadSignature} {
		require.EqualValues(t, 1, side.Bad[verdict], verdict)
	}
	require.EqualValues(t, 4, out.Bad())
	require.GreaterOrEqual(t, side.Retransmissions, uint64(4))
	require.EqualValues(t, 10, side.Answered)
	require.EqualValues(t, 1, side.Rejected)
	require.EqualValues(t, 1, side.Unsigned)
	require.GreaterOrEqual(t, side.Repeated, uint64(1))
}

// RFC 5080 section 2.2.1: a retransmission is the same octets. After the last one the
// request is given up.
func TestRetransmission(t *testing.T) {
	server := respond(t, func(int, []byte) [][]byte { return nil })
	cfg := server.config(AuthMAC, 3)
	cfg.Ports, cfg.Window, cfg.Timeout, cfg.Retries = 1, 3, 20*time.Millisecond, 2
	out, err := Run(t.Context(), cfg)
	require.NoError(t, err)
	require.EqualValues(t, 3, out.Timeouts())
	require.EqualValues(t, 6, out.Access.Retransmissions)
	require.Zero(t, out.Access.Answered)
	times := map[string]int{}
	for _, wire := range server.packets() {
		times[string(wire)]++
	}
	require.Len(t, times, 3)
	for _, n := range times {
		require.Equal(t, 3, n)
	}
}

// An answer to what was given up is late: not forged, and not in time either.
func TestLateAnswers(t *testing.T) {
	var first []byte
	server := respond(t, func(n int, wire []byte) [][]byte {
		if n == 0 {
			first = wire
			return nil
		}
		if n == 1 {
			return [][]byte{good(t, first), good(t, wire)}
		}
		return [][]byte{good(t, wire)}
	})
	cfg := server.config(Acct, 20)
	cfg.Ports, cfg.Window, cfg.Sessions, cfg.Timeout, cfg.Retries = 1, 1, 1, 200*time.Millisecond, -1
	out, err := Run(t.Context(), cfg)
	require.NoError(t, err)
	require.EqualValues(t, 1, out.Timeouts())
	require.EqualValues(t, 1, out.Acct.Late)
	require.EqualValues(t, 19, out.Acct.Answered)
	require.Zero(t, out.Bad())
}

// An open loop counts latency from when a request was due. Here the server keeps silent
// while all of them become due; sent one after the other, each would look quick.
func TestOpenLoopCountsFromTheDueTime(t *testing.T) {
	const silence = 200 * time.Millisecond
	var once sync.Once
	server := respond(t, func(_ int, wire []byte) [][]byte {
		once.Do(func() { time.Sleep(silence) }) // not to wait for something: this is the server's slowness
		return [][]byte{good(t, wire)}
	})
	cfg := server.config(Acct, 100)
	cfg.Ports, cfg.Window, cfg.Rate = 1, 1, 1000
	out, err := Run(t.Context(), cfg)
	require.NoError(t, err)
	require.EqualValues(t, 100, out.Acct.Answered)
	// The 50th was due after 50 ms and could not be sent before 200 ms.
	require.GreaterOrEqual(t, out.Acct.Latency.P50, float64((silence - 51*time.Millisecond).Microseconds()))
}

// The ports take turns, a few requests each: every turn is one port's, and its next.
func TestOpenLoopTurns(t *testing.T) {
	for _, burst := range []uint64{1, 3, 8} {
		r := run{cfg: Config{Rate: 1000}, burst: burst}
		for rank := range 2 {
			s := &side{rank: uint64(rank)}
			for n := range 3 {
				s.ports = append(s.ports, &port{side: s, number: uint64(n)})
			}
			r.sides = append(r.sides, s)
		}
		for i := range 6 {
			r.ports = append(r.ports, r.sides[i%2].ports[i/2])
		}
		for turn := range 10 * burst * 6 {
			p := r.whose(turn)
			require.Equal(t, turn, r.turn(p))
			require.Equal(t, int64(turn)*int64(time.Millisecond), r.dueAt(turn))
			p.sent++
		}
		for _, p := range r.ports {
			require.Equal(t, 10*burst, p.sent)
		}
	}
}

// With a bad network everything is acknowledged in the end, and what the report says was
// lost, doubled and reordered has really happened.
func TestMishaps(t *testing.T) {
	server := respond(t, func(_ int, wire []byte) [][]byte { return [][]byte{good(t, wire)} })
	cfg := server.config(Acct, 480)
	cfg.Loss, cfg.Duplicate, cfg.Reorder, cfg.Seed = 30, 30, 30, 1
	cfg.Timeout, cfg.Retries = 20*time.Millisecond, 1000
	out, err := Run(t.Context(), cfg)
	require.NoError(t, err)
	side := out.Acct
	require.Zero(t, out.Bad()+out.Timeouts())
	require.EqualValues(t, 480, side.Records.All())
	require.Positive(t, side.Lost)
	require.Positive(t, side.Duplicated)
	require.Positive(t, side.Reordered)
	require.Positive(t, side.Retransmissions)
	require.Positive(t, side.Repeated)
	distinct := map[string]bool{}
	for _, wire := range server.packets() {
		distinct[string(parsed(t, wire).Authenticator[:])] = true
	}
	require.Len(t, distinct, 480)
	require.Greater(t, len(server.packets()), 480)
}

// Time bounds a run as well as a count, and so does the context.
func TestBounds(t *testing.T) {
	server := respond(t, func(_ int, wire []byte) [][]byte { return [][]byte{good(t, wire)} })
	cfg := server.config(AuthMAC, 0)
	cfg.WarmUp, cfg.Duration = 50*time.Millisecond, 100*time.Millisecond
	out, err := Run(t.Context(), cfg)
	require.NoError(t, err)
	require.GreaterOrEqual(t, out.Seconds, 0.1)
	require.Greater(t, out.Access.Sent, out.Access.Answered, "the warm-up is not measured")
	require.EqualValues(t, out.Access.Sent, out.Access.Accepted, "what was begun is waited for")

	ctx, cancel := context.WithCancel(t.Context())
	cfg.Duration = time.Hour
	cfg.Measuring = func(bool) { cancel() }
	_, err = Run(ctx, cfg)
	require.NoError(t, err)
}

func TestNobodyListens(t *testing.T) {
	server := respond(t, func(int, []byte) [][]byte { return nil })
	cfg := server.config(Acct, 4)
	require.NoError(t, server.conn.Close())
	cfg.Timeout, cfg.Retries = 20*time.Millisecond, 1
	out, err := Run(t.Context(), cfg)
	require.NoError(t, err)
	require.EqualValues(t, 4, out.Timeouts())
	require.Positive(t, out.Acct.Refused)
}

func TestProcessors(t *testing.T) {
	server := respond(t, func(_ int, wire []byte) [][]byte { return [][]byte{good(t, wire)} })
	cfg := server.config(AuthMAC, 10)
	cfg.CPUs = []int{0}
	out, err := Run(t.Context(), cfg)
	require.NoError(t, err)
	require.EqualValues(t, 10, out.Answered())
	cfg.CPUs = []int{1023}
	_, err = Run(t.Context(), cfg)
	require.Equal(t, licensing.CodeInvalid, licensing.CodeOf(err))
}

func TestConfigsThatCannotBePlayed(t *testing.T) {
	fine := Config{Workload: Mixed, Auth: "127.0.0.1:1", Acct: "127.0.0.1:1", Secret: "s"}
	_, err := fine.validated()
	require.NoError(t, err)
	for name, change := range map[string]func(*Config){
		"no workload":       func(c *Config) { c.Workload = "" },
		"no secret":         func(c *Config) { c.Secret = "" },
		"no auth address":   func(c *Config) { c.Auth = "" },
		"no acct address":   func(c *Config) { c.Acct = "" },
		"too many ports":    func(c *Config) { c.Ports = 5000 },
		"odd ports":         func(c *Config) { c.Ports = 3 },
		"too wide a window": func(c *Config) { c.Window = 257 },
		"loss":              func(c *Config) { c.Loss = 101 },
		"negative time":     func(c *Config) { c.Duration = -1 },
		"negative rate":     func(c *Config) { c.Rate = -1 },
		"users":             func(c *Config) { c.Users = 1_000_001 },
	} {
		t.Run(name, func(t *testing.T) {
			c := fine
			change(&c)
			_, err := Run(t.Context(), c)
			require.Equal(t, licensing.CodeInvalid, licensing.CodeOf(err))
			var e *licensing.Error
			require.ErrorAs(t, err, &e)
			require.NotEmpty(t, e.Hint)
		})
	}
}

// TestReportKeepsNoRequests: who keeps the reports of many runs does not keep what was sent.
func TestReportKeepsNoRequests(t *testing.T) {
	server := respond(t, func(_ int, wire []byte) [][]byte { return [][]byte{good(t, wire)} })
	cfg := server.config(Acct, 50)
	cfg.Count, cfg.Prepare, cfg.Duration = 0, 200_000, 50*time.Millisecond // 38 MB
	var reports []Report
	for range 4 {
		out, err := Run(t.Context(), cfg)
		require.NoError(t, err)
		reports = append(reports, out)
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	require.Less(t, m.HeapAlloc, uint64(60<<20), "all four together would be 150 MB")
	runtime.KeepAlive(reports)
}
