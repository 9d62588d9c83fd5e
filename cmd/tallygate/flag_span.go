package main

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// spanFlag is a time span: what time.ParseDuration reads, or days as in 30d.
type spanFlag struct {
	span time.Duration
	word string // a word that stands for no span at all, such as never; "" for none
}

const day = 24 * time.Hour

func (f *spanFlag) String() string {
	switch {
	case f.span == 0:
		return f.word
	case f.span%day == 0 && f.span > day:
		return strconv.FormatInt(int64(f.span/day), 10) + "d"
	}
	return f.span.String()
}

func (f *spanFlag) Set(s string) error {
	if f.word != "" && s == f.word {
		f.span = 0
		return nil
	}
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 15); err == nil && n > 0 {
			f.span = time.Duration(n) * day
			return nil
		}
	}
	span, err := time.ParseDuration(s)
	if err != nil || span <= 0 {
		if f.word != "" {
			return errors.New("must be a time span such as 12h or 30d, or " + f.word)
		}
		return errors.New("must be a time span such as 12h or 30d")
	}
	f.span = span
	return nil
}

func (f *spanFlag) Type() string { return "TIME" }
