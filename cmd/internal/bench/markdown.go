package bench

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"tallygate/cmd/internal/load"
)

// WriteMarkdown writes the result as a document. command is what made it.
func (r *Result) WriteMarkdown(out io.Writer, command string) error {
	w := &markdown{out: out}
	w.line("# Benchmarks")
	w.line("")
	w.line("Made by `%s` on %s, in %s. Do not edit: run it again.", command, r.Began.UTC().Format("2006-01-02 15:04 UTC"), r.Took.Round(time.Second))
	if r.Quick {
		w.line("")
		w.line("**A quick run**: one pair of short runs each, good for a first impression only.")
	}
	w.line("")
	w.line("Every figure is of real processes over loopback UDP, asked by `tallygate simulate --load` (cmd/internal/load), which")
	w.line("shares the machine with the server, verifies every reply and counts none that is wrong. Servers that are compared take")
	w.line("turns (A B A B), each at the concurrency at which it does best. Figures are medians, in parentheses lowest and highest;")
	w.line("ratios are those of neighbouring runs. CPU is user and system time of the server's processes per answer; the work of the")
	w.line("network stack falls to whoever causes it. Every server verifies and sends Message-Authenticator. So that the generator takes")
	w.line("little of the machine, its datagrams of one length in a row leave as one message, and arrive so if the server sends them so")
	w.line("(UDP_SEGMENT, UDP_GRO); each reaches the server as a datagram of its own; requests are written before the run, and replies")
	w.line("that come together are verified sixteen at a time. Accounting is of %d guests who have been there before, a new", acctGuests)
	w.line("session each time; where it is of devices that were never seen, which cost more, it says so. At a given rate the generator")
	w.line("wakes every 0.25 ms, to send what is due and to read answers: what requests wait for that is in the latencies; what")
	w.line("answers wait to be read is not, for the kernel stamps their arrival.")
	r.writeMachine(w)
	r.writeGoals(w)
	r.writeContests(w)
	r.writeLatency(w)
	r.writeGrowth(w)
	r.writeOverload(w)
	if len(r.Notes) > 0 {
		w.line("\n## Notes\n")
		for _, n := range r.Notes {
			w.line("- %s", strings.ReplaceAll(n, "\n", "  \n  "))
		}
	}
	return w.err
}

// markdown writes lines; the first error stays.
type markdown struct {
	out io.Writer
	err error
}

func (w *markdown) line(format string, args ...any) {
	if w.err == nil {
		_, w.err = fmt.Fprintf(w.out, format+"\n", args...)
	}
}

// row writes a row of a table, or its head when rule is set.
func (w *markdown) row(rule bool, cells ...string) {
	w.line("| %s |", strings.Join(cells, " | "))
	if rule {
		w.line("|%s", strings.Repeat(" --- |", len(cells)))
	}
}

func (r *Result) writeMachine(w *markdown) {
	w.line("\n## Machine\n")
	m := r.Machine
	w.line("- %s, %d cores, %.0f GB, %s, %s", m.Processor, m.Cores, float64(m.Memory)/1e9, m.Kernel, m.Go)
	if m.FreeRADIUS != "" {
		w.line("- %s%s", m.FreeRADIUS, map[bool]string{true: ", PostgreSQL " + m.PostgreSQL}[m.PostgreSQL != ""])
	}
	for i, d := range r.Disks {
		w.line("- disk, %s: 4 KiB overwritten and fdatasync, p50 %s, p99 %s (%d times)", []string{"before", "after"}[min(i, 1)], round(d.P50), round(d.P99), d.Syncs)
	}
	for i, s := range r.Standstills {
		w.line("- the machine itself, %s, with all its processors and the disk at work: none of them got on for %.1f %% of the time, for at most %s",
			[]string{"before", "after"}[min(i, 1)], 100*s.Total.Seconds()/s.Watched.Seconds(), s.Longest.Round(100*time.Microsecond))
	}
	if len(r.Standstills) > 0 {
		w.line("  (gaps from %s on). No server answers meanwhile, and the time counts as CPU time of whoever had the processor", noticed)
	}
}

func round(d time.Duration) time.Duration { return d.Round(time.Microsecond) }

func (r *Result) writeGoals(w *markdown) {
	w.line("\n## Goals\n")
	w.row(true, "work", "goal", "reached", "")
	for _, g := range r.Goals() {
		w.row(false, g.Work, g.Goal, or(g.Reached, "-"), string(g.Verdict))
	}
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func (r *Result) writeContests(w *markdown) {
	for _, workload := range []load.Workload{load.AuthMAC, load.AuthPAP, load.Acct} {
		all, ok := r.ours(workload)
		if !ok {
			continue
		}
		w.line("\n## %s\n", works[workload])
		w.row(true, "server", "answers/s", "Tallygate is so many times as fast", "CPU us", "p50 ms", "p99 ms", "outstanding", "runs")
		seriesRow(w, "**"+nameGateway+"**", "", all)
		if workload == load.Acct && len(r.Strangers.Samples) > 0 {
			seriesRow(w, "**"+nameGateway+"**, each session of a new device", "", r.Strangers)
		}
		for _, c := range r.Contests {
			if c.Workload == workload {
				median, lowest, highest := c.Ratio()
				seriesRow(w, c.Rival, fmt.Sprintf("%.2f (%.2f-%.2f)", median, lowest, highest), c.Theirs)
			}
		}
	}
}

func seriesRow(w *markdown, name, ratio string, s Series) {
	median, lowest, highest := s.PerSecond()
	w.row(false, name, fmt.Sprintf("%.0f (%.0f-%.0f)", median, lowest, highest), ratio, fmt.Sprintf("%.2f", s.CPU()),
		fmt.Sprintf("%.2f", s.Latency(p50)/1000), fmt.Sprintf("%.2f", s.Latency(p99)/1000), fmt.Sprint(s.Outstanding), fmt.Sprint(len(s.Samples)))
}

func (r *Result) writeLatency(w *markdown) {
	w.line("\n## Tallygate at other loads\n")
	w.line("Latency counts from when a request was due (open loop) or sent (closed loop) to when the kernel had its answer for the generator; of both together it is that of accounting.")
	w.line("Half of the highest rate is that of a run right before each. (*) CPU time includes what the gateway puts off and does later.\n")
	w.row(true, "load", "answers/s", "CPU us", "p50 ms", "p99 ms", "p99.9 ms")
	for _, l := range []struct {
		name string
		Series
	}{
		{"authentication and accounting together", r.Mixed}, {"accounting without a pause (*)", r.Long},
		{fmt.Sprintf("accounting without a pause, %d sessions at a time (*)", openSessions), r.Wide}, {"accounting at half of the highest rate", r.Half},
		{"accounting of new devices, at half of their highest rate", r.HalfNew},
		{"accounting at 10 000/s", r.At10k}, {"accounting, one record at a time", r.Idle},
	} {
		if len(l.Samples) == 0 {
			continue
		}
		median, _, _ := l.PerSecond()
		rate := fmt.Sprintf("%.0f", median)
		if l.Samples[0].Access != nil && l.Samples[0].Acct != nil {
			access, _, _ := l.pick(func(s Sample) float64 { return s.Access.PerSecond })
			acct, _, _ := l.pick(func(s Sample) float64 { return s.Acct.PerSecond })
			rate = fmt.Sprintf("%.0f + %.0f", access, acct)
		}
		w.row(false, l.name, rate, fmt.Sprintf("%.2f", l.CPU()),
			fmt.Sprintf("%.2f", l.Latency(p50)/1000), fmt.Sprintf("%.2f", l.Latency(p99)/1000), fmt.Sprintf("%.2f", l.Latency(p999)/1000))
	}
}

func (r *Result) writeGrowth(w *markdown) {
	if m := r.Million; m != nil {
		w.line("\n## A million devices\n")
		w.line("Ready %.2f s after the start. Resident %.0f MB with a million devices known and %d sessions open (a gateway that knows",
			m.Ready.Seconds(), float64(m.Resident)/1e6, openSessions)
		w.line("nothing: %.0f MB). An entry of the device cache takes %.0f octets.", float64(m.Empty)/1e6, m.PerDevice)
	}
	if r.Growth != nil {
		w.line("\n## Growth\n")
		w.row(true, "known devices, and as many sessions", "records/s", "CPU us", "p50 ms", "p99 ms")
		for _, at := range r.Growth {
			median, lowest, highest := at.PerSecond()
			w.row(false, fmt.Sprint(at.Devices), fmt.Sprintf("%.0f (%.0f-%.0f)", median, lowest, highest), fmt.Sprintf("%.2f", at.CPU()),
				fmt.Sprintf("%.2f", at.Latency(p50)/1000), fmt.Sprintf("%.2f", at.Latency(p99)/1000))
		}
	}
	if o := r.Retention; o != nil {
		w.line("\nWhile old sessions were deleted (%.0f of them) and 10 000 records of new devices came a second: p50 %.2f ms, p99 %.2f ms; no step of deleting took more than %s.",
			o.Deleted, o.Series.Latency(p50)/1000, o.Series.Latency(p99)/1000, o.Longest)
	}
}

func (r *Result) writeOverload(w *markdown) {
	o := r.Overload
	if o == nil {
		return
	}
	w.line("\n## Overload\n")
	w.line("Server and generator with a core each; all devices are new. Sustainable %.0f records/s; offered %.0f/s; answered %.0f/s meanwhile and %.0f/s right", o.Sustainable, o.Offered, o.Answered, o.Recovered)
	w.line("afterwards. Dropped:\n")
	for _, reason := range slices.Sorted(maps.Keys(o.Drops)) {
		w.line("- %s: %.0f", reason, o.Drops[reason])
	}
}
