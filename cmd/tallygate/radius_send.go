package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"tallygate/licensing"
)

// retransmission is how long a request waits before it is sent again (RFC 5080 section
// 2.2.1 begins with two seconds).
const retransmission = 2 * time.Second

// exchange sends a request, again from time to time with the same octets, and returns the
// first answer to it.
func exchange(ctx context.Context, server string, request []byte, patience time.Duration) ([]byte, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "udp", server)
	if err != nil {
		return nil, licensing.Errorf(licensing.CodeInvalid, "cannot send to %q: %w", server, err).WithHint("write HOST:PORT; authentication is 1812, accounting 1813")
	}
	defer func() { _ = conn.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	end := time.Now().Add(patience)
	buffer := make([]byte, 4096)
	for next := time.Now(); ; {
		now := time.Now()
		if !now.Before(end) {
			return nil, noReply(server)
		}
		if !now.Before(next) {
			if _, err := conn.Write(request); err != nil {
				return nil, refusedPort(server, err)
			}
			next = now.Add(retransmission)
		}
		wait := next
		if end.Before(wait) {
			wait = end
		}
		if err := conn.SetReadDeadline(wait); err != nil {
			return nil, err
		}
		n, err := conn.Read(buffer)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.Is(err, os.ErrDeadlineExceeded):
		case err != nil:
			return nil, refusedPort(server, err)
		case n >= 2 && buffer[1] == request[1]:
			return buffer[:n], nil
		}
	}
}

func refusedPort(server string, err error) error {
	return licensing.Errorf(licensing.CodeUnavailable, "%s takes no packets: %w", server, err).
		WithHint("%s", fmt.Sprintf("nothing listens there; authentication is 1812, accounting 1813: is %s the right one?", server))
}
