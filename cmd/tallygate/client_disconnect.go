package main

import (
	"errors"
	"strconv"

	"github.com/spf13/pflag"

	"tallygate/macwatch"
)

// disconnectFlags are those of how a client's NAS are asked to end sessions.
type disconnectFlags struct {
	off     bool
	port    uint16
	address macwatch.DisconnectAddress
	secret  string
}

func (f *disconnectFlags) add(flags *pflag.FlagSet) {
	flags.Var(offFlag{&f.off}, "disconnect", "off: never ask its NAS to end a session, Session-Timeout does")
	flags.Uint16Var(&f.port, "disconnect-port", 0, "`port` of its NAS for Disconnect-Requests; 0: as the vendor has it (3799, 1700)")
	flags.Var(disconnectAddressFlag{&f.address}, "disconnect-address", "where Disconnect-Requests go: source (who sent the session's packets; default), nas (its NAS-IP-Address), or an IP address")
	flags.StringVar(&f.secret, "disconnect-secret", "", "shared secret of Disconnect-Requests, where it is another one; \"\" for the same")
}

// patch takes over what was given.
func (f *disconnectFlags) patch(flags *pflag.FlagSet, p *macwatch.ClientPatch) {
	if flags.Changed("disconnect") {
		p.DisconnectOff = &f.off
	}
	if flags.Changed("disconnect-port") {
		p.DisconnectPort = &f.port
	}
	if flags.Changed("disconnect-address") {
		p.DisconnectAddress = &f.address
	}
	if flags.Changed("disconnect-secret") {
		p.DisconnectSecret = &f.secret
	}
}

// disconnectText is what `client show` says of it.
func disconnectText(p macwatch.Client) string {
	if p.Disconnect.Off {
		return "off"
	}
	text := "as the vendor has it"
	if p.Disconnect.Address != "" {
		text = "to " + string(p.Disconnect.Address)
	}
	if p.Disconnect.Port != 0 {
		text += ", port " + strconv.Itoa(int(p.Disconnect.Port))
	}
	return text
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
