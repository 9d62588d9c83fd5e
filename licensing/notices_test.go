package licensing

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func mustZone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := LoadZone(name)
	require.NoError(t, err)
	return z
}

// ladderOf is the first ladder of a contract of this term in this zone, known from its start.
func ladderOf(t testing.TB, zone string, start string, term Term) Ladder {
	t.Helper()
	z := mustZone(t, zone)
	day, err := ParseDate(start)
	require.NoError(t, err)
	at := day.At(12*time.Hour, z)
	l := License{Number: "TG-1", Terms: Terms{Term: term, Start: StartFifthDevice}, Zone: zone, ProvisionedAt: at, StartedAt: at}
	return l.Ladder(1, at)
}

func TestTheLadderOfAYear(t *testing.T) {
	for _, tt := range []struct {
		name, zone, start string
		term              Term
		want              []string // local times, with the offset from UTC
	}{
		{"Madrid", "Europe/Madrid", "2026-03-10", Term{Years: 1}, []string{
			"2027-02-10T09:00:00+01:00", "2027-02-23T09:00:00+01:00", "2027-03-03T09:00:00+01:00", "2027-03-09T09:00:00+01:00",
			"2027-03-11T00:00:00+01:00", "2027-03-11T09:00:00+01:00"}},
		{"Madrid over the change of March", "Europe/Madrid", "2026-04-04", Term{Years: 1}, []string{
			"2027-03-04T09:00:00+01:00", "2027-03-20T09:00:00+01:00", "2027-03-28T09:00:00+02:00", "2027-04-03T09:00:00+02:00",
			"2027-04-05T00:00:00+02:00", "2027-04-05T09:00:00+02:00"}},
		// The clocks skip midnight of 6 September 2026: the day begins at 01:00.
		{"Santiago, cut off at one", "America/Santiago", "2025-09-05", Term{Years: 1}, []string{
			"2026-08-05T09:00:00-04:00", "2026-08-21T09:00:00-04:00", "2026-08-29T09:00:00-04:00", "2026-09-04T09:00:00-04:00",
			"2026-09-06T01:00:00-03:00", "2026-09-06T09:00:00-03:00"}},
		{"Havana, cut off at one", "America/Havana", "2026-03-07", Term{Days: 365}, []string{
			"2027-02-07T09:00:00-05:00", "2027-02-20T09:00:00-05:00", "2027-02-28T09:00:00-05:00", "2027-03-06T09:00:00-05:00",
			"2027-03-08T00:00:00-05:00", "2027-03-08T09:00:00-05:00"}},
		{"Havana, the last day before the change", "America/Havana", "2026-03-13", Term{Years: 1}, []string{
			"2027-02-13T09:00:00-05:00", "2027-02-26T09:00:00-05:00", "2027-03-06T09:00:00-05:00", "2027-03-12T09:00:00-05:00",
			"2027-03-14T01:00:00-04:00", "2027-03-14T09:00:00-04:00"}},
		{"Cairo, cut off at one", "Africa/Cairo", "2026-04-29", Term{Years: 1}, []string{
			"2027-03-29T09:00:00+02:00", "2027-04-14T09:00:00+02:00", "2027-04-22T09:00:00+02:00", "2027-04-28T09:00:00+02:00",
			"2027-04-30T01:00:00+03:00", "2027-04-30T09:00:00+03:00"}},
		{"Kiritimati", "Pacific/Kiritimati", "2026-12-31", Term{Months: 1}, []string{
			"2026-12-31T09:00:00+14:00", "2027-01-16T09:00:00+14:00", "2027-01-24T09:00:00+14:00", "2027-01-30T09:00:00+14:00",
			"2027-02-01T00:00:00+14:00", "2027-02-01T09:00:00+14:00"}},
		{"a month before 31 March is the end of February", "Europe/Madrid", "2026-03-31", Term{Years: 1}, []string{
			"2027-02-28T09:00:00+01:00", "2027-03-16T09:00:00+01:00", "2027-03-24T09:00:00+01:00", "2027-03-30T09:00:00+02:00",
			"2027-04-01T00:00:00+02:00", "2027-04-01T09:00:00+02:00"}},
		{"a month before 31 March of a leap year", "Europe/Madrid", "2027-03-31", Term{Years: 1}, []string{
			"2028-02-29T09:00:00+01:00", "2028-03-16T09:00:00+01:00", "2028-03-24T09:00:00+01:00", "2028-03-30T09:00:00+02:00",
			"2028-04-01T00:00:00+02:00", "2028-04-01T09:00:00+02:00"}},
		{"from 29 February", "Europe/Madrid", "2028-02-29", Term{Years: 1}, []string{
			"2029-01-28T09:00:00+01:00", "2029-02-13T09:00:00+01:00", "2029-02-21T09:00:00+01:00", "2029-02-27T09:00:00+01:00",
			"2029-03-01T00:00:00+01:00", "2029-03-01T09:00:00+01:00"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := ladderOf(t, tt.zone, tt.start, tt.term)
			var got, kinds []string
			for _, n := range l.Notices() {
				got, kinds = append(got, n.Due.In(l.Zone).Format(time.RFC3339)), append(kinds, n.Kind)
			}
			require.Equal(t, tt.want, got)
			require.Equal(t, []string{EventMonth, Event15Days, Event7Days, Event1Day, EventEnd, EventReminder}, kinds)
		})
	}
}

// Nine o'clock that does not exist is when the clocks have passed it; nine o'clock
// that comes twice is the first.
func TestNineOClockWhereTheClocksChangeAtNine(t *testing.T) {
	// 8:30 becomes 9:30 on 14 March 2027, 9:30 becomes 8:30 on 7 November.
	zone, err := time.LoadLocationFromTZData("Test/Nine", tzData("STD0DST,M3.2.0/8:30,M11.1.0/9:30"))
	require.NoError(t, err)
	for day, want := range map[string]string{
		"2027-03-13": "2027-03-13T09:00:00Z",
		"2027-03-14": "2027-03-14T09:30:00+01:00",
		"2027-11-07": "2027-11-07T09:00:00+01:00",
		"2027-11-08": "2027-11-08T09:00:00Z",
	} {
		d, err := ParseDate(day)
		require.NoError(t, err)
		at := d.At(noticeTime, zone)
		require.Equal(t, want, at.Format(time.RFC3339))
		require.True(t, at.Add(-time.Nanosecond).In(zone).Format("2006-01-02 15:04") < day+" 09:00", "the first such instant")
	}
	// Apia had no 30 December 2011: who is cut off at its beginning is reminded on the 31st.
	l := ladderOf(t, "Pacific/Apia", "2010-12-29", Term{Years: 1})
	n := l.Notices()
	require.Equal(t, "2011-12-31T00:00:00+14:00", n[4].Due.Format(time.RFC3339))
	require.Equal(t, "2011-12-31T09:00:00+14:00", n[5].Due.Format(time.RFC3339))
}

// tzData is a zone of one rule, as in a file of the time zone database (RFC 8536).
func tzData(rule string) []byte {
	header := func(types, chars uint32) []byte {
		b := append([]byte("TZif2"), make([]byte, 15)...)
		for _, n := range []uint32{0, 0, 0, 0, types, chars} {
			b = binary.BigEndian.AppendUint32(b, n)
		}
		return b
	}
	body := append(make([]byte, 6), "STD\x00"...) // one type: UTC+0, no DST, name at 0
	block := append(header(1, 4), body...)
	return append(append(append([]byte{}, block...), block...), "\n"+rule+"\n"...)
}

func TestNoNoticesWithoutAnEnd(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	waiting := License{Number: "TG-1", Terms: Terms{Term: Term{Years: 1}, Start: StartFifthDevice}, Zone: "Europe/Madrid", ProvisionedAt: now}
	require.Empty(t, waiting.Ladder(1, now).Notices())
	bounded := waiting
	bounded.Terms.LatestEnd = Date{2027, 3, 10}
	require.Equal(t, Date{2027, 3, 10}, bounded.Ladder(1, now).LastDay, "it ends then, devices or no devices")
	unassigned := License{Number: "TG-2", Terms: Terms{Term: Term{Years: 1}, Start: StartFixedDate, StartDate: Date{2026, 1, 1}, Zone: "Europe/Madrid"}}
	require.Empty(t, unassigned.Ladder(1, now).Notices(), "nobody is served by it")
}

func TestCatchingUp(t *testing.T) {
	l := ladderOf(t, "Europe/Madrid", "2026-03-10", Term{Years: 1})
	n := l.Notices()
	ids := func(notices []Notice) (out []string) {
		for _, m := range notices {
			out = append(out, m.Kind)
		}
		return out
	}
	for _, tt := range []struct {
		name             string
		now              time.Time
		recorded         []int
		send, superseded []string
		next             int // -1: none
	}{
		{"long before", l.ArmedAt, nil, nil, nil, 0},
		{"a moment before", n[0].Due.Add(-1), nil, nil, nil, 0},
		{"at the instant", n[0].Due, nil, []string{EventMonth}, nil, 1},
		{"done already", n[0].Due.Add(time.Hour), []int{0}, nil, nil, 1},
		{"off for three weeks", n[2].Due.Add(time.Hour), []int{0}, []string{Event7Days}, []string{Event15Days}, 3},
		{"off for two months", n[5].Due.Add(time.Hour), nil, []string{EventReminder}, []string{EventMonth, Event15Days, Event7Days, Event1Day, EventEnd}, -1},
		{"all done", n[5].Due.Add(time.Hour), []int{0, 1, 2, 3, 4, 5}, nil, nil, -1},
		{"a gap before one that was sent", n[3].Due, []int{0, 1, 3}, nil, []string{Event7Days}, 4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			recorded := func(id string) bool {
				return slices.ContainsFunc(tt.recorded, func(i int) bool { return n[i].ID == id })
			}
			plan := l.Plan(recorded, tt.now)
			require.Equal(t, tt.send, ids(plan.Send))
			require.Equal(t, tt.superseded, ids(plan.Superseded))
			want := time.Time{}
			if tt.next >= 0 {
				want = n[tt.next].Due
			}
			require.True(t, want.Equal(plan.Next), "%s", plan.Next)
			require.False(t, l.Withdrawn(recorded, tt.now))
		})
	}
}

// A contract of ten days does not begin with "one month left", nor does one that was
// renewed in its last week but by a day.
func TestWhatWasDueBeforeTheEndWasKnownIsNotSent(t *testing.T) {
	l := ladderOf(t, "Europe/Madrid", "2026-03-10", Term{Days: 10})
	none := func(string) bool { return false }
	plan := l.Plan(none, l.ArmedAt)
	require.Empty(t, plan.Send)
	require.Empty(t, plan.Superseded)
	require.Equal(t, Event7Days, l.Notices()[2].Kind)
	require.True(t, l.Notices()[2].Due.Equal(plan.Next))
}

func TestAnotherEndHasOtherIDs(t *testing.T) {
	seen := map[string]bool{}
	for _, start := range []string{"2026-03-10", "2026-03-11"} {
		for turn := 1; turn <= 2; turn++ {
			l := ladderOf(t, "Europe/Madrid", start, Term{Years: 1})
			l.Turn = turn
			for _, n := range l.Notices() {
				require.Len(t, n.ID, 32)
				require.False(t, seen[n.ID])
				seen[n.ID] = true
			}
			again := l.Notices()
			require.Equal(t, l.Notices(), again, "the same facts give the same ids")
		}
	}
}

func TestATimeThatWentBackIsNoticed(t *testing.T) {
	l := ladderOf(t, "Europe/Madrid", "2026-03-10", Term{Years: 1})
	n := l.Notices()
	sent := func(id string) bool { return id == n[1].ID }
	require.False(t, l.Withdrawn(sent, n[1].Due))
	require.True(t, l.Withdrawn(sent, n[1].Due.Add(-1)), "sent before it was due")
	require.True(t, l.Withdrawn(func(string) bool { return false }, l.ArmedAt.Add(-1)), "armed in the future")
}

// Whatever downtimes and clock jumps, no notice is recorded twice, never two are sent
// at once, and each one either goes out or is superseded by a later one.
func TestEachNoticeOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		zone := rapid.SampledFrom([]string{"Europe/Madrid", "America/Santiago", "America/Havana", "Africa/Cairo", "Pacific/Kiritimati", "Pacific/Apia"}).Draw(rt, "zone")
		start := Date{2026, 1, 1}.AddDays(rapid.IntRange(0, 1500).Draw(rt, "start"))
		term := Term{Days: rapid.IntRange(1, 800).Draw(rt, "days")}
		l := ladderOf(t, zone, start.String(), term)
		sent, superseded := map[string]int{}, map[string]int{}
		recorded := func(id string) bool { return sent[id]+superseded[id] > 0 }
		now := l.ArmedAt
		look := func() {
			plan := l.Plan(recorded, now)
			require.LessOrEqual(rt, len(plan.Send), 1)
			for _, n := range plan.Superseded {
				superseded[n.ID]++
				require.False(rt, n.Due.After(now))
			}
			for _, n := range plan.Send {
				sent[n.ID]++
				require.False(rt, n.Due.After(now))
			}
			require.True(rt, plan.Next.IsZero() || plan.Next.After(now))
		}
		for range rapid.IntRange(1, 40).Draw(rt, "looks") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(90*24*time.Hour)).Draw(rt, "pass")))
			look()
		}
		now = l.End.AddDate(0, 0, 3)
		look()
		last := ""
		for _, n := range l.Notices() {
			total := sent[n.ID] + superseded[n.ID]
			if n.Due.Before(l.ArmedAt) {
				require.Zero(rt, total, n.Kind)
				continue
			}
			require.Equal(rt, 1, total, n.Kind)
			last = n.ID
		}
		require.Equal(rt, 1, sent[last], "nothing supersedes the last")
	})
}

func TestRetries(t *testing.T) {
	total := time.Duration(0)
	for n := 1; ; n++ {
		wait, more := RetryAfter(n)
		if !more {
			require.Equal(t, 10, n, "ten attempts")
			break
		}
		require.LessOrEqual(t, wait, LongestRetry)
		total += wait
	}
	require.Equal(t, "75h35m5s", total.String())
	_, more := RetryAfter(0)
	require.False(t, more)
}

func TestRecipients(t *testing.T) {
	mail := Recipient{Name: "it", Channel: ChannelEmail, Address: "it@hotel.example", Language: LanguageSpanish}
	hook := Recipient{Name: "hook", Channel: ChannelWebhook, Address: "https://hooks.example/x?y=1", Language: LanguageEnglish, Secret: NewWebhookSecret()}
	require.NoError(t, mail.Validate())
	require.NoError(t, hook.Validate())
	for name, change := range map[string]func(*Recipient){
		"no name": func(r *Recipient) { r.Name = "" }, "a line break in the name": func(r *Recipient) { r.Name = "a\r\nb" },
		"language": func(r *Recipient) { r.Language = "fr" }, "channel": func(r *Recipient) { r.Channel = "fax" },
		"display name": func(r *Recipient) { r.Channel, r.Address = ChannelEmail, "IT <it@hotel.example>" },
		"two":          func(r *Recipient) { r.Channel, r.Address = ChannelEmail, "a@b.example, c@d.example" },
		"header":       func(r *Recipient) { r.Channel, r.Address = ChannelEmail, "a@b.example\r\nBcc: c@d.example" },
		"scheme":       func(r *Recipient) { r.Address = "ftp://hooks.example/" }, "password in the URL": func(r *Recipient) { r.Address = "https://u:p@hooks.example/" },
		"no host": func(r *Recipient) { r.Address = "https:///x" }, "fragment": func(r *Recipient) { r.Address = "https://hooks.example/#x" },
		"secret": func(r *Recipient) { r.Secret = "whsec_c2hvcnQ=" }, "no secret": func(r *Recipient) { r.Secret = "" },
		"kind": func(r *Recipient) { r.Kinds = []string{"license.born"} }, "group": func(r *Recipient) { r.Kinds = []string{"lic*"} },
		"two scopes": func(r *Recipient) { r.Organization, r.License = "hotelsol", "TG-1" },
	} {
		r := hook
		change(&r)
		require.Equal(t, CodeInvalid, CodeOf(r.Validate()), name)
		require.Error(t, r.Validate(), name)
	}
	require.NoError(t, CheckKinds([]string{"notice.*", EventStart, "ap-limit.*"}))

	e, c := Event{Kind: EventAP80, License: "TG-1"}, EventContext{Realm: "HotelSol"}
	for i, tt := range []struct {
		change func(*Recipient)
		want   bool
	}{
		{func(*Recipient) {}, true},
		{func(r *Recipient) { r.Organization = "hotelsol" }, true},
		{func(r *Recipient) { r.Organization = "hotelmar" }, false},
		{func(r *Recipient) { r.License = "TG-1" }, true},
		{func(r *Recipient) { r.License = "TG-2" }, false},
		{func(r *Recipient) { r.Kinds = []string{EventStart} }, false},
		{func(r *Recipient) { r.Kinds = []string{EventStart, EventAP80} }, true},
		{func(r *Recipient) { r.Kinds = []string{"ap-limit.*"} }, true},
		{func(r *Recipient) { r.Kinds = []string{"room-limit.*"} }, false},
	} {
		r := mail
		tt.change(&r)
		require.Equal(t, tt.want, r.Wants(e, c), fmt.Sprint(i))
	}
	require.False(t, mail.Wants(Event{Kind: EventTest}, c))

	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	hook.OldSecret, hook.OldUntil = "old", now.Add(SecretOverlap)
	require.Equal(t, []string{hook.Secret, "old"}, hook.Secrets(now))
	require.Equal(t, []string{hook.Secret}, hook.Secrets(now.Add(SecretOverlap)))
}
