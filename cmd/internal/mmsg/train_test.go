package mmsg

import (
	"bytes"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Whatever their lengths, datagrams that travel in trains arrive one by one, whole and in
// order: at a socket that takes trains, and at one that knows nothing of them.
func TestTrains(t *testing.T) {
	lengths := []int{20, 20, 20, 21, 20, 0, 1400, 1400, 3000, 1200, 1200, 1200, 5}
	for range 3 * mostCars {
		lengths = append(lengths, 100)
	}
	for range 2 * longestTrain / longestCar {
		lengths = append(lengths, longestCar)
	}
	var wires [][]byte
	for i, n := range lengths {
		wires = append(wires, bytes.Repeat([]byte{byte(i)}, n))
	}
	for _, aware := range []bool{true, false} {
		for _, plain := range []bool{false, true} {
			t.Run(fmt.Sprintf("aware %t plain %t", aware, plain), func(t *testing.T) {
				conn, server := socket(t, nil)
				require.NoError(t, conn.SetReadBuffer(4<<20))
				_, client := socket(t, conn.LocalAddr().(*net.UDPAddr))
				out, in, single := NewTrains(32), NewTrains(32), NewBatch(8, 4096)
				out.Prepare(client)
				require.False(t, out.plain, "the kernel of this machine can do it")
				out.plain = plain
				if aware {
					in.Prepare(server)
				}
				receive := func() (got [][]byte) {
					readable(t, server)
					if !aware {
						n, err := single.Receive(server)
						require.NoError(t, err)
						for i := range n {
							got = append(got, bytes.Clone(single.Datagram(i)))
						}
						return got
					}
					for more := true; more; {
						var n int
						var err error
						n, more, err = in.Receive(server)
						require.NoError(t, err)
						for i := range n {
							got = append(got, bytes.Clone(in.Datagram(i)))
						}
					}
					return got
				}
				for rest := wires; len(rest) > 0; {
					n := min(out.Len(), len(rest))
					for i, wire := range rest[:n] {
						out.Put(i, wire)
					}
					refused, err := out.Send(client, n)
					require.NoError(t, err)
					require.Zero(t, refused)
					var got [][]byte
					for len(got) < n {
						got = append(got, receive()...)
					}
					require.Equal(t, n, len(got))
					for i, wire := range rest[:n] {
						require.True(t, bytes.Equal(wire, got[i]), "datagram %d of %d octets, got %d", i, len(wire), len(got[i]))
					}
					rest = rest[n:]
				}
			})
		}
	}
}

// When datagrams arrive is known, each by itself or in a train, however late they are read. Over
// loopback they arrive while they are sent.
func TestArrivals(t *testing.T) {
	conn, server := socket(t, nil)
	_, client := socket(t, conn.LocalAddr().(*net.UDPAddr))
	out, in := NewTrains(8), NewTrains(8)
	out.Prepare(client)
	in.Prepare(server)
	for _, n := range []int{1, 8} { // the kernel begins to stamp a moment after it is asked to
		require.Eventually(t, func() bool {
			for i := range n {
				out.Put(i, bytes.Repeat([]byte("x"), 100))
			}
			before := time.Now().UnixNano()
			_, err := out.Send(client, n)
			after := time.Now().UnixNano()
			require.NoError(t, err)
			stamped := true
			for got := 0; got < n; {
				readable(t, server)
				k, _, err := in.Receive(server)
				require.NoError(t, err)
				got += k
				for i := range k {
					stamped = stamped && in.Arrived(i) >= before && in.Arrived(i) <= after
				}
			}
			return stamped
		}, 10*time.Second, time.Millisecond)
	}
}

// What the kernel refuses is counted by datagrams, and the next ones leave.
func TestTrainsAreRefused(t *testing.T) {
	closed, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	_, client := socket(t, closed.LocalAddr().(*net.UDPAddr))
	require.NoError(t, closed.Close())
	out := NewTrains(8)
	out.Prepare(client)
	refused := 0
	for range 4 {
		for i := range out.Len() {
			out.Put(i, bytes.Repeat([]byte("?"), 10+i/4))
		}
		n, err := out.Send(client, out.Len())
		require.NoError(t, err)
		refused += n
	}
	require.NotZero(t, refused)
	require.Zero(t, refused%4, "whole trains")
}
