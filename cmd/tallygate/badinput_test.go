package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// forged returns the key with one character of its content changed.
func forged(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	header, rest, found := strings.Cut(strings.TrimSpace(string(text)), "v4.public.")
	require.True(t, found && header == "")
	swapped := byte('A')
	if rest[20] == 'A' {
		swapped = 'B'
	}
	return "v4.public." + rest[:20] + string(swapped) + rest[21:]
}

// Whatever is entered wrongly is a clear error that says what to do, with exit status 1
// or, where the command cannot be meant, 2; and nothing is changed.
func TestBadInput(t *testing.T) {
	v := newVenue(t)
	v.serve(t)
	v.furnish(t)
	v.do(t, "organization", "add", "Hotel Luna", "--realm", "hotelluna", "--code", "LUN")
	v.do(t, "location", "add", "Luna", "--realm", "hotelluna", "--time-zone", "Europe/Madrid", "--id", "28LUN001")
	used := v.grant(t)
	var a struct{ Licenses []struct{ Number string } }
	v.read(t, &a, "license", "activate", "@"+used, "--location", "28N2S004")
	number := a.Licenses[0].Number
	key := v.grant(t)
	elsewhere := v.grant(t, "--location", "28N2S005")
	v.do(t, "issuer", "init", "--dir", "stranger")
	strange := filepath.Join(v.dir, "strange")
	v.do(t, "issuer", "grant", "--dir", "stranger", "--organization", "Hotel Sol", "--realm", "hotelsol", "--years", "1", "--out", strange)
	otherGateway := v.grant(t, "--gateway", anIssuer)
	tooLate := v.grant(t, "--activate-by", "2020-01-31")
	require.NoError(t, os.WriteFile(filepath.Join(v.dir, "empty"), nil, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(v.dir, "huge"), []byte(strings.Repeat("x", maxKey+1)), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(v.dir, "typo.yaml"), []byte("data_dri: x\n"), 0o600))
	half, err := os.ReadFile(key)
	require.NoError(t, err)

	const location = "--location=28N2S004"
	grantFlags := func(flags ...string) []string {
		return append([]string{"issuer", "grant", "--dir", "distributor", "--organization", "Hotel Sol", "--realm", "hotelsol", "--out", "never"}, flags...)
	}
	tests := []struct {
		args    []string
		status  int
		message string // part of it
		hint    string // part of it
	}{
		// Commands that cannot be meant.
		{[]string{"licence"}, 2, `tallygate has no command "licence"`, "did you mean `tallygate license`?"},
		{[]string{"license"}, 2, "needs one of its commands: activate, ", "tallygate license --help"},
		{[]string{"license", "lst", "--all"}, 2, `tallygate license has no command "lst"`, "did you mean `tallygate license list`?"},
		{[]string{"license", "frobnicate"}, 2, "has no command", "tallygate license --help"},
		{[]string{"license", "list", "--all"}, 2, "unknown flag: --all", "tallygate license list --help"},
		{[]string{"organization", "add", "--realm", "abcdef", "--code", "ABC"}, 2, "organization add needs NAME", "--help"},
		{[]string{"organization", "add", "X", "Y", "--realm", "abcdef", "--code", "ABC"}, 2, `does not take "Y"`, "--help"},
		{[]string{"organization", "add", " ", "--realm", "abcdef", "--code", "ABC"}, 2, "NAME must not be empty", "--help"},
		{[]string{"organization", "add", "X"}, 2, `required flag(s) "code", "realm" not set`, "--help"},
		{[]string{"organization", "list", "--dry-run"}, 2, "unknown flag: --dry-run", "--help"},
		{[]string{"location", "set", "28N2S004"}, 2, "nothing to set", "--help"},
		{[]string{"location", "set", "28N2S004", "--guests", "closed"}, 2, "must be open or local", "--help"},
		{[]string{"location", "set", "28N2S004", "--vlan", "x"}, 2, `invalid argument "x" for "--vlan"`, "--help"},
		{[]string{"location", "set", "28N2S004", "--ssid-module", "x"}, 2, `--ssid-module "x" is not NAME=VALUE`, ""},
		{[]string{"client", "add", "x", "--address", "10.0.0.0/33", "--secret", "s", location}, 2, "neither an IP address nor a prefix", "10.20.0.0/16"},
		{[]string{"client", "add", "x", "--address", "10.0.0.1", "--secret", "s", location, "--require-message-authenticator", "often"}, 2, "must be yes or no or auto", "--help"},
		{[]string{"license", "list", "--state", "Sleeping"}, 2, `"Sleeping" is not a license state`, "Pending Provision, Pending Start"},
		{[]string{"license", "list", "--ends-before", "soon"}, 2, "soon", "2026-09-30"},
		{[]string{"license", "show", number, "--as-of", "soon"}, 2, `"soon" is neither a date nor a time`, "2027-01-31"},
		{[]string{"license", "deny", number}, 2, `required flag(s) "reason"`, "--help"},
		{[]string{"device", "block", location, "02:11"}, 2, `"02:11" is not the MAC address of a device`, "12 hexadecimal digits"},
		{[]string{"device", "exempt", location, "ff:ff:ff:ff:ff:ff"}, 2, "is not the MAC address of a device", "12 hexadecimal digits"},
		{[]string{"device", "list"}, 2, `required flag(s) "location"`, "--help"},
		{[]string{"guest", "add", location, "bob", "--password", "x", "--expires", "soon"}, 2, "must be a time from now", "--help"},
		{[]string{"guest", "mac-input", "add", location, "bob"}, 2, `"bob" is not the MAC address`, ""},
		{grantFlags(), 2, "at least one of the flags in the group [years months days trial request] is required", "--help"},
		{grantFlags("--years", "1", "--aps", "-1"), 2, "must be a number from 0 up", "--help"},
		{grantFlags("--years", "1", "--start", "tomorrow"), 2, "must be fifth-device, on-provision or fixed-date=YYYY-MM-DD", "--help"},
		{grantFlags("--years", "1", "--start", "fixed-date=2027-02-30"), 2, "2027-02-30", "--help"},

		// What cannot be granted.
		{grantFlags("--years", "6"), 1, "a term of 6 years is not possible", "1 to 5 years"},
		{grantFlags("--years", "1", "--months", "3"), 1, "exactly one term", "--years 1-5"},
		{grantFlags("--years", "1", "--threshold", "0"), 1, "a threshold of 0 devices is not possible", "default is 5"},
		{grantFlags("--years", "1", "--time-zone", "Europe/Atlantis"), 1, `"Europe/Atlantis" is not known`, "IANA"},
		{grantFlags("--years", "1", "--quantity", "0"), 1, "a quantity of 0", "1 or more"},
		{[]string{"issuer", "grant", "--dir", "nowhere", "--organization", "x", "--realm", "abcdef", "--years", "1", "--out", "never"}, 1, "no issuer key in nowhere", "issuer init --dir nowhere"},
		{[]string{"issuer", "init", "--dir", "distributor"}, 1, "distributor/issuer.key exists already", "another --dir"},

		// Keys.
		{[]string{"license", "activate", "rubbish", location}, 1, "does not begin with v4.public.", "copy the whole text"},
		{[]string{"license", "activate", string(half[:len(half)/2]), location}, 1, "the activation key is incomplete", "copy the whole text"},
		{[]string{"license", "activate", forged(t, key), location}, 1, "forged or altered", "ask your distributor"},
		{[]string{"license", "activate", "@strange", location}, 1, "its issuer is not trusted here: k4.public.", "add it to `issuers`"},
		{[]string{"license", "activate", "@" + used, location}, 1, "entered already", "license show " + number},
		{[]string{"license", "activate", "@" + key, "--location", "28LUN001"}, 1, `for Organization "Hotel Sol"`, "choose one of its Locations"},
		{[]string{"license", "activate", "@" + elsewhere, location}, 1, "for Location 28N2S005, not 28N2S004", "--location 28N2S005"},
		{[]string{"license", "activate", "@" + otherGateway, location}, 1, "the key is for another gateway: " + anIssuer, "send your distributor this gateway's key"},
		{[]string{"license", "activate", "@" + tooLate, location}, 1, "had to be activated by 2020-01-31", "ask your distributor for a new key"},
		{[]string{"license", "activate", "@nofile", location}, 1, "cannot read the key: open nofile", "@FILE"},
		{[]string{"license", "activate", "@empty", location}, 1, "there is no key in empty", "v4.public."},
		{[]string{"license", "activate", "-", location}, 1, "there is no key in standard input", "v4.public."},
		{[]string{"license", "activate", "@huge", location}, 1, "longer than", "@FILE"},

		// What the store refuses.
		{[]string{"organization", "add", "Hotel Mar", "--realm", "HotelSol", "--code", "MAR"}, 1, `belongs to Organization "Hotel Sol" already`, "choose another realm"},
		{[]string{"organization", "add", "Hotel Mar", "--realm", "mar", "--code", "MAR"}, 1, `realm "mar" is not 6 to 12 letters`, "for example"},
		{[]string{"organization", "show", "Hotel Mar"}, 1, `there is no Organization "Hotel Mar"`, "organization list"},
		{[]string{"location", "add", "X", "--realm", "hotelsol", "--time-zone", "Europe/Atlantis"}, 1, `"Europe/Atlantis" is not known`, "IANA"},
		{[]string{"location", "add", "X", "--realm", "hotelmar", "--time-zone", "Europe/Madrid"}, 1, `there is no Organization "hotelmar"`, "organization add"},
		{[]string{"location", "set", "28N2S004", "--time-zone", "Local"}, 1, "a time zone is needed", "IANA"},
		{[]string{"location", "set", "28N2S004", "--vlan", "5000"}, 1, "VLAN 5000 does not exist", "1 to 4094"},
		{[]string{"location", "show", "28N2S999"}, 1, `there is no Location "28N2S999"`, "location list"},
		{[]string{"client", "add", "x", "--address", "10.20.7.0/24", "--secret", "0123456789abcdefXYZ", location}, 1, `overlaps with client "controller"`, "narrow one of the two"},
		{[]string{"client", "add", "controller", "--address", "10.30.0.1", "--secret", "0123456789abcdefXYZ", location}, 1, `there is a client "controller" already`, "client remove controller"},
		{[]string{"client", "set", "controller"}, 2, "nothing to set", "client set --help"},
		{[]string{"client", "set", "nobody", "--vendor", "omada"}, 1, `there is no client "nobody"`, "client list"},
		{[]string{"client", "show", "nobody"}, 1, `there is no client "nobody"`, "client list"},
		{[]string{"client", "set", "controller", "--vendor", "acme"}, 2, "acme", "client set --help"},
		{[]string{"client", "set", "controller", "--secret", ""}, 1, "needs a shared secret", "16 or more"},
		{[]string{"client", "set", "controller", "--ap-from", "Aruba-Lokation-Id"}, 1, `"Aruba-Lokation-Id" is not an attribute`, "Aruba-Essid-Name"},
		{[]string{"client", "set", "controller", "--ap-from", "nas-port-id=("}, 1, "is not a regular expression", "first group"},
		{[]string{"client", "set", "controller", "--location-rule", "ssid=28N2S004"}, 2, "is not BY:VALUE=ID", "ssid:Beach"},
		{[]string{"client", "set", "controller", "--location-rule", "moon:x=28N2S004"}, 1, `cannot be told by "moon"`, "nas, ssid, ap or realm"},
		{[]string{"client", "set", "controller", "--location-rule", "ssid:x=28N2S999"}, 1, `there is no Location "28N2S999"`, "location list"},
		{[]string{"client", "set", "controller", "--location-rule", "realm:hotelmar=28N2S004"}, 1, "is not that of Location 28N2S004", "hotelsol"},
		{[]string{"location", "set", "28N2S004", "--room-attribute", "rooms"}, 1, `"rooms" is not an attribute`, "nas-port-id"},
		{[]string{"radius", "decode", "nofile"}, 1, "cannot read the packets: open nofile", "standard input"},
		{[]string{"client", "remove", "nobody"}, 1, "nobody", "client list"},
		{[]string{"license", "show", "TG-0000"}, 1, `"TG-0000" is not a license number`, "license list"},
		{[]string{"license", "restore", number}, 1, number + " is not denied", ""},
		{[]string{"device", "block", "--location", "28N2S999", "02:11:22:33:44:55"}, 1, `there is no Location "28N2S999"`, ""},
		{[]string{"device", "block", "--remove", location, "02:11:22:33:44:55"}, 1, "is not on the blocked list", ""},
		{[]string{"ap", "merge", location, "a", "b"}, 1, `there is no AP "a"`, "ap list"},
		{[]string{"ap", "release", location, "a"}, 1, `there is no AP "a"`, "ap list"},
		{[]string{"guest", "remove", location, "nobody"}, 1, "nobody", "guest list"},
		{[]string{"guest", "mac-input", "remove", location, "02:11:22:33:44:55"}, 1, "02:11:22:33:44:55", "mac-input list"},
		{[]string{"lab", "stop", location}, 1, "lab mode does not run", "lab status"},

		// The configuration.
		{[]string{"config", "check", "typo.yaml"}, 1, `typo.yaml:1:1: unknown key "data_dri"`, `did you mean "data_dir"?`},
		{[]string{"--config", "typo.yaml", "license", "list"}, 1, `typo.yaml:1:1: unknown key "data_dri"`, `did you mean "data_dir"?`},
		{[]string{"--config", "none.yaml", "license", "list"}, 1, "cannot read the configuration: open none.yaml", "TALLYGATE_CONFIG"},
		{[]string{"serve"}, 1, "another tallygate is running", "another data_dir"},
	}
	before := v.everything(t)
	for _, tt := range tests {
		name := strings.Join(tt.args, " ")
		t.Run(name[:min(len(name), 40)], func(t *testing.T) {
			r := v.command(t, tt.args...)
			require.Equal(t, tt.status, r.status, r.err)
			require.Empty(t, r.out)
			message, hint, _ := strings.Cut(r.err, "\n  what to do: ")
			require.True(t, strings.HasPrefix(message, "error: "), r.err)
			require.Contains(t, message, tt.message)
			require.Contains(t, hint, tt.hint)

			// The same as JSON. --json stands last, behind what is wrong.
			r = v.command(t, append(tt.args, "--json")...)
			require.Equal(t, tt.status, r.status, r.err)
			var told struct{ Error, Hint string }
			require.NoError(t, json.Unmarshal([]byte(r.err), &told), r.err)
			require.Contains(t, told.Error, tt.message)
			require.Contains(t, told.Hint, tt.hint)
		})
	}
	require.Equal(t, before, v.everything(t), "nothing may have changed")
	require.NoFileExists(t, filepath.Join(v.dir, "never"))
}

func TestGatewayNotRunning(t *testing.T) {
	v := newVenue(t)
	socket := filepath.Join(v.dir, "data", "admin.sock")
	for _, args := range []string{"organization list", "location list", "client list", "license list", "audit verify", "gateway id",
		"device list --location x", "session list --location x", "lab start --location x", "guest list --location x", "room list --location x"} {
		r := v.command(t, strings.Fields(args)...)
		require.Equal(t, exitFailed, r.status)
		require.Empty(t, r.out)
		require.Equal(t, "error: the gateway is not running: nothing answers at "+socket+
			"\n  what to do: start it with `tallygate serve`, or say which one with --config FILE or TALLYGATE_CONFIG\n", r.err)
	}
}

// Weak secrets and clients that need no Message-Authenticator work, with a warning that
// says what to do.
func TestWarnings(t *testing.T) {
	v := newVenue(t)
	v.serve(t)
	v.furnish(t)
	r := v.command(t, "client", "add", "old", "--address", "10.30.0.1", "--secret", "s3cret", "--location", "28N2S004", "--require-message-authenticator", "no")
	require.Equal(t, exitDone, r.status)
	require.Equal(t, "added client old: 10.30.0.1/32 for Location 28N2S004\n", r.out)
	lines := strings.Split(strings.TrimSpace(r.err), "\n")
	require.Len(t, lines, 2)
	require.Contains(t, lines[0], "warning: the shared secret is short; use one of 16 or more random characters")
	require.Contains(t, lines[1], "warning: client old may send Access-Requests without Message-Authenticator")

	require.Empty(t, weakSecret("0123456789abcdefXYZ"))
	require.NotEmpty(t, weakSecret("aaaaaaaaaaaaaaaaaaaaaaaa"))
	require.NotEmpty(t, weakSecret("my-Testing123-secret-x9"))
}
