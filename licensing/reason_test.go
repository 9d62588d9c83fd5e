package licensing

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReasonTexts(t *testing.T) {
	seen := make(map[string]bool)
	for r := range reasonEnd {
		require.False(t, seen[r.String()], "%s stands twice", r)
		seen[r.String()] = true
		if r != ReasonNone {
			require.Regexp(t, `^[a-z]+(-[a-z]+)*$`, r.String())
			require.Regexp(t, `^[A-Z].*\.$`, r.Text())
		}
		text, err := r.MarshalText()
		require.NoError(t, err)
		var back Reason
		require.NoError(t, back.UnmarshalText(text))
		require.Equal(t, r, back)
	}
	var r Reason
	require.Equal(t, CodeInvalid, CodeOf(r.UnmarshalText([]byte("because"))))
	require.Equal(t, "unknown", reasonEnd.String())
	require.Empty(t, reasonEnd.Text())
	require.Contains(t, Refusals(), ReasonAPLimit)
	require.NotContains(t, Refusals(), ReasonOverload)
	require.Contains(t, Drops(), ReasonOverload)
	require.NotContains(t, Drops(), ReasonExemptDevice)
	for _, r := range append(Refusals(), Drops()...) {
		require.NotEmpty(t, r.Hint(), "%s says nothing to do", r)
	}
	require.Empty(t, ReasonExemptDevice.Hint())
	require.Empty(t, reasonEnd.Hint())
}

func TestLimit(t *testing.T) {
	require.True(t, Unlimited.Allows(1_000_000))
	require.True(t, Limit(2).Allows(2))
	require.False(t, Limit(2).Allows(3))
	require.False(t, Limit(0).Allows(1))
	require.Equal(t, "not limited", Unlimited.String())
	require.Equal(t, "12", Limit(12).String())
	for text, want := range map[string]Limit{"null": Unlimited, "0": 0, "12": 12} {
		var got Limit
		require.NoError(t, json.Unmarshal([]byte(text), &got))
		require.Equal(t, want, got)
		back, err := json.Marshal(got)
		require.NoError(t, err)
		require.Equal(t, text, string(back))
	}
	for _, wrong := range []string{"-1", `"12"`, "1.5"} {
		var l Limit
		require.Error(t, json.Unmarshal([]byte(wrong), &l), wrong)
	}
}

func TestError(t *testing.T) {
	cause := errors.New("disk full")
	err := Errorf(CodeUnavailable, "write the order: %w", cause)
	hinted := err.WithHint("make room on %s", "/var")
	require.Empty(t, err.Hint, "WithHint makes a copy")
	require.Equal(t, "make room on /var", hinted.Hint)
	require.Equal(t, "write the order: disk full", hinted.Error())
	require.ErrorIs(t, hinted, cause)
	require.Equal(t, CodeUnavailable, CodeOf(fmt.Errorf("activate: %w", hinted)))
	require.Equal(t, CodeInternal, CodeOf(cause))
	require.Equal(t, CodeInternal, CodeOf(nil))
}

func TestAllotmentAt(t *testing.T) {
	l := License{Allotments: []Allotment{{LocationID: 4, APs: 2}, {LocationID: 7, APs: 3}}}
	a, ok := l.AllotmentAt(7)
	require.True(t, ok)
	require.Equal(t, Limit(3), a.APs)
	_, ok = l.AllotmentAt(5)
	require.False(t, ok)
}
