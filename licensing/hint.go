package licensing

// reasonHints says, per Reason of a refusal or a drop, what an operator can do. The same
// sentences stand in the manual (README.md, "Why was a guest refused?"), and a test
// holds the two against each other.
var reasonHints = [reasonEnd]string{
	ReasonNoLicense:                   "enter a key: `tallygate license activate KEY --location ID`",
	ReasonPendingProvision:            "the license is not assigned to this Location: `tallygate license assign NUMBER --location ID`",
	ReasonAccessDenied:                "`tallygate license show NUMBER` says who denied it and why; `license restore` lifts your own denial",
	ReasonContractFinalized:           "enter a new key: `tallygate license activate KEY --location ID`",
	ReasonAPLimit:                     "`tallygate ap list`; old hardware hands its slot on with `ap replace`",
	ReasonRoomLimit:                   "`tallygate room list`; `room release` gives up the slot of a room",
	ReasonAPUnknown:                   "this Location takes declared access points only: `tallygate ap declare`",
	ReasonRoomUnknown:                 "this Location takes no request without a room that it knows: `tallygate room list`, `room declare`",
	ReasonModuleNotLicensed:           "the network (SSID) needs a module that the license lacks: `tallygate location show`",
	ReasonDeviceBlocked:               "`tallygate device listed`; `device block --remove` lets it in again",
	ReasonBadCredentials:              "`tallygate guest list`, `guest add`, `ticket show CODE` (only with `--guests local`)",
	ReasonCredentialExpired:           "`tallygate guest list`, `ticket show CODE`; give the guest a new one with `guest add` or `ticket create`",
	ReasonCredentialRevoked:           "somebody revoked this ticket or credential: `tallygate audit list`",
	ReasonCredentialTaken:             "as many devices own this ticket or credential as it allows: `tallygate ticket show CODE` names them",
	ReasonTooManyAttempts:             "ten wrong surnames for one room: it takes none for a quarter of an hour; `tallygate guest stay list` shows the right one",
	ReasonTooManyDevices:              "`tallygate session list --location ID --user NAME --online`; raise the number with `location set --guest-sessions`, or for one account with `guest add --sessions`",
	ReasonUnknownLocation:             "the client's Location is gone: `tallygate client list`",
	ReasonRealmMismatch:               "the user name ends in the realm of another Organization of this gateway; guests roam within their own only: `tallygate organization list`",
	ReasonEAPUnsupported:              "the SSID is set to WPA-Enterprise (802.1X); use MAC authentication or a portal",
	ReasonUnknownClient:               "`tallygate client unknown` shows who it is, with the `client add` that lets it in",
	ReasonMalformed:                   "not RADIUS, or broken: look at what sends it",
	ReasonBadAuthenticator:            "make the shared secrets equal; `tallygate client list` names the sources whose secret differs",
	ReasonMissingMessageAuthenticator: "switch Message-Authenticator on in the access point; if it has none, see Message-Authenticator in the manual",
	ReasonProxyStateUnsigned:          "update or configure the proxy so that it sends Message-Authenticator; no setting lifts this",
	ReasonWrongCode:                   "sent to the other port: authentication is 1812, accounting 1813",
	ReasonDuplicateInProgress:         "normal now and then: a repeat came before the answer",
	ReasonConflicting:                 "normal now and then: the access point used the Identifier again before the answer",
	ReasonOverload:                    "queues are full: a slow disk, or a flood",
	ReasonStoreUnavailable:            "free disk space; service resumes by itself",
	ReasonInternalError:               "a fault of the gateway: please report it with what the log says",
}

// Hint is what an operator can do about a refusal or a drop; empty for every other
// Reason. Commands stand between backquotes.
func (r Reason) Hint() string {
	if r >= reasonEnd {
		return ""
	}
	return reasonHints[r]
}
