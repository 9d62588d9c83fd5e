package licensing

import (
	"errors"

	"github.com/stretchr/testify/require"
)

// requireAdvice wants an error that an operator can act on.
func requireAdvice(t require.TestingT, err error, code Code) {
	var e *Error
	require.True(t, errors.As(err, &e), "got %v", err)
	require.Equal(t, code, e.Code, "%v", err)
	require.NotEmpty(t, e.Message)
	require.NotContains(t, e.Message, "%!")
	require.NotEmpty(t, e.Hint, "%v", err)
	require.NotContains(t, e.Hint, "%!")
	require.NotEqual(t, '.', e.Message[len(e.Message)-1], "%v", err)
}
