package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

// newDemoCmd shows the gateway's main job from outside: a real daemon, real UDP, real
// commands, packets of real access points.
func newDemoCmd(c *console) *cobra.Command {
	var once bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show the main job: a throw-away gateway, two access points, five guests",
		Long: `Starts a gateway of its own on free loopback ports with a store in a temporary folder,
plays a small venue at it with packets captured from real access points, and says at
each step what was expected and what came. Then it stays up until Ctrl-C; with --once
it ends by itself, with exit status 0 only if every step came out as expected.`,
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			program, err := os.Executable()
			if err != nil {
				return fmt.Errorf("find this program: %w", err)
			}
			g, err := startThrowaway(ctx, program)
			if err != nil {
				return err
			}
			defer g.remove()
			stage := &stage{console: c}
			if err := playDemo(ctx, stage, g); err != nil {
				return err
			}
			if ctx.Err() != nil {
				return nil // Ctrl-C in the middle is not a failure of the gateway
			}
			if err := stage.verdict(); err != nil || once {
				return err
			}
			return stayUp(ctx, c, g)
		},
	}
	cmd.Flags().BoolVar(&once, "once", false, "end by itself after the last step")
	return cmd
}

// stayUp leaves the gateway to be looked at.
func stayUp(ctx context.Context, c *console, g *throwaway) error {
	_, err := fmt.Fprintf(c.out, `
The gateway stays up until Ctrl-C.
  console     http://%s   (/metrics, /livez, /readyz)
  RADIUS      %s (authentication), %s (accounting), secret %s
  commands    TALLYGATE_CONFIG=%s %s license list
`, g.admin, g.auth, g.acct, demoSecret, g.config, g.program)
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return nil
	case <-g.ended:
		return g.died()
	}
}
