package notice

import (
	"fmt"
	"strings"
	"time"

	"tallygate/licensing"
)

// view is what the phrases can speak of, every value ready to be read.
type view struct {
	Kind         string
	License      string
	Organization string
	Place        string // the Locations, by name and id
	At           string // when it happened; empty for the ladder, which speaks of the end
	LastDay      string
	CutOff       string // the instant from which guests are refused
	Next         string // the license that takes over then
	Starts       string
	AnswerBy     string // until when a proposed start can be declined
	Reason       string
	By           string
	Limit, InUse string
	Recipient    string
}

func newView(d licensing.Delivery, language licensing.Language) view {
	e, c := d.Event, d.Context
	zone, err := licensing.LoadZone(c.Zone)
	if err != nil {
		zone = time.UTC
	}
	v := view{
		Kind: e.Kind, License: e.License, Organization: c.Organization, Next: c.Next, Recipient: d.Recipient.Name,
		Reason: datum(e, "reason"), By: datum(e, "by"), Limit: datum(e, "limit"), InUse: datum(e, "in_use"),
	}
	places := make([]string, len(c.Locations))
	for i, l := range c.Locations {
		places[i] = fmt.Sprintf("%s (%s)", l.Name, l.ID)
	}
	v.Place = strings.Join(places, ", ")
	if !c.LastDay.IsZero() {
		v.LastDay, v.CutOff = day(c.LastDay, language), moment(c.EndsAt, zone, language)
	}
	if !onLadder(e.Kind) {
		v.At = moment(e.At, zone, language)
	}
	for key, into := range map[string]*string{"starts_at": &v.Starts, "answer_by": &v.AnswerBy} {
		if at, err := time.Parse(time.RFC3339Nano, datum(e, key)); err == nil {
			*into = moment(at, zone, language)
		}
	}
	return v
}

// onLadder reports whether the kind is one of the six notices of an end.
func onLadder(kind string) bool {
	return strings.HasPrefix(kind, "notice.") || kind == licensing.EventEnd
}

// datum is one of an event's own values, as text; "" when it has none. It has been
// through JSON, or comes straight from a sample.
func datum(e licensing.Event, key string) string {
	switch value := e.Data[key].(type) {
	case nil:
		return ""
	case time.Time:
		return value.Format(time.RFC3339Nano)
	default:
		return fmt.Sprint(value)
	}
}

// facts are the lines of the table, those that have something to say.
func (v view) facts() []fact {
	usage := v.InUse
	if v.Limit != "" {
		usage += " / " + v.Limit
	}
	var out []fact
	for _, f := range []fact{
		{"license", v.License}, {"organization", v.Organization}, {"place", v.Place}, {"at", v.At}, {"reason", v.Reason}, {"by", v.By},
		{"usage", usage}, {"starts", v.Starts}, {"answerby", v.AnswerBy}, {"lastday", v.LastDay}, {"cutoff", v.CutOff}, {"next", v.Next},
	} {
		if f.Value != "" {
			out = append(out, f)
		}
	}
	return out
}

var months = map[licensing.Language][12]string{
	licensing.LanguageEnglish: {"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"},
	licensing.LanguageSpanish: {"enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre"},
}

// day is a date as people write it.
func day(d licensing.Date, language licensing.Language) string {
	month := months[language][d.Month-1]
	if language == licensing.LanguageSpanish {
		return fmt.Sprintf("%d de %s de %d", d.Day, month, d.Year)
	}
	return fmt.Sprintf("%d %s %d", d.Day, month, d.Year)
}

// moment is an instant on the clock of the Location, with the name of its zone.
func moment(t time.Time, zone *time.Location, language licensing.Language) string {
	local := t.In(zone)
	return fmt.Sprintf("%s, %s (%s)", day(licensing.DateIn(t, zone), language), local.Format("15:04"), zone)
}
