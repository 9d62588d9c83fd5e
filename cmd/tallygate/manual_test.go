package main

import (
	"io"
	"net/http"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tallygate/licensing"
)

// TestSampleConfiguration: deploy/tallygate.yaml is in order and explains every key.
func TestSampleConfiguration(t *testing.T) {
	const path = "../../deploy/tallygate.yaml"
	config, err := loadConfig(path)
	require.NoError(t, err)
	require.Equal(t, "/var/lib/tallygate", config.DataDir, "where the systemd unit lets it write")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, key := range yamlKeys(reflect.TypeFor[Config]()) {
		require.Regexp(t, `(?m)[{\s]`+key+`:`, string(text))
	}
}

func yamlKeys(of reflect.Type) []string {
	var keys []string
	for field := range of.Fields() {
		keys = append(keys, field.Tag.Get("yaml"))
		if field.Type.Kind() == reflect.Struct {
			keys = append(keys, yamlKeys(field.Type)...)
		}
	}
	return keys
}

// TestHintsStandInTheManual: what trace says to do is what the tables of README.md say,
// word for word, and they have a row for each reason and no other.
func TestHintsStandInTheManual(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	_, section, found := strings.Cut(string(text), "\n## Why was a guest refused?\n")
	require.True(t, found)
	section, _, _ = strings.Cut(section, "\n## ")
	rows := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\| (.*) \\|$").FindAllStringSubmatch(section, -1) {
		rows[row[1]] = row[2]
	}
	reasons := append(licensing.Refusals(), licensing.Drops()...)
	for _, r := range reasons {
		require.Equal(t, r.Hint(), rows[r.String()], r.String())
	}
	require.Len(t, rows, len(reasons))
}

// TestManual: README.md explains every reason and every metric.
func TestManual(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	manual := string(text)
	// internal-error is a fault of ours: the log line asks to report it.
	for _, r := range append(licensing.Refusals(), licensing.Drops()...) {
		if r != licensing.ReasonInternalError {
			require.Contains(t, manual, "`"+r.String()+"`")
		}
	}

	g, err := startThrowaway(t.Context(), binary)
	require.NoError(t, err)
	defer g.remove()
	licensed(t, g)
	answer, err := http.Get("http://" + g.admin + "/metrics")
	require.NoError(t, err)
	defer func() { require.NoError(t, answer.Body.Close()) }()
	page, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	metrics := regexp.MustCompile(`(?m)^# TYPE tallygate_(\S+) `).FindAllStringSubmatch(string(page), -1)
	require.NotEmpty(t, metrics)
	for _, m := range metrics {
		require.True(t, strings.Contains(manual, "`"+m[1]), "README.md does not name the metric %s", m[1])
	}
	rules, err := os.ReadFile("../../deploy/prometheus/tallygate.rules.yml")
	require.NoError(t, err)
	for _, name := range regexp.MustCompile(`tallygate_(\w+)`).FindAllStringSubmatch(string(rules), -1) {
		// The gauge of unsigned requests appears with the first such client, the certificate's
		// with RadSec.
		if name[1] != "license_end_timestamp_seconds" && name[1] != "radius_unsigned_requests_total" && name[1] != "radsec_certificate_expires_timestamp_seconds" {
			require.Contains(t, string(page), "tallygate_"+name[1], "an alert watches a metric that does not exist")
		}
	}
}
