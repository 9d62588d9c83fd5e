package licensing

import (
	"errors"
	"fmt"
)

// Code sorts errors by what the caller can do about them. The admin API turns
// it into an HTTP status, the command line into an exit status.
type Code uint8

const (
	// CodeInternal is a fault of ours or of the machine; the zero value.
	CodeInternal Code = iota
	// CodeInvalid: what was entered cannot be right (HTTP 422).
	CodeInvalid
	// CodeNotFound: nothing has that name (HTTP 404).
	CodeNotFound
	// CodeConflict: it exists already, or the state does not allow it now (HTTP 409).
	CodeConflict
	// CodeRefused: the key or the authority does not cover it (HTTP 403).
	CodeRefused
	// CodeUnavailable: the store cannot be written now (HTTP 503).
	CodeUnavailable
)

// Error is what an operator meets: what is wrong, and what to do next.
type Error struct {
	Code    Code
	Message string // one sentence, no trailing period
	Hint    string // what to do next; may be empty
	Err     error  // the cause, if any
}

// Errorf makes an Error; %w is honoured.
func Errorf(code Code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: code, Message: err.Error(), Err: errors.Unwrap(err)}
}

// WithHint returns a copy that tells what to do next.
func (e *Error) WithHint(format string, args ...any) *Error {
	c := *e
	c.Hint = fmt.Sprintf(format, args...)
	return &c
}

func (e *Error) Error() string { return e.Message }
func (e *Error) Unwrap() error { return e.Err }

// CodeOf is the Code of the first Error in err's chain, else CodeInternal.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeInternal
}
