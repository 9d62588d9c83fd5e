package admin

import (
	"net/http"
	"slices"

	"tallygate/licensing"
	"tallygate/macwatch"
)

// route is a line of the API: where, which query parameters besides dry_run, what.
type route struct {
	pattern string
	query   []string
	run     endpoint
}

// apiRoutes is the API on the unix socket. Whatever is not a GET takes ?dry_run=1.
func apiRoutes(o Options) []route {
	s, courier, ender, now := o.Store, o.Courier, o.Ender, o.Now
	return slices.Concat(slotRoutes(s, macwatch.KindAP), slotRoutes(s, macwatch.KindRoom), []route{
		{"GET /v1/gateway", nil, showGateway(s, now)},
		{"GET /v1/audit", auditQuery(), listAudit(s)},
		{"GET /v1/audit/verification", nil, verifyAudit(s)},
		{"GET /v1/calendar", []string{"months"}, showCalendar(s)},
		{"GET /v1/privacy", nil, showDataMap(s)},
		{"POST /v1/privacy/lookups", nil, lookUp(s)},
		{"POST /v1/privacy/erasures", nil, erase(s)},
		{"POST /v1/privacy/purges", nil, purge(s)},

		{"GET /v1/tokens", nil, listTokens(s)},
		{"POST /v1/tokens", nil, addToken(s)},
		{"DELETE /v1/tokens/{name}", nil, revokeToken(s)},

		{"GET /v1/organizations", nil, listOrganizations(s)},
		{"POST /v1/organizations", nil, addOrganization(s)},
		{"GET /v1/organizations/{name}", nil, showOrganization(s)},

		{"GET /v1/locations", nil, listLocations(s)},
		{"POST /v1/locations", nil, addLocation(s)},
		{"GET /v1/locations/{location}", nil, showLocation(s)},
		{"PATCH /v1/locations/{location}/settings", nil, setLocation(s)},

		{"GET /v1/clients", nil, listClients(s)},
		{"POST /v1/clients", nil, addClient(s)},
		{"GET /v1/clients/{name}", nil, showClient(s)},
		{"PATCH /v1/clients/{name}", nil, setClient(s)},
		{"DELETE /v1/clients/{name}", nil, removeClient(s)},
		{"GET /v1/strangers", nil, listStrangers(o.Air)},
		{"GET /v1/secrets-that-differ", nil, listDifferingSecrets(o.Air)},
		{"GET /v1/trace", traceQuery, trace(o.Air)},
		{"POST /v1/rehearsals", nil, rehearse(o.Air)},

		{"GET /v1/partners", nil, listPartners(s)},
		{"POST /v1/partners", nil, addPartner(s)},
		{"GET /v1/partners/{partner}", nil, showPartner(s)},
		{"DELETE /v1/partners/{partner}", nil, removePartner(s)},
		{"GET /v1/transfers", nil, listTransfers(s)},
		{"POST /v1/transfers", nil, consent(s)},
		{"POST /v1/releases", nil, release(s)},

		{"POST /v1/activations", nil, activate(s)},
		{"GET /v1/licenses", listingQuery(), listLicenses(s, scopes{s})},
		{"GET /v1/licenses/{number}", []string{"as_of"}, showLicense(s)},
		{"GET /v1/licenses/{number}/explanation", nil, explainLicense(s)},
		{"GET /v1/licenses/{number}/history", nil, licenseHistory(s)},
		{"GET /v1/licenses/{number}/receipt", nil, showReceipt(s)},
		{"GET /v1/licenses/{number}/calendar", []string{"months"}, showCalendar(s)},
		{"GET /v1/licenses/{number}/cutoff", []string{"location"}, previewCutOff(s)},
		{"GET /v1/locations/{location}/cutoff", nil, previewCutOff(s)},
		{"PUT /v1/licenses/{number}/denial", nil, denyLicense(s)},
		{"DELETE /v1/licenses/{number}/denial", nil, restoreLicense(s)},
		{"DELETE /v1/licenses/{number}/allotments", nil, unassignLicense(s)},
		{"PUT /v1/licenses/{number}/allotments/{location}", nil, assignLicense(s)},
		{"DELETE /v1/licenses/{number}/allotments/{location}", nil, unassignLicense(s)},
		{"POST /v1/licenses/{number}/proposed-start/confirmation", nil, confirmStart(s)},
		{"POST /v1/licenses/{number}/proposed-start/refusal", nil, declineStart(s)},

		{"GET /v1/locations/{location}/devices", nil, listDevices(s)},
		{"GET /v1/locations/{location}/listed-devices", nil, listListed(s)},
		{"POST /v1/locations/{location}/listed-devices", nil, listDevice(s)},
		{"DELETE /v1/locations/{location}/listed-devices/{kind}/{mac}", nil, unlistDevice(s)},

		{"GET /v1/locations/{location}/days", []string{"from", "to"}, listDays(s)},
		{"GET /v1/locations/{location}/sessions", sessionQuery(), listSessions(s, ender)},
		{"GET /v1/sessions", sessionQuery(), listSessions(s, ender)},
		{"POST /v1/locations/{location}/sessions/end", nil, endSessions(ender)},

		{"GET /v1/locations/{location}/guests", nil, listAccounts(s)},
		{"POST /v1/locations/{location}/guests", nil, addAccount(s)},
		{"DELETE /v1/locations/{location}/guests/{user}", nil, removeAccount(s)},
		{"GET /v1/locations/{location}/mac-inputs", nil, listMACInputs(s)},
		{"POST /v1/locations/{location}/mac-inputs", nil, addMACInput(s)},
		{"DELETE /v1/locations/{location}/mac-inputs/{mac}", nil, removeMACInput(s)},

		{"GET /v1/locations/{location}/tickets", []string{"batch"}, listTickets(s)},
		{"POST /v1/locations/{location}/tickets", nil, createTickets(s)},
		{"GET /v1/locations/{location}/tickets/{code}", nil, showTicket(s)},
		{"DELETE /v1/locations/{location}/tickets/{code}", nil, revokeTicket(s)},
		{"GET /v1/locations/{location}/ticket-batches", nil, listBatches(s)},
		{"DELETE /v1/locations/{location}/ticket-batches/{batch}", nil, revokeBatch(s)},
		{"GET /v1/locations/{location}/credentials", nil, listCredentials(s)},
		{"POST /v1/locations/{location}/credentials", nil, issueCredential(s)},
		{"DELETE /v1/locations/{location}/credentials/{user}", nil, revokeCredential(s)},
		{"GET /v1/locations/{location}/stays", nil, listStays(s)},
		{"POST /v1/locations/{location}/stays", nil, importStays(s)},
		{"DELETE /v1/locations/{location}/stays/{id}", nil, removeStay(s)},

		{"GET /v1/recipients", nil, listRecipients(s)},
		{"POST /v1/recipients", nil, addRecipient(s)},
		{"DELETE /v1/recipients/{name}", nil, removeRecipient(s)},
		{"POST /v1/recipients/{name}/secret", nil, rotateRecipient(s)},
		{"POST /v1/recipients/{name}/test", nil, testRecipient(s, courier)},
		{"GET /v1/notices", []string{"state", "recipient", "license", "kind"}, listNotices(s)},
		{"GET /v1/notices/upcoming", nil, listUpcoming(s)},
		{"GET /v1/notices/preview", []string{"kind", "language", "license"}, previewNotice(s, courier)},
		{"POST /v1/notices/{id}/replay", nil, replayNotice(s)},

		{"GET /v1/locations/{location}/lab", nil, showLab(s, now)},
		{"POST /v1/locations/{location}/lab", nil, startLab(s)},
		{"DELETE /v1/locations/{location}/lab", nil, stopLab(s)},
	})
}

// anyQuery lets probes and scrapers send what they like.
var anyQuery = []string{"*"}

// publicRoutes is what the TCP listener serves to everybody: nothing that changes
// anything, and no secret.
func publicRoutes(o Options) []route {
	return []route{
		{"GET /livez", anyQuery, live()},
		{"GET /readyz", anyQuery, readiness(o.Ready)},
		{"GET /metrics", anyQuery, metrics(o.Metrics)},
	}
}

// guardedRoutes are those of the socket, for whoever carries a token. What is nowhere
// else is behind the gate as well: without a token there is nothing to be found out.
func guardedRoutes(g *gate, routes []route) []route {
	out := make([]route, 0, len(routes)+1)
	for _, t := range routes {
		query, run := t.query, t.run
		t.run = func(w http.ResponseWriter, r *http.Request) error {
			if err := knownQuery(r, query); err != nil {
				return err
			}
			return run(w, r)
		}
		out = append(out, route{t.pattern, anyQuery, g.guard(t)})
	}
	nowhere := route{"/v1/", anyQuery, nothingHere}
	g.may[nowhere.pattern] = licensing.Roles()
	return append(out, route{nowhere.pattern, anyQuery, g.guard(nowhere)})
}
