// Package sheet makes the papers that a distributor or a venue hands on, each a PDF of
// one A4 page in English or Spanish: the sheet of a license with its activation key as
// text and as a QR code, and the receipt of a start.
//
// Names are printed in Latin, Greek and Cyrillic letters, with every accent. Of other
// scripts the Unicode numbers are printed, and a line at the foot says so: the page has
// no font for them, and a box in place of a letter would tell nobody anything.
package sheet

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"tallygate/licensing"
)

// LicenseData is what stands on the sheet of a license, or of a pool of them.
type LicenseData struct {
	Numbers  []string                  // of the licenses that the key holds, one or more
	Terms    licensing.Terms           // as granted
	Location licensing.RequestLocation // where they are for, as far as it is known
	Key      string                    // the signed text
}

// Sides of the page: facts to the left, the code to the right.
const (
	gap       = 8.0
	codeSide  = 80.0
	factsSide = bodyWidth - gap - codeSide
	labels    = 29.0
)

// License writes the sheet of a license in a language of Languages ("" is English).
// CodeInvalid: another language, or a key too long for a QR code.
func License(w io.Writer, l LicenseData, lang string) error {
	text, err := wordsOf(lang)
	if err != nil {
		return err
	}
	qr, err := newCode(l.Key, codeSide)
	if err != nil {
		return err
	}
	p, err := l.draw(text, qr)
	if err != nil {
		return err
	}
	return p.write(w)
}

// draw makes the page. The more there is to say, the smaller it is said; letters of 5.5
// points are the least for a key, unless there is no other way.
func (l LicenseData) draw(text words, qr code) (*page, error) {
	for _, try := range []struct{ scale, least float64 }{{1, 5.5}, {0.88, 5.5}, {0.76, 5.5}, {0.76, 4}} {
		p := newPage(text, text.license+" "+l.Numbers[0], l.Terms.IssuedAt, try.scale)
		if p.license(l, qr, try.least) {
			return p, nil
		}
	}
	return nil, licensing.Errorf(licensing.CodeInvalid, "the key does not fit on one page with everything else").
		WithHint("shorten the list of modules or the names, or hand over the file of the key instead of a sheet")
}

// license draws the sheet; false when there is no room for the key in letters of at
// least so many points.
func (p *page) license(l LicenseData, qr code, least float64) bool {
	w, t := p.words, l.Terms
	p.head(t.Distributor)
	kind := w.kindText(t)
	if len(l.Numbers) > 1 {
		kind += " · " + fmt.Sprintf(w.pool, len(l.Numbers))
	}
	name, below := l.heading(p)
	y := p.numbers(p.title(kind, name, below), l.Numbers)
	end := max(p.licenseFacts(y, l), p.code(margin+factsSide+gap, y-4, qr, l))
	if !p.key(end, l.Key, least) {
		return false
	}
	p.foot(w.signed, w.grant+" "+t.GrantID, w.issuer+" "+t.Issuer)
	return true
}

// heading is for whom the license is: its Location, else its Organization.
func (l LicenseData) heading(p *page) (name, below string) {
	organization := p.name(l.Terms.Organization)
	realm := strings.ToLower(p.words.realm) + " " + l.Terms.Realm
	if l.Location.Name == "" {
		return organization, realm
	}
	return p.name(l.Location.Name), organization + " · " + realm
}

// numbers draws the number of the license, or those of a pool.
func (p *page) numbers(y float64, list []string) float64 {
	if len(list) == 1 {
		p.box(margin, y, 64, 10, 1.6, tint)
		p.text(margin+3.5, y+6.9, mono, 14, navy, list[0])
		return y + 10 + 9
	}
	const perRow, rows = 5, 3
	shown := list[:min(len(list), perRow*rows)]
	more := ""
	if len(shown) < len(list) {
		more = fmt.Sprintf(p.words.more, len(list)-len(shown), list[len(list)-1])
	}
	lines := (len(shown) + perRow - 1) / perRow
	height := 4.5*float64(lines) + 3
	if more != "" {
		height += 4.5
	}
	p.box(margin, y, bodyWidth, height, 1.6, tint)
	for i, number := range shown {
		p.text(margin+3.5+33*float64(i%perRow), y+5+4.5*float64(i/perRow), mono, 8.5, navy, number)
	}
	p.text(margin+3.5, y+height-2.6, regular, 8, grey, more)
	return y + height + 9
}

func (p *page) licenseFacts(y float64, l LicenseData) float64 {
	w, t := p.words, l.Terms
	place := []fact{
		{w.id, t.Location},
		{w.sector, p.name(w.sectorName(l.Location.Sector))},
		{w.timeZone, or(t.Zone, l.Location.TimeZone)},
		{w.partner, p.name(t.Partner)},
	}
	if t.Location == "" {
		place[0] = fact{w.location, w.anyLocation}
	}
	y = p.section(margin, y, factsSide, w.location)
	y = p.facts(margin, y, labels, factsSide, place)
	y = p.section(margin, y+5, factsSide, w.license)
	return p.facts(margin, y, labels, factsSide, []fact{
		{w.term, w.length(t.Term)},
		{w.start, w.startText(t)},
		{w.aps, w.limit(t.APs)},
		{w.rooms, w.limit(t.Rooms)},
		{w.modules, p.modules(t.Modules)},
		{w.payment, w.paymentText(t)},
		{w.issued, w.day(licensing.DateIn(t.IssuedAt, time.UTC))},
		{w.enterBy, w.day(t.ActivateBy)},
		{w.latestEnd, w.day(t.LatestEnd)},
		{w.gateway, or(t.Gateway, w.anyGateway)},
	})
}

// modules lists the modules, and how many more there are than a sheet has room for.
func (p *page) modules(list []string) string {
	const most = 100 // octets
	if len(list) == 0 {
		return p.words.none
	}
	text := p.name(list[0])
	for i, m := range list[1:] {
		next := p.name(m)
		if len(text)+len(next) > most {
			return text + ", " + fmt.Sprintf(p.words.andMore, len(list)-1-i)
		}
		text += ", " + next
	}
	return text
}

// code draws the QR code and, under it, how to enter the key.
func (p *page) code(x, y float64, qr code, l LicenseData) float64 {
	p.pdf.SetDrawColor(rule.r, rule.g, rule.b)
	p.pdf.SetLineWidth(0.25)
	p.pdf.RoundedRect(x, y, codeSide, codeSide, 2, "1234", "D")
	p.pdf.RawWriteStr(qr.path(x/pointMM, (pageHeight-y-codeSide)/pointMM, codeSide/pointMM))
	y += codeSide + 5
	y = p.put(x, y, grey, p.fit(p.words.scan, regular, codeSide, 3, 7.5, 7))
	y = p.section(x, y+4, codeSide, p.words.howTo)
	location := or(l.Terms.Location, "ID")
	commands := []string{"", "tallygate license activate @FILE --location " + location, "tallygate license show " + l.Numbers[0]}
	for i, step := range p.words.steps {
		p.text(x, y, bold, 8.5, teal, strconv.Itoa(i+1))
		y = p.put(x+5, y, dark, p.fit(step, regular, codeSide-5, 9, 8.5, 8, 7))
		if commands[i] != "" {
			y = p.put(x+5, y, navy, p.fit(commands[i], mono, codeSide-5, 1, 6.7))
		}
		y++
	}
	return y
}

// key draws the whole key at the end of the page, in the largest letters that fit
// between y and there; false when those would be smaller than least.
func (p *page) key(y float64, key string, least float64) bool {
	const pad = 3.5
	for size := 8.5; size >= least; size -= 0.5 {
		p.set(mono, size, dark)
		perLine := int((bodyWidth - 2*pad) / p.pdf.GetStringWidth("0"))
		lines := (len(key) + perLine - 1) / perLine
		height := float64(lines)*lead(size) + 2*pad - 1
		top := bodyEnd - height
		if top-7 < y {
			continue
		}
		p.text(margin, top-2.6, bold, 8, teal, strings.ToUpper(p.words.key))
		p.box(margin, top, bodyWidth, height, 1.6, tint)
		for at := top + pad + size*pointMM*0.75; key != ""; at += lead(size) {
			n := min(perLine, len(key))
			p.text(margin+pad, at, mono, size, dark, key[:n])
			key = key[n:]
		}
		return true
	}
	return false
}

// or is text, or what stands for its absence.
func or(text, absent string) string {
	if text == "" {
		return absent
	}
	return text
}
