package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// choice is a flag that takes one of a few words.
type choice[T ~string] struct {
	value *T
	words []T
}

func (f choice[T]) String() string {
	if f.value == nil {
		return ""
	}
	return string(*f.value)
}

func (f choice[T]) Set(s string) error {
	if !slices.Contains(f.words, T(s)) {
		return errors.New("must be " + f.list(" or "))
	}
	*f.value = T(s)
	return nil
}

func (f choice[T]) Type() string { return f.list("|") }

func (f choice[T]) list(sep string) string {
	words := make([]string, len(f.words))
	for i, w := range f.words {
		words[i] = string(w)
	}
	return strings.Join(words, sep)
}

// limitFlag is a number from 0 up; left out, nothing is limited.
type limitFlag struct{ limit *licensing.Limit }

func (f limitFlag) String() string {
	if f.limit == nil {
		return ""
	}
	return f.limit.String()
}

func (f limitFlag) Set(s string) error {
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil || n < 0 {
		return errors.New("must be a number from 0 up; leave the flag out for no limit")
	}
	*f.limit = licensing.Limit(n)
	return nil
}

func (f limitFlag) Type() string { return "N" }

// dateFlag is a day, YYYY-MM-DD.
type dateFlag struct{ date *licensing.Date }

func (f dateFlag) String() string {
	if f.date == nil || f.date.IsZero() {
		return ""
	}
	return f.date.String()
}

func (f dateFlag) Set(s string) (err error) {
	*f.date, err = licensing.ParseDate(s)
	return err
}

func (f dateFlag) Type() string { return "YYYY-MM-DD" }

// expiryFlag is when something ends: a time span from now, a day (its end, in the
// zone of the Location), or an RFC 3339 time. Not given, it is never.
type expiryFlag struct {
	at  time.Time
	day licensing.Date
	now func() time.Time
}

func (f *expiryFlag) String() string {
	switch {
	case !f.day.IsZero():
		return f.day.String()
	case f.at.IsZero():
		return ""
	}
	return f.at.Format(time.RFC3339)
}

func (f *expiryFlag) Set(s string) error {
	*f = expiryFlag{now: f.now}
	if span, err := time.ParseDuration(s); err == nil && span > 0 {
		f.at = f.now().Add(span).UTC().Truncate(time.Second)
		return nil
	}
	if day, err := licensing.ParseDate(s); err == nil {
		f.day = day
		return nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return errors.New("must be a time from now such as 48h, a day such as 2027-01-31, or a time such as 2027-01-31T12:00:00Z")
	}
	f.at = t
	return nil
}

func (f *expiryFlag) Type() string { return "WHEN" }

// end is the instant, at a Location with this time zone.
func (f *expiryFlag) end(zone string) (time.Time, error) {
	if f.day.IsZero() {
		return f.at, nil
	}
	z, err := licensing.LoadZone(zone)
	if err != nil {
		return time.Time{}, err
	}
	return f.day.AddDays(1).Start(z).UTC(), nil
}

// parseMAC reads an argument that must be the address of a device, or the pseudonym that
// lists show instead.
func parseMAC(text string) (macwatch.MAC, error) {
	mac, ok := macwatch.ParseDevice(text)
	if !ok || !mac.Device() {
		return 0, &usageError{
			message: fmt.Sprintf("%q is not the MAC address of a device", text),
			hint:    "write 12 hexadecimal digits, in any notation: 02:11:22:33:44:55; or a pseudonym as `tallygate device list` shows it: ~ and 16 digits",
		}
	}
	return mac, nil
}

// pairs reads repeated NAME=VALUE flags. The last = divides, since a network name may
// hold one; an empty VALUE takes the entry away.
func pairs(flag string, list []string) (map[string]string, error) {
	m := make(map[string]string, len(list))
	for _, p := range list {
		i := strings.LastIndexByte(p, '=')
		if i < 1 {
			return nil, &usageError{message: fmt.Sprintf("--%s %q is not NAME=VALUE", flag, p)}
		}
		m[p[:i]] = p[i+1:]
	}
	return m, nil
}
