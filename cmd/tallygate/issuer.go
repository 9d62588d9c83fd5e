package main

import (
	"github.com/spf13/cobra"
)

func newIssuerCmd(c *console) *cobra.Command {
	return group("issuer", "The distributor's side: a key pair, and the keys signed with it; needs no gateway",
		issuerInitCmd(c), issuerGrantCmd(c))
}

func issuerInitCmd(c *console) *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "init --dir DIR",
		Short: "Make a distributor's key pair",
		Long: `Makes a key pair in DIR, which is created if absent. issuer.key is the secret: whoever has
it can sign licenses; keep it off every gateway and in a safe backup. The public key goes
into the configuration of each gateway, under issuers.`,
		Args: takes(),
		RunE: func(*cobra.Command, []string) error {
			public, err := initIssuer(dir, c.dryRun)
			if err != nil {
				return err
			}
			made := struct {
				PublicKey string `json:"public_key"`
				Dir       string `json:"dir"`
			}{public, dir}
			return c.done(made, "made a key pair in %s; its public key, for the configuration of each gateway:\n%s", dir, public)
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "directory of the distributor's files")
	return c.changes(required(cmd, "dir"))
}
