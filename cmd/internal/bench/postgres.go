package bench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// postgresUser is the superuser of the temporary server; only the loopback can reach it.
const postgresUser = "bench"

// postgres is a PostgreSQL server of the benchmark's own.
type postgres struct {
	bin     string // folder of its programs
	dir     string
	port    int
	process *process
	user    *syscall.Credential
}

// newestInitDB finds PostgreSQL's programs, which Debian keeps out of PATH; "" if there
// are none.
func newestInitDB() string {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		path, _ := exec.LookPath("initdb")
		return path
	}
	return slices.MaxFunc(found, func(a, b string) int { return postgresVersion(a) - postgresVersion(b) })
}

func postgresVersion(initdb string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(initdb))))
	return n
}

// startPostgres makes a cluster and starts it, with the settings of a durable server
// that has some memory. PostgreSQL refuses to run as root.
func (b *bench) startPostgres(ctx context.Context) (*postgres, error) {
	dir, err := b.folder("postgresql")
	if err != nil {
		return nil, err
	}
	p := &postgres{bin: filepath.Dir(b.initdb), dir: dir}
	if p.user, err = unprivileged(); err != nil {
		return nil, err
	}
	if p.user != nil {
		if err := os.Chown(dir, int(p.user.Uid), int(p.user.Gid)); err != nil {
			return nil, fmt.Errorf("give PostgreSQL its folder: %w", err)
		}
	}
	if p.port, err = freePort(); err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "data")
	if err := p.run(ctx, "initdb", "-D", data, "-U", postgresUser, "-A", "trust", "-E", "UTF8", "--locale=C"); err != nil {
		return nil, err
	}
	p.process, err = launch{
		program: filepath.Join(p.bin, "postgres"), user: p.user, dir: dir, log: dir + ".log",
		args: []string{"-D", data, "-p", strconv.Itoa(p.port), "-k", dir, "-c", "listen_addresses=127.0.0.1",
			"-c", "shared_buffers=512MB", "-c", "max_wal_size=4GB", "-c", "fsync=on", "-c", "synchronous_commit=on"},
	}.start()
	if err != nil {
		return nil, err
	}
	err = await(ctx, p.process, 30*time.Second, func() bool {
		return p.run(ctx, "pg_isready", "-q", "-h", "127.0.0.1", "-p", strconv.Itoa(p.port)) == nil
	})
	if err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// run runs one of PostgreSQL's programs as its user.
func (p *postgres) run(ctx context.Context, program string, args ...string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(p.bin, program), args...) //nolint:gosec // PostgreSQL's own
	cmd.Dir = p.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.user}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", program, err, lastLine(out))
	}
	return nil
}

// fresh makes an empty database with FreeRADIUS's schema as shipped.
func (p *postgres) fresh(ctx context.Context) error {
	schema, err := os.ReadFile(freeRADIUSStock + "/mods-config/sql/main/postgresql/schema.sql")
	if err != nil {
		return fmt.Errorf("read FreeRADIUS's schema: %w", err)
	}
	// FreeRADIUS's folder is readable by its own user only.
	file := filepath.Join(p.dir, "schema.sql")
	if err := os.WriteFile(file, schema, 0o644); err != nil { //nolint:gosec // no secret: it is shipped
		return fmt.Errorf("write FreeRADIUS's schema: %w", err)
	}
	psql := []string{"-q", "-h", "127.0.0.1", "-p", strconv.Itoa(p.port), "-U", postgresUser, "-v", "ON_ERROR_STOP=1"}
	for _, args := range [][]string{
		{"-d", "postgres", "-c", "DROP DATABASE IF EXISTS radius"},
		{"-d", "postgres", "-c", "CREATE DATABASE radius"},
		{"-d", "radius", "-f", file},
		{"-d", "postgres", "-c", "CHECKPOINT"},
	} {
		if err := p.run(ctx, "psql", append(slices.Clone(psql), args...)...); err != nil {
			return err
		}
	}
	return nil
}

func (p *postgres) close() {
	p.process.stop(syscall.SIGINT) // a fast shutdown
	_ = os.RemoveAll(p.dir)
}

// unprivileged is somebody other than root to run PostgreSQL as; nil for who is not root.
func unprivileged() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil //nolint:nilnil // the user that we are needs no credential
	}
	var failed error
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			failed = err
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("user %s: %w", name, err)
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("user %s: %w", name, err)
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, fmt.Errorf("find an unprivileged user for PostgreSQL: %w", failed)
}

// version asks PostgreSQL.
func (p *postgres) version(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, filepath.Join(p.bin, "postgres"), "--version").Output() //nolint:gosec // PostgreSQL's own
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(strings.TrimPrefix(string(out), "postgres (PostgreSQL)"))
}
