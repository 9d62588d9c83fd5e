package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tallygate/cmd/internal/distributor"
	"tallygate/licensing"
)

// issuedRow is a line of `issuer list`: a signed text, and the license it is for.
type issuedRow struct {
	IssuedAt     time.Time        `json:"issued_at"`
	Kind         string           `json:"kind"`
	Numbers      []string         `json:"numbers"` // none for a clock-reset
	Sequence     int              `json:"sequence,omitempty"`
	Organization string           `json:"organization,omitempty"`
	Realm        string           `json:"realm,omitempty"`
	Location     string           `json:"location,omitempty"`
	Distributor  string           `json:"distributor,omitempty"`
	Partner      string           `json:"partner,omitempty"`
	Payment      string           `json:"payment,omitempty"`
	What         string           `json:"what"`
	Term         string           `json:"term,omitempty"` // of a grant, in words
	APs          *licensing.Limit `json:"aps,omitempty"`  // of a grant; not there: not limited
	Rooms        *licensing.Limit `json:"rooms,omitempty"`
	Modules      []string         `json:"modules,omitempty"`
	Gateway      string           `json:"gateway,omitempty"`
	By           string           `json:"by,omitempty"`
	ID           string           `json:"id"`
}

// issuedFilter says which rows are wanted; empty fields do not filter.
type issuedFilter struct {
	row          issuedRow // compared without case, where set
	number       string
	since, until licensing.Date
}

func (f issuedFilter) wants(r issuedRow) bool {
	for _, pair := range [][2]string{
		{f.row.Kind, r.Kind}, {f.row.Organization, r.Organization}, {f.row.Realm, r.Realm}, {f.row.Location, r.Location},
		{f.row.Distributor, r.Distributor}, {f.row.Partner, r.Partner}, {f.row.Payment, r.Payment}, {f.row.Gateway, r.Gateway},
	} {
		if pair[0] != "" && !strings.EqualFold(pair[0], pair[1]) {
			return false
		}
	}
	day := licensing.DateIn(r.IssuedAt, time.UTC)
	return (f.number == "" || slices.Contains(r.Numbers, f.number)) &&
		(f.since.IsZero() || !day.Before(f.since)) && (f.until.IsZero() || !day.After(f.until))
}

func issuerListCmd(c *console) *cobra.Command {
	var dir, number string
	var asCSV bool
	var filter issuedFilter
	cmd := &cobra.Command{
		Use:   "list --dir DIR",
		Short: "List everything that was signed, oldest first",
		Example: `  tallygate issuer list --dir distributor --partner "Redes del Sur" --since 2026-01-01 --csv
  tallygate issuer list --dir distributor --kind deny`,
		Args: takes(),
		RunE: func(*cobra.Command, []string) error {
			if asCSV && c.json {
				return &usageError{message: "--csv and --json exclude each other", hint: "choose one"}
			}
			r, err := distributor.OpenRegister(dir)
			if err != nil {
				return err
			}
			if number != "" {
				if filter.number, err = licensing.ParseNumber(number); err != nil {
					return asUsage(err)
				}
			}
			issued, err := r.Read()
			if err != nil {
				return err
			}
			rows := slices.DeleteFunc(issuedRows(issued), func(r issuedRow) bool { return !filter.wants(r) })
			if asCSV {
				return c.issuedCSV(rows)
			}
			return c.issuedTable(rows)
		},
	}
	f := cmd.Flags()
	f.StringVar(&dir, "dir", "", "`DIR` that issuer init made")
	f.StringVar(&number, "number", "", "only what concerns the license with this `NUMBER`")
	f.Var(choice[string]{&filter.row.Kind, issuedKinds()}, "kind", "only texts of this kind")
	f.StringVar(&filter.row.Organization, "organization", "", "only those of this Organization")
	f.StringVar(&filter.row.Realm, "realm", "", "only those of this realm")
	f.StringVar(&filter.row.Location, "location", "", "only those of the Location with this `ID`")
	f.StringVar(&filter.row.Distributor, "distributor", "", "only those of this distributor")
	f.StringVar(&filter.row.Partner, "partner", "", "only those of this partner")
	f.Var(paymentFlag(&filter.row.Payment), "payment", "only those that are paid so")
	f.StringVar(&filter.row.Gateway, "gateway", "", "only those bound to the gateway with this `KEY`")
	f.Var(dateFlag{&filter.since}, "since", "only those signed on this day (UTC) or later")
	f.Var(dateFlag{&filter.until}, "until", "only those signed on this day (UTC) or earlier")
	f.BoolVar(&asCSV, "csv", false, "print CSV: all columns")
	return required(cmd, "dir")
}

func issuedKinds() []string {
	kinds := []string{distributor.KindGrant}
	for _, k := range licensing.OrderKinds() {
		kinds = append(kinds, string(k))
	}
	return kinds
}

// issuedRows puts to each order the license that it is for.
func issuedRows(issued []distributor.Entry) []issuedRow {
	granted := map[string]licensing.Terms{}
	rows := make([]issuedRow, 0, len(issued))
	for _, e := range issued {
		r := issuedRow{IssuedAt: e.IssuedAt, Kind: e.Kind, Numbers: e.Numbers, Sequence: e.Sequence, What: what(e), By: e.By, ID: e.ID}
		if r.Numbers == nil {
			r.Numbers = []string{}
		}
		if t := e.Terms; t != nil {
			for _, n := range e.Numbers {
				granted[n] = *t
			}
			r.Term, r.Modules, r.Gateway = termText(t.Term), t.Modules, t.Gateway
			r.APs, r.Rooms = limitOf(t.APs), limitOf(t.Rooms)
		}
		if o := e.Order; o != nil {
			r.Gateway = o.Gateway
		}
		if len(e.Numbers) > 0 {
			t := granted[e.Numbers[0]]
			r.Organization, r.Realm, r.Location = t.Organization, t.Realm, t.Location
			r.Distributor, r.Partner, r.Payment = t.Distributor, t.Partner, t.Payment
		}
		rows = append(rows, r)
	}
	return rows
}

func limitOf(l licensing.Limit) *licensing.Limit {
	if l == licensing.Unlimited {
		return nil
	}
	return &l
}

func (c *console) issuedTable(rows []issuedRow) error {
	l := c.listing("nothing was issued yet that fits; sign a license with `tallygate issuer grant`",
		"ISSUED", "KIND", "NUMBER", "SEQ", "ORGANIZATION", "LOCATION", "WHAT")
	for _, r := range rows {
		number := ""
		if len(r.Numbers) > 0 {
			number = r.Numbers[0]
		}
		if n := len(r.Numbers); n > 1 {
			number += fmt.Sprintf(" and %d more", n-1)
		}
		if err := l.row(r, stamp(r.IssuedAt), r.Kind, number, sequenceText(r.Sequence), r.Organization, r.Location, r.What); err != nil {
			return err
		}
	}
	return l.close(nil)
}

func (c *console) issuedCSV(rows []issuedRow) error {
	s, err := c.csvList("issued_at", "kind", "numbers", "sequence", "organization", "realm", "location", "distributor", "partner", "payment",
		"what", "term", "aps", "rooms", "modules", "gateway", "by", "id")
	for _, r := range rows {
		if err == nil {
			err = s.row(r.IssuedAt.Format(time.RFC3339), r.Kind, strings.Join(r.Numbers, " "), sequenceText(r.Sequence), r.Organization, r.Realm,
				r.Location, r.Distributor, r.Partner, r.Payment, r.What, r.Term, limitCell(r.APs), limitCell(r.Rooms),
				strings.Join(r.Modules, " "), r.Gateway, r.By, r.ID)
		}
	}
	return s.close(err)
}

func sequenceText(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func limitCell(l *licensing.Limit) string {
	if l == nil {
		return ""
	}
	return l.String()
}
