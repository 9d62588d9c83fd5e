package radiusd

// code is the first octet of a packet (RFC 2865 section 3, RFC 2866 section 3, RFC 5997).
type code uint8

const (
	accessRequest      code = 1
	accessAccept       code = 2
	accessReject       code = 3
	accountingRequest  code = 4
	accountingResponse code = 5
	statusServer       code = 12
	disconnectRequest  code = 40 // RFC 5176; its ACK and NAK follow
	coaRequest         code = 43
)

// String is the name as the RFCs spell it; "other" for what this server never handles.
func (c code) String() string {
	switch c {
	case accessRequest:
		return "Access-Request"
	case accessAccept:
		return "Access-Accept"
	case accessReject:
		return "Access-Reject"
	case accountingRequest:
		return "Accounting-Request"
	case accountingResponse:
		return "Accounting-Response"
	case statusServer:
		return "Status-Server"
	default:
		return "other"
	}
}

// Attribute types that this server reads or writes, by RFC.
const (
	// RFC 2865
	attrUserName         = 1
	attrUserPassword     = 2
	attrCHAPPassword     = 3
	attrNASIPAddress     = 4
	attrNASPort          = 5
	attrServiceType      = 6
	attrFramedIPAddress  = 8
	attrFilterID         = 11
	attrReplyMessage     = 18
	attrClass            = 25
	attrVendorSpecific   = 26
	attrSessionTimeout   = 27
	attrIdleTimeout      = 28
	attrCalledStationID  = 30
	attrCallingStationID = 31
	attrNASIdentifier    = 32
	attrProxyState       = 33
	attrCHAPChallenge    = 60
	attrNASPortType      = 61

	// RFC 2866
	attrAcctStatusType     = 40
	attrAcctDelayTime      = 41
	attrAcctInputOctets    = 42
	attrAcctOutputOctets   = 43
	attrAcctSessionID      = 44
	attrAcctSessionTime    = 46
	attrAcctInputPackets   = 47
	attrAcctOutputPackets  = 48
	attrAcctTerminateCause = 49
	attrAcctMultiSessionID = 50

	// RFC 2868, RFC 3580: VLAN assignment
	attrTunnelType           = 64
	attrTunnelMediumType     = 65
	attrTunnelPrivateGroupID = 81

	// RFC 2869
	attrAcctInputGigawords   = 52
	attrAcctOutputGigawords  = 53
	attrEventTimestamp       = 55
	attrARAPPassword         = 70
	attrConnectInfo          = 77
	attrEAPMessage           = 79
	attrMessageAuthenticator = 80
	attrAcctInterimInterval  = 85
	attrNASPortID            = 87

	// RFC 3162
	attrNASIPv6Address = 95

	// RFC 5176
	attrErrorCause = 101
)

// Vendors, by their IANA enterprise number, and their attributes.
const (
	vendorMicrosoft   = 311
	msCHAPResponse    = 1  // RFC 2548 section 2.1.3
	msCHAP2Response   = 25 // RFC 2548 section 2.3.2
	vendorMikroTik    = 14988
	vendorWISPr       = 14122
	mikroTikRateLimit = 8 // Mikrotik-Rate-Limit, text
	wisprBandwidthUp  = 7 // WISPr-Bandwidth-Max-Up, bit/s
	wisprBandwidthDn  = 8 // WISPr-Bandwidth-Max-Down, bit/s
)
