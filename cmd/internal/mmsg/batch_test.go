package mmsg

import (
	"bytes"
	"fmt"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// socket opens a UDP socket and gives its descriptor.
func socket(t *testing.T, to *net.UDPAddr) (*net.UDPConn, int) {
	t.Helper()
	var conn *net.UDPConn
	var err error
	if to == nil {
		conn, err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	} else {
		conn, err = net.DialUDP("udp4", nil, to)
	}
	require.NoError(t, err)
	file, err := conn.File()
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, file.Close())
		_ = conn.Close()
	})
	return conn, int(file.Fd())
}

// readable waits until a datagram is there.
func readable(t *testing.T, fd int) {
	t.Helper()
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 10_000)
	require.NoError(t, err)
	require.Equal(t, 1, n, "nothing came")
}

// TestBatches sends datagrams of all lengths in batches, and the answers back to the
// ports that they came from.
func TestBatches(t *testing.T) {
	serverConn, server := socket(t, nil)
	at := serverConn.LocalAddr().(*net.UDPAddr)
	in, out := NewBatch(8, 2048), NewBatch(8, 0)
	n, err := in.Receive(server)
	require.NoError(t, err)
	require.Zero(t, n, "nothing is there, and nobody waits")

	var clients []int
	for c := range 3 {
		_, client := socket(t, at)
		clients = append(clients, client)
		batch := NewBatch(5, 0)
		for i := range batch.Len() {
			batch.Put(i, bytes.Repeat([]byte{byte(c)}, 20+500*i))
		}
		refused, err := batch.Send(client, batch.Len())
		require.NoError(t, err)
		require.Zero(t, refused)
	}
	got := map[string]int{}
	for total := 0; total < 15; {
		readable(t, server)
		n, err := in.Receive(server)
		require.NoError(t, err)
		for i := range n {
			wire := in.Datagram(i)
			got[fmt.Sprintf("%d: %d", wire[0], len(wire))]++
			out.Answer(i, []byte{wire[0], byte(len(wire) / 500)}, in, i)
		}
		refused, err := out.Send(server, n)
		require.NoError(t, err)
		require.Zero(t, refused)
		total += n
	}
	require.Len(t, got, 15, "each once")
	for c, client := range clients {
		seen := map[byte]bool{}
		for len(seen) < 5 {
			readable(t, client)
			n, err := in.Receive(client)
			require.NoError(t, err)
			for i := range n {
				require.Equal(t, byte(c), in.Datagram(i)[0], "an answer went to another port")
				seen[in.Datagram(i)[1]] = true
			}
		}
	}
}

// A port that nobody listens on costs datagrams, but is no fault of the socket.
func TestRefused(t *testing.T) {
	closed, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	_, client := socket(t, closed.LocalAddr().(*net.UDPAddr))
	require.NoError(t, closed.Close())
	batch := NewBatch(4, 64)
	refused := 0
	for range 4 {
		for i := range batch.Len() {
			batch.Put(i, []byte("anybody there?"))
		}
		n, err := batch.Send(client, batch.Len())
		require.NoError(t, err)
		refused += n
	}
	_, err = batch.Receive(client)
	require.True(t, refused > 0 || err != nil, "ECONNREFUSED comes on one of the two ways")
	_, err = batch.Send(-1, 1)
	require.ErrorIs(t, err, unix.EBADF)
}
