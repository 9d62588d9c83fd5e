package main

import (
	"context"

	"github.com/spf13/cobra"

	"tallygate/admin"
	"tallygate/macwatch"
)

// The two lists of devices.
const (
	listExempt  = "exempt"
	listBlocked = "blocked"
)

func newDeviceCmd(c *console) *cobra.Command {
	return group("device", "Devices: who was seen at a Location, who is exempt, who is blocked",
		deviceListCmd(c), deviceListedCmd(c),
		deviceMarkCmd(c, "exempt", listExempt, "Serve a device without counting it"),
		deviceMarkCmd(c, "block", listBlocked, "Refuse a device, whatever else holds"))
}

func deviceListCmd(c *console) *cobra.Command {
	var location string
	cmd := &cobra.Command{
		Use:   "list --location ID",
		Short: "List the devices of a Location, by first sighting, and whether they count",
		Args:  takes(),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, _ []string) error {
			l := c.listing("no devices have been seen at this Location",
				"MAC", "FIRST SEEN", "LAST SEEN", "COUNTED", "PRIVATE", "WHY NOT")
			return l.close(g.Devices(ctx, location, func(d macwatch.DeviceInfo) error {
				return l.row(d, d.MAC.String(), stamp(d.FirstSeen), stamp(d.LastSeen), yesNo(d.Counted), yesNo(d.PrivateAddress), d.Reason)
			}))
		}),
	}
	return atLocation(cmd, &location)
}

// atLocation gives a command its --location.
func atLocation(cmd *cobra.Command, location *string) *cobra.Command {
	cmd.Flags().StringVar(location, "location", "", "`ID` of the Location")
	return required(cmd, "location")
}

func deviceListedCmd(c *console) *cobra.Command {
	var location string
	cmd := &cobra.Command{
		Use:   "listed --location ID",
		Short: "List the exempt and the blocked devices of a Location",
		Args:  takes(),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, _ []string) error {
			all, err := g.ListedDevices(ctx, location)
			l := c.listing("no device is exempt or blocked at this Location", "MAC", "LIST", "SINCE", "NOTE")
			for _, d := range all {
				if err == nil {
					err = l.row(d, d.MAC.String(), d.Kind, stamp(d.At), d.Note)
				}
			}
			return l.close(err)
		}),
	}
	return atLocation(cmd, &location)
}

func deviceMarkCmd(c *console, use, kind, short string) *cobra.Command {
	var location, note string
	var remove bool
	cmd := &cobra.Command{
		Use:   use + " --location ID MAC",
		Short: short + ", or with --remove no longer",
		Args:  takes("MAC"),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, args []string) error {
			mac, err := parseMAC(args[0])
			if err != nil {
				return err
			}
			change, now := listedChange{mac, kind, !remove}, "now"
			if remove {
				now = "no longer"
				err = g.UnlistDevice(ctx, c.change(), location, kind, mac)
			} else {
				err = g.ListDevice(ctx, c.change(), location, macwatch.ListedDevice{MAC: mac, Kind: kind, Note: note})
			}
			if err != nil {
				return err
			}
			return c.done(change, "device %s is %s %s at Location %s", mac, now, kind, location)
		}),
	}
	cmd.Flags().StringVar(&note, "note", "", "whose device it is, or why")
	cmd.Flags().BoolVar(&remove, "remove", false, "take the device off the list")
	cmd.MarkFlagsMutuallyExclusive("note", "remove")
	return c.changes(atLocation(cmd, &location))
}

// listedChange is what JSON says of a device that was put on a list or taken off it.
type listedChange struct {
	MAC    macwatch.MAC `json:"mac"`
	Kind   string       `json:"kind"`
	Listed bool         `json:"listed"`
}
