package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
)

// Duration is a time span with its unit: 1s, 250ms, 2m.
type Duration time.Duration

// UnmarshalYAML refuses a bare number: nobody should have to know which unit it is in.
func (d *Duration) UnmarshalYAML(node ast.Node) error {
	text := scalar(node)
	v, err := time.ParseDuration(text)
	if err != nil || (v != 0 && !strings.ContainsAny(text, "smh")) {
		return &mistake{at: node.GetToken(), message: "this must be a time with its unit, such as 1s or 250ms"}
	}
	*d = Duration(v)
	return nil
}

var _ yaml.InterfaceMarshaler = Duration(0)

// MarshalYAML writes it as it is read.
func (d Duration) MarshalYAML() (any, error) { return time.Duration(d).String(), nil }

// Whole is a whole number. The library would cut 1.5 down to 1.
type Whole int

// UnmarshalYAML reads digits, with _ between them if wanted.
func (n *Whole) UnmarshalYAML(node ast.Node) error {
	v, err := strconv.ParseInt(strings.ReplaceAll(scalar(node), "_", ""), 10, 64)
	if err != nil || v > math.MaxInt {
		return &mistake{at: node.GetToken(), message: fmt.Sprintf("this must be a whole number in digits, not %s", node.GetToken().Value)}
	}
	*n = Whole(v)
	return nil
}

// scalar is the text of a simple value as it stands in the file; "" for any other.
func scalar(node ast.Node) string {
	if s, ok := node.(ast.ScalarNode); ok {
		return s.GetToken().Value
	}
	return ""
}
