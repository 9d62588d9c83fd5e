package notice

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	netmail "net/mail"
	"net/textproto"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail"

	"tallygate/licensing"
)

// How the connection to the mail server is protected.
const (
	TLSStart    = "starttls"          // STARTTLS, or nothing is sent
	TLSOptional = "starttls-optional" // STARTTLS where the server offers it
	TLSImplicit = "tls"               // TLS from the first octet, as on port 465
	TLSNone     = "none"
)

// smtpTimeout bounds the connection, and again the conversation, with a mail server.
const smtpTimeout = 30 * time.Second

// SMTP is the mail server that takes the notices. The zero value is none.
type SMTP struct {
	Host     string
	Port     int    // 1-65535
	TLS      string // TLSStart, TLSOptional, TLSImplicit or TLSNone
	User     string // empty: the server wants none
	Password string
	From     string         // address, with or without a name
	RootCAs  *x509.CertPool // nil: those of the machine
}

// Check reports what cannot be right: an *Error with CodeInvalid.
func (c SMTP) Check() error {
	if c.Host == "" {
		return nil
	}
	if _, err := netmail.ParseAddress(c.From); err != nil {
		return licensing.Errorf(licensing.CodeInvalid, "notices cannot be sent from %q: it is no e-mail address", c.From).
			WithHint("set notices.smtp.from, for example: Tallygate <tallygate@hotel.example>")
	}
	return nil
}

// mailer sends by e-mail.
type mailer struct{ smtp SMTP }

func newMailer(c SMTP) *mailer { return &mailer{c} }

func (m *mailer) carry(ctx context.Context, d licensing.Delivery) licensing.Outcome {
	if m.smtp.Host == "" {
		return licensing.Outcome{Result: licensing.AttemptHeld, Answer: "no mail server is configured: set notices.smtp in the configuration and restart"}
	}
	msg, err := m.message(d)
	if err != nil {
		return licensing.Outcome{Result: licensing.AttemptFailed, Answer: err.Error()}
	}
	var conn net.Conn
	defer func() {
		if conn != nil { // the library leaves it open where a server is refused
			_ = conn.Close()
		}
	}()
	client, err := mail.NewClient(m.smtp.Host, m.settings(func(c net.Conn) {
		conn = c
		context.AfterFunc(ctx, func() { _ = c.Close() })
	})...)
	if err != nil {
		return licensing.Outcome{Result: licensing.AttemptHeld, Answer: err.Error()}
	}
	server, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return m.notLoggedIn(err)
	}
	err = client.SendWithSMTPClient(server, msg)
	if msg.IsDelivered() {
		_ = client.CloseWithSMTPClient(server) // it has taken the message: what it says to QUIT is the same
		return licensing.Outcome{Result: licensing.AttemptSent, Answer: "taken by " + m.smtp.Host}
	}
	return notTaken(err)
}

// settings are those of one conversation; opened is given its connection.
func (m *mailer) settings(opened func(net.Conn)) []mail.Option {
	secure := &tls.Config{ServerName: m.smtp.Host, MinVersion: tls.VersionTLS12, RootCAs: m.smtp.RootCAs}
	dial := new(net.Dialer).DialContext
	policy := mail.TLSMandatory
	switch m.smtp.TLS {
	case TLSOptional:
		policy = mail.TLSOpportunistic
	case TLSNone:
		policy = mail.NoTLS
	case TLSImplicit:
		policy = mail.NoTLS
		dial = (&tls.Dialer{Config: secure}).DialContext
	}
	settings := []mail.Option{
		mail.WithPort(m.smtp.Port), mail.WithTimeout(smtpTimeout), mail.WithTLSConfig(secure), mail.WithTLSPolicy(policy), mail.WithoutNoop(),
		mail.WithDialContextFunc(func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := dial(ctx, network, address)
			if err == nil {
				opened(c)
			}
			return c, err
		}),
	}
	if m.smtp.User != "" {
		// PLAIN and LOGIN refuse by themselves to send a password in the clear.
		settings = append(settings, mail.WithUsername(m.smtp.User), mail.WithPassword(m.smtp.Password),
			mail.WithOpportunisticSMTPAuth(mail.SMTPAuthSCRAMSHA256, mail.SMTPAuthSCRAMSHA1, mail.SMTPAuthPlain, mail.SMTPAuthLogin, mail.SMTPAuthCramMD5))
	}
	return settings
}

// message is the mail: the text for everybody, and the same as HTML.
func (m *mailer) message(d licensing.Delivery) (*mail.Msg, error) {
	content, err := Render(d)
	if err != nil {
		return nil, err
	}
	from, err := netmail.ParseAddress(m.smtp.From)
	if err != nil {
		return nil, err
	}
	msg := mail.NewMsg(mail.WithNoDefaultUserAgent())
	if err := cmp.Or(msg.From(m.smtp.From), msg.To(d.Recipient.Address)); err != nil {
		return nil, err
	}
	_, domain, _ := strings.Cut(from.Address, "@")
	msg.SetMessageIDWithValue(d.ID + "@" + domain)
	msg.SetDate()
	msg.Subject(content.Subject)
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no holiday replies
	msg.SetGenHeader(mail.HeaderContentLang, string(d.Recipient.Language))
	msg.SetBodyString(mail.TypeTextPlain, content.Text)
	msg.AddAlternativeString(mail.TypeTextHTML, content.HTML)
	return msg, nil
}

// notLoggedIn sorts what went wrong before the message. A server that refuses the
// password, or offers no protection, does so every time: that waits for other settings
// instead of knocking until the account is locked.
func (m *mailer) notLoggedIn(err error) licensing.Outcome {
	var said *textproto.Error
	switch text := err.Error(); {
	case errors.As(err, &said) && said.Code >= 500:
		return licensing.Outcome{Result: licensing.AttemptHeld,
			Answer: "the mail server refused user " + strconv.Quote(m.smtp.User) + " (" + said.Error() + "): correct notices.smtp and restart"}
	case strings.Contains(text, "does not support"), strings.Contains(text, "unencrypted"), errors.Is(err, mail.ErrNoSupportedAuthDiscovered):
		return licensing.Outcome{Result: licensing.AttemptHeld, Answer: text + ": correct notices.smtp and restart"}
	default:
		return licensing.Outcome{Result: licensing.AttemptRetry, Answer: text}
	}
}

// notTaken sorts what a server answered to the message: 5xx is for good, anything
// else, a broken connection included, may pass.
func notTaken(err error) licensing.Outcome {
	o := licensing.Outcome{Result: licensing.AttemptRetry}
	var refused *mail.SendError
	if errors.As(err, &refused) && refused.ErrorCode() >= 500 {
		o.Result = licensing.AttemptFailed
	}
	var said *textproto.Error
	switch {
	case errors.As(err, &said):
		o.Answer = said.Error()
	case err != nil:
		o.Answer = strings.TrimSpace(err.Error())
	default:
		o.Answer = "the mail server did not take it"
	}
	return o
}
