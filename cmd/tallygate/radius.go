package main

import "github.com/spf13/cobra"

func newRadiusCmd(c *console) *cobra.Command {
	return group("radius", "RADIUS packets: what is in them, and what becomes of them",
		radiusDecodeCmd(c), radiusTestCmd(c))
}
