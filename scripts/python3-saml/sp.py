"""python3-saml as a service provider, for internal/counterparts.

Reads commands from standard input and answers on standard output, one JSON
value a line, as scripts/node-saml/sp.js does:

    {"op": "metadata", "options": {...}}                      -> {"xml"}
    {"op": "request",  "options": {...}, "relayState": ""}    -> {"url"}
    {"op": "validate", "options": {...}, "response": ""}      -> {"profile"}
    {"op": "leave",    "options": {...}, "profile": {...}}    -> {"url"} with a LogoutRequest
    {"op": "logout",   "options": {...}, "query": ""}         a logout message ->
                                     {"profile", "url"} for a request, {} for a response

"options" are {"settings", "passive", "forceAuthn"}; the settings are those of
OneLogin_Saml2_Settings. A response has to answer the last request. Anything
that goes wrong is {"error"}.
"""

import json
import sys
from urllib.parse import parse_qsl, urlsplit

from onelogin.saml2.auth import OneLogin_Saml2_Auth
from onelogin.saml2.logout_request import OneLogin_Saml2_Logout_Request
from onelogin.saml2.settings import OneLogin_Saml2_Settings

last_request = {}  # by entityID


def authenticator(settings, service="assertionConsumerService", query="", post=None):
    at = urlsplit(settings["sp"][service]["url"])
    return OneLogin_Saml2_Auth(
        {
            "https": "on" if at.scheme == "https" else "off", "http_host": at.netloc, "script_name": at.path,
            "get_data": dict(parse_qsl(query)), "query_string": query, "validate_signature_from_qs": True,
            "post_data": post or {},
        },
        settings,
    )


def logged_out(settings, query):
    """A logout message that has to be signed."""
    settings["security"]["wantMessagesSigned"] = True
    auth = authenticator(settings, "singleLogoutService", query)
    url = auth.process_slo(True, last_request.get(settings["sp"]["entityId"]))
    if auth.get_errors():
        return {"error": auth.get_last_error_reason() or ", ".join(auth.get_errors())}
    if url is None:
        return {}
    request = auth.get_last_request_xml()
    indexes = OneLogin_Saml2_Logout_Request.get_session_indexes(request)
    return {"url": url, "profile": {
        "nameID": OneLogin_Saml2_Logout_Request.get_nameid(request, settings["sp"]["privateKey"]),
        "sessionIndex": indexes[0] if indexes else None,
    }}


def run(op, options, relayState="", response="", profile=None, query="", **_):
    settings = options["settings"]
    entity = settings["sp"]["entityId"]
    if op == "metadata":
        made = OneLogin_Saml2_Settings(settings, sp_validation_only=True)
        xml = made.get_sp_metadata()
        mistakes = made.validate_metadata(xml)
        if mistakes:
            raise ValueError(", ".join(mistakes))
        return {"xml": xml.decode() if isinstance(xml, bytes) else xml}
    if op == "request":
        auth = authenticator(settings)
        url = auth.login(relayState, options.get("forceAuthn", False), options.get("passive", False))
        last_request[entity] = auth.get_last_request_id()
        return {"url": url}
    if op == "validate":
        auth = authenticator(settings, post={"SAMLResponse": response})
        auth.process_response(last_request.get(entity))
        if auth.get_errors() or not auth.is_authenticated():
            return {"error": auth.get_last_error_reason() or "not authenticated"}
        return {"profile": {
            "nameID": auth.get_nameid(),
            "nameIDFormat": auth.get_nameid_format(),
            "nameQualifier": auth.get_nameid_nq(),
            "spNameQualifier": auth.get_nameid_spnq(),
            "sessionIndex": auth.get_session_index(),
            "attributes": auth.get_attributes(),
        }}
    if op == "leave":
        auth = authenticator(settings)
        url = auth.logout(
            "", profile["nameID"], profile["sessionIndex"], profile["nameQualifier"], profile["nameIDFormat"], profile["spNameQualifier"],
        )
        last_request[entity] = auth.get_last_request_id()
        return {"url": url}
    if op == "logout":
        return logged_out(settings, query)
    raise ValueError("unknown op " + op)


def main():
    for line in sys.stdin:
        try:
            answer = run(**json.loads(line))
        except Exception as e:  # whatever it is, the test is told
            answer = {"error": f"{type(e).__name__}: {e}"}
        print(json.dumps(answer), flush=True)


main()
