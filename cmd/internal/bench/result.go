package bench

import (
	"time"

	"tallygate/cmd/internal/load"
)

// Result is everything that was measured.
type Result struct {
	Quick       bool
	Began       time.Time
	Took        time.Duration
	Machine     Machine
	Disks       []Disk       // before and after
	Standstills []Standstill // before and after

	Contests  []Contest
	Alone     Series // accounting, when there was no rival
	Strangers Series // accounting of devices that were never seen before
	Mixed     Series // authentication and accounting together
	Half      Series // accounting at half of the highest rate
	HalfNew   Series // that of devices that were never seen before, at half of theirs
	At10k     Series // accounting at 10 000 a second
	Idle      Series // accounting, one record at a time

	// One long run each, with the CPU time of what was put off, until nothing was left to do.
	Long Series // accounting
	Wide Series // accounting of 100 000 sessions at a time

	Overload  *Overload // nil: not measured, like the next two
	Million   *Million
	Growth    Growth
	Retention *Retention

	Notes []string // what could not be measured, and why
}

// contest finds one; false when it did not take place.
func (r *Result) contest(workload load.Workload, rival string) (Contest, bool) {
	for _, c := range r.Contests {
		if c.Workload == workload && c.Rival == rival {
			return c, true
		}
	}
	return Contest{}, false
}

// ours is what the gateway did at a workload in all contests together.
func (r *Result) ours(workload load.Workload) (all Series, ok bool) {
	if workload == load.Acct {
		all = r.Alone
	}
	for _, c := range r.Contests {
		if c.Workload == workload {
			all.Outstanding = c.Ours.Outstanding
			all.Samples = append(all.Samples, c.Ours.Samples...)
		}
	}
	return all, len(all.Samples) > 0
}
