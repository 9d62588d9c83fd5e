package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tallygate/licensing"
)

// replacement is another gateway of the same venue, which trusts the same distributor.
func (v *venue) replacement(t *testing.T) *venue {
	t.Helper()
	public, err := os.ReadFile(filepath.Join(v.dir, "distributor", "issuer.pub"))
	require.NoError(t, err)
	w := &venue{dir: t.TempDir()}
	w.configure(t, strings.TrimSpace(string(public)), "info")
	w.serve(t)
	w.furnish(t)
	return w
}

func (v *venue) gatewayKey(t *testing.T) string {
	t.Helper()
	var id struct{ Key string }
	v.read(t, &id, "gateway", "id")
	return id.Key
}

// shown is what others rely on of a license.
type shown struct {
	Number, State, Partner string
	ReleasedTo             string `json:"released_to"`
	DevicesCounted         int    `json:"devices_counted"`
	Transfer               *struct{ From, To, State string }
	Licenses               []shown
}

func (v *venue) show(t *testing.T, number string) (s shown) {
	t.Helper()
	v.read(t, &s, "license", "show", number)
	return s
}

func (v *venue) metrics(t *testing.T) string {
	t.Helper()
	status, text := v.fetch(t, "/metrics")
	require.Equal(t, 200, status)
	return text
}

func (v *venue) enter(t *testing.T, file string, flags ...string) (a shown) {
	t.Helper()
	v.read(t, &a, append([]string{"license", "activate", "@" + file}, flags...)...)
	return a
}

// A license goes from one partner to another, by the commands of both.
func TestTransferBetweenPartners(t *testing.T) {
	v := newVenue(t)
	v.serve(t)
	v.furnish(t)
	require.Equal(t, "[]\n", v.do(t, "partner", "list", "--json"))
	require.Equal(t, "[]\n", v.do(t, "license", "transfer", "list", "--json"))
	require.Contains(t, v.do(t, "partner", "list"), "no partners yet")

	var made struct{ ID, Secret string }
	v.read(t, &made, "partner", "add", "WiFi del Sur", "--id", "sur", "--generate")
	secretOf := func(name, text string) string {
		path := filepath.Join(v.dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text+"\n"), 0o600))
		return path
	}
	sur, norte := secretOf("sur.secret", made.Secret), secretOf("norte.secret", "a long secret of the north")
	v.do(t, "partner", "add", "Norte Redes", "--id", "norte", "--secret-file", norte)
	for _, args := range [][]string{{"partner", "list"}, {"partner", "show", "sur"}, {"partner", "add", "Este", "--id", "este", "--secret-file", norte}} {
		require.NotContains(t, v.do(t, append(args, "--json")...), "secret", "secrets are not shown again")
	}

	number := v.enter(t, v.grant(t, "--partner", "WiFi del Sur"), "--location", "28N2S004").Licenses[0].Number
	give := []string{"license", "transfer", number, "--to", "norte", "--partner", "sur", "--secret-file", sur}
	require.Contains(t, v.do(t, append(give, "--dry-run")...), "rehearsal, nothing was changed")
	require.Nil(t, v.show(t, number).Transfer)
	require.Contains(t, v.do(t, give...), "Pending import approval")
	waits := v.show(t, number)
	require.Equal(t, "Pending import approval", waits.Transfer.State)
	require.Equal(t, "norte", waits.Transfer.To)
	require.Equal(t, "WiFi del Sur", waits.Partner)
	require.Len(t, v.list(t, "license", "list", "--transfer-to", "norte"), 1)

	failed := v.command(t, "license", "transfer", "approve", number, "--partner", "norte", "--secret-file", sur)
	require.Equal(t, exitFailed, failed.status)
	require.Contains(t, failed.err, "not the secret of partner norte")
	require.Contains(t, v.do(t, "license", "transfer", "refuse", number, "--partner", "norte", "--secret-file", norte, "--reason", "not ours"), "Refused: not ours")
	v.do(t, give...)
	require.Contains(t, v.do(t, "license", "transfer", "withdraw", number, "--partner", "sur", "--secret-file", sur), "Withdrawn")
	v.do(t, give...)
	require.Contains(t, v.do(t, "license", "transfer", "approve", number, "--partner", "norte", "--secret-file", norte), "Approved")
	require.Equal(t, "Norte Redes", v.show(t, number).Partner)
	require.Len(t, v.list(t, "license", "transfer", "list"), 3)
	require.Contains(t, v.do(t, "license", "transfer", "list"), "Withdrawn")
	v.do(t, "partner", "remove", "sur")
	require.Contains(t, v.command(t, "partner", "remove", "norte").err, "holds license "+number)
	require.Contains(t, v.do(t, "audit", "verify"), "whole")

	for _, c := range []struct {
		args    []string
		status  int
		message string
	}{
		{[]string{"license", "transfer", "aprove", number}, exitUsage, `has no command "aprove"`},
		{[]string{"license", "transfer", number}, exitUsage, "required flag"},
		{[]string{"license", "transfer", "approve", number, "--partner", "norte", "--secret-file", "none"}, exitFailed, "cannot read the partner's secret"},
		{[]string{"license", "transfer", number, "--to", "nobody", "--partner", "norte", "--secret-file", norte}, exitFailed, `no partner "nobody"`},
		{[]string{"partner", "add", "X", "--id", "x", "--secret-file", norte, "--generate"}, exitUsage, "none of the others can be"},
		{[]string{"partner", "add", "X", "--id", "x"}, exitUsage, "at least one of the flags"},
		{[]string{"partner", "add", "X", "--id", "x y", "--generate"}, exitFailed, "not a partner id"},
	} {
		r := v.command(t, c.args...)
		require.Equal(t, c.status, r.status, "%v: %s", c.args, r.err)
		require.Contains(t, r.err, c.message)
	}
}

// A license goes from a gateway to the one that replaces it.
func TestGatewayRelease(t *testing.T) {
	v := newVenue(t)
	v.serve(t)
	v.furnish(t)
	w := v.replacement(t)
	key := v.grant(t, "--gateway", v.gatewayKey(t))
	number := v.enter(t, key, "--location", "28N2S004").Licenses[0].Number
	require.Contains(t, w.command(t, "license", "activate", "@"+key, "--location", "28N2S004").err, "for another gateway")

	file := filepath.Join(v.dir, "move.key")
	release := []string{"gateway", "release", "--license", number, "--to", w.gatewayKey(t), "--out", file}
	require.Contains(t, v.do(t, append(release, "--dry-run")...), "leaves this gateway")
	require.NoFileExists(t, file)
	require.Contains(t, v.command(t, append(release[:len(release)-1:len(release)-1], filepath.Join(v.dir, "none", "x"))...).err, "cannot write")
	require.Empty(t, v.show(t, number).ReleasedTo)

	for _, flags := range [][]string{{"--license", ""}, {"--all=false"}, nil} { // an empty variable in a script is not everything
		r := v.command(t, append([]string{"gateway", "release", "--to", w.gatewayKey(t), "--out", file}, flags...)...)
		require.Equal(t, exitUsage, r.status, "%v", flags)
	}
	v.do(t, release...)
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "it holds MAC addresses")
	require.Equal(t, w.gatewayKey(t), v.show(t, number).ReleasedTo)
	require.Equal(t, "Pending Start", v.show(t, number).State)
	require.Contains(t, v.do(t, "license", "list"), "Pending Start (released)")
	require.Contains(t, v.do(t, "license", "show", number), "to gateway "+w.gatewayKey(t))
	require.Len(t, v.list(t, "license", "list", "--released-to", w.gatewayKey(t)), 1)
	first, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, os.Remove(file))
	v.do(t, "gateway", "release", "--all", "--to", w.gatewayKey(t), "--out", file)
	again, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(first), string(again))

	require.Contains(t, w.do(t, "license", "activate", "--dry-run", "@"+file), "came from gateway")
	w.enter(t, file)
	require.Equal(t, "Pending Start", w.show(t, number).State)
	require.Contains(t, w.command(t, "license", "activate", "@"+file).err, "on this gateway already")
	for _, at := range []*venue{v, w} {
		require.Contains(t, at.do(t, "audit", "verify"), "whole")
	}
	require.NotContains(t, v.metrics(t), number, "the gateway that serves under it reports it")
	require.Contains(t, w.metrics(t), number)
}

// The old gateway is dead: the distributor's order takes the license to another one.
func TestIssuerTransfer(t *testing.T) {
	v := newVenue(t)
	v.serve(t)
	v.furnish(t)
	w, third := v.replacement(t), v.replacement(t)
	number := v.enter(t, v.grant(t, "--gateway", v.gatewayKey(t)), "--location", "28N2S004").Licenses[0].Number
	distributor := []string{"--dir", "distributor"}
	issue := func(name string, flags ...string) (file string, said struct {
		Sequence int
		Changes  []string
	}) {
		t.Helper()
		file = filepath.Join(v.dir, name)
		v.read(t, &said, append(append([]string{"issuer", "transfer", number, "--out", file}, distributor...), flags...)...)
		return file, said
	}
	partner, said := issue("partner.key", "--to-partner", "norte")
	require.Equal(t, 1, said.Sequence)
	require.Equal(t, []string{"it belongs to partner norte"}, said.Changes)
	v.enter(t, partner)
	require.Equal(t, "norte", v.show(t, number).Partner)

	// Released for a gateway that then did not come up: the distributor redirects it.
	move := filepath.Join(v.dir, "move.key")
	v.do(t, "gateway", "release", "--license", number, "--to", w.gatewayKey(t), "--out", move)
	both, said := issue("both.key", "--to-gateway", third.gatewayKey(t), "--release", move)
	require.Equal(t, 2, said.Sequence)
	require.Contains(t, third.command(t, "license", "activate", "@"+move).err, "released to another gateway")
	third.enter(t, both)
	require.Equal(t, "norte", third.show(t, number).Partner)

	// Dead: the order alone carries everything.
	receipt := filepath.Join(v.dir, "receipt.json")
	detail := map[string]any{
		"start_receipt": map[string]any{"number": number, "starts_at": "2026-01-02T10:00:00Z", "recorded_at": "2026-01-02T10:00:00Z",
			"threshold": 5, "rule": "", "location": "28N2S004", "sightings": []any{}, "audit_head": "", "start_policy": "fifth-device"},
		"license": map[string]any{"zone": "Europe/Madrid", "paused_days": 0},
	}
	text, err := json.Marshal(detail)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(receipt, text, 0o600))
	taken, said := issue("taken.key", "--to-gateway", w.gatewayKey(t), "--receipt", receipt)
	require.Contains(t, said.Changes[1], "goes on from 2026-01-02 10:00:00Z (Europe/Madrid)")
	require.Contains(t, said.Changes[2], "unsigned")
	require.Contains(t, third.command(t, "license", "activate", "@"+receipt).err, "activation key")
	var a struct{ Summary []string }
	w.read(t, &a, "license", "activate", "@"+taken, "--location", "28N2S004")
	require.Contains(t, strings.Join(a.Summary, "\n"), "its old gateway being dead")
	require.Equal(t, "In Use", w.show(t, number).State)
	third.enter(t, taken)
	require.Equal(t, w.gatewayKey(t), third.show(t, number).ReleasedTo)

	anew, said := issue("anew.key", "--to-gateway", v.gatewayKey(t))
	require.Contains(t, said.Changes[1], "counts anew")
	v.enter(t, anew, "--location", "28N2S004")
	require.Equal(t, "Pending Start", v.show(t, number).State)

	for _, c := range []struct {
		flags   []string
		status  int
		message string
	}{
		{nil, exitUsage, "at least one of the flags"},
		{[]string{"--to-gateway", "k4.public.x"}, exitFailed, "not a gateway's key"},
		{[]string{"--to-gateway", w.gatewayKey(t), "--release", move}, exitFailed, "had applied 1 orders"},
		{[]string{"--to-gateway", w.gatewayKey(t), "--release", partner}, exitFailed, "no release of"},
		{[]string{"--to-gateway", w.gatewayKey(t), "--started-at", "2026-01-02T10:00:00Z"}, exitUsage, "zone of the contract"},
		{[]string{"--to-gateway", w.gatewayKey(t), "--receipt", move}, exitFailed, "holds no start receipt"},
		{[]string{"--to-gateway", w.gatewayKey(t), "--paused-days", "3"}, exitFailed, "mean nothing without a start"},
		{[]string{"--to-partner", "a b"}, exitFailed, "not a partner id"},
		{[]string{"--to-partner", "norte", "--release", move}, exitUsage, "belong to --to-gateway"},
	} {
		r := v.command(t, append(append([]string{"issuer", "transfer", number, "--out", "never"}, distributor...), c.flags...)...)
		require.Equal(t, c.status, r.status, "%v: %s", c.flags, r.err)
		require.Contains(t, r.err, c.message)
	}
	require.NoFileExists(t, filepath.Join(v.dir, "never"))
}

// The start that an order carries on is the one that the old gateway has signed.
func TestIssuerTransferTakesSignedReceipts(t *testing.T) {
	v := newVenue(t)
	gateway, next := licensing.NewIssuerKey(), licensing.NewIssuerKey().Public()
	number := v.granted(t, "--gateway", gateway.Public())
	at := time.Date(2026, time.January, 2, 10, 0, 0, 0, time.UTC)
	export := func(by licensing.IssuerKey) licensing.Evidence {
		t.Helper()
		r := licensing.Receipt{Number: number, StartsAt: at, RecordedAt: at, Threshold: 5, GatewayKey: gateway.Public()}
		hash, err := r.Hash()
		require.NoError(t, err)
		text, err := by.SignReceipt(r)
		require.NoError(t, err)
		return licensing.Evidence{Receipt: r, Hash: hash, Signed: text, TimeZone: "Europe/Madrid"}
	}
	flags := []string{"--to-gateway", next, "--receipt", "receipt.json"}
	write := func(value any) {
		t.Helper()
		text, err := json.Marshal(value)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(v.dir, "receipt.json"), text, 0o600))
	}

	altered := export(gateway)
	altered.Receipt.StartsAt = at.AddDate(0, 6, 0)
	rehashed := altered
	var err error
	rehashed.Hash, err = altered.Receipt.Hash()
	require.NoError(t, err)
	cut := export(gateway)
	cut.Signed = cut.Signed[:len(cut.Signed)/2]
	for problem, e := range map[string]licensing.Evidence{
		"says something else":        altered,
		"than the gateway has":       rehashed,
		"another gateway has signed": export(licensing.NewIssuerKey()),
		"does not fit":               cut,
	} {
		write(e)
		r := v.command(t, append([]string{"issuer", "transfer", number, "--dir", "distributor", "--out", "never"}, flags...)...)
		require.Equal(t, exitFailed, r.status, problem)
		require.Contains(t, r.err, "the start receipt is not genuine")
		require.Contains(t, r.err, problem)
		require.Contains(t, r.err, "license receipt "+number+" --format json")
		require.NoFileExists(t, filepath.Join(v.dir, "never"))
	}

	// What somebody puts beside the signed receipt changes nothing.
	write(struct {
		licensing.Evidence
		Shown   licensing.Receipt `json:"start_receipt"`
		License map[string]int    `json:"license"`
	}{export(gateway), altered.Receipt, map[string]int{"paused_days": 300}})
	require.Contains(t, v.do(t, append([]string{"issuer", "transfer", number, "--dir", "distributor", "--out", "never", "--dry-run"}, flags...)...),
		"goes on from 2026-01-02 10:00:00Z (Europe/Madrid)\n  the receipt is signed by gateway "+gateway.Public()+"; the time zone beside it is the venue's word")
	signed := v.signOrder(t, append([]string{"transfer", number}, flags...)...).Transfer
	require.Equal(t, at, signed.StartedAt)
	require.Equal(t, at, signed.Receipt.StartsAt)
	require.Equal(t, "Europe/Madrid", signed.Zone)
	require.Zero(t, signed.PausedDays)
}
