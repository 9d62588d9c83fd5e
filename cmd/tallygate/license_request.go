package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tallygate/admin"
	"tallygate/cmd/internal/durable"
	"tallygate/licensing"
)

func licenseRequestCmd(c *console) *cobra.Command {
	var location, out string
	r := licensing.Request{APs: licensing.Unlimited, Rooms: licensing.Unlimited}
	cmd := &cobra.Command{
		Use:   "request --location ID --years N --out FILE",
		Short: "Write what the distributor needs to know to issue a license for a Location",
		Long: `Writes a license request: the Location, its Organization, this gateway's key, and what is
asked for. Send the file to the distributor, who signs the license with
` + "`tallygate issuer grant --request FILE`" + `. It is JSON that can be read and corrected; it holds no
secret, and gives no right.`,
		Example: `  tallygate license request --location 28N2S004 --years 3 --aps 20 --rooms 150 --modules guest,business \
      --partner "Redes del Sur" --payment annual --out request.json`,
		Args: takes(),
	}
	f := cmd.Flags()
	f.StringVar(&location, "location", "", "`ID` of the Location")
	termFlags(f, &r.Term)
	f.Var(limitFlag{&r.APs}, "aps", "access points (default: not limited)")
	f.Var(limitFlag{&r.Rooms}, "rooms", "rooms (default: not limited)")
	f.StringSliceVar(&r.Modules, "modules", nil, "modules, separated by commas")
	f.StringVar(&r.Partner, "partner", "", "`NAME` of the partner that looks after the venue")
	f.StringVar(&r.Distributor, "distributor", "", "`NAME` of the distributor")
	f.Var(paymentFlag(&r.Payment), "payment", "how it will be paid")
	f.IntVar(&r.Quantity, "quantity", 1, "licenses in the pool")
	f.StringVar(&out, "out", "", "`FILE` for the request, or - for standard output")
	cmd.MarkFlagsOneRequired("years", "months", "days")
	cmd.RunE = c.ask(func(ctx context.Context, g *admin.Client, _ []string) error {
		l, err := g.Location(ctx, location)
		if err != nil {
			return err
		}
		id, err := g.Gateway(ctx)
		if err != nil {
			return err
		}
		about := licensing.NewRequest(l, id.Key, time.Now())
		r.Format, r.Version, r.RequestedAt = about.Format, about.Version, about.RequestedAt
		r.Organization, r.Location, r.Gateway = about.Organization, about.Location, about.Gateway
		if err := r.Validate(); err != nil {
			return err
		}
		return c.writeRequest(r, out)
	})
	return c.changes(required(cmd, "location", "out"))
}

func (c *console) writeRequest(r licensing.Request, out string) error {
	if out == "-" {
		_, err := c.out.Write(r.Text())
		return err
	}
	if !c.dryRun {
		if err := durable.WriteFile(out, r.Text(), 0o644); err != nil {
			return err
		}
	}
	asked := []string{termText(r.Term), "access points " + r.APs.String(), "rooms " + r.Rooms.String()}
	return c.done(r, "wrote the request for %s (%s): %s; send %s to the distributor",
		r.Location.Name, r.Location.ID, strings.Join(append(asked, r.Modules...), ", "), out)
}
