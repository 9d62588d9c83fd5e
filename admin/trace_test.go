package admin

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// fakeAir traces what it is told to.
type fakeAir struct {
	trace     func(context.Context, macwatch.TraceFilter, func(macwatch.TraceLine) error) error
	strangers []macwatch.Stranger
	differing []macwatch.SecretDiffers
}

func (f fakeAir) Trace(ctx context.Context, filter macwatch.TraceFilter, each func(macwatch.TraceLine) error) error {
	if f.trace == nil {
		return nil
	}
	return f.trace(ctx, filter, each)
}
func (f fakeAir) Rehearse(t macwatch.Trial) (macwatch.TrialReport, error) {
	return macwatch.TrialReport{Client: t.Client, Result: macwatch.ResultAccept, Detail: fmt.Sprintf("%+v", t)}, nil
}
func (f fakeAir) Strangers() []macwatch.Stranger              { return f.strangers }
func (f fakeAir) SecretsThatDiffer() []macwatch.SecretDiffers { return f.differing }

// Each line arrives when it is written, not when a buffer is full; the filter arrives as
// it was said; and the gateway learns that the watcher has gone.
func TestTraceIsLive(t *testing.T) {
	next, gone := make(chan struct{}), make(chan struct{})
	want := macwatch.TraceFilter{MAC: aMAC, AP: `lobby 2&"é"`, Client: "aps", Location: "28N2S004", Result: macwatch.ResultReject,
		Reason: "ap-limit", Since: noon, Follow: true, Live: true}
	var got macwatch.TraceFilter
	s := serve(t, Options{Air: fakeAir{trace: func(ctx context.Context, f macwatch.TraceFilter, each func(macwatch.TraceLine) error) error {
		got = f
		for i := range 3 {
			if err := each(macwatch.TraceLine{Event: &macwatch.TraceEvent{Count: i + 1, Result: macwatch.ResultAccept}}); err != nil {
				return err
			}
			select {
			case <-next:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		<-ctx.Done()
		close(gone)
		return nil
	}}})
	ctx, cancel := context.WithCancel(context.Background())
	n := 0
	err := s.client.Trace(ctx, want, func(line macwatch.TraceLine) error {
		n++
		require.Equal(t, n, line.Event.Count)
		next <- struct{}{}
		if n == 3 {
			cancel()
		}
		return nil
	})
	require.NoError(t, err, "Ctrl-C is no failure")
	require.Equal(t, 3, n)
	<-gone
	require.Equal(t, want, got)
}

func TestTraceEnds(t *testing.T) {
	fault := licensing.Errorf(licensing.CodeConflict, "16 traces run already").WithHint("end one of them")
	for _, tt := range []struct {
		name  string
		lines int
		err   error
		want  string
	}{
		{"at the end of the history", 2, nil, ""},
		{"before it began", 0, fault, "16 traces run already"},
		{"broken off", 2, errors.New("fault"), "broke off"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, Options{Air: fakeAir{trace: func(_ context.Context, _ macwatch.TraceFilter, each func(macwatch.TraceLine) error) error {
				for range tt.lines {
					if err := each(macwatch.TraceLine{Note: "x"}); err != nil {
						return err
					}
				}
				return tt.err
			}}})
			lines := 0
			err := s.client.Trace(t.Context(), macwatch.TraceFilter{}, func(macwatch.TraceLine) error { lines++; return nil })
			require.Equal(t, tt.lines, lines)
			if tt.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tt.want)
		})
	}
}

// A watcher whose side of the socket is full is left after a while, and holds nothing.
func TestAWatcherThatDoesNotReadIsLeft(t *testing.T) {
	left := make(chan error, 1)
	s := serve(t, Options{Air: fakeAir{trace: func(_ context.Context, _ macwatch.TraceFilter, each func(macwatch.TraceLine) error) error {
		for {
			if err := each(macwatch.TraceLine{Note: strings.Repeat("x", 1<<16)}); err != nil {
				left <- err
				return err
			}
		}
	}}})
	conn, err := new(net.Dialer).DialContext(t.Context(), "unix", s.socket)
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	_, err = fmt.Fprint(conn, "GET /v1/trace?follow=1 HTTP/1.1\r\nHost: gateway\r\n\r\n")
	require.NoError(t, err)
	answer, err := bufio.NewReader(conn).ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, answer, "200 OK")
	var timeout net.Error
	require.ErrorAs(t, <-left, &timeout)
	require.True(t, timeout.Timeout())
}

func TestWrongTraceFilters(t *testing.T) {
	for query, want := range map[string]string{
		"mac=02:11":             "not the MAC address of a device",
		"mac=ff:ff:ff:ff:ff:ff": "not the MAC address of a device",
		"result=maybe":          "not a result",
		"since=yesterday":       "not a time",
		"follow=often":          "neither 1 nor 0",
		"live=2":                "neither 1 nor 0",
	} {
		q, err := url.ParseQuery(query)
		require.NoError(t, err)
		_, err = parseTraceFilter(q)
		require.ErrorContains(t, err, want)
		require.Equal(t, licensing.CodeInvalid, licensing.CodeOf(err))
	}
}

// FuzzTraceFilter: whatever is read is written back so that it is read the same.
func FuzzTraceFilter(f *testing.F) {
	f.Add("mac=0211.2233.4455&ap=lobby-2&follow=1")
	f.Add("result=reject&reason=ap-limit&since=2026-11-22T12:00:00.5Z&live=true")
	f.Add("client=%00&location=%ff")
	f.Fuzz(func(t *testing.T, text string) {
		q, err := url.ParseQuery(text)
		if err != nil {
			t.Skip("no query, which net/http does not let through")
		}
		got, err := parseTraceFilter(q)
		if err != nil {
			require.Equal(t, licensing.CodeInvalid, licensing.CodeOf(err))
			return
		}
		again, err := parseTraceFilter(formatTraceFilter(got))
		require.NoError(t, err)
		require.True(t, got.Since.Equal(again.Since))
		got.Since, again.Since = time.Time{}, time.Time{}
		require.Equal(t, got, again)
	})
}

func TestStrangersAndSecrets(t *testing.T) {
	air := fakeAir{
		strangers: []macwatch.Stranger{{NASIdentifier: "ap", FirstSeen: noon, LastSeen: noon, Packets: 3, Listeners: []string{"auth"}}},
		differing: []macwatch.SecretDiffers{{Client: "aps", Packets: 7, Since: noon, Last: noon}},
	}
	s := serve(t, Options{Air: air})
	strangers, err := s.client.Strangers(t.Context())
	require.NoError(t, err)
	require.Equal(t, air.strangers, strangers)
	differing, err := s.client.SecretsThatDiffer(t.Context())
	require.NoError(t, err)
	require.Equal(t, air.differing, differing)
}

// A trial arrives as it was made; octets that are no text as well.
func TestRehearsalArrives(t *testing.T) {
	trial := macwatch.Trial{Client: "aps", MAC: aMAC, UserName: "bob", Password: "x", CHAP: true, Accounting: true, Unsigned: true, AP: "a", SSID: "s", Room: "r",
		Source: netip.MustParseAddr("10.0.0.1"), Attributes: []macwatch.TrialAttribute{{Type: 26, Value: []byte{0, 255}}}}
	s := serve(t, Options{Air: fakeAir{}})
	report, err := s.client.Rehearse(t.Context(), trial)
	require.NoError(t, err)
	require.Equal(t, fmt.Sprintf("%+v", trial), report.Detail)
}
