package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"tallygate/admin"
	"tallygate/cmd/internal/capture"
	"tallygate/licensing"
	"tallygate/macwatch"
	"tallygate/radiusd"
)

// roomFlags are a rule that is not set yet; what is left out is the Location's.
type roomFlags struct {
	attribute, pattern string
	texts              []string
}

func roomTestCmd(c *console) *cobra.Command {
	var location string
	var flags roomFlags
	cmd := &cobra.Command{
		Use:   "test --location ID FILE|-",
		Short: "Try the Location's rule for rooms on recorded packets, before guests meet it",
		Long: `Reads packets (hexadecimal text, one a line, or a capture of tcpdump or Wireshark) and shows for each
what the rule finds: the text, what the pattern takes of it, the normalised and the mapped room, or
why there is none. With flags it tries a rule that is not set yet: they are those of
` + "`location set`" + ` without "room-", and what is left out is the Location's. Nothing is changed.`,
		Example: `  tallygate room test --location 28N2S004 capture.pcap
  tallygate room test --location 28N2S004 --attribute nas-port-id --pattern 'room(\d+)' packets.txt`,
		Args: takes("FILE"),
	}
	f := cmd.Flags()
	f.StringVar(&flags.attribute, "attribute", "", "where the room stands")
	f.StringVar(&flags.pattern, "pattern", "", "regular `EXPRESSION`; its first group is the room")
	f.StringArrayVar(&flags.texts, "map", nil, "`TEXT=ROOM`, repeatable; TEXT= takes an entry away")
	cmd.RunE = c.ask(func(ctx context.Context, g *admin.Client, args []string) error {
		l, err := g.Location(ctx, location)
		if err != nil {
			return err
		}
		rule, err := flags.over(l.Settings.Room, cmd)
		if err != nil {
			return err
		}
		var known [2][]macwatch.Slot
		for i, kind := range []macwatch.Kind{macwatch.KindAP, macwatch.KindRoom} {
			if known[i], err = g.ListSlots(ctx, location, kind, macwatch.DefaultSilentAfter); err != nil {
				return err
			}
		}
		in, closeFile, err := c.packets(args[0])
		if err != nil {
			return err
		}
		defer closeFile()
		return c.tryRooms(in, radiusd.NewRoomTrial(rule, known[0], known[1]))
	})
	return atLocation(cmd, &location)
}

// over is the rule with what the flags say in the place of what is set.
func (f *roomFlags) over(rule licensing.RoomRule, cmd *cobra.Command) (licensing.RoomRule, error) {
	if cmd.Flags().Changed("attribute") {
		rule.Attribute = f.attribute
	}
	if cmd.Flags().Changed("pattern") {
		rule.Pattern = f.pattern
	}
	texts, err := pairs("map", f.texts)
	if err != nil {
		return rule, err
	}
	rule.Map = maps.Clone(rule.Map)
	for text, room := range texts {
		text = macwatch.NormalizeRoom(text)
		if room == "" {
			delete(rule.Map, text)
			continue
		}
		if rule.Map == nil {
			rule.Map = map[string]string{}
		}
		rule.Map[text] = macwatch.NormalizeRoom(room)
	}
	return rule, licensing.ValidateRoomRule(rule)
}

// packets opens a file of packets, or standard input.
func (c *console) packets(name string) (io.Reader, func(), error) {
	if name == "-" {
		return c.in, func() {}, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, nil, licensing.Errorf(licensing.CodeNotFound, "cannot read the packets: %w", err).WithHint("name a file of packets, or - for standard input")
	}
	return f, func() { _ = f.Close() }, nil // only read
}

// triedRoom is what JSON shows of one packet.
type triedRoom struct {
	Index int    `json:"index"`
	Frame int    `json:"line"`
	Time  string `json:"time,omitempty"`
	radiusd.RoomFinding
}

func (c *console) tryRooms(in io.Reader, trial *radiusd.RoomTrial) error {
	list := c.listing("no RADIUS packets in it", "PACKET", "CODE", "TEXT", "MATCH", "NORMALIZED", "ROOM", "WHY")
	index, found := 0, 0
	err := capture.Read(in, func(p capture.Packet) error {
		out := triedRoom{Index: index, Frame: p.Number, RoomFinding: radiusd.RoomFinding{Why: p.Problem}}
		index++
		if p.Problem == "" {
			out.RoomFinding = trial.Try(p.Data, p.From)
		}
		if !p.At.IsZero() {
			out.Time = p.At.UTC().Format(time.RFC3339Nano)
		}
		if out.Room != nil {
			found++
		}
		room := deref(out.Room)
		if out.Mapped {
			room += " (mapped)"
		}
		return list.row(out, strconv.Itoa(out.Index+1), out.Code, deref(out.Text), deref(out.Match), deref(out.Plain), room, out.Why)
	})
	if err = list.close(err); err != nil || c.json || index == 0 {
		return err
	}
	_, err = fmt.Fprintf(c.out, "a room in %d of %d packets\n", found, index)
	return err
}
