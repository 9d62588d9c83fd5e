package main

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tallygate/cmd/internal/distributor"
	"tallygate/licensing"
)

func TestIssuerInit(t *testing.T) {
	v := newVenue(t)
	dir := filepath.Join(v.dir, "distributor")
	info, err := os.Stat(filepath.Join(dir, "issuer.key"))
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode())
	secret, err := os.ReadFile(filepath.Join(dir, "issuer.key"))
	require.NoError(t, err)
	public, err := os.ReadFile(filepath.Join(dir, "issuer.pub"))
	require.NoError(t, err)
	key, err := licensing.ParseIssuerKey(strings.TrimSpace(string(secret)))
	require.NoError(t, err)
	require.Equal(t, key.Public()+"\n", string(public))

	r := v.command(t, "issuer", "init", "--dir", "distributor")
	require.Equal(t, exitFailed, r.status)
	again, err := os.ReadFile(filepath.Join(dir, "issuer.key"))
	require.NoError(t, err)
	require.Equal(t, secret, again, "a secret key is never replaced")

	require.Contains(t, v.do(t, "issuer", "init", "--dir", "rehearsed", "--dry-run"), "nothing was changed")
	require.NoDirExists(t, filepath.Join(v.dir, "rehearsed"))
	require.NotContains(t, v.do(t, "issuer", "init", "--dir", "other"), "k4.secret.")

	require.NoError(t, os.Chmod(filepath.Join(dir, "issuer.key"), 0o644))
	r = v.command(t, "issuer", "grant", "--dir", "distributor", "--organization", "x", "--realm", "abcdef", "--years", "1", "--out", "key")
	require.Equal(t, exitDone, r.status)
	require.Contains(t, r.err, "warning: others than its owner can read distributor/issuer.key: chmod 600")
}

// Every flag of `issuer grant` ends in the signed terms.
func TestIssuerGrant(t *testing.T) {
	v := newVenue(t)
	var issued struct {
		Number, Key, Out string
		Numbers          []string
		GrantID          string `json:"grant_id"`
	}
	v.read(t, &issued, "issuer", "grant", "--dir", "distributor", "--organization", "Hotel Sol", "--realm", "hotelsol",
		"--location", "28N2S004", "--gateway", anIssuer, "--months", "18", "--aps", "20", "--rooms", "0", "--modules", "a,b",
		"--threshold", "3", "--start", "fixed-date=2027-02-28", "--time-zone", "Europe/Madrid", "--quantity", "2",
		"--count-window", "24h", "--ignore-private-addresses", "--activate-by", "2027-01-31", "--latest-end", "2030-12-31",
		"--max-exempt", "4", "--lab-hours", "16", "--max-aliases", "3", "--confirm-every", "31", "--payment", "monthly",
		"--distributor", "Distribuciones Peñalver", "--partner", "Redes del Sur", "--out", "key")
	text, err := os.ReadFile(filepath.Join(v.dir, "key"))
	require.NoError(t, err)
	require.Equal(t, issued.Key+"\n", string(text), "the file holds the key alone")

	public, err := os.ReadFile(filepath.Join(v.dir, "distributor", "issuer.pub"))
	require.NoError(t, err)
	issuer := strings.TrimSpace(string(public))
	terms, err := licensing.VerifyGrant(string(text), []string{issuer})
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), terms.IssuedAt, time.Hour)
	want := licensing.Terms{
		GrantID: issued.GrantID, Issuer: issuer, IssuedAt: terms.IssuedAt, Quantity: 2,
		Organization: "Hotel Sol", Realm: "hotelsol", Location: "28N2S004", Gateway: anIssuer,
		Term: licensing.Term{Months: 18}, APs: 20, Rooms: 0, Modules: []string{"a", "b"}, Threshold: 3,
		Start: licensing.StartFixedDate, StartDate: licensing.Date{Year: 2027, Month: 2, Day: 28}, Zone: "Europe/Madrid",
		CountWindow: 24 * time.Hour, IgnorePriv: true,
		ActivateBy: licensing.Date{Year: 2027, Month: 1, Day: 31}, LatestEnd: licensing.Date{Year: 2030, Month: 12, Day: 31},
		MaxExempt: 4, LabHours: 16, MaxAliases: 3, ConfirmEvery: 31, Payment: "monthly",
		Distributor: "Distribuciones Peñalver", Partner: "Redes del Sur",
	}
	require.Equal(t, want, terms)
	require.Equal(t, []string{licensing.LicenseNumber(issued.GrantID, 0), licensing.LicenseNumber(issued.GrantID, 1)}, issued.Numbers)
	require.Equal(t, issued.Numbers[0], issued.Number)

	// Limits left out are not limited; the defaults hold.
	text, err = os.ReadFile(v.grant(t))
	require.NoError(t, err)
	terms, err = licensing.VerifyGrant(string(text), []string{issuer})
	require.NoError(t, err)
	require.Equal(t, licensing.Unlimited, terms.APs)
	require.Equal(t, licensing.Unlimited, terms.Rooms)
	require.Equal(t, 5, terms.Threshold)
	require.Equal(t, licensing.StartFifthDevice, terms.Start)

	terms = v.terms(t, "--trial", "--start", "confirm=24")
	require.True(t, terms.Trial)
	require.Equal(t, licensing.TrialTerm, terms.Term, "a trial has its own length")
	require.Equal(t, licensing.StartFifthDevice, terms.Start)
	require.Equal(t, 24*time.Hour, terms.ConfirmStart)

	// The register has them all, and nothing of a rehearsal.
	register := filepath.Join(v.dir, "distributor", "register.jsonl")
	before, err := os.ReadFile(register)
	require.NoError(t, err)
	lines := bytes.Split(bytes.TrimSpace(before), []byte("\n"))
	require.Len(t, lines, 3)
	var entry distributor.Entry
	require.NoError(t, json.Unmarshal(lines[0], &entry))
	require.NotEmpty(t, entry.By)
	require.Equal(t, distributor.Entry{
		IssuedAt: want.IssuedAt, Kind: "grant", ID: want.GrantID, Numbers: issued.Numbers, Terms: &want, By: entry.By, Key: issued.Key,
	}, entry)
	v.do(t, "issuer", "grant", "--dir", "distributor", "--organization", "x", "--realm", "abcdef", "--days", "3", "--out", "rehearsed",
		"--pdf", "rehearsed.pdf", "--dry-run")
	after, err := os.ReadFile(register)
	require.NoError(t, err)
	require.Equal(t, before, after)
	require.NoFileExists(t, filepath.Join(v.dir, "rehearsed"))
	require.NoFileExists(t, filepath.Join(v.dir, "rehearsed.pdf"))

	number := strings.TrimSpace(v.do(t, "issuer", "grant", "--dir", "distributor", "--organization", "x", "--realm", "abcdef", "--years", "1", "--out", "one"))
	_, err = licensing.ParseNumber(number)
	require.NoError(t, err, "it prints the license number: %q", number)
}

// A key that cannot be registered does not go out.
func TestGrantWithoutRegister(t *testing.T) {
	v := newVenue(t)
	require.NoError(t, os.Mkdir(filepath.Join(v.dir, "distributor", "register.jsonl"), 0o700))
	r := v.command(t, "issuer", "grant", "--dir", "distributor", "--organization", "x", "--realm", "abcdef", "--years", "1", "--out", "key")
	require.Equal(t, exitFailed, r.status)
	require.Contains(t, r.err, "cannot write")
	require.NoFileExists(t, filepath.Join(v.dir, "key"))
}

// terms signs a license without a length of its own and returns what is in the key.
func (v *venue) terms(t *testing.T, flags ...string) licensing.Terms {
	t.Helper()
	var issued struct{ Key string }
	v.read(t, &issued, append([]string{"issuer", "grant", "--dir", "distributor", "--organization", "Hotel Sol", "--realm", "hotelsol",
		"--out", "some.key"}, flags...)...)
	terms, err := licensing.VerifyGrant(issued.Key, []string{v.issuer(t)})
	require.NoError(t, err)
	return terms
}

// issuer is the public key of the venue's distributor.
func (v *venue) issuer(t *testing.T) string {
	t.Helper()
	public, err := os.ReadFile(filepath.Join(v.dir, "distributor", "issuer.pub"))
	require.NoError(t, err)
	return strings.TrimSpace(string(public))
}
