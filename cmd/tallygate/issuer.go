package main

import (
	"github.com/spf13/cobra"
)

func newIssuerCmd(c *console) *cobra.Command {
	return group("issuer", "The distributor's side: a key pair, and what is signed with it; needs no gateway",
		issuerInitCmd(c), issuerPassphraseCmd(c), issuerGrantCmd(c),
		issuerUpgradeCmd(c), issuerRenewCmd(c), issuerConfirmCmd(c), issuerDenyCmd(c), issuerRestoreCmd(c),
		issuerUndoStartCmd(c), issuerTransferCmd(c), issuerClockResetCmd(c),
		issuerListCmd(c), issuerShowCmd(c), issuerSheetCmd(c))
}
