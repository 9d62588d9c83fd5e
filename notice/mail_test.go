package notice

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/http/httptest"
	netmail "net/mail"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"

	"tallygate/licensing"
)

// mailServer is a real SMTP server on a port of its own.
type mailServer struct {
	*smtp.Server
	port net.Listener
	addr *net.TCPAddr
	cas  *x509.CertPool

	mu      sync.Mutex
	refuse  error // answers RCPT TO
	dropped bool  // the connection breaks when the message has been taken
	mails   []taken
}

type taken struct {
	user, from, to, text string
	tls                  bool
}

// newMailServer starts one; with TLS it has a certificate for 127.0.0.1.
func newMailServer(t *testing.T, secure bool, change ...func(*mailServer)) *mailServer {
	t.Helper()
	s := &mailServer{cas: x509.NewCertPool()}
	s.Server = smtp.NewServer(s)
	s.Domain = "mail.test"
	if secure {
		// The certificate that httptest makes is for 127.0.0.1 as well.
		web := httptest.NewTLSServer(nil)
		s.TLSConfig = &tls.Config{Certificates: web.TLS.Certificates}
		s.cas.AddCert(web.Certificate())
		web.Close()
	}
	for _, f := range change {
		f(s)
	}
	s.listen(t, "127.0.0.1:0")
	return s
}

func (s *mailServer) listen(t *testing.T, addr string) {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	require.NoError(t, err)
	s.serve(t, l)
}

func (s *mailServer) serve(t *testing.T, l net.Listener) {
	s.port, s.addr = l, l.Addr().(*net.TCPAddr)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Serve(l)
	}()
	t.Cleanup(func() {
		_ = l.Close() // Close does not know it before Serve has begun
		_ = s.Close()
		<-done
	})
}

func (s *mailServer) received() []taken {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mails
}

func (s *mailServer) NewSession(c *smtp.Conn) (smtp.Session, error) { return &session{s: s, c: c}, nil }

type session struct {
	s *mailServer
	c *smtp.Conn
	m taken
}

func (v *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (v *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "tallygate" || password != "right" {
			return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "bad credentials"}
		}
		v.m.user = user
		return nil
	}), nil
}

func (v *session) Mail(from string, _ *smtp.MailOptions) error {
	v.m.from = from
	return nil
}

func (v *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	v.s.mu.Lock()
	defer v.s.mu.Unlock()
	v.m.to = to
	return v.s.refuse
}

func (v *session) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	v.m.text = string(text)
	_, v.m.tls = v.c.TLSConnectionState()
	v.s.mu.Lock()
	defer v.s.mu.Unlock()
	v.s.mails = append(v.s.mails, v.m)
	if v.s.dropped {
		return errors.Join(errors.New("the line broke"), v.c.Conn().Close())
	}
	return nil
}

func (v *session) Reset()        {}
func (v *session) Logout() error { return nil }

// settings reach the server with its own certificate.
func (s *mailServer) settings(protection string) SMTP {
	return SMTP{Host: "127.0.0.1", Port: s.addr.Port, TLS: protection, From: "Tallygate <gateway@hotel.example>", RootCAs: s.cas}
}

func (s *mailServer) login(protection, password string) SMTP {
	c := s.settings(protection)
	c.User, c.Password = "tallygate", password
	return c
}

func aMail(language licensing.Language) licensing.Delivery {
	d := Sample(licensing.EventDeny, language, "", nil, noon)
	d.Recipient.Channel, d.Recipient.Address = licensing.ChannelEmail, "it@hotel.example"
	return d
}

// parts reads a multipart mail with the library of the standard, independently of the
// one that wrote it.
func parts(t *testing.T, text string) (netmail.Header, map[string]string) {
	t.Helper()
	m, err := netmail.ReadMessage(strings.NewReader(text))
	require.NoError(t, err)
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	require.NoError(t, err)
	require.Equal(t, "multipart/alternative", kind)
	found := map[string]string{}
	for r := multipart.NewReader(m.Body, params["boundary"]); ; {
		p, err := r.NextPart() // decodes quoted-printable
		if errors.Is(err, io.EOF) {
			return m.Header, found
		}
		require.NoError(t, err)
		kind, params, err := mime.ParseMediaType(p.Header.Get("Content-Type"))
		require.NoError(t, err)
		require.Equal(t, "UTF-8", params["charset"])
		body, err := io.ReadAll(p)
		require.NoError(t, err)
		found[kind] = string(body)
	}
}

func TestAMailOverSTARTTLSWithLogin(t *testing.T) {
	s := newMailServer(t, true)
	d := aMail(licensing.LanguageSpanish)
	o := newMailer(s.login(TLSStart, "right")).carry(t.Context(), d)
	require.Equal(t, licensing.Outcome{Result: licensing.AttemptSent, Answer: "taken by 127.0.0.1"}, o)
	require.Len(t, s.received(), 1)
	got := s.received()[0]
	require.True(t, got.tls)
	require.Equal(t, "tallygate", got.user)
	require.Equal(t, "gateway@hotel.example", got.from)
	require.Equal(t, "it@hotel.example", got.to)

	header, bodies := parts(t, got.text)
	want, err := Render(d)
	require.NoError(t, err)
	subject, err := new(mime.WordDecoder).DecodeHeader(header.Get("Subject"))
	require.NoError(t, err)
	require.Equal(t, want.Subject, subject)
	plain := func(text string) string { return strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n")) }
	require.Equal(t, plain(want.Text), plain(bodies["text/plain"]))
	require.Equal(t, plain(want.HTML), plain(bodies["text/html"]))
	require.Contains(t, bodies["text/plain"], "denegación")
	require.Equal(t, "<"+d.ID+"@hotel.example>", header.Get("Message-ID"))
	require.Equal(t, "auto-generated", header.Get("Auto-Submitted"))
	require.Equal(t, "es", header.Get("Content-Language"))
	from, err := header.AddressList("From")
	require.NoError(t, err)
	require.Equal(t, "Tallygate", from[0].Name)
	_, err = header.Date()
	require.NoError(t, err)
}

func TestHowTheConnectionIsProtected(t *testing.T) {
	for _, tt := range []struct {
		name, protection string
		server           bool // the server has a certificate
		trusted          bool
		want             licensing.AttemptResult
		answer           string
		tls              bool
	}{
		{"STARTTLS", TLSStart, true, true, licensing.AttemptSent, "", true},
		{"STARTTLS that the server does not offer", TLSStart, false, true, licensing.AttemptHeld, "does not support STARTTLS", false},
		{"a certificate that nobody knows", TLSStart, true, false, licensing.AttemptRetry, "certificate", false},
		{"optional, offered", TLSOptional, true, true, licensing.AttemptSent, "", true},
		{"optional, not offered", TLSOptional, false, true, licensing.AttemptSent, "", false},
		{"none", TLSNone, true, true, licensing.AttemptSent, "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newMailServer(t, tt.server)
			c := s.settings(tt.protection)
			if !tt.trusted {
				c.RootCAs = x509.NewCertPool()
			}
			o := newMailer(c).carry(t.Context(), aMail(licensing.LanguageEnglish))
			require.Equal(t, tt.want, o.Result, o.Answer)
			require.Contains(t, o.Answer, tt.answer)
			if tt.want != licensing.AttemptSent {
				require.Empty(t, s.received(), "nothing goes out in the clear")
				return
			}
			require.Equal(t, tt.tls, s.received()[0].tls)
		})
	}
}

func TestTLSFromTheFirstOctet(t *testing.T) {
	s := &mailServer{cas: x509.NewCertPool()}
	s.Server = smtp.NewServer(s)
	web := httptest.NewTLSServer(nil)
	certificates := web.TLS.Certificates
	s.cas.AddCert(web.Certificate())
	web.Close()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: certificates})
	require.NoError(t, err)
	s.serve(t, l)
	o := newMailer(s.login(TLSImplicit, "right")).carry(t.Context(), aMail(licensing.LanguageEnglish))
	require.Equal(t, licensing.AttemptSent, o.Result, o.Answer)
	require.True(t, s.received()[0].tls)
	require.Equal(t, "tallygate", s.received()[0].user)
}

func TestWhatAMailServerRefuses(t *testing.T) {
	s := newMailServer(t, true)
	m := newMailer(s.login(TLSStart, "right"))
	for _, tt := range []struct {
		code    int
		message string
		want    licensing.AttemptResult
	}{
		{550, "no such mailbox", licensing.AttemptFailed},
		{451, "greylisted, come back", licensing.AttemptRetry},
		{452, "mailbox full", licensing.AttemptRetry},
		{553, "not allowed", licensing.AttemptFailed},
	} {
		s.refuse = &smtp.SMTPError{Code: tt.code, Message: tt.message}
		o := m.carry(t.Context(), aMail(licensing.LanguageEnglish))
		require.Equal(t, tt.want, o.Result, o.Answer)
		require.Contains(t, o.Answer, tt.message)
	}
	require.Empty(t, s.received())

	// A password that is wrong today is wrong in five minutes: it waits for the operator.
	o := newMailer(s.login(TLSStart, "wrong")).carry(t.Context(), aMail(licensing.LanguageEnglish))
	require.Equal(t, licensing.AttemptHeld, o.Result)
	require.Contains(t, o.Answer, `refused user "tallygate" (535`)
	require.Contains(t, o.Answer, "notices.smtp")
	// And it is never sent in the clear.
	open := newMailServer(t, false, func(s *mailServer) { s.AllowInsecureAuth = true })
	c := open.login(TLSNone, "right")
	c.Host = "127.0.0.2" // the library thinks 127.0.0.1 safe
	o = newMailer(c).carry(t.Context(), aMail(licensing.LanguageEnglish))
	require.NotEqual(t, licensing.AttemptSent, o.Result)
}

func TestWithoutAMailServerItWaits(t *testing.T) {
	o := newMailer(SMTP{}).carry(t.Context(), aMail(licensing.LanguageEnglish))
	require.Equal(t, licensing.AttemptHeld, o.Result)
	require.Contains(t, o.Answer, "set notices.smtp")
	require.NoError(t, SMTP{}.Check())
	require.Equal(t, licensing.CodeInvalid, licensing.CodeOf(SMTP{Host: "mail", From: "nobody"}.Check()))
}

// Down, then up again on the same port.
func TestAMailServerThatWasDown(t *testing.T) {
	s := newMailServer(t, true)
	c, addr := s.settings(TLSStart), s.addr.String()
	require.NoError(t, s.port.Close())
	d := aMail(licensing.LanguageEnglish)
	o := newMailer(c).carry(t.Context(), d)
	require.Equal(t, licensing.AttemptRetry, o.Result)
	require.Contains(t, o.Answer, "refused")

	up := &mailServer{cas: s.cas}
	up.Server = smtp.NewServer(up)
	up.TLSConfig = s.TLSConfig
	up.listen(t, addr)
	o = newMailer(c).carry(t.Context(), d)
	require.Equal(t, licensing.AttemptSent, o.Result, o.Answer)
	require.Len(t, up.received(), 1)
}

// The server takes the message and the line breaks before it can say so: nobody knows,
// so it is sent again, with the same id.
func TestALineThatBreaksAfterTheMessage(t *testing.T) {
	s := newMailServer(t, true, func(s *mailServer) { s.dropped = true })
	m, d := newMailer(s.settings(TLSStart)), aMail(licensing.LanguageEnglish)
	o := m.carry(t.Context(), d)
	require.Equal(t, licensing.AttemptRetry, o.Result, o.Answer)
	s.mu.Lock()
	s.dropped = false
	s.mu.Unlock()
	d.Attempt++
	require.Equal(t, licensing.AttemptSent, m.carry(t.Context(), d).Result)
	require.Len(t, s.received(), 2)
	first, _ := parts(t, s.received()[0].text)
	second, _ := parts(t, s.received()[1].text)
	require.Equal(t, first.Get("Message-ID"), second.Get("Message-ID"))
}

// A server that says nothing does not hold up the end of the gateway.
func TestASilentMailServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		c, err := l.Accept()
		if err == nil {
			cancel()
			_, _ = io.Copy(io.Discard, c)
			_ = c.Close()
		}
	}()
	s := mailServer{addr: l.Addr().(*net.TCPAddr)}
	o := newMailer(s.settings(TLSNone)).carry(ctx, aMail(licensing.LanguageEnglish))
	require.Equal(t, licensing.AttemptRetry, o.Result)
}
