package main

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tallygate/admin"
	"tallygate/licensing"
	"tallygate/macwatch"
	"tallygate/radiusd"
)

// trialFlags are the flags of radius test.
type trialFlags struct {
	macwatch.Trial
	mac, source string
	attributes  []string
	server      string
	secret      string
	patience    time.Duration
}

func radiusTestCmd(c *console) *cobra.Command {
	var f trialFlags
	cmd := &cobra.Command{
		Use:   "test --client NAME | --server HOST:PORT --secret S",
		Short: "Try a login, or an accounting record, and say what becomes of it",
		Long: `With --client, the running gateway decides a request that is built as this client would send
it, with the code and the facts of a real one, and says of each step how it stands. It is a
rehearsal: nothing is counted, no slot is claimed, no session begins, no metric moves.

With --server, the request is sent over UDP to a RADIUS server, whichever it is, and the reply
is checked (Response Authenticator, Message-Authenticator) and shown. This is a REAL request. At
a Tallygate whose client this machine is, a login that is accepted takes the slot of its access
point and room, and an accounting record is stored and counts its device. At a terminal it
is asked for once more; --dry-run only says what would be sent.

Without --user the login is by MAC address. Exit status 0 means accepted (or accounted for) with
an answer that checks, 1 anything else.`,
		Example: `  tallygate radius test --client aps --mac 02-11-22-33-44-55 --ap 94-83-C4-01-42-27 --ssid Guest
  tallygate radius test --client aps --user bob --password secret --chap --room 412
  tallygate radius test --server 10.0.0.5:1812 --secret "$SECRET" --mac 02-11-22-33-44-55`,
		Args: takes(),
	}
	fl := cmd.Flags()
	fl.StringVar(&f.Client, "client", "", "rehearse as the client with this `NAME`")
	fl.StringVar(&f.source, "source", "", "rehearse as from this `ADDRESS` of the client; default its first")
	fl.StringVar(&f.server, "server", "", "send it to this server, `HOST:PORT`, instead")
	fl.StringVar(&f.secret, "secret", "", "shared secret with that server")
	fl.DurationVar(&f.patience, "timeout", 5*time.Second, "wait so long for the server's reply")
	fl.BoolVar(&f.Accounting, "accounting", false, "an accounting record (Start) instead of a login")
	fl.StringVar(&f.mac, "mac", "", "the guest's device, `MAC` in any notation")
	fl.StringVar(&f.UserName, "user", "", "user `NAME`; without it the login is by MAC")
	fl.StringVar(&f.Password, "password", "", "`PASSWORD` of the user")
	fl.BoolVar(&f.CHAP, "chap", false, "answer a challenge (CHAP) instead of sending the password hidden (PAP)")
	fl.StringVar(&f.AP, "ap", "", "the access point, by address or `NAME`")
	fl.StringVar(&f.SSID, "ssid", "", "the network, `NAME`")
	fl.StringVar(&f.Room, "room", "", "the `ROOM`, where the Location's rule looks for it")
	fl.BoolVar(&f.Unsigned, "unsigned", false, "leave Message-Authenticator out, as old equipment does")
	fl.StringArrayVar(&f.attributes, "attribute", nil, "one more attribute, `NAME=VALUE` or NUMBER=HEX; may be repeated")
	cmd.MarkFlagsOneRequired("client", "server")
	cmd.MarkFlagsMutuallyExclusive("client", "server")
	cmd.MarkFlagsRequiredTogether("server", "secret")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := f.read(cmd); err != nil {
			return err
		}
		if f.server != "" {
			return c.trySend(cmd.Context(), &f)
		}
		return c.ask(func(ctx context.Context, g *admin.Client, _ []string) error {
			report, err := g.Rehearse(ctx, f.Trial)
			if err != nil {
				return err
			}
			return c.tellTrial(report)
		})(cmd, args)
	}
	return c.changes(cmd)
}

// read takes the flags that have a form of their own.
func (f *trialFlags) read(cmd *cobra.Command) (err error) {
	if f.mac != "" {
		if f.MAC, err = parseMAC(f.mac); err != nil {
			return err
		}
	}
	if f.MAC == 0 && f.UserName == "" && len(f.attributes) == 0 {
		return usagef(cmd, "somebody must log in: --mac, --user, or both")
	}
	if f.source != "" {
		if f.server != "" {
			return usagef(cmd, "--source is for --client: a real packet leaves from an address of this machine")
		}
		if f.Source, err = netip.ParseAddr(f.source); err != nil {
			return usagef(cmd, "--source: %q is not an IP address", f.source)
		}
	}
	for _, text := range f.attributes {
		a, err := radiusd.ParseTrialAttribute(text)
		if err != nil {
			return &usageError{message: "--attribute " + err.Error(), hint: hintOf(err)}
		}
		f.Attributes = append(f.Attributes, a)
	}
	if f.patience <= 0 {
		return usagef(cmd, "--timeout must be longer than nothing")
	}
	return nil
}

// tellTrial prints a report; what was not accepted is a failure.
func (c *console) tellTrial(r macwatch.TrialReport) error {
	if c.json {
		if err := c.printJSON(r); err != nil {
			return err
		}
		return trialOutcome(r)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "rehearsed as client %s from %s; nothing was counted, claimed or stored\n", r.Client, r.Source)
	var fields []field
	for _, s := range r.Steps {
		mark := "ok    "
		if !s.OK {
			mark = "FAILS "
		}
		fields = append(fields, field{mark + s.Name, s.Text})
	}
	if err := writeFields(&b, fields); err != nil {
		return err
	}
	fmt.Fprintf(&b, "=> %s\n", verdict(r))
	if r.WhatToDo != "" {
		fmt.Fprintf(&b, "   what to do: %s\n", r.WhatToDo)
	}
	if r.Answer != nil {
		writeAnswer(&b, r.Answer)
	}
	if _, err := io.WriteString(c.out, b.String()); err != nil {
		return err
	}
	return trialOutcome(r)
}

// verdict is the end of a rehearsal in one sentence.
func verdict(r macwatch.TrialReport) string {
	text := map[macwatch.Result]string{
		macwatch.ResultAccept: "Access-Accept: the guest would be let in", macwatch.ResultAccounting: "Accounting-Response: the record would be stored",
		macwatch.ResultReject: "Access-Reject", macwatch.ResultDrop: "no answer at all",
	}[r.Result]
	if r.Reason != "" {
		text += fmt.Sprintf(" (%s): %s", r.Reason, uncapitalized(strings.TrimSuffix(r.Text, ".")))
	}
	if r.Detail != "" {
		text += "; " + r.Detail
	}
	return text
}

func trialOutcome(r macwatch.TrialReport) error {
	if r.Result == macwatch.ResultAccept || r.Result == macwatch.ResultAccounting {
		return nil
	}
	return silentFailure{}
}

// writeAnswer shows an answer, with what a client that checks everything thinks of it.
func writeAnswer(w io.Writer, a *macwatch.TrialAnswer) {
	_, _ = fmt.Fprintf(w, "%s, %d octets\n", a.Code, a.Octets)
	authentic := "valid"
	if !a.Authentic {
		authentic = "WRONG: the shared secret differs, or somebody has forged it"
	}
	signed := a.MessageAuthenticator
	switch {
	case signed == "valid" && !a.First:
		signed = "valid, but not the first attribute (see BlastRADIUS, CVE-2024-3596)"
	case signed == "wrong":
		signed = "WRONG: the shared secret differs, or somebody has forged it"
	}
	fields := []field{{"  Response Authenticator", authentic}, {"  Message-Authenticator", signed}}
	for _, d := range a.Attributes {
		fields = append(fields, field{"  " + d.Name, d.Value})
	}
	_ = writeFields(w, fields)
}

// trySend sends a trial over UDP and shows the reply.
func (c *console) trySend(ctx context.Context, f *trialFlags) error {
	what := "login"
	if f.Accounting {
		what = "accounting record"
	}
	named := slices.ContainsFunc(f.Attributes, func(a macwatch.TrialAttribute) bool { return a.Type == 4 || a.Type == 32 })
	if f.AP == "" && !named {
		// RFC 2865 section 4.1: a request names its NAS.
		f.Attributes = append(f.Attributes, macwatch.TrialAttribute{Type: 32, Value: []byte("tallygate-radius-test")})
	}
	request, err := radiusd.TrialPacket(f.Trial, f.secret)
	if err != nil {
		return err
	}
	if c.dryRun {
		return c.done(rehearsedSend{f.server, fmt.Sprintf("%x", request)}, "would send %d octets to %s: %x", len(request), f.server, request)
	}
	if err := c.confirm("Send a real %s to %s? If that is a gateway with guests, it may take a slot or count a device.", what, f.server); err != nil {
		return err
	}
	answer, err := exchange(ctx, f.server, request, f.patience)
	if err != nil {
		return err
	}
	checked, err := radiusd.CheckAnswer(request, answer, f.secret)
	if err != nil {
		return err
	}
	if c.json {
		err = c.printJSON(checked)
	} else {
		writeAnswer(c.out, checked)
	}
	if err == nil && (!checked.Good() || checked.Code != "Access-Accept" && checked.Code != "Accounting-Response") {
		err = silentFailure{}
	}
	return err
}

// rehearsedSend is what --dry-run says in JSON.
type rehearsedSend struct {
	Server  string `json:"server"`
	Request string `json:"request"`
}

// noReply is what silence may mean.
func noReply(server string) error {
	return licensing.Errorf(licensing.CodeUnavailable, "no reply came from %s", server).
		WithHint("RADIUS servers are silent to whom they do not know and to a wrong secret: is this machine's address one of its clients, and the secret the same? Else look at port and firewall")
}
