package store

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// busyVenue has something of everything.
func busyVenue(t *testing.T) (*venue, string) {
	t.Helper()
	v := openVenue(t)
	number := v.activate(v.terms())
	v.sight(v.record(1, macwatch.StatusStart))
	v.claim("ap-held")
	loc := v.location.Code
	_, err := v.s.DeclareSlot(ctx, by, loc, macwatch.KindRoom, "101", []string{"suite"})
	require.NoError(t, err)
	_, err = v.s.DeclareSlot(ctx, by, loc, macwatch.KindRoom, "102", nil)
	require.NoError(t, err)
	require.NoError(t, v.s.ListDevice(ctx, by, loc, macwatch.ListedDevice{MAC: guest(50), Kind: "exempt"}))
	require.NoError(t, v.s.AddAccount(ctx, by, loc, macwatch.Account{UserName: "anna", Password: "p"}))
	require.NoError(t, v.s.AddMACInput(ctx, by, loc, macwatch.MACInput{MAC: guest(60)}))
	v.clock.advance(time.Minute)
	return v, number
}

// Every change that there is. `dry` ones change nothing, real ones something and the
// audit log; both say the same.
func changes(v *venue, number string) map[string]func(licensing.Change) error {
	loc := v.location.Code
	key := func(change ...func(*licensing.Terms)) string {
		terms := v.terms()
		for _, f := range change {
			f(&terms)
		}
		text, err := v.issuer.SignGrant(terms)
		require.NoError(v.t, err)
		return text
	}
	grant, pool := key(), key(func(t *licensing.Terms) { t.Quantity = 3 })
	return map[string]func(licensing.Change) error{
		"AddOrganization": func(ch licensing.Change) error {
			_, err := v.s.AddOrganization(ctx, ch, licensing.Organization{Name: "Other", Realm: "otherone", Code: "OTH"})
			return err
		},
		"AddLocation": func(ch licensing.Change) error {
			_, err := v.s.AddLocation(ctx, ch, licensing.Location{Name: "Pool", Realm: "hotelsol", Settings: licensing.Settings{Timezone: "Europe/Madrid"}})
			return err
		},
		"SetLocation": func(ch licensing.Change) error {
			_, err := v.s.SetLocation(ctx, ch, loc, licensing.Settings{Timezone: "Europe/Paris"})
			return err
		},
		"AddClient": func(ch licensing.Change) error {
			_, err := v.s.AddClient(ctx, ch, macwatch.Client{Name: "new", Prefix: netip.MustParsePrefix("192.0.2.0/24"), Secret: "x", Location: loc})
			return err
		},
		"RemoveClient":  func(ch licensing.Change) error { return v.s.RemoveClient(ctx, ch, "wlc") },
		"Activate":      func(ch licensing.Change) error { _, err := v.s.Activate(ctx, ch, grant, loc); return err },
		"Activate pool": func(ch licensing.Change) error { _, err := v.s.Activate(ctx, ch, pool, ""); return err },
		"DenyLicense":   func(ch licensing.Change) error { _, err := v.s.DenyLicense(ctx, ch, number, "unpaid"); return err },
		"ListDevice": func(ch licensing.Change) error {
			return v.s.ListDevice(ctx, ch, loc, macwatch.ListedDevice{MAC: guest(51), Kind: "blocked"})
		},
		"UnlistDevice": func(ch licensing.Change) error { return v.s.UnlistDevice(ctx, ch, loc, "exempt", guest(50)) },
		"DeclareSlot": func(ch licensing.Change) error {
			_, err := v.s.DeclareSlot(ctx, ch, loc, macwatch.KindAP, "ap-new", []string{"alias"})
			return err
		},
		"MergeSlots": func(ch licensing.Change) error {
			_, err := v.s.MergeSlots(ctx, ch, loc, macwatch.KindRoom, "101", "102")
			return err
		},
		"ReplaceSlot": func(ch licensing.Change) error {
			_, err := v.s.ReplaceSlot(ctx, ch, loc, macwatch.KindAP, "ap-held", "ap-new")
			return err
		},
		"ReleaseSlot": func(ch licensing.Change) error {
			_, err := v.s.ReleaseSlot(ctx, ch, loc, macwatch.KindAP, "ap-held")
			return err
		},
		"AddAccount": func(ch licensing.Change) error {
			return v.s.AddAccount(ctx, ch, loc, macwatch.Account{UserName: "bert", Password: "p"})
		},
		"RemoveAccount": func(ch licensing.Change) error { return v.s.RemoveAccount(ctx, ch, loc, "anna") },
		"AddMACInput": func(ch licensing.Change) error {
			return v.s.AddMACInput(ctx, ch, loc, macwatch.MACInput{MAC: guest(61)})
		},
		"RemoveMACInput": func(ch licensing.Change) error { return v.s.RemoveMACInput(ctx, ch, loc, guest(60)) },
		"StartLab":       func(ch licensing.Change) error { _, err := v.s.StartLab(ctx, ch, loc); return err },
	}
}

func TestARehearsalChangesNothing(t *testing.T) {
	v, number := busyVenue(t)
	state := v.s.state.Load()
	for name, f := range changes(v, number) {
		before := v.dump()
		require.NoError(t, f(licensing.Change{By: "tester", DryRun: true}), name)
		require.Equal(t, before, v.dump(), name)
		require.Same(t, state, v.s.state.Load(), name)
	}
	// And everything is as ready for the real thing as before.
	for name := range changes(v, number) {
		v, number := busyVenue(t)
		entries := v.count(`SELECT count(*) FROM audit`)
		before := v.dump()
		require.NoError(t, changes(v, number)[name](by), name)
		require.NotEqual(t, before, v.dump(), name)
		require.Less(t, entries, v.count(`SELECT count(*) FROM audit`), "%s: every change writes its audit entry", name)
		require.Equal(t, "tester", v.text(`SELECT actor FROM audit ORDER BY seq DESC LIMIT 1`))
		report, err := v.s.VerifyAudit(ctx)
		require.NoError(t, err)
		require.True(t, report.OK, report.Problems)
		changed := v.dump()
		v.restart()
		require.Equal(t, changed, v.dump(), "%s outlives a restart", name)
	}
}

func (v *venue) text(query string, args ...any) (s string) {
	v.t.Helper()
	require.NoError(v.t, v.s.readers.QueryRowContext(ctx, query, args...).Scan(&s))
	return s
}

// The rest of the changes, which need another state first.
func TestARehearsalOfWhatComesLaterChangesNothing(t *testing.T) {
	v := openVenue(t)
	number := v.activate(v.terms())
	dry := licensing.Change{By: "tester", DryRun: true}
	before := v.dump()
	_, err := v.s.UnassignLicense(ctx, dry, number, "")
	require.NoError(t, err)
	require.Equal(t, before, v.dump())
	_, err = v.s.StartLab(ctx, by, v.location.Code)
	require.NoError(t, err)
	v.clock.advance(time.Minute)
	before = v.dump()
	_, err = v.s.StopLab(ctx, dry, v.location.Code)
	require.NoError(t, err)
	require.Equal(t, before, v.dump())
	_, err = v.s.DenyLicense(ctx, by, number, "unpaid")
	require.NoError(t, err)
	before = v.dump()
	sum, err := v.s.RestoreLicense(ctx, dry, number)
	require.NoError(t, err)
	require.Equal(t, licensing.PendingStart, sum.State, "it says what it would be")
	require.Equal(t, before, v.dump())
	require.Equal(t, licensing.AccessDenied, v.summary(number).State)
}

// refused checks an operator's error: its code, a message, a hint, and that nothing
// has changed.
func (v *venue) refused(code licensing.Code, f func() error) {
	v.t.Helper()
	before, state := v.dump(), v.s.state.Load()
	err := f()
	require.Error(v.t, err)
	var e *licensing.Error
	require.True(v.t, errors.As(err, &e), "%v is no error for an operator", err)
	require.Equal(v.t, code, e.Code, "%v", err)
	require.NotEmpty(v.t, e.Message)
	require.NotEmpty(v.t, e.Hint, "%q does not say what to do", e.Message)
	require.Equal(v.t, before, v.dump(), "nothing changed")
	require.Same(v.t, state, v.s.state.Load())
	require.True(v.t, v.s.Writable(), "the store is well")
}

func TestBadKeys(t *testing.T) {
	v := openVenue(t)
	loc := v.location.Code
	other := licensing.NewIssuerKey()
	sign := func(k licensing.IssuerKey, change ...func(*licensing.Terms)) string {
		terms := v.terms()
		for _, f := range change {
			f(&terms)
		}
		text, err := k.SignGrant(terms)
		require.NoError(t, err)
		return text
	}
	good := sign(v.issuer)
	forged := []byte(sign(v.issuer))
	forged[len(forged)/2] ^= 1
	_, err := v.s.AddOrganization(ctx, by, licensing.Organization{Name: "Hotel Luna", Realm: "hotelluna", Code: "LUN"})
	require.NoError(t, err)
	luna, err := v.s.AddLocation(ctx, by, licensing.Location{Name: "Luna", Realm: "hotelluna", Settings: licensing.Settings{Timezone: "Europe/Madrid"}})
	require.NoError(t, err)
	second, err := v.s.AddLocation(ctx, by, licensing.Location{Name: "Second", Realm: "hotelsol", Settings: licensing.Settings{Timezone: "Europe/Madrid"}})
	require.NoError(t, err)
	for name, tt := range map[string]struct {
		key, location string
		code          licensing.Code
	}{
		"nothing":                         {"", loc, licensing.CodeInvalid},
		"no key":                          {"hello", loc, licensing.CodeInvalid},
		"half a key":                      {good[:len(good)/2], loc, licensing.CodeInvalid},
		"another issuer":                  {sign(other), loc, licensing.CodeRefused},
		"another Organization's Location": {good, luna.Code, licensing.CodeRefused},
		"an Organization not known here":  {sign(v.issuer, func(t *licensing.Terms) { t.Organization, t.Realm = "Nobody", "nobody1" }), "", licensing.CodeRefused},
		"another Organization":            {sign(v.issuer, func(t *licensing.Terms) { t.Organization, t.Realm = "Hotel Luna", "hotelluna" }), loc, licensing.CodeRefused},
		"another Location":                {sign(v.issuer, func(t *licensing.Terms) { t.Location = second.Code }), loc, licensing.CodeRefused},
		"a Location not known here":       {sign(v.issuer, func(t *licensing.Terms) { t.Location = "28N2S999" }), "", licensing.CodeNotFound},
		"an unknown Location":             {good, "28N2S999", licensing.CodeNotFound},
		"another gateway":                 {sign(v.issuer, func(t *licensing.Terms) { t.Gateway = other.Public() }), loc, licensing.CodeRefused},
		"too late":                        {sign(v.issuer, func(t *licensing.Terms) { t.ActivateBy = licensing.Date{Year: 2026, Month: 11, Day: 21} }), loc, licensing.CodeRefused},
		"over before it begins":           {sign(v.issuer, func(t *licensing.Terms) { t.LatestEnd = licensing.Date{Year: 2026, Month: 11, Day: 21} }), loc, licensing.CodeRefused},
	} {
		t.Run(name, func(t *testing.T) {
			v.t = t
			v.refused(tt.code, func() error { _, err := v.s.Activate(ctx, by, tt.key, tt.location); return err })
			v.refused(tt.code, func() error {
				_, err := v.s.Activate(ctx, licensing.Change{By: "x", DryRun: true}, tt.key, tt.location)
				return err
			})
		})
	}
	v.t = t
	t.Run("forged", func(t *testing.T) {
		before := v.dump()
		_, err := v.s.Activate(ctx, by, string(forged), loc)
		require.Contains(t, []licensing.Code{licensing.CodeRefused, licensing.CodeInvalid}, licensing.CodeOf(err), "%v", err)
		require.Equal(t, before, v.dump())
	})
	_, err = v.s.Activate(ctx, by, good, loc)
	require.NoError(t, err)
	v.refused(licensing.CodeConflict, func() error { _, err := v.s.Activate(ctx, by, good, loc); return err })
	v.refused(licensing.CodeConflict, func() error { _, err := v.s.Activate(ctx, by, good, second.Code); return err })
	v.restart()
	v.refused(licensing.CodeConflict, func() error { _, err := v.s.Activate(ctx, by, good, ""); return err })
	v.s.SetIssuers(nil)
	v.refused(licensing.CodeRefused, func() error { _, err := v.s.Activate(ctx, by, sign(v.issuer), loc); return err })
}

func TestAKeyWithoutLocationIsAssignedLater(t *testing.T) {
	v := openVenue(t)
	terms := v.terms()
	terms.Quantity = 2
	key, err := v.issuer.SignGrant(terms)
	require.NoError(t, err)
	a, err := v.s.Activate(ctx, by, key, "")
	require.NoError(t, err)
	require.Len(t, a.Licenses, 2)
	for _, l := range a.Licenses {
		require.Equal(t, licensing.PendingProvision, l.State)
	}
	v.refused(licensing.CodeConflict, func() error { _, err := v.s.Activate(ctx, by, key, ""); return err })
	for i := range 2 {
		v.clock.advance(time.Minute)
		a, err = v.s.Activate(ctx, by, key, v.location.Code)
		require.NoError(t, err)
		require.Equal(t, licensing.PendingStart, v.summary(a.Licenses[i].Number).State)
	}
	v.refused(licensing.CodeConflict, func() error { _, err := v.s.Activate(ctx, by, key, v.location.Code); return err })
}

// Every wrong input of an operator: a clear error, and nothing changed.
func TestBadInput(t *testing.T) {
	v, number := busyVenue(t)
	loc := v.location.Code
	prefix := netip.MustParsePrefix
	client := func(c macwatch.Client) func() error {
		if c.Location == "" {
			c.Location = loc
		}
		return func() error { _, err := v.s.AddClient(ctx, by, c); return err }
	}
	radsec := func(s macwatch.RadSecSettings) macwatch.Client {
		return macwatch.Client{Name: "b", ClientSettings: macwatch.ClientSettings{RadSecSettings: s}}
	}
	organization := func(o licensing.Organization) func() error {
		return func() error { _, err := v.s.AddOrganization(ctx, by, o); return err }
	}
	location := func(l licensing.Location) func() error {
		return func() error { _, err := v.s.AddLocation(ctx, by, l); return err }
	}
	zone := licensing.Settings{Timezone: "Europe/Madrid"}
	for name, tt := range map[string]struct {
		code licensing.Code
		f    func() error
	}{
		"realm twice":               {licensing.CodeConflict, organization(licensing.Organization{Name: "Other", Realm: "HotelSol", Code: "OTH"})},
		"name twice":                {licensing.CodeConflict, organization(licensing.Organization{Name: "hotel sol", Realm: "otherone", Code: "OTH"})},
		"code twice":                {licensing.CodeConflict, organization(licensing.Organization{Name: "Other", Realm: "otherone", Code: "n2s"})},
		"realm too short":           {licensing.CodeInvalid, organization(licensing.Organization{Name: "Other", Realm: "abc", Code: "OTH"})},
		"code too long":             {licensing.CodeInvalid, organization(licensing.Organization{Name: "Other", Realm: "otherone", Code: "OTHER"})},
		"Organization without name": {licensing.CodeInvalid, organization(licensing.Organization{Realm: "otherone", Code: "OTH"})},
		"Location of nobody":        {licensing.CodeNotFound, location(licensing.Location{Name: "X", Realm: "nobody1", Settings: zone})},
		"Location id twice":         {licensing.CodeConflict, location(licensing.Location{Name: "X", Realm: "hotelsol", Code: "28n2s004", Settings: zone})},
		"Location id of another":    {licensing.CodeInvalid, location(licensing.Location{Name: "X", Realm: "hotelsol", Code: "28XXX004", Settings: zone})},
		"unknown zone":              {licensing.CodeInvalid, location(licensing.Location{Name: "X", Realm: "hotelsol", Settings: licensing.Settings{Timezone: "Mars/Olympus"}})},
		"zone Local":                {licensing.CodeInvalid, location(licensing.Location{Name: "X", Realm: "hotelsol", Settings: licensing.Settings{Timezone: "Local"}})},
		"set unknown zone": {licensing.CodeInvalid, func() error {
			_, err := v.s.SetLocation(ctx, by, loc, licensing.Settings{Timezone: "Mars/Olympus"})
			return err
		}},
		"set unknown Location":     {licensing.CodeNotFound, func() error { _, err := v.s.SetLocation(ctx, by, "28N2S999", zone); return err }},
		"client overlaps, inside":  {licensing.CodeConflict, client(macwatch.Client{Name: "b", Prefix: prefix("127.0.0.1/32"), Secret: "x"})},
		"client overlaps, outside": {licensing.CodeConflict, client(macwatch.Client{Name: "b", Prefix: prefix("0.0.0.0/0"), Secret: "x"})},
		"client name twice":        {licensing.CodeConflict, client(macwatch.Client{Name: "WLC", Prefix: prefix("192.0.2.0/24"), Secret: "x"})},
		"client with host bits":    {licensing.CodeInvalid, client(macwatch.Client{Name: "b", Prefix: prefix("192.0.2.1/24"), Secret: "x"})},
		"client without address":   {licensing.CodeInvalid, client(macwatch.Client{Name: "b", Secret: "x"})},
		"client without secret":    {licensing.CodeInvalid, client(macwatch.Client{Name: "b", Prefix: prefix("192.0.2.0/24")})},
		"client without name":      {licensing.CodeInvalid, client(macwatch.Client{Prefix: prefix("192.0.2.0/24"), Secret: "x"})},
		"client policy":            {licensing.CodeInvalid, client(macwatch.Client{Name: "b", Prefix: prefix("192.0.2.0/24"), Secret: "x", RequireMA: "perhaps"})},
		"client known by two":      {licensing.CodeInvalid, client(radsec(macwatch.RadSecSettings{RadSecName: "a.example", Certificate: strings.Repeat("0", 64)}))},
		"client's certificate":     {licensing.CodeInvalid, client(radsec(macwatch.RadSecSettings{Certificate: "00:11"}))},
		"client's RadSec name":     {licensing.CodeInvalid, client(radsec(macwatch.RadSecSettings{RadSecName: "a b"}))},
		"client's wildcard":        {licensing.CodeInvalid, client(radsec(macwatch.RadSecSettings{RadSecName: "ap*.example"}))},
		"client with secret alone": {licensing.CodeInvalid, client(macwatch.Client{Name: "b", Secret: "x", ClientSettings: macwatch.ClientSettings{RadSecSettings: macwatch.RadSecSettings{RadSecName: "a.example"}}})},
		"client of no Location":    {licensing.CodeNotFound, client(macwatch.Client{Name: "b", Prefix: prefix("192.0.2.0/24"), Secret: "x", Location: "28N2S999"})},
		"remove unknown client":    {licensing.CodeNotFound, func() error { return v.s.RemoveClient(ctx, by, "nobody") }},
		"deny without reason":      {licensing.CodeInvalid, func() error { _, err := v.s.DenyLicense(ctx, by, number, " "); return err }},
		"deny unknown":             {licensing.CodeNotFound, func() error { _, err := v.s.DenyLicense(ctx, by, licensing.LicenseNumber("00", 9), "x"); return err }},
		"deny mistyped":            {licensing.CodeInvalid, func() error { _, err := v.s.DenyLicense(ctx, by, "TG-0000-0000-0001", "x"); return err }},
		"restore what is not":      {licensing.CodeConflict, func() error { _, err := v.s.RestoreLicense(ctx, by, number); return err }},
		"unassign with devices":    {licensing.CodeConflict, func() error { _, err := v.s.UnassignLicense(ctx, by, number, ""); return err }},
		"stop lab that is not":     {licensing.CodeConflict, func() error { _, err := v.s.StopLab(ctx, by, loc); return err }},
		"exempt a multicast address": {licensing.CodeInvalid, func() error {
			return v.s.ListDevice(ctx, by, loc, macwatch.ListedDevice{MAC: 0x01005e000001, Kind: "exempt"})
		}},
		"unknown list":        {licensing.CodeInvalid, func() error { return v.s.ListDevice(ctx, by, loc, macwatch.ListedDevice{MAC: guest(1), Kind: "grey"}) }},
		"release what is not": {licensing.CodeNotFound, func() error { _, err := v.s.ReleaseSlot(ctx, by, loc, macwatch.KindAP, "nothing"); return err }},
		"merge with itself": {licensing.CodeConflict, func() error {
			_, err := v.s.MergeSlots(ctx, by, loc, macwatch.KindRoom, "101", "0101")
			return err
		}},
		"merge with unknown": {licensing.CodeNotFound, func() error {
			_, err := v.s.MergeSlots(ctx, by, loc, macwatch.KindRoom, "101", "999")
			return err
		}},
		"replace by one that holds": {licensing.CodeConflict, func() error {
			_, err := v.s.ReplaceSlot(ctx, by, loc, macwatch.KindRoom, "101", "102")
			return err
		}},
		"declare without name": {licensing.CodeInvalid, func() error {
			_, err := v.s.DeclareSlot(ctx, by, loc, macwatch.KindAP, " ", nil)
			return err
		}},
		"alias of another": {licensing.CodeConflict, func() error {
			_, err := v.s.DeclareSlot(ctx, by, loc, macwatch.KindRoom, "103", []string{"suite"})
			return err
		}},
		"account twice":          {licensing.CodeConflict, func() error { return v.s.AddAccount(ctx, by, loc, macwatch.Account{UserName: "Anna", Password: "q"}) }},
		"account without name":   {licensing.CodeInvalid, func() error { return v.s.AddAccount(ctx, by, loc, macwatch.Account{Password: "q"}) }},
		"remove unknown account": {licensing.CodeNotFound, func() error { return v.s.RemoveAccount(ctx, by, loc, "nobody") }},
		"MAC input of no device": {licensing.CodeInvalid, func() error { return v.s.AddMACInput(ctx, by, loc, macwatch.MACInput{}) }},
		"remove unknown input":   {licensing.CodeNotFound, func() error { return v.s.RemoveMACInput(ctx, by, loc, guest(99)) }},
	} {
		t.Run(name, func(t *testing.T) {
			v.t = t
			v.refused(tt.code, tt.f)
		})
	}
	v.t = t
}
