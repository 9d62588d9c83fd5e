package main

import (
	"errors"

	"github.com/spf13/pflag"

	"tallygate/macwatch"
)

// disconnectFlags are those of how a client's NAS are asked to end sessions.
func disconnectFlags(f *pflag.FlagSet, p *macwatch.Client) {
	f.Var(offFlag{&p.Disconnect.Off}, "disconnect", "off: never ask its NAS to end a session, Session-Timeout does")
	f.Uint16Var(&p.Disconnect.Port, "disconnect-port", 0, "`port` of its NAS for Disconnect-Requests; 0: as the vendor has it (3799, 1700)")
	f.Var(disconnectAddressFlag{&p.Disconnect.Address}, "disconnect-address", "where Disconnect-Requests go: source (who sent the session's packets; default), nas (its NAS-IP-Address), or an IP address")
	f.StringVar(&p.DisconnectSecret, "disconnect-secret", "", "shared secret of Disconnect-Requests, where it is another one")
}

// offFlag is on or off.
type offFlag struct{ off *bool }

func (f offFlag) String() string {
	if f.off == nil {
		return ""
	}
	if *f.off {
		return "off"
	}
	return "on"
}

func (f offFlag) Set(s string) error {
	if s != "on" && s != "off" {
		return errors.New("must be on or off")
	}
	*f.off = s == "off"
	return nil
}

func (f offFlag) Type() string { return "on|off" }

// disconnectAddressFlag is one of two words, or an IP address.
type disconnectAddressFlag struct{ address *macwatch.DisconnectAddress }

func (f disconnectAddressFlag) String() string {
	if f.address == nil {
		return ""
	}
	return string(*f.address)
}

func (f disconnectAddressFlag) Set(s string) error {
	a := macwatch.DisconnectAddress(s)
	if !a.Valid() {
		return errors.New("must be source, nas or an IP address")
	}
	*f.address = a
	return nil
}

func (f disconnectAddressFlag) Type() string { return "source|nas|IP" }
