package disconnect

import "strconv"

// cause is an Error-Cause (RFC 5176 section 3.5); 0 stands for a refusal without one.
type cause uint32

const (
	causeUnsupportedAttribute cause = 401
	causeMissingAttribute     cause = 402
	causeNASIdentification    cause = 403
	causeInvalidRequest       cause = 404
	causeUnsupportedService   cause = 405
	causeUnsupportedExtension cause = 406
	causeInvalidValue         cause = 407
	causeProhibited           cause = 501
	causeNotRoutable          cause = 502
	causeNotFound             cause = 503
	causeNotRemovable         cause = 504
	causeOtherProxy           cause = 505
	causeResources            cause = 506
	causeInitiated            cause = 507
	causeMultipleSessions     cause = 508
)

// causeNames are those of RFC 5176 section 3.5, with spelling of the IANA registry and
// of other programs: words joined by hyphens.
var causeNames = map[cause]string{
	201:                       "Residual-Session-Context-Removed",
	202:                       "Invalid-EAP-Packet",
	causeUnsupportedAttribute: "Unsupported-Attribute",
	causeMissingAttribute:     "Missing-Attribute",
	causeNASIdentification:    "NAS-Identification-Mismatch",
	causeInvalidRequest:       "Invalid-Request",
	causeUnsupportedService:   "Unsupported-Service",
	causeUnsupportedExtension: "Unsupported-Extension",
	causeInvalidValue:         "Invalid-Attribute-Value",
	causeProhibited:           "Administratively-Prohibited",
	causeNotRoutable:          "Request-Not-Routable",
	causeNotFound:             "Session-Context-Not-Found",
	causeNotRemovable:         "Session-Context-Not-Removable",
	causeOtherProxy:           "Other-Proxy-Processing-Error",
	causeResources:            "Resources-Unavailable",
	causeInitiated:            "Request-Initiated",
	causeMultipleSessions:     "Multiple-Session-Selection-Unsupported",
	509:                       "Location-Info-Required", // RFC 5580 section 4.5
	601:                       "Response-Too-Big",       // RFC 7930 section 4
}

// String is the name, the number where it has none, "none" for a refusal without one.
func (c cause) String() string {
	if c == 0 {
		return "none"
	}
	if name, ok := causeNames[c]; ok {
		return name
	}
	return strconv.Itoa(int(c))
}

// otherWords reports whether the NAS may understand other attributes: it did not find
// the session, or did not like how it was named. Whatever else it says, it would say again.
func (c cause) otherWords() bool {
	switch c {
	case 0, causeUnsupportedAttribute, causeMissingAttribute, causeNASIdentification, causeInvalidRequest,
		causeUnsupportedService, causeUnsupportedExtension, causeInvalidValue, causeNotFound, causeMultipleSessions:
		return true
	default:
		return false
	}
}

// hint is what the operator can do about it, in one sentence.
func (c cause) hint() string {
	switch c {
	case causeNotFound:
		return "the NAS knows no such session (it may have ended, and its Stop got lost) or knows it by other names; check that the client's vendor is right, and where the NAS reports for other devices set --disconnect-address"
	case causeNotRemovable:
		return "the NAS has the session and will not end it; its Session-Timeout will, and no new login is accepted; look in the NAS for a setting that forbids it"
	case causeProhibited:
		return "the NAS forbids it: allow this gateway as a CoA/RFC 5176 client there"
	case causeNotRoutable:
		return "the controller that was asked cannot reach the session's AP; set --disconnect-address of the client to the one that can, or to nas"
	case causeNASIdentification:
		return "the request reached another NAS than the session's; set --disconnect-address of the client (source, nas or an address)"
	case causeResources:
		return "the NAS is busy: it is asked again later; a lower disconnect.rate in the configuration may help"
	case causeUnsupportedExtension, causeUnsupportedService:
		return "the NAS cannot do this: update its firmware, or set --disconnect off for the client; Session-Timeout ends its sessions"
	default:
		return "the NAS does not accept how the session is named: check that the client's vendor is right (tallygate client set --vendor)"
	}
}
