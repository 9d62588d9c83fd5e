package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tallygate/licensing"
)

// Exit statuses.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// usageError is a command that cannot be meant as it stands.
type usageError struct{ message, hint string }

func (e *usageError) Error() string { return e.message }

func usagef(cmd *cobra.Command, format string, args ...any) error {
	return &usageError{message: fmt.Sprintf(format, args...), hint: helpHint(cmd)}
}

func helpHint(cmd *cobra.Command) string {
	return fmt.Sprintf("see `%s --help`", cmd.CommandPath())
}

// silentFailure is a failure that the output has shown already.
type silentFailure struct{}

func (silentFailure) Error() string { return "failed" }

// takes wants exactly these arguments, none of them empty.
func takes(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < len(names) {
			return usagef(cmd, "%s needs %s", cmd.CommandPath(), strings.Join(names[len(args):], " and "))
		}
		if len(args) > len(names) {
			return usagef(cmd, "%s does not take %q", cmd.CommandPath(), args[len(names)])
		}
		for i, arg := range args {
			if strings.TrimSpace(arg) == "" {
				return usagef(cmd, "%s must not be empty", names[i])
			}
		}
		return nil
	}
}

// group is a command that only holds others.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Args:  cobra.ArbitraryArgs,
		// Flags of a misspelt command are not what is wrong with it.
		FParseErrWhitelist: cobra.FParseErrWhitelist{UnknownFlags: true},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return usagef(cmd, "%s needs one of its commands: %s", cmd.CommandPath(), commandNames(cmd))
		},
	}
	cmd.AddCommand(commands...)
	return cmd
}

func commandNames(cmd *cobra.Command) string {
	var names []string
	for _, sub := range cmd.Commands() {
		names = append(names, sub.Name())
	}
	return strings.Join(names, ", ")
}

func unknownCommand(cmd *cobra.Command, name string) error {
	e := &usageError{message: fmt.Sprintf("%s has no command %q", cmd.CommandPath(), name), hint: helpHint(cmd)}
	if near := nearest(name, strings.Split(commandNames(cmd), ", ")); near != "" {
		e.hint = fmt.Sprintf("did you mean `%s %s`?", cmd.CommandPath(), near)
	}
	return e
}

// required marks flags that a command cannot do without.
func required(cmd *cobra.Command, flags ...string) *cobra.Command {
	for _, name := range flags {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic(err) // a flag that the command does not have: a slip in this program
		}
	}
	return cmd
}

// watch notes when a command begins its work: what cobra finds before that (an
// unknown flag, a missing one) is wrong usage, what comes after is a failure.
func (c *console) watch(cmd *cobra.Command) {
	if runE := cmd.RunE; runE != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			c.began = true
			return runE(cmd, args)
		}
	}
	for _, sub := range cmd.Commands() {
		c.watch(sub)
	}
}

// exit shows the error, if any, and returns the exit status.
func (c *console) exit(cmd *cobra.Command, err error, args []string) int {
	if err == nil {
		return exitDone
	}
	if errors.As(err, new(silentFailure)) {
		return exitFailed
	}
	status, message, hint := exitFailed, err.Error(), hintOf(err)
	var usage *usageError
	switch {
	case errors.As(err, &usage):
		status, hint = exitUsage, usage.hint
	case !c.began:
		status, hint = exitUsage, helpHint(cmd)
	}
	// A flag before --json may be what was wrong: then cobra has not seen it.
	if c.json || slices.Contains(args, "--json") {
		_ = json.NewEncoder(c.err).Encode(struct {
			Error string `json:"error"`
			Hint  string `json:"hint,omitempty"`
		}{message, hint})
		return status
	}
	_, _ = fmt.Fprintf(c.err, "error: %s\n", message)
	if hint != "" {
		_, _ = fmt.Fprintf(c.err, "  what to do: %s\n", hint)
	}
	return status
}

// hintOf is what an error says to do next; "" when it does not know.
func hintOf(err error) string {
	var known *licensing.Error
	if errors.As(err, &known) {
		return known.Hint
	}
	return ""
}
