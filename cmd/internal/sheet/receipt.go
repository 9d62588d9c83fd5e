package sheet

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"tallygate/licensing"
)

// ReceiptData is what stands on the sheet of a start receipt.
type ReceiptData struct {
	Receipt      licensing.Receipt
	Hash         string // Receipt.Hash
	Organization string
	LocationName string         // "" when the Location is gone
	Zone         *time.Location // of the license; nil is UTC
}

// Receipt writes the sheet of a start receipt in a language of Languages ("" is
// English), with times as the clocks of the license's zone showed them. CodeInvalid:
// another language.
func Receipt(w io.Writer, r ReceiptData, lang string) error {
	text, err := wordsOf(lang)
	if err != nil {
		return err
	}
	if r.Zone == nil {
		r.Zone = time.UTC
	}
	p := newPage(text, text.receipt+" "+r.Receipt.Number, r.Receipt.RecordedAt, 1)
	p.receipt(r)
	return p.write(w)
}

func (p *page) receipt(r ReceiptData) {
	w, c := p.words, r.Receipt
	p.head("")
	name, below := r.LocationName, r.Organization
	if name == "" {
		name, below = c.Location, r.Organization
	} else if c.Location != "" {
		below += " · " + c.Location
	}
	y := p.numbers(p.title(w.receipt, p.name(name), p.name(below)), []string{c.Number})

	y = p.section(margin, y, bodyWidth, w.starts)
	y = p.put(margin, y+2.4, navy, p.fit(w.moment(c.StartsAt, r.Zone), bold, bodyWidth, 7, 15, 13, 11))
	y = p.facts(margin, y+0.8, labels+8, bodyWidth, []fact{
		{w.timeZone, r.Zone.String()},
		{w.threshold, strconv.Itoa(c.Threshold)},
		{w.rule, p.name(c.Rule)},
		{w.recorded, w.moment(c.RecordedAt, r.Zone)},
	})
	proof := []fact{{w.auditHead, c.AuditHead}, {w.gateway, c.GatewayKey}, {w.hash, r.Hash}}
	const proofHeight = 30.0
	p.sightings(y+5, bodyEnd-proofHeight-4, c.Sightings, r.Zone)
	p.proof(bodyEnd-proofHeight+6, proof)
	p.foot(w.receiptNote)
}

// sightings draws the table of the sightings between two heights.
func (p *page) sightings(y, end float64, list []licensing.ReceiptSighting, zone *time.Location) {
	columns := []struct {
		title string
		width float64
		face  face
	}{{"", 8, bold}, {p.words.seen, 46, regular}, {p.words.device, 42, mono}, {p.words.ap, 37, mono}, {p.words.session, 37, mono}}
	x := margin
	for _, col := range columns {
		p.put(x, y, grey, p.fit(col.title, regular, col.width-2, 4, 8, 7, 6))
		x += col.width
	}
	p.line(margin, y+2, pageWidth-margin, y+2, 0.25, rule)
	y += 7
	for i, s := range list {
		cells := []string{strconv.Itoa(i + 1), s.At.In(zone).Format("2006-01-02 15:04:05.999999 -07:00"), s.Device, p.name(s.AP), p.name(s.SessionID)}
		row, height := make([]paragraph, len(cells)), 0.0
		for j, cell := range cells {
			f := columns[j].face
			if f == mono && strings.Trim(cell, ascii) != "" {
				f = regular // the Mono has ASCII only
			}
			row[j] = p.fit(or(cell, "-"), f, columns[j].width-2, 7.2, 8, 7, 6, 5)
			height = max(height, row[j].height())
		}
		if y+height > end {
			p.text(margin+columns[0].width, y, regular, 8, grey, fmt.Sprintf(p.words.andMore, len(list)-i))
			return
		}
		x = margin
		for j, cell := range row {
			p.put(x, y, dark, cell)
			x += columns[j].width
		}
		y += height + 1.6
		p.line(margin, y-3.4, pageWidth-margin, y-3.4, 0.12, rule)
		y += 0.8
	}
}

// ascii is what the Mono can show.
const ascii = " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~"

// proof draws the long values by which the receipt can be checked.
func (p *page) proof(y float64, list []fact) {
	p.box(margin, y-6, bodyWidth, 26, 1.6, tint)
	for _, f := range list {
		p.text(margin+3.5, y, regular, 8, grey, f.label)
		p.text(margin+58, y, mono, 7, dark, or(f.value, "-"))
		y += 7
	}
}
