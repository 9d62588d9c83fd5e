package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDemo is `make run ONCE=1`: the main job, from outside.
func TestDemo(t *testing.T) {
	temp := t.TempDir()
	cmd := exec.CommandContext(t.Context(), binary, "demo", "--once", "--json")
	cmd.Env = append(os.Environ(), "TMPDIR="+temp)
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	require.NoError(t, cmd.Run(), "%s%s", &out, &complaint)

	var got []string
	for line := range strings.Lines(out.String()) {
		var step struct {
			Got string
			OK  bool
		}
		require.NoError(t, json.Unmarshal([]byte(line), &step))
		require.True(t, step.OK, line)
		got = append(got, step.Got)
	}
	for _, count := range []string{
		"1 of 5, Pending Start, APs 2 of 2", "2 of 5, Pending Start, APs 2 of 2", "3 of 5, Pending Start, APs 2 of 2",
		"4 of 5, Pending Start, APs 2 of 2", "5 of 5, In Use, APs 2 of 2", "5 of 5, Access denied, APs 2 of 2",
	} {
		require.Contains(t, got, count)
	}
	left, err := os.ReadDir(temp)
	require.NoError(t, err)
	require.Empty(t, left, "the demo takes its folder away")
}

func TestDemoFailsWhenAStepDoes(t *testing.T) {
	var out bytes.Buffer
	s := &stage{console: &console{out: &out}}
	s.step("a step that works", "yes", "yes", nil)
	require.NoError(t, s.verdict())
	s.step("a step that comes out differently", "yes", "no", nil)
	s.step("a step that cannot be played", "yes", "yes", errors.New("the cable is out"))
	require.ErrorContains(t, s.verdict(), "2 of 3 steps")
	require.Contains(t, out.String(), "expected: yes; got: no")
	require.Contains(t, out.String(), "got: error: the cable is out")
}

func TestThrowawayThatDiesSaysWhy(t *testing.T) {
	program := filepath.Join(t.TempDir(), "tallygate")
	require.NoError(t, os.WriteFile(program, []byte(`#!/bin/sh
case $1 in
issuer) echo '{"public_key": "k4.public.x"}' ;;
*) echo "the disk is on fire"; exit 1 ;;
esac
`), 0o700))
	t.Setenv("TMPDIR", t.TempDir())
	_, err := startThrowaway(t.Context(), program)
	require.Error(t, err)
	require.Equal(t, exitFailed, (&console{out: &bytes.Buffer{}, err: &bytes.Buffer{}, began: true}).exit(nil, err, nil))
	var complaint bytes.Buffer
	(&console{err: &complaint, began: true}).exit(nil, err, nil)
	require.Contains(t, complaint.String(), "the disk is on fire")
	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	require.NoError(t, err)
	require.Empty(t, left)
}
