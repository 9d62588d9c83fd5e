package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tallygate/admin"
	"tallygate/macwatch"
	"tallygate/radiusd"
)

// clientFlags are what `client add` and `client set` can say of a client.
type clientFlags struct {
	vendor                    macwatch.Vendor
	apFrom, ssidFrom, macFrom string
	locationRules             []string
	disconnectFlags
}

func (f *clientFlags) add(flags *pflag.FlagSet) {
	flags.Var(choice[macwatch.Vendor]{&f.vendor, macwatch.Vendors()}, "vendor", "how its packets are read; auto: found out from them")
	flags.StringVar(&f.apFrom, "ap-from", "", "`ATTRIBUTE[=PATTERN]` that holds the AP, before what the vendor's profile says; \"\" for none")
	flags.StringVar(&f.ssidFrom, "ssid-from", "", "`ATTRIBUTE[=PATTERN]` that holds the SSID; \"\" for none")
	flags.StringVar(&f.macFrom, "mac-from", "", "`ATTRIBUTE[=PATTERN]` that holds the guest's address; \"\" for none")
	flags.StringArrayVar(&f.locationRules, "location-rule", nil,
		"`BY:VALUE=ID`, repeatable: packets with this nas, ssid, ap or realm are about Location ID; tried in this order before --location; \"\" for none")
	f.disconnectFlags.add(flags)
}

// patch is what was given.
func (f *clientFlags) patch(flags *pflag.FlagSet) (p macwatch.ClientPatch, err error) {
	if flags.Changed("vendor") {
		p.Vendor = &f.vendor
	}
	for _, r := range []struct {
		flag, text string
		to         **macwatch.FieldRule
	}{{"ap-from", f.apFrom, &p.AP}, {"ssid-from", f.ssidFrom, &p.SSID}, {"mac-from", f.macFrom, &p.GuestMAC}} {
		if flags.Changed(r.flag) {
			attribute, pattern, _ := strings.Cut(r.text, "=")
			*r.to = &macwatch.FieldRule{Attribute: strings.TrimSpace(attribute), Pattern: pattern}
		}
	}
	if flags.Changed("location-rule") {
		rules := []macwatch.LocationRule{}
		for _, text := range f.locationRules {
			if text == "" {
				continue
			}
			rule, err := parseLocationRule(text)
			if err != nil {
				return p, err
			}
			rules = append(rules, rule)
		}
		p.Locations = &rules
	}
	f.disconnectFlags.patch(flags, &p)
	return p, nil
}

// parseLocationRule reads BY:VALUE=ID. The last = divides, since a network name may hold one.
func parseLocationRule(text string) (macwatch.LocationRule, error) {
	by, rest, ok := strings.Cut(text, ":")
	i := strings.LastIndexByte(rest, '=')
	if !ok || i < 1 || i == len(rest)-1 {
		return macwatch.LocationRule{}, &usageError{
			message: fmt.Sprintf("--location-rule %q is not BY:VALUE=ID", text),
			hint:    "for example ssid:Beach=28N2S004, nas:floor-1=28N2S004, ap:94:83:c4:01:42:27=28N2S004 or realm:hotelsol=28N2S004",
		}
	}
	return macwatch.LocationRule{By: macwatch.LocationBy(strings.ToLower(by)), Value: rest[:i], Location: rest[i+1:]}, nil
}

func clientSetCmd(c *console) *cobra.Command {
	var f clientFlags
	var secret, location string
	var require macwatch.RequireMA
	cmd := &cobra.Command{
		Use:   "set NAME FLAG…",
		Short: "Change what is said of a client: what is given, and nothing else",
		Example: `  tallygate client set controller --vendor aruba-controller
  tallygate client set controller --require-message-authenticator auto --secret "$SECRET"
  tallygate client set cloud --location-rule ssid:Beach=28N2S004 --location-rule 'nas:tower-*=28N2S005'
  tallygate client set odd --ap-from 'nas-port-id=^(ap-\d+)/'`,
		Args: takes("NAME"),
	}
	flags := cmd.Flags()
	f.add(flags)
	flags.StringVar(&secret, "secret", "", "shared secret, 16 characters or more")
	flags.StringVar(&location, "location", "", "`ID` of the Location that is meant when no rule fits")
	flags.Var(choice[macwatch.RequireMA]{&require, requirements}, "require-message-authenticator", requireUsage)
	cmd.RunE = c.ask(func(ctx context.Context, g *admin.Client, args []string) error {
		patch, err := f.patch(flags)
		if err != nil {
			return err
		}
		for flag, set := range map[string]func(){
			"secret":                        func() { patch.Secret = &secret },
			"location":                      func() { patch.Location = &location },
			"require-message-authenticator": func() { patch.RequireMA = &require },
		} {
			if flags.Changed(flag) {
				set()
			}
		}
		if patch == (macwatch.ClientPatch{}) {
			return usagef(cmd, "nothing to set: give at least one flag")
		}
		changed, err := g.SetClient(ctx, c.change(), args[0], patch)
		if err != nil {
			return err
		}
		if patch.Secret != nil {
			c.warnSecret(secret)
		}
		if patch.Vendor != nil || patch.RequireMA != nil {
			c.warnSigning(changed)
		}
		return c.done(changed, "changed client %s", changed.Name)
	})
	return c.changes(cmd)
}

// warnSigning tells what a client's Message-Authenticator policy lacks, or asks too much.
func (c *console) warnSigning(p macwatch.Client) {
	advice := radiusd.AdviceFor(p.Vendor)
	switch {
	case p.RequireMA == macwatch.RequireYes && advice.Sign != "" && advice.Sign != macwatch.RequireYes && p.Vendor != macwatch.VendorGeneric:
		c.warn("%s does not always send Message-Authenticator, which client %s requires: if its requests are dropped, update it, or run "+
			"`tallygate client set %s --require-message-authenticator %s`", p.Vendor, p.Name, p.Name, advice.Sign)
	case p.RequireMA != macwatch.RequireYes:
		c.warn("client %s may send Access-Requests without Message-Authenticator, which can be forged on the way (BlastRADIUS); "+
			"switch it on in the access points, then run `tallygate client set %s --require-message-authenticator yes`", p.Name, p.Name)
	}
}

func (c *console) warnSecret(secret string) {
	if weak := weakSecret(secret); weak != "" {
		c.warn("%s; use one of %d or more random characters, such as `openssl rand -base64 24` prints", weak, goodSecret)
	}
}

// vendorText is the vendor that was configured, and the one that was recognised.
func vendorText(p macwatch.Client) string {
	switch {
	case p.Vendor != macwatch.VendorAuto:
		return string(p.Vendor)
	case p.Detected != "":
		return "auto: " + string(p.Detected)
	}
	return "auto"
}

func ruleText(r macwatch.FieldRule) string {
	if r.Pattern == "" {
		return r.Attribute
	}
	return r.Attribute + " by the pattern " + r.Pattern
}
