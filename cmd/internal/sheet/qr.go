package sheet

import (
	"fmt"
	"image/color"
	"strings"

	"github.com/boombuler/barcode"
	"github.com/boombuler/barcode/qr"

	"tallygate/licensing"
)

const (
	// quiet is the white margin that readers need, in modules (ISO/IEC 18004 section 6.3.8).
	quiet = 4

	// goodModule is what a telephone reads from paper without trouble, in millimetres. A
	// key for which the modules would become smaller gets less error correction instead.
	goodModule = 0.55

	// maxCode is what the largest QR code holds, in octets (version 40, level L).
	maxCode = 2953
)

// code is a QR code: rows of modules, dark or light, without the quiet zone.
type code [][]bool

// newCode draws text as a QR code in byte mode for a square of so many millimetres,
// with the strongest error correction that leaves the modules large enough.
func newCode(text string, side float64) (code, error) {
	if len(text) > maxCode {
		return nil, licensing.Errorf(licensing.CodeInvalid, "the key has %d characters, and a QR code holds %d", len(text), maxCode).
			WithHint("shorten the list of modules or the names, or hand over the file of the key instead of a sheet")
	}
	var err error
	for _, level := range []qr.ErrorCorrectionLevel{qr.Q, qr.M, qr.L} {
		var drawn barcode.Barcode
		// qr.Unicode is byte mode; qr.Auto could choose another for some keys.
		if drawn, err = qr.Encode(text, level, qr.Unicode); err != nil {
			continue
		}
		size := drawn.Bounds().Dx()
		if level == qr.L || side/float64(size+2*quiet) >= goodModule {
			return modules(drawn, size), nil
		}
	}
	return nil, fmt.Errorf("cannot draw the QR code: %w", err)
}

func modules(drawn barcode.Barcode, size int) code {
	c := make(code, size)
	for y := range c {
		c[y] = make([]bool, size)
		for x := range c[y] {
			c[y][x] = drawn.At(x, y) == color.Black
		}
	}
	return c
}

// path is the code as one PDF path in a square, quiet zone included, in points from the
// lower left corner of the page. One path: separate rectangles would show hairlines
// between them on a screen.
func (c code) path(left, bottom, side float64) string {
	module := side / float64(len(c)+2*quiet)
	var b strings.Builder
	b.WriteString("q 0 g\n")
	for y, row := range c {
		for x := 0; x < len(row); x++ {
			from := x
			for x < len(row) && row[x] {
				x++
			}
			if x > from {
				fmt.Fprintf(&b, "%.3f %.3f %.3f %.3f re\n", left+module*float64(from+quiet),
					bottom+side-module*float64(y+quiet+1), module*float64(x-from), module)
			}
		}
	}
	b.WriteString("f Q")
	return b.String()
}
