package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tallygate/licensing"
)

// program runs what somebody else wrote: the tools that judge a sheet.
func (v *venue) program(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = v.dir
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	require.NoError(t, cmd.Run(), "%s %v: %s (.ci/peers installs it)", name, args, complaint.String())
	return out.String()
}

// The whole conversation between a venue and its distributor, from the request to an
// order that changes the license: what is sent are files, and what is entered at the
// gateway was read from the paper by a stranger's QR reader.
func TestRequestToActivation(t *testing.T) {
	v := newVenue(t)
	v.serve(t)
	v.furnish(t)
	v.do(t, "location", "add", "Peñón & Sol", "--realm", "hotelsol", "--time-zone", "Europe/Madrid", "--id", "28N2S006", "--sector", "hospitality")
	request := []string{"license", "request", "--location", "28N2S006", "--years", "3", "--aps", "20", "--rooms", "150", "--modules", "guest,spa",
		"--partner", "Redes del Sur", "--distributor", "Distribuciones Peñalver", "--payment", "annual", "--out", "request.json"}
	require.Contains(t, v.do(t, append(request, "--dry-run")...), "nothing was changed")
	require.NoFileExists(t, filepath.Join(v.dir, "request.json"))
	require.Contains(t, v.do(t, request...), "send request.json to the distributor")
	text, err := os.ReadFile(filepath.Join(v.dir, "request.json"))
	require.NoError(t, err)
	require.Contains(t, string(text), "\n    \"name\": \"Peñón & Sol\",\n", "people can read it")
	asked, err := licensing.ReadRequest(text)
	require.NoError(t, err)
	var id struct{ Key string }
	v.read(t, &id, "gateway", "id")
	require.Equal(t, id.Key, asked.Gateway)

	grant := []string{"issuer", "grant", "--dir", "distributor", "--request", "request.json", "--aps", "25", "--out", "license.key", "--pdf", "license.pdf", "--language", "es"}
	r := v.command(t, grant...)
	require.Equal(t, exitDone, r.status, r.err)
	for _, shown := range []string{"from the request of ", "Hotel Sol", "28N2S006 (Peñón & Sol, Europe/Madrid)", "25 instead of 20", "3 years", "guest, spa", "annual", id.Key} {
		require.Contains(t, r.err, shown)
	}
	number := strings.TrimSpace(r.out)
	v.program(t, "pdftoppm", "-r", "200", "-gray", "-singlefile", "license.pdf", "license")
	key := strings.TrimSpace(v.program(t, "zbarimg", "--nodbus", "--quiet", "--raw", "license.pgm"))
	file, err := os.ReadFile(filepath.Join(v.dir, "license.key"))
	require.NoError(t, err)
	require.Equal(t, strings.TrimSpace(string(file)), key)
	paper := v.program(t, "pdftotext", "-layout", "license.pdf", "-")
	for _, text := range []string{"Peñón & Sol", number, "hostelería", "Distribuciones Peñalver"} {
		require.Contains(t, paper, text)
	}
	terms, err := licensing.VerifyGrant(key, []string{v.issuer(t)})
	require.NoError(t, err)
	require.Equal(t, licensing.Terms{
		GrantID: terms.GrantID, Issuer: terms.Issuer, IssuedAt: terms.IssuedAt, Quantity: 1, Organization: "Hotel Sol", Realm: "hotelsol",
		Location: "28N2S006", Gateway: id.Key, Term: licensing.Term{Years: 3}, APs: 25, Rooms: 150, Modules: []string{"guest", "spa"},
		Threshold: 5, Start: licensing.StartFifthDevice, Distributor: "Distribuciones Peñalver", Partner: "Redes del Sur", Payment: "annual",
	}, terms)

	// The sheet can be drawn again from the register alone, and is the same.
	v.do(t, "issuer", "sheet", number, "--dir", "distributor", "--pdf", "again.pdf", "--language", "es")
	first, err := os.ReadFile(filepath.Join(v.dir, "license.pdf"))
	require.NoError(t, err)
	again, err := os.ReadFile(filepath.Join(v.dir, "again.pdf"))
	require.NoError(t, err)
	require.True(t, bytes.Equal(first, again))
	r = v.command(t, grant...)
	require.Equal(t, exitDone, r.status)
	require.Contains(t, r.err, "warning: this request was granted before", "twice the same file is two licenses")

	v.do(t, "license", "activate", key)
	state := func() (s struct {
		State string
		APs   struct{ Limit int }
	}) {
		v.read(t, &s, "license", "show", number)
		return s
	}
	require.Equal(t, "Pending Start", state().State)
	require.Equal(t, 25, state().APs.Limit)
	for _, step := range []struct {
		order []string
		state string
		aps   int
	}{
		{[]string{"upgrade", number, "--aps", "40"}, "Pending Start", 40},
		{[]string{"deny", number, "--reason", "unpaid"}, "Access denied", 40},
		{[]string{"restore", number}, "Pending Start", 40},
	} {
		v.signOrder(t, step.order...)
		v.do(t, "license", "activate", "@order.key")
		require.Equal(t, step.state, state().State, "%v", step.order)
		require.Equal(t, step.aps, state().APs.Limit)
	}
}

// A request that is none, or was spoilt, is refused before anything is signed.
func TestIssuerGrantRefusesRequests(t *testing.T) {
	v := newVenue(t)
	request := licensing.NewRequest(licensing.Location{
		Code: "28N2S004", Name: "Sol Centro", Organization: "Hotel Sol", Realm: "hotelsol", Settings: licensing.Settings{Timezone: "Europe/Madrid"},
	}, anIssuer, time.Now())
	request.Term.Years = 1
	good := string(request.Text())
	key, err := os.ReadFile(v.grant(t))
	require.NoError(t, err)
	before := v.list(t, "issuer", "list", "--dir", "distributor")
	grant := []string{"issuer", "grant", "--dir", "distributor", "--out", "never", "--request", "request"}
	for _, tt := range []struct{ text, message, hint string }{
		{"", "the license request is empty", "license request"},
		{string(key), "this is a signed key, not a license request", "license activate"},
		{`{"format": "invoice"}`, "this is no license request", "license request"},
		{strings.Replace(good, anIssuer, v.issuer(t), 1), "the distributor's own public key", "gateway id"},
		{strings.Replace(good, anIssuer, "gateway-1", 1), `"gateway-1" is not a gateway's key`, "gateway id"},
		{strings.Replace(good, `"years": 1`, `"years": 9`, 1), "a term of 9 years is not possible", "1 to 5 years"},
		{strings.Replace(good, `"aps"`, `"access_points"`, 1), `unknown field "access_points"`, "correct the field"},
		{strings.Repeat("x", maxKey+1), "longer than", "standard input"},
	} {
		require.NoError(t, os.WriteFile(filepath.Join(v.dir, "request"), []byte(tt.text), 0o600))
		r := v.command(t, grant...)
		require.Equal(t, exitFailed, r.status, tt.message)
		require.Contains(t, r.err, tt.message)
		require.Contains(t, r.err, tt.hint)
	}
	require.NoError(t, os.Remove(filepath.Join(v.dir, "request")))
	require.Contains(t, v.command(t, grant...).err, "cannot read the license request: open request")
	require.Equal(t, before, v.list(t, "issuer", "list", "--dir", "distributor"))

	// From standard input, and with another term than asked for.
	r := v.commandWith(t, strings.NewReader("\ufeff"+good), "issuer", "grant", "--dir", "distributor", "--request", "-", "--months", "6", "--out", "half.key")
	require.Equal(t, exitDone, r.status, r.err)
	require.Contains(t, r.err, "6 months instead of 1 year")
	text, err := os.ReadFile(filepath.Join(v.dir, "half.key"))
	require.NoError(t, err)
	terms, err := licensing.VerifyGrant(string(text), []string{v.issuer(t)})
	require.NoError(t, err)
	require.Equal(t, licensing.Term{Months: 6}, terms.Term)
	require.Equal(t, anIssuer, terms.Gateway)
}
