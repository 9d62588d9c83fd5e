package bench

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// process is a server that is being measured. It dies with the benchmark.
type process struct {
	pid   int
	ended chan struct{} // closed when it has ended
	log   string        // file with what it says
}

// launch says how a process is to be started.
type launch struct {
	program string
	args    []string
	env     []string            // besides the benchmark's own
	dir     string              // working directory; default the benchmark's
	log     string              // file for what it says
	user    *syscall.Credential // who it runs as; nil: the benchmark's user
	cpus    []int               // where it may run; none: anywhere
}

// stopPatience is how long a server may take to end in order.
const stopPatience = 20 * time.Second

func (l launch) start() (*process, error) {
	log, err := os.Create(l.log)
	if err != nil {
		return nil, fmt.Errorf("make a server's log: %w", err)
	}
	cmd := exec.Command(l.program, l.args...) //nolint:gosec,noctx // a server of the benchmark, which ends it in order
	cmd.Stdout, cmd.Stderr, cmd.Dir = log, log, l.dir
	cmd.Env = append(os.Environ(), l.env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM, Credential: l.user}
	p := &process{ended: make(chan struct{}), log: l.log}
	started := make(chan error, 1)
	go func() {
		// Pdeathsig follows the thread that starts the child, which must therefore last
		// as long as the child does; and the child inherits its processors.
		runtime.LockOSThread()
		defer close(p.ended)
		defer func() { _ = log.Close() }()
		err := stayOn(l.cpus)
		if err == nil {
			err = cmd.Start()
		}
		if err == nil {
			p.pid = cmd.Process.Pid
		}
		started <- err
		if err == nil {
			_ = cmd.Wait() // who waits for ended reads the log for the reason
		}
		// The thread stays locked, and so is not used again: it has lost its freedom.
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", filepath.Base(l.program), err)
	}
	return p, nil
}

// stayOn keeps the calling thread on some processors.
func stayOn(cpus []int) error {
	if len(cpus) == 0 {
		return nil
	}
	var set unix.CPUSet
	for _, n := range cpus {
		set.Set(n)
	}
	return unix.SchedSetaffinity(0, &set)
}

// stop ends the process in order, or else at once, and then whatever it has left
// behind: it leads a process group of its own.
func (p *process) stop(signal syscall.Signal) {
	defer func() { _ = syscall.Kill(-p.pid, syscall.SIGKILL) }()
	_ = syscall.Kill(p.pid, signal)
	select {
	case <-p.ended:
	case <-time.After(stopPatience):
		_ = syscall.Kill(p.pid, syscall.SIGKILL)
		<-p.ended
	}
}

// died reports that the process ended on its own.
func (p *process) died() error {
	return fmt.Errorf("the server ended; its last words:\n%s", lastLines(p.log, 10))
}

func lastLines(path string, n int) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// usage is what a process and its children have used so far.
type usage struct {
	cpu      time.Duration // user and system
	resident int64         // octets, now; memory shared between them counts for each
}

// tick is the unit of times in /proc: USER_HZ, 100 on every architecture of Go.
const tick = 10 * time.Millisecond

// usageOf reads /proc. A child that has ended is in it no more.
func usageOf(pid int) (u usage, err error) {
	u, err = usageAlone(pid)
	if err != nil {
		return usage{}, err
	}
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return u, fmt.Errorf("ask for the server's children: %w", err)
	}
	for _, field := range strings.Fields(string(children)) {
		child, err := strconv.Atoi(field)
		if err != nil {
			continue
		}
		if of, err := usageOf(child); err == nil { // else it has just ended
			u.cpu += of.cpu
			u.resident += of.resident
		}
	}
	return u, nil
}

func usageAlone(pid int) (u usage, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return u, fmt.Errorf("ask for the server's CPU time: %w", err)
	}
	// The second field is the name, in parentheses, and may hold anything.
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 22 {
		return u, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	// proc(5): utime and stime are fields 14 and 15, rss 24; rest begins with field 3.
	number := func(field int) int64 {
		n, _ := strconv.ParseInt(fields[field-3], 10, 64)
		return n
	}
	u.cpu = time.Duration(number(14)+number(15)) * tick
	u.resident = number(24) * int64(os.Getpagesize())
	return u, nil
}
