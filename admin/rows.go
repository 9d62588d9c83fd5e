package admin

import (
	"bufio"
	"encoding/json"
	"net/http"
)

// rowBuffer is how much of a list is gathered before any of it is sent. A fault within
// the first buffer can still be told as a problem.
const rowBuffer = 32 << 10

// rowWriter writes a JSON array, one element a line.
type rowWriter struct {
	w    http.ResponseWriter
	out  *bufio.Writer
	rows int
	sent bool // some of it has left
}

func (rw *rowWriter) write(row any) error {
	line, err := json.Marshal(row)
	if err != nil {
		return err
	}
	opening := ",\n"
	if rw.rows == 0 {
		opening = "[\n"
		rw.w.Header().Set("Content-Type", "application/json")
	}
	rw.rows++
	if rw.out.Available() < len(opening)+len(line) {
		rw.sent = true
		extendDeadline(rw.w) // per buffer: a long list may take as long as it is read
	}
	if _, err := rw.out.WriteString(opening); err != nil {
		return err
	}
	_, err = rw.out.Write(line)
	return err
}

func (rw *rowWriter) close() error {
	closing := "\n]\n"
	if rw.rows == 0 {
		closing = "[]\n"
		rw.w.Header().Set("Content-Type", "application/json")
	}
	extendDeadline(rw.w)
	_, err := rw.out.WriteString(closing)
	if err == nil {
		err = rw.out.Flush()
	}
	if err != nil {
		return &cutShort{err}
	}
	return nil
}
