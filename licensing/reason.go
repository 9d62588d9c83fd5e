package licensing

// Reason says why something was refused, dropped or not counted. It is the one
// enumeration behind the log, the metric label, the trace, the reply text and
// the console, so that the same cause carries the same word everywhere.
// The zero value, ReasonNone, means "nothing stands against it".
type Reason uint8

// Numbers are never written to disk: texts are. Add freely, in the right group.
const (
	ReasonNone Reason = iota

	// Refusals: the answer is an Access-Reject.
	ReasonNoLicense
	ReasonPendingProvision
	ReasonAccessDenied
	ReasonContractFinalized
	ReasonAPLimit
	ReasonRoomLimit
	ReasonAPUnknown
	ReasonRoomUnknown
	ReasonModuleNotLicensed
	ReasonDeviceBlocked
	ReasonBadCredentials
	ReasonCredentialExpired
	ReasonCredentialRevoked
	ReasonCredentialTaken
	ReasonTooManyAttempts
	ReasonTooManyDevices
	ReasonUnknownLocation
	ReasonRealmMismatch
	ReasonEAPUnsupported

	// Drops: there is no answer at all.
	ReasonUnknownClient
	ReasonMalformed
	ReasonBadAuthenticator
	ReasonMissingMessageAuthenticator
	ReasonProxyStateUnsigned
	ReasonWrongCode
	ReasonDuplicateInProgress
	ReasonConflicting
	ReasonOverload
	ReasonStoreUnavailable
	ReasonInternalError

	// Served and recorded, but not counted towards the start of a license.
	// (no-license, pending-provision, access-denied and contract-finalized
	// serve here too.)
	ReasonExemptDevice
	ReasonLabMode
	ReasonAPWithoutSlot
	ReasonPrivateAddress
	ReasonNotAccepted
	ReasonBeforeProvisioning
	ReasonNotSighted
	ReasonAccessPoint
	ReasonOutsideWindow
	ReasonNotGoverning
	ReasonBeforeRecount
	ReasonSameGuest

	reasonEnd
)

// reasonTexts holds, per Reason, its label and a sentence for people.
var reasonTexts = [reasonEnd]struct{ label, text string }{
	ReasonNone:                        {"", ""},
	ReasonNoLicense:                   {"no-license", "This Location has no license."},
	ReasonPendingProvision:            {"pending-provision", "The license is not assigned to this Location yet."},
	ReasonAccessDenied:                {"access-denied", "Access is denied for this Location."},
	ReasonContractFinalized:           {"contract-finalized", "The contract of this Location is over."},
	ReasonAPLimit:                     {"ap-limit", "All licensed access points are in use."},
	ReasonRoomLimit:                   {"room-limit", "All licensed rooms are in use."},
	ReasonAPUnknown:                   {"ap-unknown", "This access point has not been declared."},
	ReasonRoomUnknown:                 {"room-unknown", "This room is not known here."},
	ReasonModuleNotLicensed:           {"module-not-licensed", "The license does not cover this service."},
	ReasonDeviceBlocked:               {"device-blocked", "This device is blocked."},
	ReasonBadCredentials:              {"bad-credentials", "User name or password is wrong."},
	ReasonCredentialExpired:           {"credential-expired", "This guest account has expired."},
	ReasonCredentialRevoked:           {"credential-revoked", "This ticket or guest account was revoked."},
	ReasonCredentialTaken:             {"credential-taken", "This ticket is in use by other devices."},
	ReasonTooManyAttempts:             {"too-many-attempts", "Too many wrong passwords for this room: try again in a quarter of an hour."},
	ReasonTooManyDevices:              {"too-many-devices", "This guest account has as many devices online as it may."},
	ReasonUnknownLocation:             {"unknown-location", "The Location of this request is not known."},
	ReasonRealmMismatch:               {"realm-mismatch", "The realm of this login belongs to another Organization."},
	ReasonEAPUnsupported:              {"eap-unsupported", "EAP (802.1X) is not offered on this network."},
	ReasonUnknownClient:               {"unknown-client", "The source address is not a configured client."},
	ReasonMalformed:                   {"malformed", "The packet is not well-formed RADIUS."},
	ReasonBadAuthenticator:            {"bad-authenticator", "The authenticator does not match: the shared secret differs."},
	ReasonMissingMessageAuthenticator: {"missing-message-authenticator", "The packet carries no Message-Authenticator, which this client requires."},
	ReasonProxyStateUnsigned:          {"proxy-state-unsigned", "The packet carries Proxy-State without Message-Authenticator."},
	ReasonWrongCode:                   {"wrong-code", "This packet code does not belong on this port."},
	ReasonDuplicateInProgress:         {"duplicate-in-progress", "A repeat of a request that is still being worked on."},
	ReasonConflicting:                 {"conflicting", "A newer request with the same Identifier replaced this one."},
	ReasonOverload:                    {"overload", "A queue is full."},
	ReasonStoreUnavailable:            {"store-unavailable", "The store cannot be written."},
	ReasonInternalError:               {"internal-error", "The gateway failed on this packet."},
	ReasonExemptDevice:                {"exempt-device", "The device is on the exempt list."},
	ReasonLabMode:                     {"lab-mode", "The session began in lab mode."},
	ReasonAPWithoutSlot:               {"ap-without-slot", "The access point holds no slot and none is free."},
	ReasonPrivateAddress:              {"private-address", "The license ignores private (randomised) addresses."},
	ReasonNotAccepted:                 {"not-accepted", "This gateway did not accept the device."},
	ReasonBeforeProvisioning:          {"before-provisioning", "The sighting lies before the license was provisioned."},
	ReasonOutsideWindow:               {"outside-window", "Its latest counted sighting lies outside the present count window."},
	ReasonNotGoverning:                {"not-governing", "Another license governs this Location now."},
	ReasonBeforeRecount:               {"before-recount", "The sighting lies before the count began anew: its start was undone or declined."},
	ReasonAccessPoint:                 {"access-point", "It is the address of an access point."},
	ReasonSameGuest:                   {"same-guest", "Another private (randomised) address of the same user name counts already."},
	ReasonNotSighted:                  {"not-sighted", "The device was not sighted since the license was provisioned."},
}

// String is the label: lower case with hyphens, as in metrics and JSON. Empty for ReasonNone.
func (r Reason) String() string {
	if r >= reasonEnd {
		return "unknown"
	}
	return reasonTexts[r].label
}

// Text is one plain sentence for a person.
func (r Reason) Text() string {
	if r >= reasonEnd {
		return ""
	}
	return reasonTexts[r].text
}

// ReasonOf finds the Reason with this label; false when there is none.
func ReasonOf(label string) (Reason, bool) {
	for r := range reasonEnd {
		if reasonTexts[r].label == label {
			return r, true
		}
	}
	return ReasonNone, false
}

// Refusals lists every Reason that an Access-Reject can carry.
func Refusals() []Reason { return span(ReasonNoLicense, ReasonEAPUnsupported) }

// Drops lists every Reason for which a packet gets no answer.
func Drops() []Reason { return span(ReasonUnknownClient, ReasonInternalError) }

func span(from, to Reason) []Reason {
	out := make([]Reason, 0, to-from+1)
	for r := from; r <= to; r++ {
		out = append(out, r)
	}
	return out
}

// MarshalText writes the label.
func (r Reason) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads a label; an unknown one is an Error with CodeInvalid.
func (r *Reason) UnmarshalText(b []byte) error {
	v, ok := ReasonOf(string(b))
	if !ok {
		return Errorf(CodeInvalid, "%q is not a known reason", b)
	}
	*r = v
	return nil
}
