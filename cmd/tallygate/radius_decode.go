package main

import (
	"fmt"
	"io"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"tallygate/cmd/internal/capture"
	"tallygate/licensing"
	"tallygate/radiusd"
)

func radiusDecodeCmd(c *console) *cobra.Command {
	var secret string
	cmd := &cobra.Command{
		Use:   "decode FILE|-",
		Short: "Show what the gateway finds in packets: guest, AP, network, room, session",
		Long: `Reads packets as the gateway does and shows what it finds in each: hexadecimal text, one
packet a line, or a capture of tcpdump or Wireshark (pcap, pcapng). They are taken in order, so
that accounting which does not name the guest's device is joined with the login before it.
Needs no running gateway.

With --secret, passwords and authenticators are tried with it, and what does not fit is said.`,
		Example: `  tallygate radius decode --secret "$SECRET" capture.pcap
  echo 01a3… | tallygate radius decode -`,
		Args: takes("FILE"),
	}
	cmd.Flags().StringVar(&secret, "secret", "", "shared secret of the sender")
	cmd.RunE = func(_ *cobra.Command, args []string) error { return c.decode(args[0], secret) }
	return cmd
}

// decoded is what JSON shows of one packet.
type decoded struct {
	Index int    `json:"index"`
	Frame int    `json:"line"`
	Time  string `json:"time,omitempty"`
	From  string `json:"from,omitempty"`
	To    string `json:"to,omitempty"`
	radiusd.Decoded
}

func (c *console) decode(name, secret string) error {
	in := c.in
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return licensing.Errorf(licensing.CodeNotFound, "cannot read the packets: %w", err).WithHint("name a file of packets, or - for standard input")
		}
		defer func() { _ = f.Close() }() // only read
		in = f
	}
	d := radiusd.NewDecoder(secret)
	list := c.listing("no RADIUS packets in it")
	index, broken := 0, 0
	err := capture.Read(in, func(p capture.Packet) error {
		out := decoded{Index: index, Frame: p.Number}
		index++
		if p.Problem != "" {
			out.Decoded = radiusd.Undecoded(p.Problem)
			broken++
		} else {
			out.Decoded = d.Decode(p.Data, p.From, p.To)
		}
		if !p.At.IsZero() {
			out.Time = p.At.Format("2006-01-02T15:04:05.000000Z")
		}
		if p.From != (netip.AddrPort{}) {
			out.From, out.To = p.From.String(), p.To.String()
		}
		if c.json {
			return list.row(out)
		}
		return writeDecoded(c.out, &out)
	})
	if err == nil && !c.json && index == 0 {
		_, err = fmt.Fprintln(c.out, "no RADIUS packets in it")
	}
	if c.json {
		err = list.close(err)
	}
	if err == nil && !c.json && broken > 0 && broken == index {
		return licensing.Errorf(licensing.CodeInvalid, "there is no packet in it").WithHint("each line is one packet in hexadecimal digits; captures are pcap or pcapng files")
	}
	return err
}

// writeDecoded shows one packet to a person.
func writeDecoded(w io.Writer, d *decoded) error {
	var head []string
	for _, s := range []string{d.Code, deref(d.StatusType)} {
		if s != "" {
			head = append(head, s)
		}
	}
	if d.From != "" {
		head = append(head, "from", d.From)
	}
	if d.NAS != "" {
		head = append(head, "by NAS", strconv.Quote(d.NAS))
	}
	if d.Vendor != "" {
		head = append(head, "("+string(d.Vendor)+")")
	}
	if d.Time != "" {
		head = append(head, "at", d.Time)
	}
	if _, err := fmt.Fprintf(w, "%d: %s\n", d.Index+1, strings.Join(head, " ")); err != nil {
		return err
	}
	return writeFields(w, indented(decodedFields(d)))
}

func decodedFields(d *decoded) (f []field) {
	add := func(name, value string) {
		if value != "" {
			f = append(f, field{name, value})
		}
	}
	if d.Error != "" {
		add("problem", d.Error)
		return f
	}
	if d.GuestMAC != nil {
		guest := d.GuestMAC.String() + ", from " + d.GuestMACSource
		if d.JoinedBy != "" {
			guest += " with an earlier packet by " + d.JoinedBy
		}
		if *d.PrivateAddress {
			guest += ", a private (randomised) address"
		}
		add("guest", guest)
	} else if d.MACAuth != nil || d.SessionID != nil {
		add("guest", "no device named")
	}
	if d.MACAuth != nil {
		login := "by user name " + strconv.Quote(d.UserName)
		if *d.MACAuth {
			login = "by MAC address"
		}
		add("login", login)
	} else {
		add("user", d.UserName)
	}
	switch {
	case d.AP != nil:
		add("AP", *d.AP+", from "+deref(d.APSource))
		add("AP also", strings.Join(d.Names, ", "))
	case d.APIdentity != "":
		add("AP", "not named; "+d.APIdentity+" stands for it")
	}
	if d.SSID != nil {
		add("network", strconv.Quote(*d.SSID)+", from "+deref(d.SSIDSource))
	}
	if d.VLAN != nil {
		add("VLAN", strconv.Itoa(*d.VLAN))
	}
	add("room hint", deref(d.RoomHint))
	add("session", deref(d.SessionID))
	for _, n := range d.Notes {
		add("note", n)
	}
	return f
}

func indented(fields []field) []field {
	for i := range fields {
		fields[i].name = "   " + fields[i].name
	}
	return fields
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
