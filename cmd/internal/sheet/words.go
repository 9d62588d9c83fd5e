package sheet

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"tallygate/licensing"
)

// Languages lists the languages of the sheets.
func Languages() []string { return []string{"en", "es"} }

// words is everything that a sheet says, in one language.
type words struct {
	lang string

	license, pool, issuedBy, number, numbers, more, andMore string
	location, id, sector, timeZone, organization, realm     string
	anyLocation, partner, kind, term, start, aps, rooms     string
	modules, payment, issued, enterBy, latestEnd, gateway   string
	notLimited, none, anyGateway, key, howTo, scan, spelt   string
	grant, issuer, signed                                   string
	singleKind, organizationKind, trialKind, followsKind    string
	onProvision, onDate, atDevice, confirmed, confirmEvery  string
	monthly, annual                                         string
	steps                                                   []string
	units                                                   [3][2]string // year, month, day: one, several
	sectors                                                 map[string]string
	months                                                  [12]string
	date                                                    string // of day, month, year

	receipt, starts, rule, threshold, device, ap, session, seen string
	recorded, auditHead, hash, receiptNote                      string

	ticket ticketWords
}

func wordsOf(lang string) (words, error) {
	switch lang {
	case "en", "":
		return english(), nil
	case "es":
		return spanish(), nil
	}
	return words{}, licensing.Errorf(licensing.CodeInvalid, "there are no sheets in the language %q", lang).
		WithHint("choose one of %s", strings.Join(Languages(), ", "))
}

func english() words {
	return words{
		lang: "en", ticket: englishTicket(), license: "License", pool: "Pool of %d licenses", issuedBy: "Issued by", number: "License number",
		numbers: "License numbers", more: "and %d more, up to %s", andMore: "and %d more",
		location: "Location", id: "ID", sector: "Sector", timeZone: "Time zone", organization: "Organization", realm: "Realm",
		anyLocation: "Any Location of the Organization", partner: "Partner", kind: "Type", term: "Contract", start: "Starts",
		aps: "Access points", rooms: "Rooms", modules: "Modules", payment: "Payment", issued: "Issued",
		enterBy: "Enter by", latestEnd: "Ends at the latest", gateway: "Gateway", notLimited: "not limited", none: "none",
		anyGateway: "any gateway of the venue", key: "Activation key", howTo: "How to enter it",
		scan:  "The code holds the key, and nothing else.",
		spelt: "Characters that this sheet cannot print stand in brackets as Unicode numbers. The key holds the names as they are.",
		grant: "Grant", issuer: "Signed by", signed: "Valid only as signed: any change to the key makes it worthless.",
		singleKind: "License for one Location", organizationKind: "License for the Locations of an Organization",
		trialKind: "Trial license", followsKind: "Renewal that follows %s",
		onProvision: "when it is given to a Location", onDate: "on %s", atDevice: "at guest device no. %d",
		confirmed: "proposed to the operator for %d h", confirmEvery: "confirmed every %d days", monthly: "monthly", annual: "annual",
		steps: []string{
			"Scan the code, or copy the whole text of the key, into a file on the gateway.",
			"Enter it:",
			"Look at it:",
		},
		units: [3][2]string{{"year", "years"}, {"month", "months"}, {"day", "days"}},
		months: [12]string{"January", "February", "March", "April", "May", "June", "July", "August", "September",
			"October", "November", "December"},
		date: "%d %s %d",

		receipt: "Start receipt", starts: "The contract started", rule: "Rule", threshold: "Devices needed",
		device: "Device (pseudonym)", ap: "Access point", session: "Session", seen: "First seen", recorded: "Recorded",
		auditHead: "Head of the audit chain", hash: "SHA-256 of this receipt",
		receiptNote: "The sightings that started the contract. Devices are named by keyed pseudonyms, not by their addresses.",
	}
}

func spanish() words {
	return words{
		lang: "es", ticket: spanishTicket(), license: "Licencia", pool: "Lote de %d licencias", issuedBy: "Emitida por", number: "Número de licencia",
		numbers: "Números de licencia", more: "y %d más, hasta %s", andMore: "y %d más",
		location: "Ubicación", id: "ID", sector: "Sector", timeZone: "Zona horaria", organization: "Organización", realm: "Realm",
		anyLocation: "Cualquier ubicación de la organización", partner: "Partner", kind: "Tipo", term: "Contrato", start: "Comienza",
		aps: "Puntos de acceso", rooms: "Habitaciones", modules: "Módulos", payment: "Pago", issued: "Emitida",
		enterBy: "Activar hasta", latestEnd: "Termina a más tardar", gateway: "Gateway", notLimited: "sin límite", none: "ninguno",
		anyGateway: "cualquier gateway del lugar", key: "Clave de activación", howTo: "Cómo introducirla",
		scan:  "El código contiene la clave y nada más.",
		spelt: "Los caracteres que esta hoja no puede imprimir aparecen entre corchetes con su número Unicode. La clave contiene los nombres tal como son.",
		grant: "Concesión", issuer: "Firmada por", signed: "Válida solo tal como se firmó: cualquier cambio en la clave la anula.",
		singleKind: "Licencia para una ubicación", organizationKind: "Licencia para las ubicaciones de una organización",
		trialKind: "Licencia de prueba", followsKind: "Renovación que sigue a %s",
		onProvision: "al asignarla a una ubicación", onDate: "el %s", atDevice: "con el dispositivo n.º %d",
		confirmed: "se propone al operador durante %d h", confirmEvery: "con confirmación cada %d días",
		monthly: "mensual", annual: "anual", //nolint:misspell // Spanish
		steps: []string{
			"Escanee el código, o copie el texto completo de la clave, en un archivo del gateway.",
			"Introdúzcala:",
			"Consúltela:",
		},
		units: [3][2]string{{"año", "años"}, {"mes", "meses"}, {"día", "días"}},
		sectors: map[string]string{
			"hospitality": "hostelería", "retail": "comercio", "health": "sanidad", "education": "educación",
		},
		months: [12]string{"enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre",
			"octubre", "noviembre", "diciembre"},
		date: "%d de %s de %d",

		receipt: "Recibo de inicio", starts: "El contrato comenzó", rule: "Regla", threshold: "Dispositivos necesarios",
		device: "Dispositivo (seudónimo)", ap: "Punto de acceso", session: "Sesión", seen: "Visto por primera vez", recorded: "Registrado",
		auditHead: "Cabeza de la cadena de auditoría", hash: "SHA-256 de este recibo",
		receiptNote: "Los avistamientos que iniciaron el contrato. Los dispositivos figuran con seudónimos con clave, no con sus direcciones.",
	}
}

func (w words) day(d licensing.Date) string {
	if d.IsZero() {
		return ""
	}
	return fmt.Sprintf(w.date, d.Day, w.months[d.Month-1], d.Year)
}

// moment is an instant as the clocks of zone show it, with their offset.
func (w words) moment(t time.Time, zone *time.Location) string {
	t = t.In(zone)
	return w.day(licensing.DateIn(t, zone)) + ", " + t.Format("15:04:05.999999 MST (-07:00)")
}

func (w words) length(t licensing.Term) string {
	for i, n := range []int{t.Years, t.Months, t.Days} {
		switch {
		case n == 1:
			return "1 " + w.units[i][0]
		case n > 1:
			return strconv.Itoa(n) + " " + w.units[i][1]
		}
	}
	return ""
}

func (w words) limit(l licensing.Limit) string {
	if l == licensing.Unlimited {
		return w.notLimited
	}
	return l.String()
}

func (w words) sectorName(sector string) string {
	if name, known := w.sectors[sector]; known {
		return name
	}
	return sector
}

func (w words) paymentText(t licensing.Terms) string {
	var parts []string
	switch t.Payment {
	case licensing.PaymentMonthly:
		parts = append(parts, w.monthly)
	case licensing.PaymentAnnual:
		parts = append(parts, w.annual)
	}
	if t.ConfirmEvery > 0 {
		parts = append(parts, fmt.Sprintf(w.confirmEvery, t.ConfirmEvery))
	}
	return strings.Join(parts, ", ")
}

func (w words) startText(t licensing.Terms) string {
	switch t.Start {
	case licensing.StartOnProvision:
		return w.onProvision
	case licensing.StartFixedDate:
		return fmt.Sprintf(w.onDate, w.day(t.StartDate))
	case licensing.StartFifthDevice:
	}
	text := fmt.Sprintf(w.atDevice, t.Threshold)
	if t.ConfirmStart > 0 {
		text += ", " + fmt.Sprintf(w.confirmed, int(t.ConfirmStart/time.Hour))
	}
	return text
}

func (w words) kindText(t licensing.Terms) string {
	switch {
	case t.Trial:
		return w.trialKind
	case t.Renews != "":
		return fmt.Sprintf(w.followsKind, t.Renews)
	case t.Location != "":
		return w.singleKind
	}
	return w.organizationKind
}
