package sheet

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"

	"codeberg.org/go-pdf/fpdf"
)

// A4, in millimetres.
const (
	pageWidth  = 210.0
	pageHeight = 297.0
	margin     = 20.0
	bodyWidth  = pageWidth - 2*margin
	bodyEnd    = pageHeight - 24 // above the footer
	band       = 24.0            // height of the coloured head

	pointMM = 25.4 / 72
)

// ink is a colour.
type ink struct{ r, g, b int }

var (
	white  = ink{255, 255, 255}
	dark   = ink{27, 39, 48}
	grey   = ink{92, 107, 118}
	navy   = ink{16, 42, 67}
	teal   = ink{11, 122, 117}
	orange = ink{240, 128, 60}
	tint   = ink{242, 246, 247}
	rule   = ink{210, 220, 225}
)

// face is a font of the sheets.
type face struct{ family, style string }

var (
	regular = face{"sans", ""}
	bold    = face{"sans", "B"}
	mono    = face{"mono", ""}
)

// page is a sheet in the making. Baselines and boxes are in millimetres from the upper
// left corner, sizes of letters in points.
type page struct {
	pdf     *fpdf.Fpdf
	words   words
	letters letters
	spelt   bool    // a name was spelt in Unicode numbers
	scale   float64 // of the letters of the facts; below 1 when there is too much to say
}

// newPage begins a sheet. at is the time that the document bears: the same data make
// the same octets.
func newPage(w words, title string, at time.Time, scale float64) *page {
	pdf := fpdf.New("P", "mm", "A4", "")
	pdf.SetCatalogSort(true)
	pdf.SetCreationDate(at.UTC())
	pdf.SetModificationDate(at.UTC())
	pdf.SetProducer("Tallygate", true)
	pdf.SetCreator("Tallygate", true)
	pdf.SetTitle(title, true)
	pdf.SetLang(w.lang)
	pdf.SetDisplayMode("fullpage", "single")
	pdf.SetMargins(0, 0, 0)
	pdf.SetAutoPageBreak(false, 0)
	// Copies: fpdf writes into the font when it cuts it (utf8FontFile.getMetrics), so that
	// the next sheet would differ.
	pdf.AddUTF8FontFromBytes("sans", "", bytes.Clone(regularFont))
	pdf.AddUTF8FontFromBytes("sans", "B", bytes.Clone(boldFont))
	pdf.AddUTF8FontFromBytes("mono", "", bytes.Clone(monoFont))
	pdf.AddPage()
	return &page{pdf: pdf, words: w, letters: lettersOf(regularFont), scale: scale}
}

// write finishes the sheet. Nothing is written of one that failed.
func (p *page) write(w io.Writer) error {
	var out bytes.Buffer
	if err := p.pdf.Output(&out); err != nil {
		return fmt.Errorf("cannot make the PDF: %w", err)
	}
	_, err := w.Write(out.Bytes())
	return err
}

// name makes the name of somebody or something printable.
func (p *page) name(s string) string {
	text, spelt := p.letters.spell(s)
	p.spelt = p.spelt || spelt
	return text
}

func (p *page) set(f face, size float64, c ink) {
	p.pdf.SetFont(f.family, f.style, size)
	p.pdf.SetTextColor(c.r, c.g, c.b)
}

func (p *page) text(x, y float64, f face, size float64, c ink, s string) {
	p.set(f, size, c)
	p.pdf.Text(x, y, s)
}

func (p *page) textRight(x, y float64, f face, size float64, c ink, s string) {
	p.set(f, size, c)
	p.pdf.Text(x-p.pdf.GetStringWidth(s), y, s)
}

func (p *page) box(x, y, w, h, radius float64, c ink) {
	p.pdf.SetFillColor(c.r, c.g, c.b)
	p.pdf.RoundedRect(x, y, w, h, radius, "1234", "F")
}

func (p *page) line(x1, y1, x2, y2, width float64, c ink) {
	p.pdf.SetDrawColor(c.r, c.g, c.b)
	p.pdf.SetLineWidth(width)
	p.pdf.Line(x1, y1, x2, y2)
}

// lead is the distance between two baselines of this size.
func lead(size float64) float64 { return size * pointMM * 1.32 }

// paragraph is text broken into lines.
type paragraph struct {
	face  face
	size  float64
	lines []string
}

func (t paragraph) height() float64 { return float64(len(t.lines)) * lead(t.size) }

// fit breaks s into lines of a width, in the first of the sizes in which they are no
// higher than asked; else it is cut in the last one, and ends with an ellipsis. One line
// is always there.
func (p *page) fit(s string, f face, width, height float64, sizes ...float64) paragraph {
	var t paragraph
	most := 1
	for _, size := range sizes {
		p.set(f, size, dark)
		t = paragraph{f, size, p.wrap(s, width)}
		most = max(1, int(height/lead(size)))
		if len(t.lines) <= most {
			return t
		}
	}
	t.lines = t.lines[:most]
	last := []rune(t.lines[most-1])
	for len(last) > 0 && p.pdf.GetStringWidth(string(last)+"…") > width {
		last = last[:len(last)-1]
	}
	t.lines[most-1] = strings.TrimRight(string(last), " ") + "…"
	return t
}

// wrap breaks s at spaces, and words that are longer than a line anywhere.
func (p *page) wrap(s string, width float64) (lines []string) {
	line := ""
	for _, word := range strings.Fields(s) {
		joined := strings.TrimLeft(line+" "+word, " ")
		if p.pdf.GetStringWidth(joined) <= width {
			line = joined
			continue
		}
		if line != "" {
			lines, line = append(lines, line), ""
		}
		for _, r := range word {
			if line != "" && p.pdf.GetStringWidth(line+string(r)) > width {
				lines, line = append(lines, line), ""
			}
			line += string(r)
		}
	}
	return append(lines, line)
}

// put draws a paragraph whose first baseline is y, and returns the baseline that follows.
func (p *page) put(x, y float64, c ink, t paragraph) float64 {
	for _, s := range t.lines {
		p.text(x, y, t.face, t.size, c, s)
		y += lead(t.size)
	}
	return y
}

// head draws the coloured band with the sign of Tallygate: the tally of five that
// starts a license.
func (p *page) head(issuedBy string) {
	p.box(0, 0, pageWidth, band, 0, navy)
	const left, top, high = margin, 7.2, 9.6
	for i := range 4 {
		x := left + 2.6*float64(i)
		p.line(x, top, x, top+high, 0.9, white)
	}
	p.line(left-1.8, top+high-1.6, left+9.6, top+1.6, 0.9, orange)
	p.text(left+15, 14.6, bold, 17, white, "Tallygate")
	if issuedBy == "" {
		return
	}
	p.textRight(pageWidth-margin, 10.2, regular, 7.5, ink{176, 196, 210}, p.words.issuedBy)
	name := p.fit(p.name(issuedBy), bold, 105, 10, 11, 10, 9, 8, 7, 6)
	y := 15.4
	for _, s := range name.lines {
		p.textRight(pageWidth-margin, y, bold, name.size, white, s)
		y += lead(name.size)
	}
}

// title draws what the sheet is and for whom: a small line, the name, a line below it.
// It returns where the next thing can begin.
func (p *page) title(kind, name, below string) (y float64) {
	p.text(margin, band+12, bold, 8.5, teal, strings.ToUpper(kind))
	t := p.fit(name, bold, bodyWidth, 24, 25, 21, 18, 15, 12, 10, 9, 8)
	y = p.put(margin, band+15+t.size*pointMM, navy, t) - lead(t.size)
	t = p.fit(below, regular, bodyWidth, 13, 10.5, 9, 8, 7, 6.5)
	return p.put(margin, y+7, grey, t) - lead(t.size) + 4.5
}

// section draws the heading of a part, and returns the first baseline under it.
func (p *page) section(x, y, width float64, title string) float64 {
	p.text(x, y, bold, 8, teal, strings.ToUpper(title))
	p.line(x, y+1.8, x+width, y+1.8, 0.25, rule)
	return y + 6.8
}

// fact is a line of what the sheet states; one without a value is left out.
type fact struct{ label, value string }

// facts draws facts, labels to the left of the values, and returns the baseline after.
func (p *page) facts(x, y, labels, width float64, list []fact) float64 {
	for _, f := range list {
		if f.value == "" {
			continue
		}
		label := p.fit(f.label, regular, labels-2, 8, 8.5*p.scale, 7.5*p.scale)
		sizes := []float64{9.5 * p.scale, 8.5 * p.scale, 7.5 * p.scale, 6.5 * p.scale}
		value := p.fit(f.value, regular, width-labels, 16.5*p.scale, sizes...)
		if strings.HasPrefix(f.value, "k4.") {
			value = p.fit(f.value, mono, width-labels, 16.5, 7*p.scale)
		}
		p.put(x, y, grey, label)
		p.put(x+labels, y, dark, value)
		// Rows keep their distance also below small letters.
		y += max(label.height()-lead(label.size), value.height()-lead(value.size)) + lead(9.5*p.scale) + 1.1*p.scale
	}
	return y
}

// foot draws the small print at the end of the page.
func (p *page) foot(lines ...string) {
	y := bodyEnd + 8
	p.line(margin, y-4.5, pageWidth-margin, y-4.5, 0.25, rule)
	if p.spelt {
		lines = append([]string{p.words.spelt}, lines...)
	}
	for _, s := range lines {
		y = p.put(margin, y, grey, p.fit(s, regular, bodyWidth, 3, 6.5, 6, 5.5))
	}
}
