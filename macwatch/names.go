package macwatch

// maxNames bounds the texts that Names keeps: more than the APs and SSIDs of a gateway.
const maxNames = 8192

// Names keeps one copy of each text that many sessions have in common, such as the name of
// their AP. The zero value is ready for use. Not safe for concurrent use.
type Names struct{ known map[string]string }

// Of is the text, of which there is one copy, as a rule.
func (n *Names) Of(text []byte) string {
	if len(text) == 0 {
		return ""
	}
	if known, ok := n.known[string(text)]; ok {
		return known
	}
	if n.known == nil || len(n.known) >= maxNames {
		n.known = map[string]string{} // what is in use comes again
	}
	s := string(text)
	n.known[s] = s
	return s
}
