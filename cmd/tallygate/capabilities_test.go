package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
)

// The table of capabilities names tests that exist, and every row that claims something
// names one; a row without says that it is not here.
func TestCapabilitiesNameTestsThatExist(t *testing.T) {
	known := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	require.NoError(t, filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range declared.FindAllSubmatch(text, -1) {
			known[string(m[1])] = true
		}
		return err
	}))
	text, err := os.ReadFile("../../docs/capabilities.md")
	require.NoError(t, err)
	named := regexp.MustCompile("`(Test\\w+)`").FindAllStringSubmatch(string(text), -1)
	require.Greater(t, len(named), 100)
	for _, m := range named {
		require.True(t, known[m[1]], "docs/capabilities.md names %s, which does not exist", m[1])
	}
	rows := 0
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|---") || strings.Contains(line, "shown by") {
			continue
		}
		rows++
		require.True(t, strings.Contains(line, "`Test") || strings.Contains(line, "**not here**"), "nothing shows: %s", line)
	}
	require.Greater(t, rows, 100)

	// Likewise what it says of commands and flags.
	flags := map[string]bool{}
	commands := map[string]bool{}
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		commands[strings.TrimPrefix(cmd.CommandPath(), "tallygate ")] = true
		cmd.Flags().VisitAll(func(f *pflag.Flag) { flags[f.Name] = true })
		cmd.PersistentFlags().VisitAll(func(f *pflag.Flag) { flags[f.Name] = true })
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(newRootCmd(&console{}))
	for _, code := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(string(text), -1) {
		for _, m := range regexp.MustCompile(`--([a-z-]+)`).FindAllStringSubmatch(code[1], -1) {
			require.True(t, flags[m[1]], "docs/capabilities.md names --%s, which no command has", m[1])
		}
		words := strings.Fields(code[1])
		if len(words) > 1 && commands[words[0]] && !strings.HasPrefix(words[1], "-") {
			require.True(t, commands[words[0]+" "+words[1]], "docs/capabilities.md names %q, which is no command", code[1])
		}
	}
}
