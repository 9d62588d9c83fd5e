package main

import (
	"time"

	"github.com/spf13/cobra"

	"tallygate/cmd/internal/authority"
)

func newRadSecCmd(c *console) *cobra.Command {
	return group("radsec", "RadSec: certificates for RADIUS over TLS", radsecInitCmd(c), radsecClientCmd(c))
}

func radsecInitCmd(c *console) *cobra.Command {
	var dir, name string
	var renew bool
	cmd := &cobra.Command{
		Use:   "init --dir DIR --name NAME",
		Short: "Make a small CA and the gateway's certificate",
		Long: `Makes a CA in DIR, which is created if absent, and a certificate for the gateway. It needs no
gateway and no openssl. ca.key can make certificates that the gateway trusts: keep it off the
gateway, and in a safe backup. With --renew the CA stays, and the gateway gets a new
certificate; reload it afterwards.`,
		Example: `  tallygate radsec init --dir radsec --name gateway.example`,
		Args:    takes(),
		RunE: func(*cobra.Command, []string) error {
			made, err := authority.Init(dir, name, time.Now(), renew, c.dryRun)
			if err != nil {
				return err
			}
			return c.done(made, "made the gateway's certificate, valid until %s; in the configuration:\n"+
				"radius:\n  radsec: {listen: [\"0.0.0.0:2083\"], cert: %s, key: %s, client_ca: %s}",
				stamp(made.Expires), made.Certificate, made.Key, made.CA)
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "`DIR` for the certificates")
	cmd.Flags().StringVar(&name, "name", "", "DNS `NAME` or address by which access points know the gateway")
	cmd.Flags().BoolVar(&renew, "renew", false, "keep the CA and make a new certificate for the gateway")
	return c.changes(required(cmd, "dir", "name"))
}

func radsecClientCmd(c *console) *cobra.Command {
	var dir string
	var renew bool
	cmd := &cobra.Command{
		Use:     "client NAME --dir DIR",
		Short:   "Make a certificate for an access point, a controller or a proxy",
		Example: `  tallygate radsec client ap1.example --dir radsec`,
		Args:    takes("NAME"),
		RunE: func(_ *cobra.Command, args []string) error {
			made, err := authority.Client(dir, args[0], time.Now(), renew, c.dryRun)
			if err != nil {
				return err
			}
			return c.done(made, "made a certificate for %s, valid until %s; give the access point %s, %s and %s, and the gateway:\n"+
				"tallygate client add NAME --radsec-name %s --location ID",
				made.Name, stamp(made.Expires), made.Certificate, made.Key, made.CA, made.Name)
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "`DIR` that radsec init made")
	cmd.Flags().BoolVar(&renew, "renew", false, "replace a certificate that is there")
	return c.changes(required(cmd, "dir"))
}
