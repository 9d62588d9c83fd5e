package disconnect

import (
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
	"layeh.com/radius"
	"pgregory.net/rapid"

	"tallygate/macwatch"
)

// air carries packets through nothing, and notes when.
type air struct {
	mu     sync.Mutex
	begun  time.Time
	sent   []packet
	answer func(p packet) // on the sender's goroutine, which it must not block
}

type packet struct {
	at    time.Duration
	to    netip.AddrPort
	bytes []byte
}

func (a *air) send(b []byte, to netip.AddrPort) error {
	p := packet{time.Since(a.begun), to, append([]byte(nil), b...)}
	a.mu.Lock()
	a.sent = append(a.sent, p)
	a.mu.Unlock()
	if a.answer != nil {
		go a.answer(p)
	}
	return nil
}

func (a *air) packets() []packet {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]packet(nil), a.sent...)
}

// flying is a sender in the air.
type flying struct {
	*sender
	air      *air
	logs     *observer.ObservedLogs
	registry *prometheus.Registry
	mu       sync.Mutex
	ends     map[string]macwatch.Disconnect
	told     map[string]int
}

// inTheAir runs f beside a sender, in time that passes at once.
func inTheAir(t *testing.T, rate, total int, f func(*flying)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { fly(t, rate, total, f) })
}

func fly(t require.TestingT, rate, total int, f func(*flying)) {
	core, logs := observer.New(zapcore.DebugLevel)
	registry := prometheus.NewRegistry()
	m, err := newMetrics(registry)
	require.NoError(t, err)
	a := &air{begun: time.Now()}
	fl := &flying{sender: newSender(a, rate, total, time.Now, m, zap.New(core)), air: a, logs: logs, registry: registry, ends: map[string]macwatch.Disconnect{}, told: map[string]int{}}
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		fl.run(stop)
		close(done)
	}()
	f(fl)
	close(stop)
	<-done
	fl.giveUp()
}

// end asks for one session at a NAS to end.
func (f *flying) end(name, at string, steps ...step) bool {
	s := session()
	s.SessionID = name
	return f.add(&job{
		session: s, client: "aps", to: netip.MustParseAddr(at), secret: []byte(testSecret), why: whyOperator,
		recipe: recipe{port: 3799, turn: "switch it on"}, steps: steps,
		done: func(o macwatch.Disconnect) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.ends[name] = o
			f.told[name]++
		},
	})
}

func (f *flying) outcome(name string) macwatch.Disconnect {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ends[name]
}

// times is how often it was told that a session is settled.
func (f *flying) times(name string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.told[name]
}

// back makes an answer to a packet, as the NAS would.
func (f *flying) back(p packet, code radius.Code, reason cause) []byte {
	asked, err := radius.Parse(p.bytes, []byte(testSecret))
	if err != nil {
		panic(err)
	}
	return reply(asked, code, reason)
}

var plainStep = step{needs: []field{sessionID}}

// RFC 5080 section 2.2.1: 2 s, doubled each time; the same octets each time, as RFC 5176
// section 2.3 wants while nothing in them changes. Then it is given up.
func TestRFC5080Section2_2_1Retransmission(t *testing.T) {
	inTheAir(t, 100, 100, func(f *flying) {
		require.True(t, f.end("a", "192.0.2.1", plainStep))
		time.Sleep(time.Minute)
		synctest.Wait()
		sent := f.air.packets()
		require.Len(t, sent, 4)
		for i, at := range []time.Duration{0, 2 * time.Second, 6 * time.Second, 14 * time.Second} {
			require.InDelta(t, at.Seconds(), sent[i].at.Seconds(), 0.01)
			require.Equal(t, sent[0].bytes, sent[i].bytes)
			require.Equal(t, netip.MustParseAddrPort("192.0.2.1:3799"), sent[i].to)
		}
		o := f.outcome("a")
		require.Equal(t, macwatch.DisconnectUnanswered, o.State)
		require.Equal(t, "switch it on", o.Detail, "what to do")
		require.Equal(t, "192.0.2.1:3799", o.To)
		require.InDelta(t, 30, o.At.Sub(f.air.begun).Seconds(), 0.1)
		require.Equal(t, 1, f.logs.FilterMessage("a NAS does not answer a request to end a session").Len())
	})
}

// RFC 5176 section 2.3: where the content changes (Event-Timestamp), so do Identifier
// and Authenticator; an answer to any of the transmissions counts.
func TestRFC5176Section2_3IdentifierChangesWithTheContent(t *testing.T) {
	inTheAir(t, 100, 100, func(f *flying) {
		require.True(t, f.end("a", "192.0.2.1", step{needs: []field{sessionID}, stamp: alternately}))
		time.Sleep(7 * time.Second)
		synctest.Wait()
		sent := f.air.packets()
		require.Len(t, sent, 3)
		identifiers := map[byte]bool{}
		for _, p := range sent {
			identifiers[p.bytes[1]] = true
		}
		require.Len(t, identifiers, 3)
		f.receive(f.back(sent[0], radius.CodeDisconnectACK, 0), sent[0].to) // late
		require.Equal(t, macwatch.DisconnectAcknowledged, f.outcome("a").State)
		require.Empty(t, f.flights, "nothing is under way any more")
		f.receive(f.back(sent[1], radius.CodeDisconnectNAK, causeNotFound), sent[1].to)
		require.Equal(t, 1, f.times("a"), "once")
		require.Equal(t, 1, value(t, f.registry, "disconnect_answers_ignored_total", ""))
	})
}

// What is not from whom was asked, or not signed with his secret, changes nothing.
func TestFalseAnswers(t *testing.T) {
	inTheAir(t, 100, 100, func(f *flying) {
		require.True(t, f.end("a", "192.0.2.1", plainStep))
		synctest.Wait()
		p := f.air.packets()[0]
		good := f.back(p, radius.CodeDisconnectACK, 0)
		f.receive(good, netip.MustParseAddrPort("192.0.2.2:3799"))
		f.receive(good, netip.MustParseAddrPort("192.0.2.1:1700"))
		f.receive(changedCopy(good, 1, good[1]+1), p.to)
		f.receive(nil, p.to)
		require.Zero(t, f.times("a"))
		asked, err := radius.Parse(p.bytes, []byte(testSecret))
		require.NoError(t, err)
		asked.Secret = []byte("what somebody typed into the AP")
		f.receive(reply(asked, radius.CodeDisconnectACK, 0), p.to)
		require.Zero(t, f.times("a"))
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, macwatch.DisconnectUnanswered, f.outcome("a").State)
		require.Contains(t, f.outcome("a").Detail, "--disconnect-secret")
		require.Equal(t, 1, f.logs.FilterMessage("an answer to a request to end a session is not signed with the shared secret").Len())
	})
}

// A NAS that says it does not understand is asked in other words, one that says no is not.
func TestFallback(t *testing.T) {
	for _, tt := range []struct {
		name    string
		answers []cause // 1: an ACK
		sent    int
		state   macwatch.DisconnectState
		cause   string
	}{
		{"not found, then found", []cause{causeNotFound, 1}, 2, macwatch.DisconnectAcknowledged, ""},
		{"unsupported attribute, then found", []cause{causeUnsupportedAttribute, 1}, 2, macwatch.DisconnectAcknowledged, ""},
		{"a refusal without a cause, then found", []cause{0, 1}, 2, macwatch.DisconnectAcknowledged, ""},
		{"never found", []cause{causeNotFound, causeNotFound, causeUnsupportedAttribute}, 3, macwatch.DisconnectRefused, "Session-Context-Not-Found"},
		{"not removable: that is final", []cause{causeNotRemovable}, 1, macwatch.DisconnectRefused, "Session-Context-Not-Removable"},
		{"prohibited, at last", []cause{causeNotFound, causeProhibited}, 2, macwatch.DisconnectRefused, "Administratively-Prohibited"},
		{"busy", []cause{causeResources}, 1, macwatch.DisconnectRefused, "Resources-Unavailable"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inTheAir(t, 100, 100, func(f *flying) {
				n := 0
				f.air.answer = func(p packet) {
					if n < len(tt.answers) {
						code, reason := radius.CodeDisconnectNAK, tt.answers[n]
						if reason == 1 {
							code, reason = radius.CodeDisconnectACK, 0
						}
						n++
						f.receive(f.back(p, code, reason), p.to)
					}
				}
				require.True(t, f.end("a", "192.0.2.1", plainStep, step{needs: []field{callingStationID}}, step{needs: []field{userName}}))
				time.Sleep(time.Second)
				synctest.Wait()
				require.Len(t, f.air.packets(), tt.sent)
				require.Equal(t, tt.state, f.outcome("a").State)
				require.Equal(t, tt.cause, f.outcome("a").ErrorCause)
				if tt.state == macwatch.DisconnectRefused {
					require.NotEmpty(t, f.outcome("a").Detail)
				}
			})
		})
	}
}

// The end of a contract must not flood a controller: so many a second to each, so many
// in all, and none waits for another that is slow.
func TestBurstIsSpreadOut(t *testing.T) {
	inTheAir(t, 20, 50, func(f *flying) {
		f.air.answer = func(p packet) { f.receive(f.back(p, radius.CodeDisconnectACK, 0), p.to) }
		for i := range 400 {
			require.True(t, f.end(fmt.Sprint(i), fmt.Sprintf("192.0.2.%d", i%4), plainStep))
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Len(t, f.ends, 400)
		byNAS := map[netip.AddrPort]map[int]int{}
		inAll := map[int]int{}
		for _, p := range f.air.packets() {
			if byNAS[p.to] == nil {
				byNAS[p.to] = map[int]int{}
			}
			byNAS[p.to][int(p.at/time.Second)]++
			inAll[int(p.at/time.Second)]++
		}
		require.Len(t, byNAS, 4)
		for _, seconds := range byNAS {
			for _, n := range seconds {
				require.LessOrEqual(t, n, 20+3, "of one NAS, in a second")
			}
		}
		for second, n := range inAll {
			require.LessOrEqual(t, n, 50+6)
			if second < 7 {
				require.GreaterOrEqual(t, n, 45, "as fast as it may, in second %d", second)
			}
		}
	})
}

// A NAS that is dead costs half a minute, not half a minute for each of its guests; the
// next time it is tried with one.
func TestSilentNAS(t *testing.T) {
	inTheAir(t, 100, 200, func(f *flying) {
		f.air.answer = func(p packet) {
			if p.to.Addr() == netip.MustParseAddr("192.0.2.2") {
				f.receive(f.back(p, radius.CodeDisconnectACK, 0), p.to)
			}
		}
		for i := range 500 {
			require.True(t, f.end(fmt.Sprint("dead", i), "192.0.2.1", plainStep))
			if i < 300 {
				require.True(t, f.end(fmt.Sprint("alive", i), "192.0.2.2", plainStep))
			}
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		require.Equal(t, macwatch.DisconnectAcknowledged, f.outcome("alive299").State, "it does not wait for the dead")
		time.Sleep(25 * time.Second)
		synctest.Wait()
		require.Len(t, f.ends, 800)
		require.Equal(t, macwatch.DisconnectUnanswered, f.outcome("dead499").State)
		require.Contains(t, f.outcome("dead499").Detail, "not sent")
		dead := 0
		for _, p := range f.air.packets() {
			if p.to.Addr() == netip.MustParseAddr("192.0.2.1") {
				dead++
			}
		}
		require.Equal(t, window*tries, dead)

		for i := range 20 {
			require.True(t, f.end(fmt.Sprint("again", i), "192.0.2.1", plainStep))
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Len(t, f.air.packets(), 300+dead+tries, "one is enough to find out")
		require.Equal(t, macwatch.DisconnectUnanswered, f.outcome("again19").State)

		f.air.answer = func(p packet) { f.receive(f.back(p, radius.CodeDisconnectACK, 0), p.to) }
		for i := range 20 {
			require.True(t, f.end(fmt.Sprint("healed", i), "192.0.2.1", plainStep))
		}
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, macwatch.DisconnectAcknowledged, f.outcome("healed19").State)
	})
}

// The queue has an end, for one NAS and for all; what does not fit is counted.
func TestQueueIsBounded(t *testing.T) {
	inTheAir(t, 1, 1, func(f *flying) {
		refused := 0
		for i := range nasQueue + 10 {
			if !f.end(fmt.Sprint(i), "192.0.2.1", plainStep) {
				refused++
			}
		}
		require.Equal(t, 10, refused)
		for i := range queueSize {
			if !f.end(fmt.Sprint("o", i), fmt.Sprintf("192.0.3.%d", i%200), plainStep) {
				refused++
			}
		}
		require.Equal(t, 10+nasQueue, refused)
		require.Equal(t, 10+nasQueue, value(t, f.registry, "disconnect_queue_full_total", ""))
		require.Equal(t, queueSize, value(t, f.registry, "disconnect_queue", ""))
	})
}

// Whatever a NAS does (answers, refuses, is silent, answers twice, late, or somebody
// else does), each session is settled exactly once, no Identifier is under way twice,
// and nothing is left behind.
func TestEverySessionIsSettledOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		jobs := rapid.IntRange(1, 80).Draw(rt, "jobs")
		seeds := rapid.SliceOfN(rapid.IntRange(0, 7), 64, 64).Draw(rt, "answers")
		stop := rapid.Bool().Draw(rt, "stopped on the way")
		synctest.Test(t, func(*testing.T) {
			fly(rt, 500, 1000, func(f *flying) {
				n := 0
				var late []packet
				f.air.answer = func(p packet) {
					f.air.mu.Lock()
					what := seeds[n%len(seeds)]
					n++
					late = append(late, p)
					some := late[len(late)/2]
					f.air.mu.Unlock()
					switch what {
					case 0, 1:
						f.receive(f.back(p, radius.CodeDisconnectACK, 0), p.to)
					case 2:
						f.receive(f.back(p, radius.CodeDisconnectNAK, causeNotFound), p.to)
					case 3:
						f.receive(f.back(p, radius.CodeDisconnectNAK, causeNotRemovable), p.to)
					case 4:
						f.receive(f.back(some, radius.CodeDisconnectACK, 0), some.to)
						f.receive(f.back(p, radius.CodeDisconnectACK, 0), p.to)
						f.receive(f.back(p, radius.CodeDisconnectNAK, 0), p.to)
					case 5:
						f.receive(f.back(p, radius.CodeCoAACK, 0), p.to)
					case 6:
						f.receive(p.bytes, p.to)
					}
				}
				for i := range jobs {
					steps := []step{plainStep, {needs: []field{callingStationID}, stamp: alternately, signed: true}}
					require.True(rt, f.end(fmt.Sprint(i), fmt.Sprintf("192.0.2.%d", i%3), steps[i%2:]...))
				}
				if stop {
					time.Sleep(3 * time.Second)
					return
				}
				time.Sleep(20 * time.Minute)
				synctest.Wait()
				require.Len(rt, f.ends, jobs)
				for name, times := range f.told {
					require.Equal(rt, 1, times, name)
				}
				require.Empty(rt, f.flights)
				require.Zero(rt, f.waiting)
				require.Empty(rt, f.order)
			})
		})
	})
}
