package main

import (
	"fmt"
	netmail "net/mail"
	"os"
	"slices"
	"strings"

	"tallygate/licensing"
	"tallygate/notice"
)

// NoticesConfig is how notices leave the gateway. Who gets them is kept in the store.
type NoticesConfig struct {
	SMTP     SMTPConfig     `yaml:"smtp"`
	Webhooks WebhooksConfig `yaml:"webhooks"`
}

// SMTPConfig is the mail server that takes them.
type SMTPConfig struct {
	Host         string `yaml:"host"` // empty: none, and e-mail waits
	Port         Whole  `yaml:"port"`
	TLS          string `yaml:"tls"`           // starttls, starttls-optional, tls or none
	User         string `yaml:"user"`          // empty: the server wants none
	PasswordFile string `yaml:"password_file"` // read at the start
	From         string `yaml:"from"`          // e-mail address, with or without a name
}

// WebhooksConfig is where webhooks may lead.
type WebhooksConfig struct {
	AllowPrivate bool `yaml:"allow_private"` // into private networks as well
}

// maxPassword is more than any password has, in octets.
const maxPassword = 4096

func (c Config) checkNotices() *mistake {
	s := c.Notices.SMTP
	if kinds := []string{notice.TLSStart, notice.TLSOptional, notice.TLSImplicit, notice.TLSNone}; !slices.Contains(kinds, s.TLS) {
		return &mistake{path: "$.notices.smtp.tls", message: fmt.Sprintf("%q is no way to protect the connection", s.TLS), hint: "choose one of: " + strings.Join(kinds, ", ")}
	}
	if s.Port < 1 || s.Port > 65535 {
		return &mistake{path: "$.notices.smtp.port", message: fmt.Sprintf("port must be from 1 to 65535, not %d", s.Port)}
	}
	switch {
	case s.Host == "" && (s.User != "" || s.From != "" || s.PasswordFile != ""):
		return &mistake{path: "$.notices.smtp", message: "there is no host: mail cannot be sent", hint: "set notices.smtp.host, or leave the section out"}
	case s.Host == "":
		return nil
	case strings.ContainsAny(s.Host, ": /"):
		return &mistake{path: "$.notices.smtp.host", message: fmt.Sprintf("%q is not the name of a mail server", s.Host), hint: "write the name alone; the port has a key of its own"}
	case (s.User == "") != (s.PasswordFile == ""):
		return &mistake{path: "$.notices.smtp", message: "user and password_file go together", hint: "give both, or neither where the server wants no login"}
	}
	if _, err := netmail.ParseAddress(s.From); err != nil {
		return &mistake{path: "$.notices.smtp", message: fmt.Sprintf("from is not an e-mail address: %q", s.From), hint: "for example: from: \"Tallygate <tallygate@hotel.example>\""}
	}
	return nil
}

// smtp is the mail server for package notice, with the password from its file.
func (c Config) smtp() (notice.SMTP, error) {
	s := c.Notices.SMTP
	out := notice.SMTP{Host: s.Host, Port: int(s.Port), TLS: s.TLS, User: s.User, From: s.From}
	if s.PasswordFile == "" {
		return out, nil
	}
	text, err := os.ReadFile(s.PasswordFile)
	if err != nil {
		return out, licensing.Errorf(licensing.CodeInvalid, "cannot read the password of the mail server: %w", err).
			WithHint("notices.smtp.password_file must be a file that the gateway's user can read, with the password and nothing else")
	}
	out.Password = strings.TrimRight(string(text), "\r\n")
	if out.Password == "" || len(out.Password) > maxPassword {
		return out, licensing.Errorf(licensing.CodeInvalid, "there is no password in %s", s.PasswordFile).
			WithHint("write the password of the mail server's user into it, on one line")
	}
	return out, nil
}
