package main

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"tallygate/licensing"
)

// sourceFile is a configuration file, kept to show where in it a mistake is.
type sourceFile struct {
	name string
	text []byte
	ast  *ast.File
}

// mistake is something wrong with a value, at the place in the file that holds it.
type mistake struct {
	at      *token.Token
	path    string // YAML path, where the token is not known
	message string
	hint    string
}

func (m *mistake) Error() string { return m.message }

// empty reports whether the file holds nothing but comments.
func (f sourceFile) empty() bool {
	for _, d := range f.ast.Docs {
		if d.Body != nil && d.Body.Type() != ast.CommentGroupType {
			return false
		}
	}
	return true
}

// explain turns an error of the YAML library into one for an operator.
func (f sourceFile) explain(err error) error {
	var (
		own       *mistake
		unknown   *yaml.UnknownFieldError
		wrongType *yaml.TypeError
		wrongNode *yaml.UnexpectedNodeTypeError
		other     yaml.Error
	)
	switch {
	case errors.As(err, &own):
		return f.error(own)
	case errors.As(err, &unknown):
		return f.error(unknownKey(unknown))
	case errors.As(err, &wrongType):
		return f.errorAt(wrongType.Token, "%s, not %s", needed(wrongType.DstType), given(wrongType.Token))
	case errors.As(err, &wrongNode):
		return f.errorAt(wrongNode.Token, "%s, not %s", expected(wrongNode.Expected), given(wrongNode.Token))
	case errors.As(err, &other) && other.GetToken() != nil:
		return f.errorAt(other.GetToken(), "%s", other.GetMessage())
	}
	return f.error(&mistake{message: err.Error()})
}

func (f sourceFile) errorAt(at *token.Token, format string, args ...any) error {
	return f.error(&mistake{at: at, message: fmt.Sprintf(format, args...)})
}

// errorAtPath finds the place of a mistake that is known by its path.
func (f sourceFile) errorAtPath(m *mistake) error {
	if m.path == "" {
		return f.error(m)
	}
	path, err := yaml.PathString(m.path)
	if err != nil {
		return f.error(m)
	}
	if node, err := path.FilterFile(f.ast); err == nil && node != nil {
		m.at = node.GetToken()
	}
	return f.error(m)
}

// error is the mistake as the operator reads it: file:line:column, what is wrong, and
// the line with a caret below.
func (f sourceFile) error(m *mistake) error {
	e := licensing.Errorf(licensing.CodeInvalid, "%s: %s", f.name, m.message)
	if m.at != nil {
		e = licensing.Errorf(licensing.CodeInvalid, "%s:%d:%d: %s\n%s", f.name,
			m.at.Position.Line, m.at.Position.Column, m.message, f.excerpt(m.at.Position))
	}
	if m.hint != "" {
		return e.WithHint("%s", m.hint)
	}
	return e.WithHint("mend the file; `tallygate config check %s` tries it without starting anything", f.name)
}

// excerpt is the line of a position between its neighbours, and a caret under it.
func (f sourceFile) excerpt(at *token.Position) string {
	lines := strings.Split(strings.TrimRight(strings.ReplaceAll(string(f.text), "\r\n", "\n"), "\n"), "\n")
	var b strings.Builder
	for n := max(at.Line-1, 1); n <= min(at.Line+1, len(lines)); n++ {
		mark := " "
		if n == at.Line {
			mark = ">"
		}
		fmt.Fprintf(&b, "%s %4d | %s\n", mark, n, strings.ReplaceAll(lines[n-1], "\t", " "))
		if n == at.Line {
			fmt.Fprintf(&b, "       | %s^\n", strings.Repeat(" ", max(at.Column-1, 0)))
		}
	}
	return strings.TrimRight(b.String(), "\n")
}

func unknownKey(err *yaml.UnknownFieldError) *mistake {
	m := &mistake{at: err.Token, message: err.Message}
	name, quoteErr := strconv.Unquote(strings.TrimPrefix(err.Message, "unknown field "))
	if quoteErr != nil {
		return m
	}
	m.message = fmt.Sprintf("unknown key %q", name)
	keys := configKeys(reflect.TypeFor[Config](), "")
	if near := nearest(name, keys); near != "" {
		m.hint = fmt.Sprintf("did you mean %q?", near)
	} else {
		m.hint = "known keys: " + strings.Join(keys, ", ")
	}
	return m
}

// configKeys lists the keys of a configuration type, with their sections.
func configKeys(t reflect.Type, section string) []string {
	var keys []string
	for i := range t.NumField() {
		key := section + t.Field(i).Tag.Get("yaml")
		if inner := t.Field(i).Type; inner.Kind() == reflect.Struct {
			keys = append(keys, configKeys(inner, key+".")...)
		} else {
			keys = append(keys, key)
		}
	}
	return keys
}

// needed says what a value of this type is in a file.
func needed(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "this must be true or false"
	case reflect.Slice:
		return "this must be a list"
	case reflect.Struct, reflect.Map:
		return "this must be a section of keys"
	default:
		return "this must be text"
	}
}

func expected(t ast.NodeType) string {
	switch t {
	case ast.SequenceType:
		return "this must be a list, such as [a, b]"
	case ast.MappingType:
		return "this must be a section of keys"
	}
	return "this must be " + strings.ToLower(t.String())
}

// given says what a token is, in words.
func given(t *token.Token) string {
	switch t.Type {
	case token.IntegerType, token.FloatType, token.OctetIntegerType, token.HexIntegerType, token.BinaryIntegerType:
		return "a number"
	case token.BoolType:
		return "true or false"
	case token.SequenceEntryType, token.SequenceStartType:
		return "a list"
	case token.MappingStartType, token.MappingValueType:
		return "a section of keys"
	case token.NullType:
		return "nothing"
	}
	return "text"
}
