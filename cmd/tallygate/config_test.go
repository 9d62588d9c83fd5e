package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tallygate/licensing"
	"tallygate/store"
)

const anIssuer = "k4.public.7gn-0vNDhPXK6YhvKeebymTAQDsekQcVnm2ttdxFx5g"

// The sample of the design, word for word, says what the defaults are.
const sample = `data_dir: ./data            # SQLite (tallygate.db), keys, admin.sock; created if absent
radius:
  auth: ["127.0.0.1:1812"]
  acct: ["127.0.0.1:1813"]
  reject_delay: 1s
admin:
  listen: "127.0.0.1:8480"  # console, REST API, /metrics, /livez, /readyz (200 also without license or clients)
issuers: []                 # public keys (k4.public.…) whose orders this gateway accepts
mac_cache: {capacity: 1000000}
`

func TestDefaultsAreTheSample(t *testing.T) {
	c, err := parseConfig("sample", []byte(sample))
	require.NoError(t, err)
	require.Equal(t, defaultConfig(), c)
	require.Nil(t, c.check())
}

func TestEveryKeyIsRead(t *testing.T) {
	c, err := parseConfig("c.yaml", []byte(`
data_dir: /var/lib/tallygate
radius:
  auth: ["0.0.0.0:1812", "[::]:1812"]
  acct: ["10.0.0.1:0"]
  reject_delay: 0s
  sockets: 4
  receive_buffer: 1_048_576
  radsec: {listen: ["0.0.0.0:2083"], cert: c.crt, key: c.key, client_ca: ca.crt, crl: crl.pem, min_version: "1.3", connections: 300}
admin: {listen: "", tls: {certificate: /etc/tls/c.pem, key: /etc/tls/k.pem}, insecure_http: true}
issuers: [`+anIssuer+`]
mac_cache: {capacity: 1}
log: {level: debug, format: console}
keep_raw: true
retention: {session_days: 90}
privacy: {mac_storage: hmac}
trace: {history: 7}
notices:
  smtp: {host: mail.hotel.example, port: 465, tls: tls, user: gateway, password_file: /run/smtp, from: "Tallygate <t@hotel.example>"}
  webhooks: {allow_private: true}
disconnect: {source: 10.0.0.1, rate: 5, total_rate: 50}
`))
	require.NoError(t, err)
	require.Equal(t, Config{
		DataDir: "/var/lib/tallygate",
		Radius: RadiusConfig{Auth: []string{"0.0.0.0:1812", "[::]:1812"}, Acct: []string{"10.0.0.1:0"},
			RejectDelay: 0, Sockets: 4, ReceiveBuffer: 1 << 20,
			RadSec: RadSecConfig{Listen: []string{"0.0.0.0:2083"}, Cert: "c.crt", Key: "c.key", ClientCA: "ca.crt", CRL: "crl.pem", MinVersion: "1.3", Connections: 300}},
		Admin:   AdminConfig{TLS: TLSConfig{Certificate: "/etc/tls/c.pem", Key: "/etc/tls/k.pem"}, InsecureHTTP: true},
		Issuers: []string{anIssuer}, MACCache: MACCacheConfig{Capacity: 1},
		Log: LogConfig{Level: "debug", Format: "console"}, KeepRaw: true, Retention: RetentionConfig{SessionDays: 90}, Privacy: PrivacyConfig{MACStorage: store.MACHMAC}, Trace: TraceConfig{History: 7},
		Notices: NoticesConfig{Webhooks: WebhooksConfig{AllowPrivate: true}, SMTP: SMTPConfig{Host: "mail.hotel.example", Port: 465, TLS: "tls",
			User: "gateway", PasswordFile: "/run/smtp", From: "Tallygate <t@hotel.example>"}},
		Disconnect: DisconnectConfig{Source: "10.0.0.1", Rate: 5, TotalRate: 50},
	}, c)
	require.Equal(t, "/var/lib/tallygate/admin.sock", c.socket())
}

func TestWhatIsLeftOutKeepsItsDefault(t *testing.T) {
	for _, text := range []string{"", "\n", "# nothing here\n", "---\n", "radius:\n", "radius: ~\nlog: ~\n", "radius: {}\n"} {
		c, err := parseConfig("c.yaml", []byte(text))
		require.NoError(t, err, "%q", text)
		require.Equal(t, defaultConfig(), c, "%q", text)
	}
	c, err := parseConfig("c.yaml", []byte("radius: {reject_delay: 250ms}"))
	require.NoError(t, err)
	want := defaultConfig()
	want.Radius.RejectDelay = Duration(250 * time.Millisecond)
	require.Equal(t, want, c)
}

const (
	mend          = "mend the file; `tallygate config check c.yaml` tries it without starting anything"
	authHint      = `write an IP address of this machine and a port: 127.0.0.1:1812, or 0.0.0.0:1812 for all IPv4, or "[::]:1812" for all IPv6`
	retentionHint = "a packet may come a day late, so that two days are the least; 0 keeps sessions for ever"
	levelsHint    = "levels: debug, info, warn, error"
)

// What an operator reads, to the letter.
func TestMistakesAreShownWhereTheyAre(t *testing.T) {
	tests := []struct{ name, text, want, hint string }{
		{"misspelt key", "data_dir: x\nradius:\n  atuh: [\"127.0.0.1:1812\"]\nkeep_raw: true\n", `
c.yaml:3:3: unknown key "atuh"
     2 | radius:
>    3 |   atuh: ["127.0.0.1:1812"]
       |   ^
     4 | keep_raw: true`, `did you mean "radius.auth"?`},
		{"key of another section", "capacity: 5\n", `
c.yaml:1:1: unknown key "capacity"
>    1 | capacity: 5
       | ^`, `did you mean "mac_cache.capacity"?`},
		{"key of nothing", "log: {colour: red}\n", `
c.yaml:1:7: unknown key "colour"
>    1 | log: {colour: red}
       |       ^`, "known keys: data_dir, radius.auth, radius.acct, radius.reject_delay, radius.sockets, radius.receive_buffer, " +
			"radius.radsec.listen, radius.radsec.cert, radius.radsec.key, radius.radsec.client_ca, radius.radsec.crl, radius.radsec.min_version, radius.radsec.connections, " +
			"admin.listen, admin.tls.certificate, admin.tls.key, admin.insecure_http, issuers, mac_cache.capacity, log.level, log.format, notices.smtp.host, notices.smtp.port, notices.smtp.tls, " +
			"notices.smtp.user, notices.smtp.password_file, notices.smtp.from, notices.webhooks.allow_private, keep_raw, retention.preset, retention.session_days, retention.nas_event_days, retention.raw_record_days, retention.device_days, " +
			"retention.counted_days, retention.receipt_device_days, retention.notice_days, retention.audit_days, privacy.mac_storage, disconnect.source, disconnect.rate, disconnect.total_rate, trace.history"},
		{"key twice", "data_dir: x\ndata_dir: y\n", `
c.yaml:2:1: mapping key "data_dir" already defined at [1:1]
     1 | data_dir: x
>    2 | data_dir: y
       | ^`, mend},
		{"number for a list", "radius:\n  auth: 5\n", `
c.yaml:2:9: this must be a list, such as [a, b], not a number
     1 | radius:
>    2 |   auth: 5
       |         ^`, mend},
		{"text for a list", "radius:\n  auth: \"127.0.0.1:1812\"\n", `
c.yaml:2:9: this must be a list, such as [a, b], not text
     1 | radius:
>    2 |   auth: "127.0.0.1:1812"
       |         ^`, mend},
		{"list for text", "data_dir: [a]\n", `
c.yaml:1:11: this must be text, not a list
>    1 | data_dir: [a]
       |           ^`, mend},
		{"section for text", "data_dir: {a: b}\n", `
c.yaml:1:11: this must be text, not a section of keys
>    1 | data_dir: {a: b}
       |           ^`, mend},
		{"text for a number", "mac_cache:\n  capacity: many\n", `
c.yaml:2:13: this must be a whole number in digits, not many
     1 | mac_cache:
>    2 |   capacity: many
       |             ^`, mend},
		{"fraction", "radius: {sockets: 1.5}\n", `
c.yaml:1:19: this must be a whole number in digits, not 1.5
>    1 | radius: {sockets: 1.5}
       |                   ^`, mend},
		{"number too large", "mac_cache: {capacity: 99999999999999999999}\n", `
c.yaml:1:23: this must be a whole number in digits, not 99999999999999999999
>    1 | mac_cache: {capacity: 99999999999999999999}
       |                       ^`, mend},
		{"text for a switch", "keep_raw: yes\n", `
c.yaml:1:11: this must be true or false, not text
>    1 | keep_raw: yes
       |           ^`, mend},
		{"number for a section", "radius: 4\n", `
c.yaml:1:9: this must be a section of keys, not a number
>    1 | radius: 4
       |         ^`, mend},
		{"list for everything", "- a\n- b\n", `
c.yaml:1:1: this must be a section of keys, not a list
>    1 | - a
       | ^
     2 | - b`, mend},
		{"text for everything", "plain", `
c.yaml:1:1: this must be a section of keys, not text
>    1 | plain
       | ^`, mend},
		{"time without unit", "radius: {reject_delay: 5}\n", `
c.yaml:1:24: this must be a time with its unit, such as 1s or 250ms
>    1 | radius: {reject_delay: 5}
       |                        ^`, mend},
		{"time too long", "radius: {reject_delay: 6s}\n", `
c.yaml:1:24: reject_delay must be from 0s to 5s, not 6s
>    1 | radius: {reject_delay: 6s}
       |                        ^`, mend},
		{"time before now", "radius: {reject_delay: -1s}\n", `
c.yaml:1:24: reject_delay must be from 0s to 5s, not -1s
>    1 | radius: {reject_delay: -1s}
       |                        ^`, mend},
		{"list not closed", "radius: [\n", `
c.yaml:1:9: sequence end token ']' not found
>    1 | radius: [
       |         ^`, mend},
		{"quote not closed", "data_dir: 'abc\nkeep_raw: true\n", `
c.yaml:1:11: could not find end character of single-quoted text
>    1 | data_dir: 'abc
       |           ^
     2 | keep_raw: true`, mend},
		{"tab", "radius:\n\tauth: x\n", "\nc.yaml:2:1: found character '\t' that cannot start any token" + `
     1 | radius:
>    2 |  auth: x
       | ^`, mend},
		{"second document", "data_dir: x\n---\ndata_dir: y\n", `
c.yaml:2:1: a second document begins here; there can be only one
     1 | data_dir: x
>    2 | ---
       | ^
     3 | data_dir: y`, mend},
		{"address without port", "radius:\n  auth: [\"0.0.0.0:1812\", 127.0.0.1]\n", `
c.yaml:2:26: "127.0.0.1" is not an address with a port
     1 | radius:
>    2 |   auth: ["0.0.0.0:1812", 127.0.0.1]
       |                          ^`, authHint},
		{"host name", "radius:\n  auth:\n    - \"0.0.0.0:1812\"\n    - \"localhost:1812\"\n", `
c.yaml:4:7: "localhost:1812" is not an address with a port
     3 |     - "0.0.0.0:1812"
>    4 |     - "localhost:1812"
       |       ^`, authHint},
		{"port too high", "admin: {listen: \"0.0.0.0:99999\"}\n", `
c.yaml:1:17: "0.0.0.0:99999" is not an address with a port
>    1 | admin: {listen: "0.0.0.0:99999"}
       |                 ^`, strings.ReplaceAll(authHint, "1812", "8480")},
		{"no address", "radius: {acct: []}\n", `
c.yaml:1:16: there must be at least one address
>    1 | radius: {acct: []}
       |                ^`, mend},
		{"no cache", "mac_cache: {capacity: 0}\n", `
c.yaml:1:23: capacity must be 1 or more, not 0
>    1 | mac_cache: {capacity: 0}
       |                       ^`, mend},
		{"no sockets", "radius: {sockets: 0}\n", `
c.yaml:1:19: sockets must be from 1 to 64, not 0
>    1 | radius: {sockets: 0}
       |                   ^`, mend},
		{"small buffer", "radius: {receive_buffer: 1}\n", `
c.yaml:1:26: receive_buffer must be from 65536 to 1073741824 octets, not 1
>    1 | radius: {receive_buffer: 1}
       |                          ^`, mend},
		{"broken issuer", "issuers:\n  - k4.public.xxx\n", `
c.yaml:2:5: "k4.public.xxx" is not an issuer's public key
     1 | issuers:
>    2 |   - k4.public.xxx
       |     ^`, "a public key is one line that begins with k4.public.; `tallygate issuer init --json` prints it"},
		{"issuer twice", "issuers: [" + anIssuer + ", " + anIssuer + "]\n", `
c.yaml:1:66: this issuer is listed twice
>    1 | issuers: [` + anIssuer + ", " + anIssuer + `]
       |                                                                  ^`, mend},
		{"secret key", "issuers: [k4.secret.hush]\n", `
c.yaml: issuers[0] is an issuer's SECRET key, which does not belong on a gateway`,
			"remove it, and use the public key (k4.public.…) that `tallygate issuer init` printed; treat the secret key as known to others"},
		{"log level", "log: {level: verbose}\n", `
c.yaml:1:14: "verbose" is not a log level
>    1 | log: {level: verbose}
       |              ^`, levelsHint},
		{"deadly log level", "log: {level: fatal}\n", `
c.yaml:1:14: "fatal" is not a log level
>    1 | log: {level: fatal}
       |              ^`, levelsHint},
		{"log format", "log: {format: xml}\n", `
c.yaml:1:15: "xml" is not a log format
>    1 | log: {format: xml}
       |               ^`, "formats: json, console"},
		{"one day of sessions", "retention: {session_days: 1}\n", `
c.yaml:1:27: session_days must be 2 or more, or 0, not 1
>    1 | retention: {session_days: 1}
       |                           ^`, retentionHint},
		{"no packets a second", "disconnect: {rate: 0}\n", `
c.yaml:1:20: rate must be from 1 to 10000, not 0
>    1 | disconnect: {rate: 0}
       |                    ^`, mend},
		{"a name to send from", "disconnect: {source: gateway.example}\n", `
c.yaml:1:22: "gateway.example" is not an address of this machine
>    1 | disconnect: {source: gateway.example}
       |                      ^`, "write an IP address, or leave it empty: then the system picks the one that leads to the NAS"},
		{"addresses cut short", "privacy: {mac_storage: truncated}\n", `
c.yaml:1:24: "truncated" is no way to store addresses
>    1 | privacy: {mac_storage: truncated}
       |                        ^`, "choose clear or hmac; hmac is for good: no pseudonym becomes an address again"},
		{"less than no day of sessions", "retention:\n  session_days: -30\n", `
c.yaml:2:17: session_days must be 2 or more, or 0, not -30
     1 | retention:
>    2 |   session_days: -30
       |                 ^`, retentionHint},
		{"more days than there are", "retention: {session_days: 1000000}\n", `
c.yaml:1:27: session_days must be at most 36500, not 1000000
>    1 | retention: {session_days: 1000000}
       |                           ^`, retentionHint},
		{"no data directory", "data_dir: \"\"\n", `
c.yaml:1:11: data_dir must name a directory
>    1 | data_dir: ""
       |           ^`, "for example ./data or /var/lib/tallygate"},
		{"too large", strings.Repeat("#", maxConfig+1), `
c.yaml is larger than a configuration can be (1048576 octets)`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := parseConfig("c.yaml", []byte(tt.text))
			require.Zero(t, c)
			var got *licensing.Error
			require.ErrorAs(t, err, &got)
			require.Equal(t, strings.TrimPrefix(tt.want, "\n"), got.Message)
			require.Equal(t, tt.hint, got.Hint)
			require.Equal(t, licensing.CodeInvalid, got.Code)
			require.NotContains(t, got.Message, "hush", "a secret must not end in a log")
		})
	}
}

// `config show` prints what, read again, is the same.
func TestEffectiveConfigurationReadsBack(t *testing.T) {
	c := defaultConfig()
	c.Issuers = []string{anIssuer}
	c.Radius.RejectDelay = Duration(1500 * time.Millisecond)
	c.Radius.Auth = []string{"[::]:1812", "0.0.0.0:1812"}
	c.Admin.Listen = ""
	text, err := c.effective()
	require.NoError(t, err)
	again, err := parseConfig("shown", text)
	require.NoError(t, err, "%s", text)
	require.Equal(t, c, again)
}

func TestFindConfig(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("TALLYGATE_CONFIG", "")
	require.Contains(t, []string{"", "/etc/tallygate/tallygate.yaml"}, findConfig(""))
	require.NoError(t, os.WriteFile("tallygate.yaml", nil, 0o600))
	require.Equal(t, "tallygate.yaml", findConfig(""))
	t.Setenv("TALLYGATE_CONFIG", "env.yaml")
	require.Equal(t, "env.yaml", findConfig(""))
	require.Equal(t, "flag.yaml", findConfig("flag.yaml"))
	_, err := loadConfig(filepath.Join(t.TempDir(), "none.yaml"))
	require.ErrorContains(t, err, "cannot read the configuration: open")
}

// Whatever the file holds, it is a good configuration or an error for an operator.
func FuzzConfig(f *testing.F) {
	f.Add([]byte(sample))
	for _, s := range []string{"", "radius: {auth: [\"[::]:1\"]}", "a: &a [*a]", "<<: {data_dir: z}", "? {a: b}\n: c", "data_dir: !!binary x",
		"log: |\n  x\n y", "%YAML 1.2\n---\n{}", "radius:\n  auth: *x", "- - -", "\"\\u", "issuers: [k4.secret.x]", "mac_cache: {capacity: ~}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := parseConfig("c.yaml", text)
		if err != nil {
			var known *licensing.Error
			if !errors.As(err, &known) || !strings.HasPrefix(known.Message, "c.yaml") {
				t.Fatalf("not an error for an operator: %v", err)
			}
			return
		}
		if m := c.check(); m != nil {
			t.Fatalf("accepted, but %s", m.message)
		}
		if c.DataDir == "" || len(c.Radius.Auth) == 0 || c.MACCache.Capacity < 1 {
			t.Fatalf("a default was lost: %+v", c)
		}
	})
}
