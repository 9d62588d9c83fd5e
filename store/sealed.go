package store

import (
	"tallygate/macwatch"
)

// Under mac_storage: hmac every row and journal image of a session passes through here on
// its way to the disk and back. In memory an open session keeps what the NAS calls it, for
// Disconnect; on the disk it stands sealed beside texts that hold the pseudonym. Of one
// that is over, only these are left, in memory as well. So no page, log or backup ever
// holds an address, and there is nothing to be wiped when a session ends.

// stored is the session as its row shows it, and its sealed texts.
func (w *writer) stored(s *macwatch.Session) (shown *macwatch.Session, sealed []byte) {
	box := w.s.veils.box
	switch {
	case box == nil:
		return s, nil
	case !s.EndedAt.IsZero():
		s.Hide()
		return s, nil
	}
	w.scratch = sealedTexts(w.scratch[:0], s)
	shown = s.Clone()
	shown.Hide()
	return shown, box.seal(nil, w.scratch)
}

// appendSession appends a session's image to the journal's row.
func (w *writer) appendSession(image []byte, s *macwatch.Session) []byte {
	box := w.s.veils.box
	if box == nil {
		return appendImage(image, s)
	}
	return appendConcealed(image, s, box, &w.scratch)
}

// appendConcealed is appendImage without an address in it.
func appendConcealed(image []byte, s *macwatch.Session, box *box, scratch *[]byte) []byte {
	if !s.EndedAt.IsZero() {
		s.Hide()
		return appendImage(image, s)
	}
	text := sealedTexts((*scratch)[:0], s)
	*scratch = text
	c := *s
	c.SessionID, c.UserName, c.Calling, c.Called, c.Room = "", "", "", "", ""
	c.Class, c.Origin.MultiID, c.Origin.AuditID = nil, nil, nil
	c.Sealed = box.seal(nil, text)
	return appendImage(image, &c)
}

// unseal gives a session that was read its texts back.
func (w *writer) unseal(s *macwatch.Session) error { return w.s.unseal(s) }

// unseal may be called by any reader: what a Disconnect-Request needs is sealed in the row.
func (s *Store) unseal(session *macwatch.Session) error {
	if len(session.Sealed) == 0 {
		return nil
	}
	if s.veils.box == nil {
		return faultf("a session is sealed, but addresses are stored in clear")
	}
	err := s.veils.box.unseal(session, session.Sealed)
	session.Sealed = nil
	return wrap("unseal a session", err)
}

// identOf is the identity of a record's session. It is a hash that could be tried, so it is
// stored enciphered.
func (w *writer) identOf(r *macwatch.Record) macwatch.Ident {
	w.ident = r.Ident()
	if box := w.s.veils.box; box != nil {
		box.hide(&w.ident)
	}
	return w.ident
}

// sealedPacket is a packet as it may be kept. The next one overwrites it.
func (w *writer) sealedPacket(packet []byte) []byte {
	box := w.s.veils.box
	if box == nil {
		return packet
	}
	w.scratch = box.seal(w.scratch[:0], packet)
	return w.scratch
}

// addressOf is the address of a record's device, whatever it is called here.
func addressOf(r *macwatch.Record) macwatch.MAC {
	if r.MAC.Veiled() {
		return r.Address
	}
	return r.MAC
}

// evidentSession is the session id that stands beside a counted device: some NAS make it of
// the guest's address.
func evidentSession(r *macwatch.Record) string {
	if !r.MAC.Veiled() {
		return string(r.SessionID)
	}
	return macwatch.Redact(string(r.SessionID), r.Address, r.MAC.String())
}
