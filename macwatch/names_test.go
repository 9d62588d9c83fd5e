package macwatch

import (
	"fmt"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

func TestNamesKeepOneCopy(t *testing.T) {
	var n Names
	first, again := n.Of([]byte("ap-1")), n.Of([]byte("ap-1"))
	require.Equal(t, "ap-1", again)
	require.Same(t, unsafe.StringData(first), unsafe.StringData(again))
	require.Empty(t, n.Of(nil))
	for i := range 3 * maxNames {
		require.Equal(t, fmt.Sprint(i), n.Of(fmt.Append(nil, i)))
		require.LessOrEqual(t, len(n.known), maxNames)
	}
	buffer := []byte("reused")
	kept := n.Of(buffer)
	copy(buffer, "other!")
	require.Equal(t, "reused", kept)
}
