package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"tallygate/cmd/internal/simulate"
	"tallygate/licensing"
)

// newSimulateCmd plays a venue's access points and guests at any RADIUS server. It
// needs no daemon of ours.
func newSimulateCmd(c *console) *cobra.Command {
	var cfg simulate.Config
	var ledger string
	var load loadFlags
	cmd := &cobra.Command{
		Use:   "simulate --auth ADDR --acct ADDR --secret S",
		Short: "Play a venue's access points and guests at any RADIUS server",
		Long: `Plays a venue: access points with UDP ports of their own and the spellings of seven
makes, guests that log in by MAC, PAP or CHAP, roam and leave, and a network that
loses, doubles and reorders packets. Every reply is verified. The run ends when all
guests have paid their visits, or after --duration.

With --ledger every acknowledged accounting record is written down as a JSON line, to
be compared with what the server has stored. Exit status 1 when a reply was forged or
broken, or a request stayed unanswered.

With --load it is a load generator instead: as many requests as the server can answer,
or --rate of them a second, from --ports source ports with --window outstanding each,
for --duration (10 s unless it is given), and the percentiles of the latency.`,
		Example: `  tallygate simulate --auth 127.0.0.1:1812 --acct 127.0.0.1:1813 --secret testing123
  tallygate simulate --auth … --acct … --secret … --aps 10 --guests 500 --loss 10 --ledger acked.jsonl
  tallygate simulate --load --workload acct --auth … --acct … --secret … --ports 64 --window 8
  tallygate simulate --load --workload mixed --auth … --acct … --secret … --rate 10000 --cpu 1`,
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := load.check(cmd); err != nil {
				return err
			}
			if load.on {
				return load.run(cmd, c, cfg)
			}
			report, err := simulateTo(cmd.Context(), cfg, ledger)
			if err != nil {
				return err
			}
			if err := c.describe(report, reportFields(report)...); err != nil {
				return err
			}
			return simulationFailure(report)
		},
	}
	f := cmd.Flags()
	f.StringVar(&cfg.Auth, "auth", "", "the server's authentication port, host:port")
	f.StringVar(&cfg.Acct, "acct", "", "the server's accounting port, host:port")
	f.StringVar(&cfg.Secret, "secret", "", "shared secret of all access points")
	f.IntVar(&cfg.APs, "aps", 3, "access points, 1-1000")
	f.IntVar(&cfg.Guests, "guests", 20, "guests, 1-1000000")
	f.IntVar(&cfg.Sessions, "sessions", 1, "visits of each guest, 1-1000")
	f.IntVar(&cfg.Interims, "interims", 2, "Interim-Updates of each visit, 0-1000")
	f.IntVar(&cfg.Reboots, "reboots", 0, "access points that reboot, at most one after each round of visits")
	f.IntVar(&cfg.Roam, "roam", 25, "percent of the visits that move on to another access point")
	f.IntVar(&cfg.Loss, "loss", 0, "percent of datagrams lost, on each way")
	f.IntVar(&cfg.Duplicate, "duplicate", 0, "percent of datagrams delivered twice")
	f.IntVar(&cfg.Reorder, "reorder", 0, "percent of accounting records overtaken by their successor")
	f.DurationVar(&cfg.Timeout, "timeout", 2*time.Second, "time until the first retransmission; it doubles each time")
	f.IntVar(&cfg.Retries, "retries", 5, "retransmissions of a request, 0-1000")
	f.DurationVar(&cfg.Interval, "interval", 0, "pause between two packets of a guest")
	f.IntVar(&cfg.Concurrency, "concurrency", 16, "guests at a time, 1-1000")
	f.DurationVar(&cfg.Duration, "duration", 5*time.Minute, "the run ends by then, finished or not")
	f.Uint64Var(&cfg.Seed, "seed", 1, "same seed: same venue, guests, sessions and mishaps")
	f.StringVar(&cfg.User, "user", "", "user name of all portal logins (default: guest-1, guest-2, …)")
	f.StringVar(&cfg.Password, "password", "", "password of all portal logins (default: portal-pass)")
	f.BoolVar(&cfg.Unsigned, "unsigned", false, "send Access-Requests without Message-Authenticator, as old equipment does")
	load.register(f)
	f.StringVar(&ledger, "ledger", "", "write each acknowledged accounting record to this file, as JSON lines")
	return required(cmd, "auth", "acct", "secret")
}

// simulateTo runs with the ledger file open.
func simulateTo(ctx context.Context, cfg simulate.Config, ledger string) (simulate.Report, error) {
	// On the command line 0 means 0; in a Config it means the default.
	for _, n := range []*int{&cfg.APs, &cfg.Guests, &cfg.Sessions, &cfg.Interims, &cfg.Roam, &cfg.Retries, &cfg.Concurrency} {
		if *n == 0 {
			*n = -1
		}
	}
	if ledger == "" {
		return runSimulation(ctx, cfg)
	}
	file, err := os.Create(ledger)
	if err != nil {
		return simulate.Report{}, licensing.Errorf(licensing.CodeInternal, "the ledger cannot be written: %w", err).
			WithHint("name a file in a folder that exists and that you may write to")
	}
	cfg.Ledger = file
	report, err := runSimulation(ctx, cfg)
	if closing := file.Close(); err == nil && closing != nil {
		err = fmt.Errorf("write the ledger: %w", closing)
	}
	return report, err
}

// runSimulation turns a configuration that cannot be played into wrong usage.
func runSimulation(ctx context.Context, cfg simulate.Config) (simulate.Report, error) {
	report, err := simulate.Run(ctx, cfg)
	if licensing.CodeOf(err) == licensing.CodeInvalid {
		return report, asUsage(err)
	}
	return report, err
}

// simulationFailure is what makes a run a failure: the server's mistakes, not its refusals.
func simulationFailure(r simulate.Report) error {
	bad := 0
	for _, n := range r.BadReplies {
		bad += n
	}
	switch {
	case bad > 0:
		return licensing.Errorf(licensing.CodeInternal, "%d replies failed verification", bad).
			WithHint("compare the shared secret; a server must put Message-Authenticator first in every reply to an Access-Request")
	case r.Timeouts > 0:
		return licensing.Errorf(licensing.CodeInternal, "%d requests stayed unanswered", r.Timeouts).
			WithHint("check the addresses, that this machine is a client of the server, and the secret; the server's log says why it drops packets")
	}
	return nil
}

// reportFields is the report for people.
func reportFields(r simulate.Report) []field {
	fields := []field{
		{"visits", fmt.Sprintf("%d; stays on access points: %d", r.Visits, r.Sessions)},
		{"requests", fmt.Sprintf("%d in %.1f s", r.Requests, r.Seconds)},
		{"accepted", strconv.Itoa(r.Accepts)},
	}
	for _, message := range slices.Sorted(maps.Keys(r.Rejects)) {
		fields = append(fields, field{"rejected", fmt.Sprintf("%d: %s", r.Rejects[message], or(message, "no Reply-Message"))})
	}
	fields = append(fields,
		field{"acknowledged", fmt.Sprintf("%d accounting records", r.Acknowledged)},
		field{"unanswered", fmt.Sprintf("%d requests; retransmissions in all: %d", r.Timeouts, r.Retransmissions)},
		field{"injected", fmt.Sprintf("%d requests and %d replies lost, %d duplicates, %d reordered, %d reboots",
			r.LostRequests, r.LostReplies, r.Duplicates, r.Reordered, r.Reboots)},
	)
	for _, what := range slices.Sorted(maps.Keys(r.BadReplies)) {
		fields = append(fields, field{"bad replies", fmt.Sprintf("%d: %s", r.BadReplies[what], what)})
	}
	latency := func(l simulate.Latency) string {
		return fmt.Sprintf("p50 %.2f ms, p99 %.2f ms, longest %.2f ms", l.P50, l.P99, l.Max)
	}
	fields = append(fields, field{"access", latency(r.Access)}, field{"accounting", latency(r.Accounting)})
	if !r.Finished {
		fields = append(fields, field{"ended early", "by --duration or a signal"})
	}
	return fields
}
