package main

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"github.com/spf13/cobra"

	"tallygate/admin"
	"tallygate/macwatch"
)

// strangerRow is what JSON says of a stranger.
type strangerRow struct {
	macwatch.Stranger
	Command string `json:"command"` // to be run by a shell that knows $SECRET, and perhaps $LOCATION
}

func clientUnknownCmd(c *console) *cobra.Command {
	return &cobra.Command{
		Use:   "unknown",
		Short: "List who sends without being a client, with the command that lets them in",
		Long: `Lists the source addresses that send RADIUS packets and are no client, oldest first. What
they say of themselves (NAS-Identifier, NAS-IP-Address) is not authentic: anybody can send
anything. The list is in memory and bounded; addresses that came once give way first.

Under each stands the command that makes it a client. Set SECRET to the shared secret of
the access point, and LOCATION where the command asks for it.`,
		Args: takes(),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, _ []string) error {
			strangers, err := g.Strangers(ctx)
			if err != nil {
				return err
			}
			location, names, err := surroundings(ctx, g)
			if err != nil {
				return err
			}
			l := c.listing("nobody unknown has sent anything since the gateway started",
				"SOURCE", "PORT", "NAS-IDENTIFIER", "NAS-IP-ADDRESS", "LOOKS LIKE", "FIRST SEEN", "LAST SEEN", "PACKETS")
			var commands []string
			for _, s := range strangers {
				command := admission(s, location, names)
				commands = append(commands, command)
				if err == nil {
					err = l.row(strangerRow{s, command}, s.Source.String(), strings.Join(s.Listeners, ","), s.NASIdentifier, s.NASAddress,
						string(s.Vendor), stamp(s.FirstSeen), stamp(s.LastSeen), fmt.Sprint(s.Packets))
				}
			}
			if err := l.close(err); err != nil || c.json || len(commands) == 0 {
				return err
			}
			_, err = fmt.Fprintf(c.out, "\nTo let one in:\n  %s\n", strings.Join(commands, "\n  "))
			return err
		}),
	}
}

// surroundings are what a command for a new client is made from: the Location, where
// there is only one, and the names that are taken.
func surroundings(ctx context.Context, g *admin.Client) (location string, names map[string]bool, err error) {
	locations, err := g.Locations(ctx)
	if err != nil {
		return "", nil, err
	}
	location = `"$LOCATION"`
	if len(locations) == 1 {
		location = locations[0].Code
	}
	clients, err := g.Clients(ctx)
	names = map[string]bool{}
	for _, p := range clients {
		names[p.Name] = true
	}
	return location, names, err
}

// admission is the command that makes a client of a stranger. Nothing that the stranger
// has sent gets into it but letters, digits and hyphens: it will be pasted into a shell.
func admission(s macwatch.Stranger, location string, names map[string]bool) string {
	name := clientName(s.NASIdentifier)
	if name == "" || names[name] {
		name = strings.Trim(name+"-"+clientName(s.Source.String()), "-")
	}
	for n, base := 2, name; names[name]; n++ {
		name = fmt.Sprintf("%s-%d", base, n)
	}
	names[name] = true
	command := fmt.Sprintf(`tallygate client add %s --address %s --secret "$SECRET" --location %s`, name, plainAddress(s.Source), location)
	asked := len(s.Listeners) > 0 && s.Listeners[0] == "auth"
	if asked && !s.MessageAuthenticator {
		command += " --require-message-authenticator auto"
	}
	return command
}

// plainAddress has no zone, which no client can have.
func plainAddress(a netip.Addr) string { return a.WithZone("").String() }

// clientName makes of what somebody calls himself a name that a shell leaves alone.
func clientName(text string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(text) {
		switch {
		case b.Len() == 32:
			return strings.Trim(b.String(), "-")
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
			b.WriteRune(r)
		default:
			if s := b.String(); s != "" && !strings.HasSuffix(s, "-") {
				b.WriteByte('-')
			}
		}
	}
	return strings.Trim(b.String(), "-")
}
