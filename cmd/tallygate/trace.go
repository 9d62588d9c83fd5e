package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tallygate/admin"
	"tallygate/licensing"
	"tallygate/macwatch"
)

func newTraceCmd(c *console) *cobra.Command {
	f := macwatch.TraceFilter{}
	var mac string
	var since time.Duration
	var follow, live, noFollow, history bool
	cmd := &cobra.Command{
		Use:   "trace",
		Short: "Why was a guest refused? What was decided, and what is decided now",
		Long: `Shows what became of every request, one line each: first what is remembered, then what
happens, until Ctrl-C. A refusal says why, and what to do.

The memory is in the gateway and lasts until it stops (trace.history in the configuration).
Accepts and accounting do not push out refusals, and whoever is refused a thousand times
pushes out his own refusals only; repeats stand as one line with their number (×37).
A trace that cannot keep up is cut off: packets never wait for it.

With --json every line is an object. Times are UTC.`,
		Example: `  tallygate trace --mac 02-11-22-33-44-55
  tallygate trace --location 28N2S004 --result reject --since 12h --no-follow`,
		Args: takes(),
	}
	fl := cmd.Flags()
	fl.StringVar(&mac, "mac", "", "only this device, `MAC` in any notation")
	fl.StringVar(&f.AP, "ap", "", "only this access point, by `NAME` or alias")
	fl.StringVar(&f.Client, "client", "", "only this client, by `NAME`")
	fl.StringVar(&f.Location, "location", "", "only the Location with this `ID`")
	fl.Var(choice[macwatch.Result]{&f.Result, macwatch.Results()}, "result", "only what became this")
	fl.StringVar(&f.Reason, "reason", "", "only for this `REASON`, such as ap-limit")
	fl.DurationVar(&since, "since", 0, "only what happened in the last `TIME`, such as 2h")
	fl.BoolVarP(&follow, "follow", "f", false, "go on with what happens from now on; this is the default")
	fl.BoolVar(&live, "live", false, "leave out what is remembered: only what happens from now on")
	fl.BoolVar(&history, "history", false, "end after what is remembered")
	fl.BoolVar(&noFollow, "no-follow", false, "the same as --history")
	for _, end := range []string{"history", "no-follow"} {
		cmd.MarkFlagsMutuallyExclusive("follow", end)
		cmd.MarkFlagsMutuallyExclusive("live", end)
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if mac != "" {
			var err error
			if f.MAC, err = parseMAC(mac); err != nil {
				return err
			}
		}
		if f.Reason != "" {
			if _, ok := licensing.ReasonOf(f.Reason); !ok {
				return usagef(cmd, "--reason: %q is not a reason; metrics, log and trace use the same words", f.Reason)
			}
		}
		if since < 0 {
			return usagef(cmd, "--since must be a time that has passed, such as 2h")
		}
		if since > 0 {
			f.Since = time.Now().Add(-since)
		}
		f.Live, f.Follow = live, !history && !noFollow
		return c.ask(func(ctx context.Context, g *admin.Client, _ []string) error {
			return c.trace(ctx, g, f)
		})(cmd, args)
	}
	return cmd
}

// errReaderGone is the pipe's other end, which has seen enough.
var errReaderGone = errors.New("the reader of the trace is gone")

// trace prints lines as they come, each at once, so that a pipe sees them too.
func (c *console) trace(ctx context.Context, g *admin.Client, f macwatch.TraceFilter) error {
	shown, ended := 0, ""
	lines := json.NewEncoder(c.out)
	lines.SetEscapeHTML(false)
	err := g.Trace(ctx, f, func(line macwatch.TraceLine) (err error) {
		switch {
		case line.Event != nil && c.json:
			shown++
			err = lines.Encode(line.Event)
		case line.Event != nil:
			shown++
			_, err = fmt.Fprintln(c.out, traceSentence(line.Event, time.Now()))
		case line.End != "":
			ended = line.End
		case line.Note != "":
			c.aside("%s", line.Note)
		case line.Now && isTerminal(c.out):
			c.aside("from here on live; Ctrl-C ends")
		}
		if err != nil {
			return errReaderGone
		}
		return nil
	})
	switch {
	case errors.Is(err, errReaderGone):
		return nil
	case err != nil:
		return err
	case ended != "":
		return licensing.Errorf(licensing.CodeUnavailable, "the trace has ended: %s", ended)
	case shown == 0 && !f.Follow:
		c.aside("nothing is remembered that matches")
	}
	return nil
}

// aside is a word beside the output proper: on standard error.
func (c *console) aside(format string, args ...any) {
	_, _ = fmt.Fprintf(c.err, "-- "+format+"\n", args...)
}

// traceSentence is one event as a plain sentence:
//
//	21:04:11Z  reject  02:11:22:33:44:55 via AP lobby-2 (client aps, 28N2S004): all licensed access points are in use — `tallygate ap list`; …
func traceSentence(e *macwatch.TraceEvent, now time.Time) string {
	var b strings.Builder
	b.WriteString(traceClock(e.At, now))
	fmt.Fprintf(&b, "  %-6s  ", traceVerbs[e.Result])
	if e.Count > 1 {
		fmt.Fprintf(&b, "×%d since %s  ", e.Count, traceClock(e.Since, now))
	}
	b.WriteString(traceSubject(e))
	b.WriteString(": ")
	switch e.Result {
	case macwatch.ResultAccept:
		b.WriteString("let in")
	case macwatch.ResultAccounting:
		fmt.Fprintf(&b, "%s stored", or(e.Status, "accounting"))
		if e.SessionID != "" {
			b.WriteString(", session " + e.SessionID)
		}
	case macwatch.ResultReject, macwatch.ResultDrop:
		b.WriteString(uncapitalized(strings.TrimSuffix(e.Text, ".")))
	}
	if e.Detail != "" {
		b.WriteString("; " + e.Detail)
	}
	if e.License != "" && (e.Result == macwatch.ResultAccept || e.Reason == "access-denied" || e.Reason == "contract-finalized") {
		fmt.Fprintf(&b, " (%s, %s)", e.License, e.State)
	}
	if e.WhatToDo != "" {
		b.WriteString(" — " + uncapitalized(e.WhatToDo))
	}
	return b.String()
}

var traceVerbs = map[macwatch.Result]string{
	macwatch.ResultAccept: "accept", macwatch.ResultReject: "reject", macwatch.ResultDrop: "drop", macwatch.ResultAccounting: "record",
}

// traceSubject is who, where, and through whom.
func traceSubject(e *macwatch.TraceEvent) string {
	var b strings.Builder
	switch {
	case e.MAC != "":
		b.WriteString(e.MAC)
	case e.UserName != "":
		b.WriteString("guest " + e.UserName)
	case e.Client != "":
		b.WriteString("a packet")
	default:
		fmt.Fprintf(&b, "a packet from %s to the %s port", e.Source, e.Listener)
	}
	if _, ok := macwatch.ParseMAC(e.UserName); !ok && e.MAC != "" && e.UserName != "" {
		b.WriteString(", user " + e.UserName)
	}
	if e.AP != "" {
		b.WriteString(" via AP " + e.AP)
	}
	if e.Room != "" {
		b.WriteString(", room " + e.Room)
	}
	if e.SSID != "" {
		b.WriteString(", SSID " + e.SSID)
	}
	if e.Client == "" {
		return b.String()
	}
	fmt.Fprintf(&b, " (client %s, %s", e.Client, e.Location)
	if e.Result == macwatch.ResultDrop {
		b.WriteString(", from " + e.Source)
	}
	b.WriteByte(')')
	return b.String()
}

// traceClock is a time of day, with its date unless that is today's.
func traceClock(at, now time.Time) string {
	at, now = at.UTC(), now.UTC()
	if at.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return at.Format("15:04:05Z")
	}
	return at.Format("2006-01-02 15:04:05Z")
}

// uncapitalized begins a sentence as its second half, but for words that are spelt with
// capitals such as "EAP" or a quoted name.
func uncapitalized(s string) string {
	if len(s) > 1 && 'A' <= s[0] && s[0] <= 'Z' && ('a' <= s[1] && s[1] <= 'z' || s[1] == ' ') {
		return string(s[0]+'a'-'A') + s[1:]
	}
	return s
}
