package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"
	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2869"

	"tallygate/admin"
	"tallygate/licensing"
)

// postOffice is a real mail server; what it takes comes out of mails.
type postOffice struct {
	server *smtp.Server
	addr   string
	done   chan struct{}
	mails  chan letter
	refuse atomic.Pointer[string] // this recipient is refused
}

type letter struct{ to, text string }

func openPostOffice(t *testing.T, addr string, mails chan letter) *postOffice {
	t.Helper()
	p := &postOffice{done: make(chan struct{}), mails: mails}
	l, err := net.Listen("tcp", addr)
	require.NoError(t, err)
	p.addr, p.server = l.Addr().String(), smtp.NewServer(p)
	go func() {
		defer close(p.done)
		_ = p.server.Serve(l)
	}()
	t.Cleanup(func() { _ = l.Close(); p.close() })
	return p
}

func (p *postOffice) close() {
	_ = p.server.Close()
	<-p.done
}

func (p *postOffice) NewSession(*smtp.Conn) (smtp.Session, error) { return &counter{p: p}, nil }

// counter is where one letter is handed in.
type counter struct {
	p  *postOffice
	to string
}

func (c *counter) Mail(string, *smtp.MailOptions) error { return nil }

func (c *counter) Rcpt(to string, _ *smtp.RcptOptions) error {
	if refused := c.p.refuse.Load(); refused != nil && *refused == to {
		return &smtp.SMTPError{Code: 550, Message: "no such mailbox"}
	}
	c.to = to
	return nil
}

func (c *counter) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	c.p.mails <- letter{c.to, string(text)}
	return err
}

func (c *counter) Reset()        {}
func (c *counter) Logout() error { return nil }

// await is the next letter that was taken.
func (v *venue) await(t *testing.T, mails chan letter) (to string, header mail.Header) {
	t.Helper()
	select {
	case got := <-mails:
		m, err := mail.ReadMessage(strings.NewReader(got.text))
		require.NoError(t, err)
		return got.to, m.Header
	case <-t.Context().Done():
		t.Fatal("no mail came")
		return "", nil
	}
}

// settled is the ledger, narrowed, once nothing of the whole of it is under way or due
// any more.
func (v *venue) settled(t *testing.T, filter ...string) (entries []licensing.LedgerEntry) {
	t.Helper()
	require.Eventually(t, func() bool {
		var all []licensing.LedgerEntry
		v.read(t, &all, "notify", "list")
		for _, e := range all {
			if e.State == licensing.DeliverySending || e.State == licensing.DeliveryWaiting && (e.NextAt != nil || e.Recipient == "") {
				return false
			}
		}
		return true
	}, time.Minute, 20*time.Millisecond)
	v.read(t, &entries, append([]string{"notify", "list"}, filter...)...)
	return entries
}

func (v *venue) configureNotices(t *testing.T, section string) {
	t.Helper()
	path := filepath.Join(v.dir, "tallygate.yaml")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	before, _, _ := strings.Cut(string(text), "notices:")
	require.NoError(t, os.WriteFile(path, []byte(before+section), 0o600))
}

// The gateway as its users have it, a real mail server and a real receiver: from the
// fifth device to the mail and the webhook, refusals, a mail server that is down, and
// what the ledger says of all that.
func TestNoticesFromEndToEnd(t *testing.T) {
	mails := make(chan letter, 100)
	office := openPostOffice(t, "127.0.0.1:0", mails)
	calls := make(chan http.Header, 100)
	bodies := make(chan []byte, 100)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		calls <- r.Header
		bodies <- body
	}))
	defer hook.Close()

	v := newVenue(t)
	_, port, err := net.SplitHostPort(office.addr)
	require.NoError(t, err)
	v.configureNotices(t, fmt.Sprintf(`notices:
  smtp: {host: 127.0.0.1, port: %s, tls: none, from: "Tallygate <gateway@hotel.example>"}
  webhooks: {allow_private: true}
`, port))
	v.serve(t)
	v.furnish(t)
	v.do(t, "notify", "recipient", "add", "reception", "--email", "it@hotel.example", "--language", "es", "--kinds", "license.*,notice.*")
	r := v.command(t, "notify", "recipient", "add", "support", "--webhook", hook.URL, "--organization", "hotelsol", "--json")
	require.Equal(t, exitDone, r.status, r.err)
	require.Contains(t, r.err, "anybody on the way can read it")
	var added licensing.NewRecipient
	require.NoError(t, json.Unmarshal([]byte(r.out), &added))
	verifier, err := standardwebhooks.NewWebhook(added.Secret)
	require.NoError(t, err)
	require.NotContains(t, v.do(t, "notify", "recipient", "list", "--json"), added.Secret)

	// Tests are sent before the command returns.
	require.Contains(t, v.do(t, "notify", "test", "reception", "--dry-run"), "nothing was sent")
	require.Contains(t, v.do(t, "notify", "test", "reception"), "sent a test to reception at it@hotel.example")
	to, header := v.await(t, mails)
	require.Equal(t, "it@hotel.example", to)
	require.Equal(t, "Tallygate: esto es una prueba", header.Get("Subject"))
	v.do(t, "notify", "test", "support")
	require.NoError(t, verifier.Verify(<-bodies, <-calls))

	// Five guests start the license: one mail, one call.
	v.do(t, "client", "add", "simulator", "--address", "127.0.0.0/8", "--secret", "0123456789abcdefXYZ", "--location", "28N2S004")
	var a struct{ Licenses []struct{ Number string } }
	v.read(t, &a, "license", "activate", "@"+v.grant(t), "--location", "28N2S004")
	number := a.Licenses[0].Number
	v.do(t, "simulate", "--auth", v.Auth[0], "--acct", v.Acct[0], "--secret", "0123456789abcdefXYZ", "--guests", "6", "--json")
	_, header = v.await(t, mails)
	require.Equal(t, "La licencia "+number+" ha comenzado", header.Get("Subject"))
	require.Contains(t, header.Get("Message-Id"), "@hotel.example>")
	body := <-bodies
	require.NoError(t, verifier.Verify(body, <-calls))
	var told struct {
		Type string
		Data struct{ License, Realm string }
	}
	require.NoError(t, json.Unmarshal(body, &told))
	require.Equal(t, licensing.EventStart, told.Type)
	require.Equal(t, number, told.Data.License)

	// A refused recipient is given up, and gets it when somebody has mended that.
	refused := "it@hotel.example"
	office.refuse.Store(&refused)
	v.do(t, "license", "deny", number, "--reason", "unpaid")
	require.NoError(t, verifier.Verify(<-bodies, <-calls))
	failed := v.settled(t, "--state", "failed")
	require.Len(t, failed, 1)
	require.Contains(t, failed[0].Reason, "550")
	require.Contains(t, v.do(t, "notify", "list", "--state", "failed"), "no such mailbox")
	office.refuse.Store(nil)
	v.do(t, "notify", "replay", failed[0].ID)
	_, header = v.await(t, mails)
	require.Contains(t, header.Get("Message-Id"), failed[0].ID)

	// A mail server that is down gets it when it is up again, over a kill -9.
	v.settled(t)
	office.close()
	v.do(t, "license", "restore", number)
	require.NoError(t, verifier.Verify(<-bodies, <-calls))
	v.awaitLog(t, "a notice was not delivered yet")
	require.Error(t, v.stop(t, syscall.SIGKILL))
	openPostOffice(t, office.addr, mails)
	v.serve(t)
	_, header = v.await(t, mails)
	require.Equal(t, "Acceso restablecido con la licencia "+number, header.Get("Subject"))

	// Each notice once, with every attempt.
	var lines []string
	for _, e := range v.settled(t) {
		lines = append(lines, fmt.Sprintf("%s %s %s", e.Kind, e.Recipient, e.State))
		require.NotEmpty(t, e.Attempts)
	}
	require.Equal(t, []string{"test reception sent", "test support sent", "license.start reception sent", "license.start support sent",
		"license.deny reception sent", "license.deny support sent", "license.restore reception sent", "license.restore support sent"}, lines)
	require.Empty(t, mails)

	var upcoming []licensing.UpcomingNotice
	v.read(t, &upcoming, "notify", "upcoming")
	require.Len(t, upcoming, 6)
	require.Equal(t, []string{"reception", "support"}, upcoming[0].Recipients)
	require.Contains(t, v.do(t, "notify", "upcoming"), "09:00 Europe/Madrid")
	_, page := v.fetch(t, "/metrics")
	require.Contains(t, page, `tallygate_notices_total{channel="email",result="sent"} 1`)
	require.Contains(t, page, "tallygate_notices_waiting 0")
}

// Without a mail server notices wait, and the list says why and what to do.
func TestNoticesWithoutAMailServer(t *testing.T) {
	v := newVenue(t)
	v.serve(t)
	v.furnish(t)
	require.Equal(t, "nobody is told of anything; add somebody with `tallygate notify recipient add`\n", v.do(t, "notify", "recipient", "list"))
	require.Equal(t, "[]\n", v.do(t, "notify", "list", "--json"))
	require.Equal(t, "[]\n", v.do(t, "notify", "upcoming", "--json"))
	v.do(t, "notify", "recipient", "add", "it", "--email", "it@hotel.example")
	var a struct{ Licenses []struct{ Number string } }
	v.read(t, &a, "license", "activate", "@"+v.grant(t), "--location", "28N2S004")
	v.do(t, "license", "deny", a.Licenses[0].Number, "--reason", "unpaid")
	waiting := v.settled(t)
	require.Len(t, waiting, 1)
	require.Equal(t, licensing.DeliveryWaiting, waiting[0].State)
	require.Equal(t, "no mail server is configured: set notices.smtp in the configuration and restart", waiting[0].Reason)
	r := v.command(t, "notify", "list")
	require.Contains(t, r.err, "Mend notices in the configuration and restart")

	r = v.command(t, "notify", "test", "it")
	require.Equal(t, exitFailed, r.status)
	require.Contains(t, r.err, "the test did not reach it at it@hotel.example: no mail server is configured")
	r = v.command(t, "notify", "test", "it", "--json")
	require.Equal(t, exitFailed, r.status)
	var tested admin.TestedRecipient
	require.NoError(t, json.Unmarshal([]byte(r.out), &tested))
	require.Equal(t, licensing.AttemptHeld, tested.Result)
	require.Empty(t, r.err)

	// Another start with a mail server sends what has waited.
	mails := make(chan letter, 10)
	office := openPostOffice(t, "127.0.0.1:0", mails)
	_, port, err := net.SplitHostPort(office.addr)
	require.NoError(t, err)
	require.NoError(t, v.stop(t, syscall.SIGTERM))
	v.configureNotices(t, fmt.Sprintf("notices: {smtp: {host: 127.0.0.1, port: %s, tls: none, from: gateway@hotel.example}}\n", port))
	v.serve(t)
	_, header := v.await(t, mails)
	require.Equal(t, "Access denied under license "+a.Licenses[0].Number, header.Get("Subject"))

	// A webhook into the private network is not called unless that is allowed.
	hook := httptest.NewServer(http.NotFoundHandler())
	defer hook.Close()
	require.Equal(t, exitDone, v.command(t, "notify", "recipient", "add", "lan", "--webhook", hook.URL).status)
	r = v.command(t, "notify", "test", "lan")
	require.Contains(t, r.err, "127.0.0.1 is a private address, and notices.webhooks.allow_private is not set")
	require.Contains(t, v.do(t, "notify", "recipient", "rotate", "lan"), "whsec_")
	v.do(t, "notify", "recipient", "remove", "lan")
	require.NotContains(t, v.do(t, "notify", "recipient", "list"), "lan")
}

func TestPreviews(t *testing.T) {
	v := newVenue(t)
	v.serve(t)
	v.furnish(t)
	var a struct{ Licenses []struct{ Number string } }
	v.read(t, &a, "license", "activate", "@"+v.grant(t, "--start", "on-provision"), "--location", "28N2S004")
	text := v.do(t, "notify", "preview", "notice.month", "--language", "es", "--license", a.Licenses[0].Number)
	require.Contains(t, text, "La licencia "+a.Licenses[0].Number+" termina el ")
	require.Contains(t, text, "Sol Centro (28N2S004)")
	require.Contains(t, v.do(t, "notify", "preview", "license.deny", "--html"), "<!doctype html>")
	var m licensing.Message
	v.read(t, &m, "notify", "preview", "ap-limit.refused")
	require.NotEmpty(t, m.Subject)
	require.True(t, json.Valid(m.Webhook))
	r := v.command(t, "notify", "preview", "license.born")
	require.Equal(t, exitFailed, r.status)
	require.Contains(t, r.err, "notice.month, notice.15-days")
}

func TestWrongUseOfNotify(t *testing.T) {
	v := newVenue(t)
	for args, want := range map[string]string{
		"notify recipient add x": "at least one of the flags in the group [email webhook]",
		"notify recipient add x --email a@b.example --webhook http://h":           "none of the others can be",
		"notify recipient add x --email a@b.example --language fr":                "must be en or es",
		"notify recipient add x --email a@b.example --license A --organization B": "none of the others can be",
		"notify list --state lost":                                                "must be waiting or sending or sent",
		"notify preview":                                                          "needs KIND",
		"notify test":                                                             "needs RECIPIENT",
		"notify replay":                                                           "needs ID",
	} {
		r := v.command(t, strings.Fields(args)...)
		require.Equal(t, exitUsage, r.status, args)
		require.Contains(t, r.err, want, args)
	}
}

func TestNoticesInTheConfiguration(t *testing.T) {
	for text, want := range map[string]string{
		"smtp: {tls: ssl}":                                     `"ssl" is no way to protect the connection`,
		"smtp: {port: 0}":                                      "port must be from 1 to 65535",
		"smtp: {from: a@b.example}":                            "there is no host",
		"smtp: {host: \"mail:587\", from: a@b.example}":        "not the name of a mail server",
		"smtp: {host: mail, from: nobody}":                     "from is not an e-mail address",
		"smtp: {host: mail, from: a@b.example, user: gateway}": "user and password_file go together",
		"smtp: {hots: mail}":                                   `unknown key "hots"`,
		"webhooks: {allow_private: 1}":                         "this must be true or false",
	} {
		_, err := parseConfig("c.yaml", []byte("notices:\n  "+text+"\n"))
		require.ErrorContains(t, err, want)
		require.Equal(t, licensing.CodeInvalid, licensing.CodeOf(err))
		require.NotEmpty(t, hintOf(err), text)
	}
	dir := t.TempDir()
	c := defaultConfig()
	c.Notices.SMTP.Host, c.Notices.SMTP.PasswordFile = "mail", filepath.Join(dir, "password")
	_, err := c.smtp()
	require.ErrorContains(t, err, "cannot read the password")
	for content, want := range map[string]string{"secret\n": "secret", " spaces \r\n": " spaces ", "\n": ""} {
		require.NoError(t, os.WriteFile(c.Notices.SMTP.PasswordFile, []byte(content), 0o600))
		s, err := c.smtp()
		require.Equal(t, want == "", err != nil)
		require.Equal(t, want, s.Password)
	}
}

// What the limits refuse over the wire is told: the AP and the room beyond them, once
// however often they ask.
func TestRefusalsAtTheLimitsAreTold(t *testing.T) {
	v := newVenue(t)
	v.serve(t)
	v.furnish(t)
	const secret = "0123456789abcdefXYZ"
	r := v.command(t, "client", "add", "test", "--address", "127.0.0.0/8", "--secret", secret, "--location", "28N2S004", "--require-message-authenticator", "no")
	require.Equal(t, exitDone, r.status)
	v.do(t, "location", "set", "28N2S004", "--room-attribute", "nas-port-id")
	v.do(t, "license", "activate", "@"+v.grant(t, "--aps", "1", "--rooms", "1"), "--location", "28N2S004")
	ask := func(mac, ap, room string) radius.Code {
		p := radius.New(radius.CodeAccessRequest, []byte(secret))
		require.NoError(t, rfc2865.UserName_SetString(p, mac))
		require.NoError(t, rfc2865.UserPassword_SetString(p, mac))
		require.NoError(t, rfc2865.CallingStationID_SetString(p, mac))
		require.NoError(t, rfc2865.CalledStationID_SetString(p, ap+":Guests"))
		require.NoError(t, rfc2869.NASPortID_SetString(p, room))
		answer, err := radius.Exchange(t.Context(), p, v.Auth[0])
		require.NoError(t, err)
		return answer.Code
	}
	const first, second = "02-AA-00-00-00-01", "02-AA-00-00-00-02"
	require.Equal(t, radius.CodeAccessAccept, ask("02-11-22-33-44-01", first, "101"))
	for range 3 {
		require.Equal(t, radius.CodeAccessReject, ask("02-11-22-33-44-02", first, "102"))
		require.Equal(t, radius.CodeAccessReject, ask("02-11-22-33-44-03", second, "101"))
	}
	require.Eventually(t, func() bool { // a refusal is told after its answer
		var all []licensing.LedgerEntry
		v.read(t, &all, "notify", "list")
		return len(all) == 4
	}, time.Minute, 20*time.Millisecond)
	var kinds []string
	for _, e := range v.settled(t) {
		require.Equal(t, "28N2S004", e.Location)
		require.Equal(t, licensing.DeliveryNobody, e.State)
		kinds = append(kinds, e.Kind)
	}
	require.Equal(t, []string{"ap-limit.100", "room-limit.100", "room-limit.refused", "ap-limit.refused"}, kinds)
}
