package e2e

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
)

// controller is a NAS as far as Disconnect goes: it ends the sessions that it is asked
// for, as long as it answers.
type controller struct {
	conn *net.UDPConn
	done chan struct{}

	mu      sync.Mutex
	answers int // how many more
	ended   map[string]int
	asked   int
}

func newController(t *testing.T, answers int) *controller {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	c := &controller{conn: conn, done: make(chan struct{}), answers: answers, ended: map[string]int{}}
	go c.serve()
	t.Cleanup(func() {
		_ = conn.Close()
		<-c.done
	})
	return c
}

func (c *controller) serve() {
	defer close(c.done)
	b := make([]byte, 4096)
	for {
		n, from, err := c.conn.ReadFromUDP(b)
		if err != nil {
			return
		}
		p, err := radius.Parse(b[:n], []byte(secret))
		if err != nil || p.Code != radius.CodeDisconnectRequest || !radius.IsAuthenticRequest(b[:n], []byte(secret)) {
			continue
		}
		c.mu.Lock()
		c.asked++
		answer := c.answers > 0
		if answer {
			c.answers--
			c.ended[rfc2865.CallingStationID_GetString(p)]++
		}
		c.mu.Unlock()
		if text, err := p.Response(radius.CodeDisconnectACK).Encode(); answer && err == nil {
			_, _ = c.conn.WriteToUDP(text, from)
		}
	}
}

func (c *controller) count() (asked, ended int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asked, len(c.ended)
}

// TestCutOff: access is denied, the controller is asked to end every session, the gateway
// is killed in the middle, and goes on where it was when it is back.
func TestCutOff(t *testing.T) {
	t.Parallel()
	const guests = 30
	g := newVenue(t, site{})
	c := newController(t, 7)
	g.run(t, "client", "set", "access-points", "--vendor", "ruckus-smartzone", "--disconnect-port", fmt.Sprint(c.conn.LocalAddr().(*net.UDPAddr).Port))
	var packets []string
	for i := range guests {
		packets = append(packets, packet(userAnna, fmt.Sprintf(`Calling-Station-Id = "80-41-00-00-01-%02X"`, i), fmt.Sprintf(`Acct-Session-Id = "s-%d"`, i),
			"Acct-Status-Type = Start", "NAS-IP-Address = 192.0.2.9"))
	}
	g.radclient(t, "acct", strings.Join(packets, "\n"))
	require.Eventually(t, func() bool { return len(g.sessions(t)) == guests }, patience, 20*time.Millisecond)
	asked, _ := c.count()
	require.Zero(t, asked, "nobody has to go")

	g.run(t, "license", "deny", g.number, "--reason", "unpaid")
	require.Eventually(t, func() bool { asked, ended := c.count(); return ended == 7 && asked > 7 }, patience, 5*time.Millisecond)
	g.kill(t)
	c.mu.Lock()
	c.answers = 1000
	c.mu.Unlock()
	g.start(t)
	require.Eventually(t, func() bool { _, ended := c.count(); return ended == guests }, patience, 20*time.Millisecond, "all are asked for, also those of before")
	require.Eventually(t, func() bool {
		for _, s := range g.sessions(t) {
			if s.Disconnect == nil || s.Disconnect.State != "acknowledged" || s.Disconnect.Why != "access-denied" {
				return false
			}
		}
		return true
	}, patience, 50*time.Millisecond)
	require.Equal(t, guests, g.metrics(t).value(t, `disconnects_total{result="acknowledged"}`))
}
