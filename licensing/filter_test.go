package licensing

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// listed are four licenses that differ in every column.
func listed() []Summary {
	at := func(s string) *time.Time {
		v, err := time.Parse(time.RFC3339, s)
		if err != nil {
			panic(err)
		}
		return &v
	}
	left := 40
	return []Summary{
		{Number: "TG-1111", Organization: "Hotel Sol", State: InUse, Threshold: 5, DevicesCounted: 12, Locations: []string{"28N2S004", "28N2S005"},
			Modules: []string{"guest", "pms"}, StartsAt: at("2026-01-01T23:30:00Z"), EndsAt: at("2027-01-02T23:00:00Z"),
			LastDay: &Date{2027, 1, 2}, DaysLeft: &left, APs: Usage{Limit: 2, InUse: 3}, Rooms: Usage{Limit: Unlimited, InUse: 9}, OverLimit: true, Payment: "monthly",
			Partner: "Redes Sur", Distributor: "Norte", Term: "1 year", Start: "fifth-device", TimeZone: "Europe/Madrid",
			ActivatedAt: *at("2025-12-31T12:00:00Z"), LicensesLeft: 1},
		{Number: "TG-2222", Organization: "Hotel Sol", State: PendingStart, Threshold: 5, DevicesCounted: 4, Locations: []string{"28N2S004"},
			Modules: []string{"guest"}, APs: Usage{Limit: Unlimited, InUse: 0}, Rooms: Usage{Limit: 40, InUse: 0}, QueuePosition: 1, Transfer: &TransferRequest{To: "redes-sur"}, StartDue: at("2026-06-01T12:00:00Z"), Term: "2 years", Start: "fifth-device",
			TimeZone: "Europe/Madrid", ActivatedAt: *at("2026-02-01T12:00:00Z"), LicensesLeft: 1},
		{Number: "TG-3333", Organization: "Hostal Luna", State: AccessDenied, Reason: "invoice 4711 unpaid", ReleasedTo: "k4.public.x", Threshold: 1, Payment: "annual",
			APs: Usage{Limit: 10, InUse: 10}, Trial: true, Term: "3 months", Start: "on-provision", TimeZone: "America/Santiago", ActivatedAt: *at("2026-03-01T12:00:00Z"),
			StartsAt: at("2026-03-01T12:00:00Z"), LastDay: &Date{2026, 6, 1}},
		{Number: "TG-4444", Organization: "Hotel Sol", State: PendingProvision, Threshold: 5, Term: "1 year", Start: "fifth-device",
			ActivatedAt: *at("2026-04-01T12:00:00Z"), LicensesLeft: 1},
	}
}

func shown(t *testing.T, parameters map[string]string) (numbers string) {
	t.Helper()
	f, err := ParseFilter(parameters)
	require.NoError(t, err)
	var list []Summary
	for _, s := range listed() {
		if f.Admits(&s) {
			list = append(list, s)
		}
	}
	f.Sort(list)
	for _, s := range list {
		numbers += s.Number[3:4]
	}
	return numbers
}

func TestEveryColumnFilters(t *testing.T) {
	cases := []struct{ name, value, want string }{
		{"number", "tg-22", "2"},
		{"organization", "hotel", "124"},
		{"state", "In Use", "1"},
		{"state", "pending-start, Access denied", "23"},
		{"reason", "4711", "3"},
		{"location", "28n2s004", "12"},
		{"location", "28N2S004,28N2S005", "1"},
		{"module", "guest pms", "1"},
		{"threshold", "5", "124"},
		{"devices-counted", "1..9", "2"},
		{"devices_counted", "5..", "1"},
		{"starts-after", "2026-01-01", "13"}, // 23:30 UTC is 2 January in Madrid
		{"starts-after", "2026-01-02", "3"},
		{"starts-before", "2026-01-03", "1"},
		{"ends-before", "2027-01-02", "3"},
		{"ends-before", "2027-01-03", "13"},
		{"ends-after", "2027-01-01", "1"},
		{"days-left", "..60", "1"},
		{"aps-limit", "2", "1"},
		{"aps-in-use", "3..10", "13"},
		{"rooms-limit", "1..", "2"},
		{"rooms-in-use", "9", "1"},
		{"over-limit", "yes", "1"},
		{"over-limit", "no", "234"},
		{"payment", "monthly", "1"},
		{"partner", "sur", "1"},
		{"distributor", "Norte", "1"},
		{"trial", "true", "3"},
		{"queue-position", "1", "2"},
		{"licenses-left", "0", "3"},
		{"term", "year", "124"},
		{"start", "on-provision", "3"},
		{"time-zone", "madrid", "12"},
		{"activated-after", "2026-02-28", "34"},
		{"activated-before", "2026-02-01", "1"},
		{"transfer-to", "sur", "2"},
		{"start-due-after", "2026-05-31", "2"},
		{"start-due-before", "2026-06-01", ""},
		{"released-to", "k4.public", "3"},
	}
	tried := map[string]bool{}
	for _, c := range cases {
		require.Equal(t, c.want, shown(t, map[string]string{c.name: c.value}), "%s=%s", c.name, c.value)
		tried[strings.ReplaceAll(c.name, "_", "-")] = true
	}
	for _, p := range FilterParameters() {
		require.True(t, tried[p.Name], "no case for %s", p.Name)
	}
}

func TestConditionsAddUp(t *testing.T) {
	require.Equal(t, "1234", shown(t, nil))
	require.Equal(t, "12", shown(t, map[string]string{"organization": "sol", "location": "28N2S004", "reason": "  "}))
	require.Empty(t, shown(t, map[string]string{"organization": "sol", "trial": "yes"}))
}

func TestOrder(t *testing.T) {
	for order, want := range map[string]string{
		"organization":          "3124",
		"-organization":         "1243",
		"last_day":              "3124", // those without one last
		"-last_day":             "1324",
		"-devices-counted":      "1234",
		"aps_in_use,-number":    "4213",
		"trial":                 "1243",
		" -term , activated_at": "3214",
		"locations":             "2134",
		"starts_at":             "1324",
		"ends,-location":        "3124",
	} {
		require.Equal(t, want, shown(t, map[string]string{"sort": order}), order)
	}
}

func TestWrongFiltersAreExplained(t *testing.T) {
	for parameters, want := range map[[2]string][2]string{
		{"colour", "red"}:           {`licenses cannot be filtered by "colour"`, "number, organization, state"},
		{"ends", "2027-01-01"}:      {`licenses cannot be filtered by "ends"`, "ends-after, ends-before"},
		{"sort", "number,ended"}:    {`there is no column "ended"`, "last_day"},
		{"sort", ""}:                {},
		{"sort", ","}:               {`there is no column ""`, "number"},
		{"state", "asleep"}:         {`"asleep" is not a license state`, "In Use"},
		{"ends-before", "soon"}:     {`"soon" is not a date`, "2026-09-30"},
		{"aps-limit", "many"}:       {`"many" is not a number`, "1..4"},
		{"aps-limit", ".."}:         {`".." is not a number`, "1..4"},
		{"aps-limit", "-1"}:         {`"-1" is not a number`, "1..4"},
		{"aps-limit", "1..2..3"}:    {`"1..2..3" is not a number`, "1..4"},
		{"trial", "perhaps"}:        {`"perhaps" is neither yes nor no`, "--trial=no"},
		{"ends_before", "tomorrow"}: {`"tomorrow" is not a date`, ""},
	} {
		_, err := ParseFilter(map[string]string{parameters[0]: parameters[1]})
		if want[0] == "" {
			require.NoError(t, err)
			continue
		}
		var e *Error
		require.ErrorAs(t, err, &e, "%v", parameters)
		require.Equal(t, CodeInvalid, e.Code)
		require.Contains(t, e.Message, want[0])
		require.Contains(t, e.Hint, want[1])
	}
}

// A list is narrowed in the same way on both sides of the API.
func TestAFilterIsReadFromItsOwnParameters(t *testing.T) {
	f, err := ParseFilter(map[string]string{"ends_before": "2027-01-03", "sort": "-number", "partner": ""})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"ends-before": "2027-01-03", "sort": "-number"}, f.Parameters())
	require.Empty(t, Filter{}.Parameters())
}

func TestColumns(t *testing.T) {
	// Programs count the columns of the CSV: new ones come last.
	var names []string
	for _, c := range Columns() {
		names = append(names, c.Name)
	}
	require.Equal(t, []string{"number", "organization", "state", "reason", "locations", "modules", "threshold", "devices_counted", "starts_at",
		"ends_at", "last_day", "days_left", "aps_limit", "aps_in_use", "rooms_limit", "rooms_in_use", "over_limit", "payment", "partner",
		"distributor", "trial", "queue_position", "licenses_left", "term", "start", "time_zone", "activated_at"}, names[:27])

	// Whatever the JSON of the list shows has its column.
	for field := range reflect.TypeFor[Summary]().Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "aps" || name == "rooms" {
			name += "_limit"
		}
		switch name {
		case "parts": // one per Location: no cell
		case "transfer", "released_at", "proposed_start", "next_order": // in other words: transfer_to, released_to, start_due
		default:
			require.Contains(t, names, name, "no column for %s", field.Name)
		}
	}

	row := listed()[0]
	columns, err := ColumnsNamed([]string{"Number", "ends-at", "last_day", "rooms_limit", "over_limit", "trial", "locations", "reason", "days_left"})
	require.NoError(t, err)
	var cells []string
	for _, c := range columns {
		cells = append(cells, c.Cell(&row).String(c.Kind))
	}
	require.Equal(t, []string{"TG-1111", "2027-01-02T23:00:00Z", "2027-01-02", "", "yes", "no", "28N2S004 28N2S005", "", "40"}, cells)
}

func TestDaysLeftAreLocalDays(t *testing.T) {
	l := &License{Terms: Terms{Term: Term{Days: 3}}, Zone: "Pacific/Kiritimati", StartedAt: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}
	for at, want := range map[string]int{ // it started on the 22nd there, its last day is the 25th
		"2026-11-22T09:59:59Z": 3, "2026-11-22T10:00:00Z": 2, "2026-11-25T09:59:59Z": 0, "2026-11-25T10:00:00Z": -1,
	} {
		now, err := time.Parse(time.RFC3339, at)
		require.NoError(t, err)
		left, ok := l.DaysLeft(now)
		require.Equal(t, want >= 0, ok, at)
		require.Equal(t, max(want, 0), left, at)
	}
	_, ok := (&License{}).DaysLeft(time.Now())
	require.False(t, ok, "no end is known")
}

func TestTermInWords(t *testing.T) {
	for want, term := range map[string]Term{"1 year": {Years: 1}, "5 years": {Years: 5}, "18 months": {Months: 18}, "1 day": {Days: 1}, "none": {}} {
		require.Equal(t, want, term.String())
	}
}
