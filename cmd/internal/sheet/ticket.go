package sheet

import (
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"tallygate/licensing"
)

// TicketData is what stands on a sheet of tickets.
type TicketData struct {
	Headline string // over each ticket, such as the name of the venue
	SSID     string // of the network; empty: not printed
	URL      string // of the log-in page, {code} in it stands for the code; empty: no QR codes
	Zone     string // IANA, for ends
	At       time.Time
	Tickets  []Ticket
}

// Ticket is one of them.
type Ticket struct {
	Code     string
	Devices  int
	ValidFor time.Duration // from the first use; 0: until Until
	Until    *time.Time
	Note     string
}

// Tickets are cut out of two columns of five.
const (
	ticketColumns = 2
	ticketRows    = 5
	ticketMargin  = 10.0
	ticketWidth   = (pageWidth - 2*ticketMargin) / ticketColumns
	ticketHeight  = (pageHeight - 2*ticketMargin) / ticketRows
	ticketPad     = 6.0
	ticketCode    = 27.0 // side of the QR code
)

// Tickets writes a sheet of tickets in a language of Languages ("" is English).
// CodeInvalid: another language, or an URL too long for a QR code.
func Tickets(w io.Writer, d TicketData, lang string) error {
	text, err := wordsOf(lang)
	if err != nil {
		return err
	}
	zone, err := licensing.LoadZone(d.Zone)
	if err != nil {
		return err
	}
	p := newPage(text, text.ticket.title+" · "+d.Headline, d.At, 1)
	for i, t := range d.Tickets {
		at := i % (ticketColumns * ticketRows)
		if i > 0 && at == 0 {
			p.pdf.AddPage()
		}
		if at == 0 {
			p.cuttingMarks()
		}
		x := ticketMargin + ticketWidth*float64(at%ticketColumns)
		y := ticketMargin + ticketHeight*float64(at/ticketColumns)
		if err := p.ticket(x, y, d, t, zone); err != nil {
			return err
		}
	}
	return p.write(w)
}

// cuttingMarks draws where to cut.
func (p *page) cuttingMarks() {
	p.pdf.SetDashPattern([]float64{1, 1.5}, 0)
	for i := range ticketColumns + 1 {
		x := ticketMargin + ticketWidth*float64(i)
		p.line(x, ticketMargin, x, pageHeight-ticketMargin, 0.2, rule)
	}
	for i := range ticketRows + 1 {
		y := ticketMargin + ticketHeight*float64(i)
		p.line(ticketMargin, y, pageWidth-ticketMargin, y, 0.2, rule)
	}
	p.pdf.SetDashPattern(nil, 0)
}

func (p *page) ticket(x, y float64, d TicketData, t Ticket, zone *time.Location) error {
	w, width := p.words.ticket, ticketWidth-2*ticketPad
	p.put(x+ticketPad, y+9.5, navy, p.fit(p.name(d.Headline), bold, width, 5, 12, 10.5, 9, 8))
	p.put(x+ticketPad, y+14.2, teal, p.fit(w.wifi, regular, width, 3.5, 8))

	facts := width
	if d.URL != "" {
		facts -= ticketCode + 2
		qr, err := newCode(strings.ReplaceAll(d.URL, "{code}", url.QueryEscape(t.Code)), ticketCode)
		if err != nil {
			return err
		}
		left, top := x+ticketWidth-ticketPad-ticketCode+2, y+17.5
		p.pdf.RawWriteStr(qr.path(left/pointMM, (pageHeight-top-ticketCode)/pointMM, ticketCode/pointMM))
	}
	p.box(x+ticketPad, y+18, facts, 10.5, 1.4, tint)
	p.put(x+ticketPad+2.5, y+25, navy, p.fit(t.Code, mono, facts-5, 6, 14, 13, 12, 11, 10, 9, 8, 7, 6))

	at := y + 33.5
	for _, f := range []fact{
		{w.network, p.name(d.SSID)},
		{w.valid, p.words.validity(t, zone)},
		{w.devices, w.count(t.Devices)},
	} {
		if f.value == "" {
			continue
		}
		label := p.fit(f.label, regular, 15.5, 4, 7.5, 6.5)
		value := p.fit(f.value, regular, facts-16, 7.5, 8.5, 7.5, 6.5)
		p.put(x+ticketPad, at, grey, label)
		p.put(x+ticketPad+16, at, dark, value)
		at += 4.5 + value.height() - lead(value.size)
	}
	p.put(x+ticketPad, y+ticketHeight-5.2, grey, p.fit(w.how, regular, width, 6, 6.5, 6))
	return nil
}

// validity says how long a ticket is good.
func (w words) validity(t Ticket, zone *time.Location) string {
	var parts []string
	if t.ValidFor > 0 {
		parts = append(parts, w.ticket.span(t.ValidFor)+" "+w.ticket.fromFirst)
	}
	if t.Until != nil {
		local := t.Until.In(zone)
		day := licensing.DateIn(local, zone)
		at := w.day(day) + local.Format(", 15:04")
		if local.Hour() == 0 && local.Minute() == 0 {
			at = w.day(day.AddDays(-1)) // the end of a day is better known by its name
		}
		parts = append(parts, fmt.Sprintf(w.ticket.until, at))
	}
	return strings.Join(parts, ", ")
}

// ticketWords is what a ticket says.
type ticketWords struct {
	title, wifi, network, valid, devices, fromFirst, until, how string
	days, hours, minutes                                        [2]string // one, several
	device                                                      [2]string
}

func (w ticketWords) count(n int) string {
	return fmt.Sprintf("%d %s", n, several(w.device, n))
}

func several(forms [2]string, n int) string {
	if n == 1 {
		return forms[0]
	}
	return forms[1]
}

// span is a time in the largest unit in which it is whole.
func (w ticketWords) span(d time.Duration) string {
	switch {
	case d%(24*time.Hour) == 0 && d > 24*time.Hour:
		n := int(d / (24 * time.Hour))
		return fmt.Sprintf("%d %s", n, several(w.days, n))
	case d%time.Hour == 0:
		n := int(d / time.Hour)
		return fmt.Sprintf("%d %s", n, several(w.hours, n))
	}
	n := int((d + time.Minute - 1) / time.Minute)
	return fmt.Sprintf("%d %s", n, several(w.minutes, n))
}

func englishTicket() ticketWords {
	return ticketWords{
		title: "Tickets", wifi: "WiFi access", network: "Network", valid: "Valid", devices: "For",
		fromFirst: "from the first use", until: "until %s",
		how:  "Connect to the network, open any page, and enter the code as user name and password. Hyphens and capital letters do not matter.",
		days: [2]string{"day", "days"}, hours: [2]string{"hour", "hours"}, minutes: [2]string{"minute", "minutes"}, device: [2]string{"device", "devices"},
	}
}

func spanishTicket() ticketWords {
	return ticketWords{
		title: "Tickets", wifi: "Acceso WiFi", network: "Red", valid: "Válido", devices: "Para",
		fromFirst: "desde el primer uso", until: "hasta el %s",
		how:  "Conéctese a la red, abra cualquier página e introduzca el código como usuario y contraseña. Guiones y mayúsculas no importan.",
		days: [2]string{"día", "días"}, hours: [2]string{"hora", "horas"}, minutes: [2]string{"minuto", "minutos"}, device: [2]string{"dispositivo", "dispositivos"},
	}
}
