package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"tallygate/admin"
	"tallygate/cmd/internal/durable"
	"tallygate/licensing"
)

func gatewayReleaseCmd(c *console) *cobra.Command {
	var numbers []string
	var all bool
	var to, out string
	cmd := &cobra.Command{
		Use:   "release --license NUMBER|--all --to GATEWAY-KEY --out FILE",
		Short: "Let licenses go to the gateway that replaces this one",
		Long: `Writes to FILE what the other gateway needs to go on exactly where this one stops: the
signed texts, the start and its receipt, denials, and every device that counts. From then on
nobody is served under these licenses here. FILE is entered on the other gateway with
"license activate @FILE"; it works there alone, and once. It holds MAC addresses: keep it as
you keep a backup. If FILE is lost, the same command writes it again.`,
		Example: `  tallygate gateway release --all --to k4.public.… --out move.key`,
		Args:    takes(),
		RunE: c.ask(func(ctx context.Context, g *admin.Client, _ []string) error {
			if all == (len(numbers) > 0) {
				return &usageError{message: "--license or --all: exactly one of them", hint: "give the numbers of the licenses, or --all for every one"}
			}
			if err := writableAt(out); err != nil {
				return err
			}
			leave := func(ch licensing.Change) (licensing.ReleasedLicenses, error) { return g.Release(ctx, ch, numbers, to) }
			r, err := preview(c, leave, func(r licensing.ReleasedLicenses) string {
				return releaseText(r, out) + "\nRelease them? Nobody will be served under them on this gateway any more."
			})
			if err != nil {
				return err
			}
			if !c.dryRun {
				if err := durable.WriteFile(out, []byte(r.Text+"\n"), 0o600); err != nil {
					return licensing.Errorf(licensing.CodeInternal, "the licenses are released, but their file is not written: %w", err).
						WithHint("run the same command again with another --out: it writes the same release")
				}
			}
			return c.done(releaseReport(r, out), "%s", releaseText(r, out))
		}),
	}
	f := cmd.Flags()
	f.StringSliceVar(&numbers, "license", nil, "`NUMBER` of a license; may be repeated")
	f.BoolVar(&all, "all", false, "every license that has not left already")
	f.StringVar(&to, "to", "", "`KEY` of the other gateway, as `tallygate gateway id` prints it there")
	f.StringVar(&out, "out", "", "`FILE` for what the other gateway is given")
	cmd.MarkFlagsOneRequired("license", "all")
	cmd.MarkFlagsMutuallyExclusive("license", "all")
	return c.changes(required(cmd, "to", "out"))
}

// releasedFile is what JSON says of a release: the file holds the text.
type releasedFile struct {
	To       string              `json:"to"`
	Out      string              `json:"out"`
	Licenses []licensing.Summary `json:"licenses"`
	DryRun   bool                `json:"dry_run,omitempty"`
}

func releaseReport(r licensing.ReleasedLicenses, out string) releasedFile {
	return releasedFile{r.To, out, r.Licenses, r.DryRun}
}

func releaseText(r licensing.ReleasedLicenses, out string) string {
	var lines []string
	for _, l := range r.Licenses {
		lines = append(lines, fmt.Sprintf("license %s (%s) leaves this gateway", l.Number, l.State))
	}
	lines = append(lines, "enter it there: tallygate license activate @"+out)
	return strings.Join(lines, "\n")
}

// writableAt refuses, before a license has left, a file that could not be written.
func writableAt(path string) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".release-*")
	if err == nil {
		err = errors.Join(f.Close(), os.Remove(f.Name()))
	}
	if err != nil {
		return licensing.Errorf(licensing.CodeInvalid, "cannot write %s: %w", path, err).
			WithHint("choose another --out; nothing was changed")
	}
	return nil
}

// readEntry reads what is entered with `license activate`: a signed text, or releases,
// which carry devices and may be large.
func readEntry(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxKey+1))
	if err != nil || len(text) <= maxKey {
		return text, err
	}
	if _, releases := licensing.CutReleases(string(text)); len(releases) == 0 {
		return nil, fmt.Errorf("it is longer than %d octets", maxKey)
	}
	const most = 4 * licensing.MaxRelease // as the gateway takes
	whole, err := io.ReadAll(io.LimitReader(io.MultiReader(bytes.NewReader(text), r), most+1))
	if err == nil && len(whole) > most {
		err = fmt.Errorf("it is longer than %d octets: release the licenses one by one", most)
	}
	return whole, err
}

func readEntryFile(name string) ([]byte, error) {
	f, err := os.Open(name) // #nosec G304 -- the operator names the file
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return readEntry(f)
}
