package bench

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"tallygate/cmd/internal/load"
)

// Disk is what the machine's disk needs to make 4 KiB durable: overwrite and fdatasync.
// No durable server can answer a lone request sooner.
type Disk struct {
	Syncs          int
	P50, P99, Mean time.Duration
}

// probeDisk measures in a folder of the disk that the servers use.
func probeDisk(dir string, syncs int) (d Disk, err error) {
	const block, blocks = 4096, 256
	f, err := os.Create(filepath.Join(dir, "fsync-probe"))
	if err != nil {
		return d, fmt.Errorf("measure the disk: %w", err)
	}
	defer func() {
		err = errors.Join(err, f.Close(), os.Remove(f.Name()))
	}()
	octets := make([]byte, block*blocks)
	for i := range octets {
		octets[i] = byte(i * 31 >> 3)
	}
	if _, err := f.Write(octets); err != nil {
		return d, fmt.Errorf("measure the disk: %w", err)
	}
	if err := f.Sync(); err != nil {
		return d, fmt.Errorf("measure the disk: %w", err)
	}
	var h load.Histogram
	for i := range syncs {
		at := i * 97 % blocks * block // here and there, as the pages of a database
		begun := time.Now()
		if _, err := f.WriteAt(octets[:block], int64(at)); err != nil {
			return d, fmt.Errorf("measure the disk: %w", err)
		}
		if err := unix.Fdatasync(int(f.Fd())); err != nil {
			return d, fmt.Errorf("measure the disk: %w", err)
		}
		h.Add(time.Since(begun))
	}
	return Disk{Syncs: syncs, P50: h.Quantile(0.5), P99: h.Quantile(0.99), Mean: h.Mean()}, nil
}

// onDisk reports whether a folder lies on a file system that keeps what it syncs.
func onDisk(dir string) bool {
	var s unix.Statfs_t
	if unix.Statfs(dir, &s) != nil {
		return false
	}
	return s.Type != unix.TMPFS_MAGIC && s.Type != unix.RAMFS_MAGIC
}
