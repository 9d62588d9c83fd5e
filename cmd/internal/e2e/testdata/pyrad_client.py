"""A guest's visit through pyrad, which cannot send Message-Authenticator.

usage: pyrad_client.py SOURCE AUTH-PORT ACCT-PORT SECRET

Prints what came of each step. pyrad drops every reply whose Response Authenticator is
wrong, and then says "timeout".
"""
import hashlib
import io
import os
import sys

import pyrad.client
import pyrad.packet
from pyrad.dictionary import Dictionary

ATTRIBUTES = """
ATTRIBUTE User-Name 1 string
ATTRIBUTE User-Password 2 octets
ATTRIBUTE CHAP-Password 3 octets
ATTRIBUTE Reply-Message 18 string
ATTRIBUTE Class 25 octets
ATTRIBUTE Called-Station-Id 30 string
ATTRIBUTE Calling-Station-Id 31 string
ATTRIBUTE NAS-Identifier 32 string
ATTRIBUTE Acct-Status-Type 40 integer
ATTRIBUTE Acct-Session-Id 44 string
ATTRIBUTE CHAP-Challenge 60 octets
"""

source, auth, acct, secret = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
client = pyrad.client.Client(
    "127.0.0.1", authport=auth, acctport=acct, secret=secret.encode(), dict=Dictionary(io.StringIO(ATTRIBUTES))
)
client.retries, client.timeout = 5, 2
client.bind((source, 0))

CODES = {pyrad.packet.AccessAccept: "accept", pyrad.packet.AccessReject: "reject", pyrad.packet.AccountingResponse: "acknowledged"}


def say(step, request):
    request["Called-Station-Id"] = "00-27-22-AA-00-10:Guest WiFi"
    request["NAS-Identifier"] = "pyrad"
    try:
        reply = client.SendPacket(request)
    except pyrad.client.Timeout:
        print(step + ": timeout")
        return None
    print(step + ": " + CODES.get(reply.code, str(reply.code)), *reply.get("Reply-Message", []))
    return reply


request = client.CreateAuthPacket(User_Name="anna", Calling_Station_Id="80-41-00-00-01-01")
request["User-Password"] = request.PwCrypt("portal-pass")
reply = say("pap", request)

request = client.CreateAuthPacket(User_Name="anna", Calling_Station_Id="80-41-00-00-01-01")
challenge, ident = os.urandom(16), b"\x17"
request["CHAP-Challenge"] = challenge
request["CHAP-Password"] = ident + hashlib.md5(ident + b"portal-pass" + challenge).digest()
say("chap", request)

request = client.CreateAuthPacket(User_Name="804100000102", Calling_Station_Id="80-41-00-00-01-02")
request["User-Password"] = request.PwCrypt("804100000102")
say("mac", request)

for status, name in ((1, "start"), (3, "interim"), (2, "stop")):
    request = client.CreateAcctPacket(
        User_Name="anna", Calling_Station_Id="8041.0000.0101", Acct_Session_Id="pyrad-1", Acct_Status_Type=status
    )
    if reply is not None and "Class" in reply:
        request["Class"] = reply["Class"][0]
    say(name, request)
