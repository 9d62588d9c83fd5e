package notice

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	htmltemplate "html/template"
	"maps"
	"strings"
	"text/template"
	"time"

	"tallygate/licensing"
)

//go:embed templates
var files embed.FS

// What is said stands in one file per language, a subject and a text for each kind;
// how it looks stands in the two layouts. They are part of the program: one that does
// not parse never gets past its tests.
var (
	phrases = map[licensing.Language]*template.Template{
		licensing.LanguageEnglish: template.Must(template.ParseFS(files, "templates/en.tmpl")),
		licensing.LanguageSpanish: template.Must(template.ParseFS(files, "templates/es.tmpl")),
	}
	textLayout = template.Must(template.ParseFS(files, "templates/layout.txt.tmpl"))
	htmlLayout = htmltemplate.Must(htmltemplate.ParseFS(files, "templates/layout.html.tmpl"))
)

// page is what the layouts are filled with.
type page struct {
	Language   licensing.Language
	Tone       string // info, good, warning or stop
	Subject    string
	Paragraphs []string
	Facts      []fact
	Footer     string
}

type fact struct{ Name, Value string }

// Render writes a delivery in the language of its recipient.
func Render(d licensing.Delivery) (m licensing.Message, err error) {
	language := d.Recipient.Language
	said, ok := phrases[language]
	if !ok {
		language, said = licensing.LanguageEnglish, phrases[licensing.LanguageEnglish]
	}
	v := newView(d, language)
	if said.Lookup("by."+v.By) != nil {
		if v.By, err = say(said, "by."+v.By, v); err != nil {
			return m, err
		}
	}
	name := d.Event.Kind
	if said.Lookup(name+".subject") == nil {
		name = "other" // an event that this file has no words for is told by its name
	}
	p := page{Language: language, Tone: tone(d.Event.Kind)}
	if p.Subject, err = say(said, name+".subject", v); err != nil {
		return m, err
	}
	text, err := say(said, name+".text", v)
	if err != nil {
		return m, err
	}
	p.Paragraphs = paragraphs(text)
	if p.Footer, err = say(said, "footer", v); err != nil {
		return m, err
	}
	for _, f := range v.facts() {
		label, err := say(said, "label."+f.Name, v)
		if err != nil {
			return m, err
		}
		p.Facts = append(p.Facts, fact{label, f.Value})
	}
	return layOut(d, p)
}

func layOut(d licensing.Delivery, p page) (m licensing.Message, err error) {
	var text, html bytes.Buffer
	if err := textLayout.ExecuteTemplate(&text, "layout.txt.tmpl", p); err != nil {
		return m, fmt.Errorf("cannot write a notice: %w", err)
	}
	if err := htmlLayout.ExecuteTemplate(&html, "layout.html.tmpl", p); err != nil {
		return m, fmt.Errorf("cannot write a notice: %w", err)
	}
	m = licensing.Message{Subject: p.Subject, Text: text.String(), HTML: html.String()}
	m.Webhook, err = payload(d)
	return m, err
}

// say fills in one phrase, on one line per paragraph.
func say(said *template.Template, name string, v view) (string, error) {
	var b strings.Builder
	if err := said.ExecuteTemplate(&b, name, v); err != nil {
		return "", fmt.Errorf("cannot write a notice: %w", err)
	}
	return strings.Join(paragraphs(b.String()), "\n\n"), nil
}

// paragraphs splits at empty lines; a paragraph becomes one line, whatever it holds, so
// that no name can break a header.
func paragraphs(text string) (out []string) {
	for p := range strings.SplitSeq(text, "\n\n") {
		if line := strings.Join(strings.Fields(p), " "); line != "" {
			out = append(out, line)
		}
	}
	return out
}

func tone(kind string) string {
	switch kind {
	case licensing.EventEnd, licensing.EventDeny, licensing.EventAPRefused, licensing.EventRoomRefused:
		return "stop"
	case licensing.EventMonth, licensing.Event15Days, licensing.Event7Days, licensing.Event1Day, licensing.EventReminder,
		licensing.EventProposed, licensing.EventAP80, licensing.EventAP100, licensing.EventRoom80, licensing.EventRoom100:
		return "warning"
	case licensing.EventStart, licensing.EventRestore, licensing.EventRenew, licensing.EventUpgrade:
		return "good"
	}
	return "info"
}

// payload is the body of a webhook: what Standard Webhooks calls a thin wrapper of
// type, timestamp and data.
func payload(d licensing.Delivery) ([]byte, error) {
	data := map[string]any{}
	about, err := json.Marshal(d.Context)
	if err == nil {
		err = json.Unmarshal(about, &data)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot write a notice: %w", err)
	}
	maps.Copy(data, d.Event.Data)
	if d.Event.License != "" {
		data["license"] = d.Event.License
	}
	if d.Event.Location != "" {
		data["location"] = d.Event.Location
	}
	body, err := json.Marshal(struct {
		Type      string         `json:"type"`
		Timestamp string         `json:"timestamp"`
		Data      map[string]any `json:"data"`
	}{d.Event.Kind, d.Event.At.UTC().Format(time.RFC3339Nano), data})
	if err != nil {
		return nil, fmt.Errorf("cannot write a notice: %w", err)
	}
	return body, nil
}
