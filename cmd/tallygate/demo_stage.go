package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"tallygate/licensing"
)

// stage shows steps as they are played, one line each, and remembers how they went.
type stage struct {
	console *console
	steps   int
	failed  int
}

// step shows one. What went wrong on the way counts as what came.
func (s *stage) step(what, expected, got string, err error) {
	s.steps++
	if err != nil {
		got = "error: " + strings.Join(strings.Fields(err.Error()), " ")
	}
	ok := got == expected
	if !ok {
		s.failed++
	}
	if s.console.json {
		_ = json.NewEncoder(s.console.out).Encode(struct {
			Step     int    `json:"step"`
			What     string `json:"what"`
			Expected string `json:"expected"`
			Got      string `json:"got"`
			OK       bool   `json:"ok"`
		}{s.steps, what, expected, got, ok})
		return
	}
	outcome := "as expected: " + got
	mark := "ok  "
	if !ok {
		mark = "FAIL"
		outcome = fmt.Sprintf("expected: %s; got: %s", expected, got)
	}
	_, _ = fmt.Fprintf(s.console.out, "%s %2d  %-68s  %s\n", mark, s.steps, what, outcome)
}

// verdict is the end of the play.
func (s *stage) verdict() error {
	if s.failed > 0 {
		return licensing.Errorf(licensing.CodeInternal, "%d of %d steps came out differently", s.failed, s.steps).
			WithHint("the lines marked FAIL say what was expected and what came")
	}
	if !s.console.json {
		_, _ = fmt.Fprintf(s.console.out, "all %d steps came out as expected\n", s.steps)
	}
	return nil
}
