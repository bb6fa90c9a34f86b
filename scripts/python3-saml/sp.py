"""python3-saml as a service provider, for internal/counterparts.

Reads commands from standard input and answers on standard output, one JSON
value a line, as scripts/node-saml/sp.js does:

    {"op": "metadata", "options": {...}}                      -> {"xml"}
    {"op": "request",  "options": {...}, "relayState": ""}    -> {"url"}
    {"op": "validate", "options": {...}, "response": ""}      -> {"profile"}

"options" are {"settings", "passive", "forceAuthn"}; the settings are those of
OneLogin_Saml2_Settings. A response has to answer the last request. Anything
that goes wrong is {"error"}.
"""

import json
import sys
from urllib.parse import urlsplit

from onelogin.saml2.auth import OneLogin_Saml2_Auth
from onelogin.saml2.settings import OneLogin_Saml2_Settings

last_request = {}  # by entityID


def authenticator(settings, post=None):
    acs = urlsplit(settings["sp"]["assertionConsumerService"]["url"])
    return OneLogin_Saml2_Auth(
        {"https": "on", "http_host": acs.netloc, "script_name": acs.path, "get_data": {}, "post_data": post or {}},
        settings,
    )


def run(op, options, relayState="", response=""):
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
        auth = authenticator(settings, {"SAMLResponse": response})
        auth.process_response(last_request.get(entity))
        if auth.get_errors() or not auth.is_authenticated():
            return {"error": auth.get_last_error_reason() or "not authenticated"}
        return {"profile": {
            "nameID": auth.get_nameid(),
            "nameIDFormat": auth.get_nameid_format(),
            "attributes": auth.get_attributes(),
        }}
    raise ValueError("unknown op " + op)


def main():
    for line in sys.stdin:
        try:
            answer = run(**json.loads(line))
        except Exception as e:  # whatever it is, the test is told
            answer = {"error": f"{type(e).__name__}: {e}"}
        print(json.dumps(answer), flush=True)


main()
