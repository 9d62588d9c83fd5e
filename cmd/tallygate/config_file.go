package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/parser"

	"tallygate/licensing"
)

// maxConfig bounds what is read as configuration.
const maxConfig = 1 << 20

// findConfig says which file configures the gateway: the one that was named, else the
// first that exists of ./tallygate.yaml and /etc/tallygate/tallygate.yaml; "" when there
// is none and the defaults stand.
func findConfig(named string) string {
	if named == "" {
		named = os.Getenv("TALLYGATE_CONFIG")
	}
	if named != "" {
		return named
	}
	for _, path := range []string{"tallygate.yaml", "/etc/tallygate/tallygate.yaml"} {
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			return path
		}
	}
	return ""
}

// loadConfig reads and checks the file at path; "" gives the defaults.
func loadConfig(path string) (Config, error) {
	if path == "" {
		return defaultConfig(), nil
	}
	f, err := os.Open(path)
	if err != nil {
		return Config{}, unreadable(err)
	}
	defer func() { _ = f.Close() }()
	source, err := io.ReadAll(io.LimitReader(f, maxConfig+1))
	if err != nil {
		return Config{}, unreadable(err)
	}
	return parseConfig(path, source)
}

func unreadable(err error) error {
	return licensing.Errorf(licensing.CodeInvalid, "cannot read the configuration: %w", err).
		WithHint("name the right file with --config or TALLYGATE_CONFIG")
}

// parseConfig reads source strictly on top of the defaults. name is only for messages.
func parseConfig(name string, source []byte) (c Config, err error) {
	// The parser has panicked on malformed input in the past; a typo must not end in
	// a stack trace.
	defer func() {
		if p := recover(); p != nil {
			c, err = Config{}, licensing.Errorf(licensing.CodeInvalid, "%s is not a configuration: the YAML parser failed on it (%v)", name, p).
				WithHint("compare it with the sample configuration, starting at what was changed last")
		}
	}()
	if len(source) > maxConfig {
		return Config{}, licensing.Errorf(licensing.CodeInvalid, "%s is larger than a configuration can be (%d octets)", name, maxConfig)
	}
	file := sourceFile{name: name, text: source}
	file.ast, err = parser.ParseBytes(source, 0)
	if err != nil {
		return Config{}, file.explain(err)
	}
	if len(file.ast.Docs) > 1 {
		return Config{}, file.errorAt(file.ast.Docs[1].Start, "a second document begins here; there can be only one")
	}
	c = defaultConfig()
	if file.empty() {
		return c, nil
	}
	if err := yaml.NewDecoder(bytes.NewReader(source), yaml.Strict()).Decode(&c); err != nil {
		return Config{}, file.explain(err)
	}
	if p := c.check(); p != nil {
		return Config{}, file.errorAtPath(p)
	}
	return c, nil
}

// effective is the configuration as YAML, every value said.
func (c Config) effective() ([]byte, error) {
	text, err := yaml.MarshalWithOptions(c, yaml.Indent(2), yaml.IndentSequence(true))
	if err != nil {
		return nil, fmt.Errorf("cannot write the configuration: %w", err)
	}
	return text, nil
}
