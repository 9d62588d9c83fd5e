package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// The committed files are those that the dictionaries give.
func TestGenerated(t *testing.T) {
	files, err := generate("..")
	require.NoError(t, err)
	require.Len(t, files, 2)
	for name, want := range files {
		got, err := os.ReadFile(name)
		require.NoError(t, err)
		require.Equal(t, string(want), string(got), "%s: run go generate ./radiusd/dictionary", name)
	}
}

func TestGenerateRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"a type that has no form": "VENDOR X 1\nBEGIN-VENDOR X\nATTRIBUTE A 1 ifid\nEND-VENDOR X\n",
		"a nested attribute":      "VENDOR X 1\nBEGIN-VENDOR X\nATTRIBUTE A 1.2 string\nEND-VENDOR X\n",
		"no dictionary":           "VENDOR X\n",
	} {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "dictionary.x"), []byte(text), 0o600))
		_, err := generate(dir)
		require.Error(t, err, name)
	}
}
