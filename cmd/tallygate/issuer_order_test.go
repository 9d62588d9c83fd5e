package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tallygate/licensing"
)

// signed is what a command that signs an order reports.
type signed struct {
	Number, Kind, Key, Out string
	Sequence               int
	Changes                []string
}

// signOrder signs an order and returns what is in its key.
func (v *venue) signOrder(t *testing.T, args ...string) licensing.Order {
	t.Helper()
	var s signed
	v.read(t, &s, append(append([]string{"issuer"}, args...), "--dir", "distributor", "--out", "order.key")...)
	text, err := os.ReadFile(filepath.Join(v.dir, "order.key"))
	require.NoError(t, err)
	require.Equal(t, s.Key+"\n", string(text), "the file holds the order alone")
	require.NotEmpty(t, s.Changes)
	o, err := licensing.VerifyOrder(s.Key, []string{v.issuer(t)})
	require.NoError(t, err)
	require.Equal(t, s.Sequence, o.Sequence)
	require.Equal(t, s.Number, o.License)
	require.EqualValues(t, s.Kind, o.Kind)
	require.WithinDuration(t, time.Now(), o.IssuedAt, time.Hour)
	return o
}

// granted signs a license and returns its number.
func (v *venue) granted(t *testing.T, flags ...string) string {
	t.Helper()
	return strings.TrimSpace(v.do(t, append([]string{"issuer", "grant", "--dir", "distributor", "--organization", "Hotel Sol",
		"--realm", "hotelsol", "--years", "1", "--out", "license.key"}, flags...)...))
}

// Each command signs the order that it is named for, next in the license's sequence.
func TestIssuerOrders(t *testing.T) {
	v := newVenue(t)
	number := v.granted(t, "--aps", "20", "--modules", "guest,spa", "--confirm-every", "31")
	thirty, none := licensing.Limit(30), licensing.Unlimited

	o := v.signOrder(t, "upgrade", number, "--aps", "30", "--rooms", "30", "--add-module", "events,bar", "--remove-module", "spa")
	require.Equal(t, &licensing.Upgrade{APs: &thirty, Rooms: &thirty, AddModules: []string{"events", "bar"}, RemoveModules: []string{"spa"}}, o.Upgrade)
	require.Equal(t, 1, o.Sequence)
	o = v.signOrder(t, "upgrade", strings.ToLower(number), "--rooms", "unlimited", "--gateway", anIssuer)
	require.Equal(t, &licensing.Upgrade{Rooms: &none}, o.Upgrade)
	require.Equal(t, 2, o.Sequence)
	require.Equal(t, anIssuer, o.Gateway)
	o = v.signOrder(t, "renew", number, "--years", "2")
	require.Equal(t, &licensing.Renewal{Term: licensing.Term{Years: 2}}, o.Renewal)
	denial := v.signOrder(t, "deny", number, "--reason", "invoice 4711", "--pause-clock")
	require.Equal(t, &licensing.DenyOrder{Reason: "invoice 4711", PauseClock: true}, denial.Deny)
	o = v.signOrder(t, "restore", number)
	require.Equal(t, &licensing.RestoreOrder{Denial: denial.ID}, o.Restore)
	o = v.signOrder(t, "confirm", number, "--until", "2027-01-31")
	require.Equal(t, &licensing.Confirmation{Until: licensing.Date{Year: 2027, Month: 1, Day: 31}}, o.Confirmation)
	hash := strings.Repeat("0f", 32)
	o = v.signOrder(t, "undo-start", number, "--receipt", hash)
	require.Equal(t, &licensing.UndoStart{Receipt: hash}, o.UndoStart)
	require.Equal(t, 7, o.Sequence)
	o = v.signOrder(t, "clock-reset", "--gateway", anIssuer, "--mark", "2036-01-01T00:00:00.25Z", "--to", "2026-11-22T11:00:00+01:00")
	require.Equal(t, &licensing.ClockReset{
		Mark: time.Date(2036, 1, 1, 0, 0, 0, 250e6, time.UTC), To: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC),
	}, o.ClockReset)
	require.Equal(t, anIssuer, o.Gateway)
	require.Zero(t, o.Sequence)

	// A late renewal is a license of its own, with what the old one gave in the end.
	var issued struct{ Number, Key string }
	v.read(t, &issued, "issuer", "renew", number, "--dir", "distributor", "--months", "6", "--late", "--out", "late.key")
	terms, err := licensing.VerifyGrant(issued.Key, []string{v.issuer(t)})
	require.NoError(t, err)
	require.Equal(t, licensing.Terms{
		GrantID: terms.GrantID, Issuer: terms.Issuer, IssuedAt: terms.IssuedAt, Quantity: 1, Organization: "Hotel Sol", Realm: "hotelsol",
		Term: licensing.Term{Months: 6}, APs: 30, Rooms: licensing.Unlimited, Modules: []string{"guest", "events", "bar"}, Threshold: 5,
		Start: licensing.StartOnProvision, ConfirmEvery: 31, Renews: number,
	}, terms)

	var shown struct {
		NextSequence int `json:"next_sequence"`
		Terms        licensing.Terms
		Orders       []struct{ Kind, Key string }
	}
	v.read(t, &shown, "issuer", "show", number, "--dir", "distributor")
	require.Equal(t, 8, shown.NextSequence)
	require.Len(t, shown.Orders, 7)
	require.Equal(t, licensing.Limit(30), shown.Terms.APs)
	text := v.do(t, "issuer", "show", number, "--dir", "distributor")
	for _, part := range []string{"next sequence", "guest, events, bar", "order 4", "denied, clock paused: invoice 4711", "confirmed until 2027-01-31"} {
		require.Contains(t, text, part)
	}
	v.do(t, "issuer", "show", number, "--dir", "distributor", "--sequence", "4", "--out", "again.key")
	again, err := os.ReadFile(filepath.Join(v.dir, "again.key"))
	require.NoError(t, err)
	require.Equal(t, shown.Orders[3].Key+"\n", string(again))

	// A rehearsal says what would be signed, and takes no sequence.
	require.Contains(t, v.do(t, "issuer", "deny", number, "--reason", "x", "--dir", "distributor", "--out", "never", "--dry-run"), number+" order 8: deny")
	require.NoFileExists(t, filepath.Join(v.dir, "never"))
	require.Equal(t, 8, v.signOrder(t, "deny", number, "--reason", "y").Sequence)
}

// The receipt whose start is undone is named by the hash of what the gateway exported,
// in whichever of its forms. A signature of the gateway must fit.
func TestUndoStartTakesReceipts(t *testing.T) {
	v := newVenue(t)
	at := time.Date(2026, time.November, 22, 10, 0, 0, 0, time.UTC)
	gateway := licensing.NewIssuerKey()
	receiptOf := func(number string) licensing.Receipt {
		return licensing.Receipt{
			Number: number, StartsAt: at, RecordedAt: at, Threshold: 5, GatewayKey: gateway.Public(),
			Sightings: []licensing.ReceiptSighting{{At: at, Device: "dev-1"}},
		}
	}
	write := func(value any) {
		t.Helper()
		text, err := json.Marshal(value)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(v.dir, "receipt.json"), text, 0o600))
	}
	evidence := func(r licensing.Receipt, by licensing.IssuerKey) licensing.Evidence {
		t.Helper()
		hash, err := r.Hash()
		require.NoError(t, err)
		text, err := by.SignReceipt(r)
		require.NoError(t, err)
		return licensing.Evidence{Receipt: r, Hash: hash, Signed: text}
	}
	for name, form := range map[string]func(licensing.Receipt) any{
		"alone":    func(r licensing.Receipt) any { return r },
		"exported": func(r licensing.Receipt) any { return evidence(r, gateway) },
		"shown":    func(r licensing.Receipt) any { return map[string]any{"number": r.Number, "start_receipt": r} },
	} {
		number := v.granted(t, "--gateway", gateway.Public())
		receipt := receiptOf(number)
		hash, err := receipt.Hash()
		require.NoError(t, err)
		write(form(receipt))
		require.Equal(t, hash, v.signOrder(t, "undo-start", number, "--receipt", "receipt.json").UndoStart.Receipt, name)
	}

	number := v.granted(t, "--gateway", gateway.Public())
	altered := evidence(receiptOf(number), gateway)
	altered.Receipt.Threshold = 6
	forged := evidence(receiptOf(number), licensing.NewIssuerKey())
	for problem, e := range map[string]licensing.Evidence{"says something else": altered, "another gateway": forged} {
		write(e)
		r := v.command(t, "issuer", "undo-start", number, "--receipt", "receipt.json", "--dir", "distributor", "--out", "never")
		require.Equal(t, exitFailed, r.status)
		require.Contains(t, r.err, "the start receipt is not genuine")
		require.Contains(t, r.err, problem)
	}
}

// Commands that sign at the same time draw different sequences.
func TestIssuersAtOnce(t *testing.T) {
	v := newVenue(t)
	number := v.granted(t)
	const commands = 6
	drawn := make([]signed, commands)
	var all sync.WaitGroup
	for i := range commands {
		all.Go(func() {
			v.read(t, &drawn[i], "issuer", "upgrade", number, "--dir", "distributor", "--aps", fmt.Sprint(10+i), "--out", fmt.Sprint("order-", i))
		})
	}
	all.Wait()
	seen := map[int]bool{}
	for _, s := range drawn {
		seen[s.Sequence] = true
	}
	for i := range commands {
		require.True(t, seen[i+1], "%v", seen)
	}
}

func TestIssuerList(t *testing.T) {
	v := newVenue(t)
	list := func(flags ...string) []string {
		return append([]string{"issuer", "list", "--dir", "distributor"}, flags...)
	}
	require.Equal(t, "[]\n", v.do(t, list("--json")...))
	require.Contains(t, v.do(t, list()...), "nothing was issued yet")

	first := v.granted(t, "--partner", "Redes del Sur", "--payment", "monthly", "--location", "28N2S004", "--aps", "20")
	second := v.granted(t, "--organization", "=HYPERLINK(\"x\")", "--realm", "others", "--quantity", "2", "--distributor", "Norte")
	v.signOrder(t, "deny", first, "--reason", "unpaid")
	v.signOrder(t, "clock-reset", "--gateway", anIssuer, "--mark", "2036-01-01T00:00:00Z", "--to", "2026-11-22T11:00:00Z")

	rows := v.list(t, list()...)
	require.Len(t, rows, 4)
	require.Subset(t, keys(t, rows[0]), []string{"issued_at", "kind", "numbers", "organization", "realm", "location", "partner", "payment", "term", "aps", "what", "id", "by"})
	require.NotContains(t, string(rows[0]), "v4.public.", "keys are for `issuer show`")
	kinds := []string{}
	for _, row := range rows {
		var r struct{ Kind string }
		require.NoError(t, json.Unmarshal(row, &r))
		kinds = append(kinds, r.Kind)
	}
	require.Equal(t, []string{"grant", "grant", "deny", "clock-reset"}, kinds, "oldest first")

	today := time.Now().UTC()
	for _, tt := range []struct {
		flags []string
		rows  int
	}{
		{[]string{"--kind", "grant"}, 2}, {[]string{"--kind", "deny"}, 1}, {[]string{"--kind", "renewal"}, 0},
		{[]string{"--number", strings.ToLower(first)}, 2}, {[]string{"--realm", "HOTELSOL"}, 2}, {[]string{"--organization", "hotel sol"}, 2},
		{[]string{"--partner", "redes del sur", "--payment", "monthly"}, 2}, {[]string{"--partner", "redes del sur", "--payment", "annual"}, 0},
		{[]string{"--distributor", "Norte"}, 1}, {[]string{"--location", "28N2S004"}, 2}, {[]string{"--gateway", anIssuer}, 1},
		{[]string{"--since", today.AddDate(0, 0, -1).Format(time.DateOnly)}, 4}, {[]string{"--since", today.AddDate(0, 0, 2).Format(time.DateOnly)}, 0},
		{[]string{"--until", today.AddDate(0, 0, 1).Format(time.DateOnly)}, 4}, {[]string{"--until", today.AddDate(0, 0, -2).Format(time.DateOnly)}, 0},
	} {
		require.Len(t, v.list(t, list(tt.flags...)...), tt.rows, "%v", tt.flags)
	}

	table := v.do(t, list()...)
	require.Contains(t, table, "denied: unpaid")
	require.Contains(t, table, second[:strings.Index(second, "\n")]+" and 1 more")
	lines, err := csv.NewReader(strings.NewReader(v.do(t, list("--csv")...))).ReadAll()
	require.NoError(t, err)
	require.Len(t, lines, 5)
	require.Equal(t, "issued_at", lines[0][0])
	require.Equal(t, "'=HYPERLINK(\"x\")", lines[2][4], "no spreadsheet takes a name for a formula")
}

// What cannot be meant or signed is refused with the reason, and nothing is registered.
func TestIssuerRefuses(t *testing.T) {
	v := newVenue(t)
	number := v.granted(t, "--aps", "20", "--modules", "guest")
	trial := v.granted(t, "--years", "0", "--trial")
	denied := v.granted(t, "--confirm-every", "31")
	v.signOrder(t, "deny", denied, "--reason", "unpaid")
	v.signOrder(t, "confirm", denied, "--until", "2027-01-31")
	v.signOrder(t, "undo-start", denied, "--receipt", strings.Repeat("0f", 32))
	at := time.Date(2026, time.November, 22, 10, 0, 0, 0, time.UTC)
	receipt, err := json.Marshal(licensing.Receipt{Number: trial, StartsAt: at, RecordedAt: at})
	require.NoError(t, err)
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(v.dir, name), []byte(text), 0o600))
	}
	write("receipt.json", string(receipt))
	write("unstarted.json", `{"number": "`+number+`", "start_receipt": null}`)
	write("rubbish", "rubbish")
	require.NoError(t, os.Mkdir(filepath.Join(v.dir, "empty"), 0o700))
	stranger := licensing.LicenseNumber(licensing.NewGrantID(), 0)
	register := filepath.Join(v.dir, "distributor", "register.jsonl")
	before, err := os.ReadFile(register)
	require.NoError(t, err)

	signs := func(args ...string) []string { return append(args, "--dir", "distributor", "--out", "never") }
	for _, tt := range []struct {
		args          []string
		status        int
		message, hint string
	}{
		{signs("upgrade", number), 2, "at least one of the flags in the group [aps rooms add-module remove-module]", "--help"},
		{signs("upgrade", number, "--aps", "many"), 2, "must be a number from 0 up, or unlimited", "--help"},
		{signs("upgrade", number, "--aps", "20"), 1, "this would change nothing", "the new totals"},
		{signs("upgrade", number, "--add-module", "guest"), 1, `has the module "guest" already`, "its modules are: guest"},
		{signs("upgrade", number, "--remove-module", "spa"), 1, `has no module "spa"`, "its modules are: guest"},
		{signs("upgrade", number, "--add-module", "a", "--remove-module", "guest", "--gateway", "gateway-1"), 1, `"gateway-1" is not a gateway's key`, "gateway id"},
		{signs("upgrade", stranger, "--aps", "3"), 1, "was not issued from distributor", "issuer list --dir distributor"},
		{signs("upgrade", "TG-0000", "--aps", "3"), 1, "is not a license number", "TG-XXXX"},
		{signs("renew", number), 2, "at least one of the flags in the group [years months days]", "--help"},
		{signs("renew", number, "--years", "9"), 1, "a term of 9 years is not possible", "1 to 5 years"},
		{signs("renew", trial, "--years", "1"), 1, "is a trial, which is not renewed", "issuer grant"},
		{signs("renew", stranger, "--years", "1", "--late"), 1, "was not issued from distributor", "issuer list"},
		{signs("deny", number), 2, `required flag(s) "reason" not set`, "--help"},
		{signs("deny", number, "--reason", " "), 1, "a denial needs a reason", "--reason"},
		{signs("deny", denied, "--reason", "again"), 1, "is denied already, by order 1: unpaid", "issuer restore " + denied},
		{signs("restore", number), 1, "no order of this register denies license " + number, "license restore"},
		{signs("confirm", number, "--until", "2027-01-31"), 1, "needs no confirmation", "--confirm-every"},
		{signs("confirm", denied, "--until", "2027-01-31"), 1, "is confirmed until 2027-01-31 already, by order 2", "a later day"},
		{signs("confirm", denied, "--until", "soon"), 2, "soon", "--help"},
		{signs("undo-start", denied, "--receipt", strings.Repeat("0a", 32)), 1, "was taken back already, by order 3", "possible once"},
		{signs("undo-start", number, "--receipt", "nofile"), 1, "cannot read the start receipt", "64 hexadecimal digits"},
		{signs("undo-start", number, "--receipt", "rubbish"), 1, "rubbish holds no start receipt", "license receipt " + number},
		{signs("undo-start", number, "--receipt", "unstarted.json"), 1, "holds no start receipt: no start is recorded in it", "license receipt"},
		{signs("undo-start", number, "--receipt", "receipt.json"), 1, "the receipt is of license " + trial, "that the order is for"},
		{signs("clock-reset", "--gateway", anIssuer, "--mark", "2026-01-01T00:00:00Z", "--to", "2027-01-01T00:00:00Z"), 1, "lowers the latest time seen", "tallygate gateway clock"},
		{signs("clock-reset", "--gateway", "gw", "--mark", "2036-01-01T00:00:00Z", "--to", "2027-01-01T00:00:00Z"), 1, `"gw" is not a gateway's key`, "gateway id"},
		{signs("clock-reset", "--gateway", anIssuer, "--mark", "soon", "--to", "2027-01-01T00:00:00Z"), 2, "must be a time such as", "--help"},
		{[]string{"deny", number, "--reason", "x", "--dir", "distributor", "--out", "distributor/issuer.key"}, 1, "one of the distributor's own files", "choose another file"},
		{[]string{"deny", number, "--reason", "x", "--dir", "distributor", "--out", "nowhere/x"}, 1, "there is no directory for nowhere/x", "make it"},
		{[]string{"list", "--dir", "empty"}, 1, "empty is not a distributor's directory", "issuer init"},
		{[]string{"list", "--dir", "distributor", "--kind", "gift"}, 2, "must be grant or upgrade", "--help"},
		{[]string{"list", "--dir", "distributor", "--number", "TG-0"}, 2, "is not a license number", "TG-XXXX"},
		{[]string{"show", number, "--dir", "distributor", "--sequence", "3"}, 2, "--sequence needs --out", ""},
		{[]string{"show", number, "--dir", "distributor", "--sequence", "3", "--out", "never"}, 1, "has no order 3", "it has 0 so far"},
		{[]string{"sheet", number, "--dir", "distributor", "--pdf", "never", "--language", "fr"}, 2, "must be en or es", "--help"},
		{[]string{"sheet", number, "--dir", "distributor", "--pdf", "distributor/issuer.pub"}, 1, "one of the distributor's own files", ""},
	} {
		r := v.command(t, append([]string{"issuer"}, tt.args...)...)
		require.Equal(t, tt.status, r.status, "%v: %s", tt.args, r.err)
		require.Empty(t, r.out)
		message, hint, _ := strings.Cut(r.err, "\n  what to do: ")
		require.Contains(t, message, tt.message, "%v", tt.args)
		require.Contains(t, hint, tt.hint, "%v", tt.args)
	}
	after, err := os.ReadFile(register)
	require.NoError(t, err)
	require.Equal(t, string(before), string(after))
	require.NoFileExists(t, filepath.Join(v.dir, "never"))
}
