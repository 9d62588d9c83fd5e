package main

import (
	"github.com/spf13/cobra"
)

// newRootCmd puts the command tree together.
func newRootCmd(c *console) *cobra.Command {
	root := &cobra.Command{
		Use:   "tallygate",
		Short: "License gateway for the WiFi of hotels and venues",
		Long: `Tallygate stands beside a venue's WiFi access points and speaks RADIUS with them. It
counts guest devices, starts the license at the fifth, and lets guests in while the
license allows it.

Commands find the running gateway through its configuration: --config FILE, else
TALLYGATE_CONFIG, else ./tallygate.yaml, else /etc/tallygate/tallygate.yaml.
Exit status: 0 done, 1 failed, 2 wrong usage.`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return cmd.Help()
		},
		SilenceErrors: true, // console.exit shows them, with what to do
		SilenceUsage:  true,
	}
	root.PersistentFlags().StringVar(&c.config, "config", "", "configuration `FILE` of the gateway")
	root.PersistentFlags().BoolVar(&c.json, "json", false, "print JSON")

	root.AddCommand(
		newServeCmd(c),
		newConfigCmd(c),
		newVersionCmd(c),
		newGatewayCmd(c),
		newIssuerCmd(c),
		newOrganizationCmd(c),
		newLocationCmd(c),
		newClientCmd(c),
		newRadSecCmd(c),
		newPartnerCmd(c),
		newLicenseCmd(c),
		newDeviceCmd(c),
		newAPCmd(c),
		newRoomCmd(c),
		newSessionCmd(c),
		newReportCmd(c),
		newRadiusCmd(c),
		newGuestCmd(c),
		newTicketCmd(c),
		newTokenCmd(c),
		newLabCmd(c),
		newTraceCmd(c),
		newNotifyCmd(c),
		newAuditCmd(c),
		newPrivacyCmd(c),
		newSimulateCmd(c),
		newDemoCmd(c),
	)
	c.watch(root)
	return root
}
