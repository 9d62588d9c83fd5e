package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tallygate/cmd/internal/load"
	"tallygate/cmd/internal/simulate"
	"tallygate/licensing"
)

// loadFlags are the flags of `simulate --load` that playing a venue does not have.
type loadFlags struct {
	on       bool
	config   load.Config
	cpu      int
	workload choice[load.Workload]
}

// Flags that have a meaning in one way of simulating only.
var (
	loadOnly  = []string{"workload", "ports", "window", "rate", "warm-up", "count", "users", "prepare", "cpu"}
	venueOnly = []string{"aps", "interims", "reboots", "roam", "interval", "concurrency", "user", "password", "unsigned", "ledger"}
)

func (l *loadFlags) register(f *pflag.FlagSet) {
	l.config.Workload = load.Mixed
	l.workload = choice[load.Workload]{&l.config.Workload, load.Workloads()}
	f.BoolVar(&l.on, "load", false, "be a load generator; the flags from here on are for it")
	f.Var(l.workload, "workload", "with --load: what to ask")
	f.IntVar(&l.config.Ports, "ports", 8, "with --load: source ports, 1-4096; each is an access point")
	f.IntVar(&l.config.Window, "window", 0, "with --load: outstanding requests of a port, 1-256 (default 16; with --rate 256)")
	f.Float64Var(&l.config.Rate, "rate", 0, "with --load: requests a second, due at their time however the server fares; 0: as many as it answers")
	f.DurationVar(&l.config.WarmUp, "warm-up", time.Second, "with --load: time before what is measured")
	f.IntVar(&l.config.Count, "count", 0, "with --load: end after so many requests; 0: by --duration only")
	f.IntVar(&l.config.Users, "users", 1000, "with --load: portal logins, guest-000000 with password river-000000 and so on")
	f.IntVar(&l.config.Prepare, "prepare", 250_000, "with --load: requests of each kind to write before the run begins")
	f.IntVar(&l.cpu, "cpu", -1, "with --load: the processor to stay on; -1: any")
}

// check refuses flags that would do nothing.
func (l *loadFlags) check(cmd *cobra.Command) error {
	idle, because := loadOnly, "is for --load only"
	if l.on {
		idle, because = venueOnly, "has no meaning with --load"
	}
	for _, name := range idle {
		if cmd.Flags().Changed(name) {
			return usagef(cmd, "--%s %s", name, because)
		}
	}
	return nil
}

// run makes the load. The flags that both ways share come in venue, if they were given.
func (l *loadFlags) run(cmd *cobra.Command, c *console, venue simulate.Config) error {
	cfg := l.config
	cfg.Auth, cfg.Acct, cfg.Secret, cfg.Timeout, cfg.Seed = venue.Auth, venue.Acct, venue.Secret, venue.Timeout, venue.Seed
	cfg.Loss, cfg.Duplicate, cfg.Reorder = venue.Loss, venue.Duplicate, venue.Reorder
	given := cmd.Flags().Changed
	if given("guests") {
		cfg.Guests = venue.Guests
	}
	if given("sessions") {
		cfg.Sessions = venue.Sessions
	}
	if given("duration") {
		cfg.Duration = venue.Duration
	}
	for _, n := range []struct {
		name  string
		field *int
	}{{"retries", &cfg.Retries}, {"prepare", &cfg.Prepare}} {
		if n.name == "retries" && given(n.name) {
			cfg.Retries = venue.Retries
		}
		if given(n.name) && *n.field == 0 {
			*n.field = -1 // on the command line 0 means 0; in a Config it means the default
		}
	}
	if l.cpu >= 0 {
		cfg.CPUs = []int{l.cpu}
	}
	report, err := load.Run(cmd.Context(), cfg)
	if licensing.CodeOf(err) == licensing.CodeInvalid {
		return asUsage(err)
	}
	if err != nil {
		return err
	}
	if err := c.describe(report, loadFields(report)...); err != nil {
		return err
	}
	if report.Bad() > 0 {
		return licensing.Errorf(licensing.CodeInternal, "%d replies failed verification", report.Bad()).
			WithHint("compare the shared secret")
	}
	if report.Answered() == 0 {
		return licensing.Errorf(licensing.CodeInternal, "nothing was answered").
			WithHint("check the addresses, that this machine is a client of the server, and the secret; the server's log says why it drops packets")
	}
	return nil
}

// loadFields is the report for people.
func loadFields(r load.Report) []field {
	how := fmt.Sprintf("closed loop, %d ports x %d outstanding", r.Ports, r.Window)
	if r.Rate > 0 {
		how = fmt.Sprintf("%.0f requests a second from %d ports", r.Rate, r.Ports)
	}
	fields := []field{{"workload", fmt.Sprintf("%s; %s; %.1f s measured", r.Workload, how, r.Seconds)}}
	for _, side := range []struct {
		name string
		*load.Side
	}{{"access", r.Access}, {"accounting", r.Acct}} {
		if side.Side == nil {
			continue
		}
		l := side.Latency
		fields = append(fields, field{side.name, fmt.Sprintf("%.0f/s; p50 %.2f ms, p99 %.2f ms, p99.9 %.2f ms, longest %.2f ms",
			side.PerSecond, l.P50/1000, l.P99/1000, l.P999/1000, l.Max/1000)})
		said := fmt.Sprintf("%d sent, %d retransmissions, %d unanswered, %d repeated replies", side.Sent, side.Retransmissions, side.Timeouts, side.Repeated)
		if side.Rejected > 0 {
			said += fmt.Sprintf(", %d rejected", side.Rejected)
		}
		if side.Lost+side.Duplicated+side.Reordered > 0 {
			said += fmt.Sprintf("; injected: %d lost, %d duplicates, %d reordered", side.Lost, side.Duplicated, side.Reordered)
		}
		fields = append(fields, field{side.name + " requests", said})
		for _, what := range slices.Sorted(maps.Keys(side.Bad)) {
			fields = append(fields, field{"bad replies", strconv.FormatUint(side.Bad[what], 10) + ": " + string(what)})
		}
	}
	return fields
}
