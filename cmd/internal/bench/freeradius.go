package bench

import (
	"bytes"
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"text/template"
	"time"

	_ "github.com/mattn/go-sqlite3" // FreeRADIUS's database is made with it, and a million devices for ours

	"tallygate/cmd/internal/load"
)

//go:embed freeradius.conf.tmpl
var freeRADIUSConf string

var freeRADIUSTemplate = template.Must(template.New("freeradius.conf").Parse(freeRADIUSConf))

// freeRADIUSStock is where Debian keeps the queries and schemas that come with it.
const freeRADIUSStock = "/etc/freeradius/3.0"

// freeRADIUSCase is one job for FreeRADIUS, with the number of threads at which it does
// it best (research/performance.md, section 10, has the sweep).
type freeRADIUSCase struct {
	name    string // as in freeradius.conf.tmpl
	threads int    // 0: one, without a pool (-s)
	dialect string // of its SQL; "": none
	prepare int
}

// The jobs.
var (
	frFiles     = freeRADIUSCase{name: "files", threads: 2, prepare: 400_000}
	frOK        = freeRADIUSCase{name: "ok", prepare: 600_000}
	frDetail    = freeRADIUSCase{name: "detail", threads: 2, prepare: 400_000}
	frSQLite    = freeRADIUSCase{name: "sqlite", dialect: "sqlite", prepare: 20_000}
	frSQLiteWAL = freeRADIUSCase{name: "sqlite-wal", dialect: "sqlite", prepare: 40_000}
	frPostgres  = freeRADIUSCase{name: "postgresql", threads: 16, dialect: "postgresql", prepare: 60_000}
)

// freeRADIUSValues fill the template.
type freeRADIUSValues struct {
	Dir, Libraries, Stock, Secret, Case, Dialect string
	Threads, AuthPort, AcctPort, PostgresPort    int
	PostgresUser                                 string
}

// freeRADIUS starts it for one job, with nothing stored. db is for the job that needs one.
func (b *bench) freeRADIUS(ctx context.Context, job freeRADIUSCase, db *postgres) (s *server, err error) {
	dir, err := b.folder("freeradius")
	if err != nil {
		return nil, err
	}
	v := freeRADIUSValues{
		Dir: dir, Libraries: "/usr/lib/freeradius", Stock: freeRADIUSStock, Secret: secret, Case: job.name,
		Dialect: job.dialect, Threads: max(job.threads, 1),
	}
	if v.AuthPort, err = freePort(); err != nil {
		return nil, err
	}
	if v.AcctPort, err = freePort(); err != nil {
		return nil, err
	}
	pids := []int{}
	if job.dialect == "postgresql" {
		if err := db.fresh(ctx); err != nil {
			return nil, err
		}
		v.PostgresPort, v.PostgresUser = db.port, postgresUser
		pids = append(pids, db.process.pid)
	}
	if err := v.write(ctx, job); err != nil {
		return nil, err
	}
	args := []string{"-f", "-d", dir, "-n", "radiusd", "-l", filepath.Join(dir, "radius.log")}
	if job.threads == 0 {
		args = append(args, "-s")
	}
	p, err := launch{program: b.freeRADIUSPath, args: args, log: filepath.Join(dir, "output"), dir: dir}.start()
	if err != nil {
		return nil, err
	}
	s = &server{
		auth: fmt.Sprintf("127.0.0.1:%d", v.AuthPort), acct: fmt.Sprintf("127.0.0.1:%d", v.AcctPort), pids: append(pids, p.pid),
		close: func() { p.stop(syscall.SIGTERM); _ = os.RemoveAll(dir) },
	}
	log := filepath.Join(dir, "radius.log")
	err = await(ctx, p, 30*time.Second, func() bool {
		text, _ := os.ReadFile(log)
		return bytes.Contains(text, []byte("Ready to process requests"))
	})
	if err != nil {
		err = fmt.Errorf("FreeRADIUS (%s): %w\n%s", job.name, err, lastLines(log, 10))
		s.close()
		return nil, err
	}
	return s, nil
}

// write writes what FreeRADIUS reads.
func (v freeRADIUSValues) write(ctx context.Context, job freeRADIUSCase) error {
	var conf bytes.Buffer
	if err := freeRADIUSTemplate.Execute(&conf, v); err != nil {
		return err
	}
	files := map[string][]byte{"radiusd.conf": conf.Bytes(), "dictionary": []byte("# nothing of our own\n")}
	if job.name == frFiles.name {
		files["users"] = users()
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(v.Dir, name), text, 0o600); err != nil {
			return fmt.Errorf("write FreeRADIUS's configuration: %w", err)
		}
	}
	if job.dialect != "sqlite" {
		return nil
	}
	return makeRadiusDB(ctx, filepath.Join(v.Dir, "radius.db"), job.name == frSQLiteWAL.name)
}

// users is the users file: the devices and the portal logins that the generator asks for.
func users() []byte {
	var out bytes.Buffer
	for i := range uint64(authGuests) {
		mac := load.BareMAC(load.MAC(i, authGuests))
		fmt.Fprintf(&out, "%s Cleartext-Password := \"%s\"\n", mac, mac)
	}
	for i := range uint64(authUsers) {
		name, password := load.User(i)
		fmt.Fprintf(&out, "%s Cleartext-Password := \"%s\"\n", name, password)
	}
	return out.Bytes()
}

// makeRadiusDB makes the database with the schema as shipped.
func makeRadiusDB(ctx context.Context, path string, wal bool) error {
	schema, err := os.ReadFile(freeRADIUSStock + "/mods-config/sql/main/sqlite/schema.sql")
	if err != nil {
		return fmt.Errorf("read FreeRADIUS's schema: %w", err)
	}
	mode := "delete"
	if wal {
		mode = "wal"
	}
	db, err := sql.Open("sqlite3", "file:"+path+"?_journal_mode="+mode)
	if err != nil {
		return fmt.Errorf("make FreeRADIUS's database: %w", err)
	}
	_, err = db.ExecContext(ctx, string(schema))
	if err = errors.Join(err, db.Close()); err != nil {
		return fmt.Errorf("make FreeRADIUS's database: %w", err)
	}
	return nil
}

// findFreeRADIUS looks for it, and installs it when that is wanted and possible. Without
// it, the comparison is left out.
func (b *bench) findFreeRADIUS(ctx context.Context) error {
	if b.initdb = newestInitDB(); b.initdb != "" && !exists("/usr/lib/freeradius/rlm_sql_postgresql.so") || !exists("/usr/sbin/freeradius") {
		if err := b.install(ctx); err != nil {
			return err
		}
	}
	path, err := exec.LookPath("freeradius")
	if err != nil {
		return errors.New("FreeRADIUS is not installed: as root, apt-get install freeradius")
	}
	out, err := exec.CommandContext(ctx, path, "-v").Output()
	if err != nil {
		return fmt.Errorf("freeradius -v: %w", err)
	}
	first, _, _ := strings.Cut(string(out), ",")
	b.freeRADIUSPath, b.result.Machine.FreeRADIUS = path, strings.TrimPrefix(first, "radiusd: ")
	return nil
}

// install installs FreeRADIUS with apt-get, as root.
func (b *bench) install(ctx context.Context) error {
	if !b.options.Install || os.Getuid() != 0 {
		return nil
	}
	packages := []string{"freeradius", "freeradius-utils"}
	if b.initdb != "" {
		packages = append(packages, "freeradius-postgresql")
	}
	b.say("installing %s", strings.Join(packages, " "))
	running := exec.CommandContext(ctx, "pgrep", "-x", "freeradius").Run() == nil
	for _, args := range [][]string{{"update", "-q"}, append([]string{"install", "-y", "-q", "--no-install-recommends"}, packages...)} {
		cmd := exec.CommandContext(ctx, "apt-get", args...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("apt-get %s: %w: %s", args[0], err, lastLine(out))
		}
	}
	if !running {
		// Debian starts what it installs. It was not wanted as a service here.
		_ = exec.CommandContext(ctx, "systemctl", "disable", "--now", "freeradius").Run()
	}
	return nil
}

func lastLine(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1]
}
