package bench

import (
	"fmt"
	"time"

	"tallygate/cmd/internal/load"
)

// Goal is one of the things that the gateway must reach, and how far it got.
type Goal struct {
	Work    string
	Goal    string
	Reached string
	Verdict Verdict
}

// Verdict is pass, falls short, or not measured.
type Verdict string

// The verdicts.
const (
	Pass        Verdict = "pass"
	FallsShort  Verdict = "falls short"
	NotMeasured Verdict = "not measured"
)

func verdict(reached bool) Verdict {
	if reached {
		return Pass
	}
	return FallsShort
}

// Goals judges the result.
func (r *Result) Goals() []Goal {
	var goals []Goal
	for _, w := range []load.Workload{load.AuthMAC, load.AuthPAP} {
		goals = append(goals,
			r.times(w, nameFRFiles, 4), r.times(w, nameResponder, 0.7), r.cpu(w, 5))
	}
	goals = append(goals,
		r.times(load.Acct, nameFRSQLite, 100), r.times(load.Acct, nameFRSQLiteWAL, 30), r.times(load.Acct, nameFRPostgres, 15),
		r.times(load.Acct, nameFROK, 1), r.cpu(load.Acct, 12))
	goals = append(goals, r.latencies()...)
	goals = append(goals, r.growths()...)
	goals = append(goals, r.sizes()...)
	return append(goals, r.overloads()...)
}

// works names the workloads.
var works = map[load.Workload]string{load.AuthMAC: "auth by MAC", load.AuthPAP: "auth by PAP", load.Acct: "durable accounting"}

// times is the goal to be so many times as fast as a rival.
func (r *Result) times(workload load.Workload, rival string, least float64) Goal {
	g := Goal{Work: works[workload], Goal: fmt.Sprintf("at least %g times %s", least, rival), Verdict: NotMeasured}
	if c, ok := r.contest(workload, rival); ok {
		median, lowest, highest := c.Ratio()
		g.Reached, g.Verdict = fmt.Sprintf("%.2f (%.2f-%.2f)", median, lowest, highest), verdict(median >= least)
	}
	return g
}

// cpu is the goal of the server's CPU time per packet.
func (r *Result) cpu(workload load.Workload, most float64) Goal {
	g := Goal{Work: works[workload], Goal: fmt.Sprintf("at most %g us of server CPU", most), Verdict: NotMeasured}
	if s, ok := r.ours(workload); ok {
		g.Reached, g.Verdict = fmt.Sprintf("%.2f us", s.CPU()), verdict(s.CPU() <= most)
		if all := r.Long.CPU(); workload == load.Acct && all > 0 {
			g.Reached += fmt.Sprintf(", %.2f with what is put off", all)
			g.Verdict = verdict(max(all, s.CPU()) <= most)
		}
	}
	return g
}

func (r *Result) latencies() []Goal {
	const work = "latency of accounting"
	at := func(s Series, what string, of func(load.Latency) float64, most float64) Goal {
		g := Goal{Work: work, Goal: fmt.Sprintf("%s below %g ms", what, most), Verdict: NotMeasured}
		if len(s.Samples) > 0 {
			ms := s.Latency(of) / 1000
			g.Reached, g.Verdict = fmt.Sprintf("%.2f ms", ms), verdict(ms < most)
		}
		return g
	}
	half := "at half of the highest rate"
	if rate, _, _ := r.Half.PerSecond(); rate > 0 {
		half = fmt.Sprintf("at half of the highest rate (%.0f/s)", rate)
	}
	goals := []Goal{
		at(r.Half, half+" p50", p50, 1), at(r.Half, half+" p99", p99, 8), at(r.At10k, "at 10 000/s p99", p99, 2),
	}
	idle := Goal{Work: work, Goal: "idle, p50 less than 1 ms more than the disk's fdatasync", Verdict: NotMeasured}
	if len(r.Idle.Samples) > 0 && len(r.Disks) > 0 {
		extra := r.Idle.Latency(p50)/1000 - float64(r.Disks[0].P50)/float64(time.Millisecond)
		idle.Reached, idle.Verdict = fmt.Sprintf("%.2f ms", extra), verdict(extra < 1)
	}
	return append(goals, idle)
}

func (r *Result) growths() []Goal {
	g := Goal{Work: "growth", Goal: "with 10 million known devices at least 0.8 of the rate with 10 thousand", Verdict: NotMeasured}
	if r.Growth != nil {
		median, lowest, highest := r.Growth.Ratio()
		g.Reached = fmt.Sprintf("%.2f (%.2f-%.2f)", median, lowest, highest)
		g.Verdict = verdict(median >= 0.8)
		if most := r.Growth[len(r.Growth)-1].Devices; most < 10_000_000 {
			g.Reached += fmt.Sprintf(" with %d", most)
			g.Verdict = NotMeasured
		}
	}
	old := Goal{Work: "growth", Goal: "retention never stalls an answer by more than 20 ms", Verdict: NotMeasured}
	if r.Retention != nil {
		old.Reached = fmt.Sprintf("at most %s (%.0f sessions deleted meanwhile)", r.Retention.Longest, r.Retention.Deleted)
		old.Verdict = verdict(r.Retention.Longest <= 20*time.Millisecond)
	}
	return []Goal{g, old}
}

func (r *Result) sizes() []Goal {
	const work, mega = "memory and start", 1e6
	goals := []Goal{
		{Work: work, Goal: "at most 130 octets per cached device", Verdict: NotMeasured},
		{Work: work, Goal: "at most 300 MB resident with a million devices and 100 000 open sessions", Verdict: NotMeasured},
		{Work: work, Goal: "ready within 2 s with a million devices", Verdict: NotMeasured},
	}
	if m := r.Million; m != nil {
		goals[0].Reached, goals[0].Verdict = fmt.Sprintf("%.0f", m.PerDevice), verdict(m.PerDevice <= 130)
		goals[1].Reached, goals[1].Verdict = fmt.Sprintf("%.0f MB", float64(m.Resident)/mega), verdict(m.Resident <= 300*mega)
		goals[2].Reached, goals[2].Verdict = fmt.Sprintf("%.2f s", m.Ready.Seconds()), verdict(m.Ready <= 2*time.Second)
	}
	return goals
}

func (r *Result) overloads() []Goal {
	const work = "overload"
	goals := []Goal{
		{Work: work, Goal: "at three times the sustainable rate, at least 0.8 of it is answered", Verdict: NotMeasured},
		{Work: work, Goal: "drops are counted by reason", Verdict: NotMeasured},
		{Work: work, Goal: "memory stays flat (a second flood adds at most a tenth)", Verdict: NotMeasured},
		{Work: work, Goal: "recovers within seconds to at least 0.8", Verdict: NotMeasured},
	}
	o := r.Overload
	if o == nil {
		return goals
	}
	share := func(rate float64) string {
		return fmt.Sprintf("%.2f (%.0f of %.0f/s)", rate/o.Sustainable, rate, o.Sustainable)
	}
	goals[0].Reached, goals[0].Verdict = share(o.Answered)+fmt.Sprintf(", offered %.1f times", o.Offered/o.Sustainable), verdict(o.Answered >= 0.8*o.Sustainable)
	counted := 0.0
	for _, n := range o.Drops {
		counted += n
	}
	goals[1].Reached, goals[1].Verdict = fmt.Sprintf("%.0f", counted), verdict(counted > 0)
	if m := o.Resident; len(m) == 3 {
		goals[2].Reached = fmt.Sprintf("%.0f MB, then %.0f MB (before: %.0f MB)", float64(m[1])/1e6, float64(m[2])/1e6, float64(m[0])/1e6)
		goals[2].Verdict = verdict(m[2] <= m[1]+m[1]/10)
	}
	goals[3].Reached, goals[3].Verdict = share(o.Recovered), verdict(o.Recovered >= 0.8*o.Sustainable)
	return goals
}
