package admin

import "tallygate/licensing"

// may lists, for each route, the roles that may use it over TCP. What is not in it
// nobody may: a new route is for the socket alone until somebody has thought about it.
// Whose Locations a token reaches is another question (see scope.go).
func may() map[string][]licensing.Role {
	const (
		owner, operator, viewer = licensing.RoleOwner, licensing.RoleOperator, licensing.RoleViewer
		desk, portal            = licensing.RoleFrontDesk, licensing.RolePortal
	)
	owners := []licensing.Role{owner}
	runs := []licensing.Role{owner, operator}
	reads := []licensing.Role{owner, operator, viewer}
	serves := []licensing.Role{owner, operator, desk}        // guests' credentials
	looks := []licensing.Role{owner, operator, viewer, desk} // who is there
	lets := []licensing.Role{owner, operator, desk, portal}  // lets a guest in
	return map[string][]licensing.Role{
		"GET /v1/gateway":            reads,
		"GET /v1/audit":              owners,
		"GET /v1/audit/verification": owners,
		"GET /v1/calendar":           reads,
		"GET /v1/privacy":            reads,
		"POST /v1/privacy/lookups":   owners,
		"POST /v1/privacy/erasures":  owners,
		"POST /v1/privacy/purges":    owners,

		"GET /v1/tokens":           owners,
		"POST /v1/tokens":          owners,
		"DELETE /v1/tokens/{name}": owners,

		"GET /v1/organizations":                   reads,
		"POST /v1/organizations":                  owners,
		"GET /v1/organizations/{name}":            reads,
		"GET /v1/locations":                       looks,
		"POST /v1/locations":                      owners,
		"GET /v1/locations/{location}":            looks,
		"PATCH /v1/locations/{location}/settings": runs,

		"GET /v1/clients":           reads,
		"POST /v1/clients":          owners,
		"GET /v1/clients/{name}":    reads,
		"PATCH /v1/clients/{name}":  owners,
		"DELETE /v1/clients/{name}": owners,

		"GET /v1/strangers":           reads,
		"GET /v1/secrets-that-differ": reads,
		"GET /v1/trace":               runs, // devices and user names of guests
		"POST /v1/rehearsals":         runs, // tells whether a password holds

		"GET /v1/partners":              owners,
		"POST /v1/partners":             owners,
		"GET /v1/partners/{partner}":    owners,
		"DELETE /v1/partners/{partner}": owners,
		"GET /v1/transfers":             owners,
		"POST /v1/transfers":            owners,
		"POST /v1/releases":             owners,

		"POST /v1/activations":                                   owners,
		"GET /v1/licenses":                                       reads,
		"GET /v1/licenses/{number}":                              reads,
		"GET /v1/licenses/{number}/explanation":                  reads,
		"GET /v1/licenses/{number}/history":                      reads,
		"GET /v1/licenses/{number}/receipt":                      reads,
		"GET /v1/licenses/{number}/calendar":                     reads,
		"GET /v1/licenses/{number}/cutoff":                       reads,
		"GET /v1/locations/{location}/cutoff":                    reads,
		"PUT /v1/licenses/{number}/denial":                       owners,
		"DELETE /v1/licenses/{number}/denial":                    owners,
		"DELETE /v1/licenses/{number}/allotments":                owners,
		"PUT /v1/licenses/{number}/allotments/{location}":        owners,
		"DELETE /v1/licenses/{number}/allotments/{location}":     owners,
		"POST /v1/licenses/{number}/proposed-start/confirmation": owners,
		"POST /v1/licenses/{number}/proposed-start/refusal":      owners,

		"GET /v1/locations/{location}/devices":                        looks,
		"GET /v1/locations/{location}/listed-devices":                 looks,
		"POST /v1/locations/{location}/listed-devices":                runs,
		"DELETE /v1/locations/{location}/listed-devices/{kind}/{mac}": runs,
		"GET /v1/locations/{location}/aps":                            reads,
		"POST /v1/locations/{location}/aps":                           runs,
		"POST /v1/locations/{location}/aps/merge":                     runs,
		"POST /v1/locations/{location}/aps/replace":                   runs,
		"POST /v1/locations/{location}/aps/release":                   runs,
		"POST /v1/locations/{location}/aps/forget":                    runs,
		"POST /v1/locations/{location}/aps/note":                      runs,
		"POST /v1/locations/{location}/aps/alias":                     runs,
		"POST /v1/locations/{location}/aps/alias/remove":              runs,
		"POST /v1/locations/{location}/aps/import":                    runs,
		"GET /v1/locations/{location}/rooms":                          looks,
		"POST /v1/locations/{location}/rooms":                         runs,
		"POST /v1/locations/{location}/rooms/merge":                   runs,
		"POST /v1/locations/{location}/rooms/replace":                 runs,
		"POST /v1/locations/{location}/rooms/release":                 runs,
		"POST /v1/locations/{location}/rooms/forget":                  runs,
		"POST /v1/locations/{location}/rooms/note":                    runs,
		"POST /v1/locations/{location}/rooms/alias":                   runs,
		"POST /v1/locations/{location}/rooms/alias/remove":            runs,
		"POST /v1/locations/{location}/rooms/import":                  runs,
		"GET /v1/locations/{location}/sessions":                       looks,
		"GET /v1/sessions":                                            reads,
		"POST /v1/locations/{location}/sessions/end":                  serves,
		"GET /v1/locations/{location}/days":                           reads,

		"GET /v1/locations/{location}/guests":                    serves,
		"POST /v1/locations/{location}/guests":                   serves,
		"DELETE /v1/locations/{location}/guests/{user}":          serves,
		"GET /v1/locations/{location}/mac-inputs":                serves,
		"POST /v1/locations/{location}/mac-inputs":               serves,
		"DELETE /v1/locations/{location}/mac-inputs/{mac}":       serves,
		"GET /v1/locations/{location}/tickets":                   serves,
		"POST /v1/locations/{location}/tickets":                  serves,
		"GET /v1/locations/{location}/tickets/{code}":            serves,
		"DELETE /v1/locations/{location}/tickets/{code}":         serves,
		"GET /v1/locations/{location}/ticket-batches":            serves,
		"DELETE /v1/locations/{location}/ticket-batches/{batch}": serves,
		"POST /v1/locations/{location}/credentials":              lets,
		"GET /v1/locations/{location}/credentials":               serves,
		"DELETE /v1/locations/{location}/credentials/{user}":     lets,
		"GET /v1/locations/{location}/stays":                     serves,
		"POST /v1/locations/{location}/stays":                    serves,
		"DELETE /v1/locations/{location}/stays/{id}":             serves,

		"GET /v1/recipients":                owners,
		"POST /v1/recipients":               owners,
		"DELETE /v1/recipients/{name}":      owners,
		"POST /v1/recipients/{name}/secret": owners,
		"POST /v1/recipients/{name}/test":   owners,
		"GET /v1/notices":                   reads,
		"GET /v1/notices/upcoming":          reads,
		"GET /v1/notices/preview":           reads,
		"POST /v1/notices/{id}/replay":      runs,

		"GET /v1/locations/{location}/lab":    reads,
		"POST /v1/locations/{location}/lab":   runs,
		"DELETE /v1/locations/{location}/lab": runs,
	}
}
