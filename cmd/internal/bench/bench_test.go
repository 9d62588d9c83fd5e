package bench

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"layeh.com/radius"
	"layeh.com/radius/rfc2869"

	"tallygate/cmd/internal/load"
)

// testBench is a benchmark that has begun, with the program as a user has it.
func testBench(t *testing.T) *bench {
	t.Helper()
	program := filepath.Join(t.TempDir(), "tallygate")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", program, "tallygate/cmd/tallygate").CombinedOutput()
	require.NoError(t, err, "%s", out)
	o := Options{Program: program, Quick: true, Say: io.Discard}
	return &bench{options: o, times: o.times(), root: t.TempDir(), best: map[pairing]pace{}, result: &Result{Began: time.Now()}}
}

// The venues are what the generator expects of them: this breaks when the schema changes
// and seed.go does not follow.
func TestVenues(t *testing.T) {
	b := testBench(t)
	open, err := b.newVenue(t.Context())
	require.NoError(t, err)
	known, err := b.copyVenue(open, append(localGuests(50), knownDevices(1000)...)...)
	require.NoError(t, err)
	g, err := known.serve(t.Context(), known.dir, nil)
	require.NoError(t, err)
	t.Cleanup(g.close)
	require.Positive(t, g.ready)

	cfg := load.Config{Workload: load.AuthPAP, Count: 200, Users: 50, Guests: 1000}
	sample, err := measure(t.Context(), &g.server, cfg)
	require.NoError(t, err)
	require.EqualValues(t, 200, sample.Access.Accepted, "the accounts are those that the generator uses")
	require.Positive(t, sample.Resident)
	cfg.Users = 51
	_, err = measure(t.Context(), &g.server, cfg)
	require.ErrorContains(t, err, "rejected", "what is not an account is refused, and such a run does not count")

	cfg = load.Config{Workload: load.Acct, Count: 600, Guests: 1000, Sessions: 200}
	sample, err = measure(t.Context(), &g.server, cfg)
	require.NoError(t, err)
	require.EqualValues(t, 600, sample.Acct.Records.All())
	var licenses []struct {
		DevicesCounted int `json:"devices_counted"`
	}
	require.NoError(t, known.command(t.Context(), known.dir, &licenses, "license", "list"))
	require.Equal(t, 1000, licenses[0].DevicesCounted, "the devices are those that the generator plays")

	dropped, err := drops(t.Context(), g.admin)
	require.NoError(t, err)
	require.Contains(t, dropped, "overload")
	require.Contains(t, dropped, "bad-authenticator")

	// A copy is a gateway of its own.
	copied, err := b.gateway(t.Context(), open)
	require.NoError(t, err)
	defer copied.close()
	_, err = measure(t.Context(), &copied.server, load.Config{Workload: load.Mixed, Count: 100})
	require.NoError(t, err)
}

// The bare responder does the cryptography that it stands for.
func TestResponder(t *testing.T) {
	r := newResponder()
	request := radius.New(radius.CodeAccessRequest, []byte(secret))
	request.Add(rfc2869.MessageAuthenticator_Type, make([]byte, 16))
	plain, err := request.MarshalBinary()
	require.NoError(t, err)
	request.Attributes[0].Attribute = bytes.Clone(r.sign(plain))
	wire, err := request.Encode()
	require.NoError(t, err)
	answer := func(wire []byte) []byte {
		packet := make([]byte, len(wire), 4096)
		copy(packet, wire)
		return r.answer(packet, r.replies[0][:])
	}
	reply := answer(wire)
	require.True(t, radius.IsAuthenticResponse(reply, wire, []byte(secret)))
	require.Equal(t, byte(radius.CodeAccessAccept), reply[0])

	wrong := bytes.Clone(wire)
	wrong[30] ^= 1
	require.Nil(t, answer(wrong), "Message-Authenticator")

	wire, err = radius.New(radius.CodeAccountingRequest, []byte(secret)).Encode()
	require.NoError(t, err)
	reply = answer(wire)
	require.True(t, radius.IsAuthenticResponse(reply, wire, []byte(secret)))
	require.Equal(t, byte(radius.CodeAccountingResponse), reply[0])
	wire[10] ^= 1
	require.Nil(t, answer(wire), "Request Authenticator")
	require.Nil(t, answer([]byte{1, 2, 3}))
}

func TestUsage(t *testing.T) {
	p, err := launch{program: "/bin/sh", args: []string{"-c", "while :; do :; done & wait"}, log: filepath.Join(t.TempDir(), "log"), cpus: []int{0}}.start()
	require.NoError(t, err)
	defer p.stop(9)
	require.Eventually(t, func() bool {
		u, err := usageOf(p.pid)
		return err == nil && u.cpu >= 2*tick && u.resident > 0
	}, 30*time.Second, 10*time.Millisecond, "the child's work counts for its parent")
}

func TestDiskProbe(t *testing.T) {
	dir := t.TempDir()
	d, err := probeDisk(dir, 20)
	require.NoError(t, err)
	require.Equal(t, 20, d.Syncs)
	require.Positive(t, d.P50)
	require.GreaterOrEqual(t, d.P99, d.P50)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
}

// Each job's configuration names what it needs and nothing of the others.
func TestFreeRADIUSConfigurations(t *testing.T) {
	for _, c := range []struct {
		job  freeRADIUSCase
		says []string
		not  []string
	}{
		{frFiles, []string{"Auth-Type PAP", "Message-Authenticator = 0x00", "start_servers = 2"}, []string{"sql {", "accounting {"}},
		{frOK, []string{"accounting {\n\t\tok\n"}, []string{"sql {", "files {"}},
		{frDetail, []string{"accounting {\n\t\tdetail\n", "locking = no"}, []string{"sql {"}},
		{frSQLite, []string{`dialect = "sqlite"`, "Acct-Unique-Session-Id"}, []string{"synchronous", "login ="}},
		{frSQLiteWAL, []string{"PRAGMA synchronous=FULL"}, []string{"login ="}},
		{frPostgres, []string{`dialect = "postgresql"`, `login = "bench"`, "start_servers = 16", "port = 5432"}, []string{"PRAGMA"}},
	} {
		t.Run(c.job.name, func(t *testing.T) {
			var text strings.Builder
			v := freeRADIUSValues{Case: c.job.name, Dialect: c.job.dialect, Threads: max(c.job.threads, 1), PostgresPort: 5432, PostgresUser: postgresUser, Secret: secret}
			require.NoError(t, freeRADIUSTemplate.Execute(&text, v))
			for _, says := range c.says {
				require.Contains(t, text.String(), says)
			}
			for _, not := range c.not {
				require.NotContains(t, text.String(), not)
			}
			require.Equal(t, strings.Count(text.String(), "{"), strings.Count(text.String(), "}"))
		})
	}
	require.Equal(t, authGuests+authUsers, bytes.Count(users(), []byte("\n")))
}

// A server that ends on its own is an error that says its last words.
func TestServersThatEnd(t *testing.T) {
	p, err := launch{program: "/bin/sh", args: []string{"-c", "echo out of memory; exit 1"}, log: filepath.Join(t.TempDir(), "log")}.start()
	require.NoError(t, err)
	err = await(t.Context(), p, time.Minute, func() bool { return false })
	require.ErrorContains(t, err, "out of memory")

	p, err = launch{program: "/bin/sleep", args: []string{"60"}, log: filepath.Join(t.TempDir(), "log")}.start()
	require.NoError(t, err)
	defer p.stop(9)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, await(ctx, p, time.Minute, func() bool { return false }), context.Canceled)
}
