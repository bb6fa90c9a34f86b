// @node-saml/node-saml as a service provider, for internal/counterparts: reads
// commands from standard input and answers on standard output, one JSON value
// a line. The requests that it has made are known until it ends.
//
//   {"op": "metadata", "options": {...}}                     -> {"xml"}
//   {"op": "request",  "options": {...}, "relayState": ""}   -> {"url"} or {"form"}
//   {"op": "validate", "options": {...}, "response": ""}     -> {"profile"}
//   {"op": "leave",    "options": {...}, "profile": {...}}   -> {"url"} with a LogoutRequest
//   {"op": "logout",   "options": {...}, "query": "", "request": "", "response": ""}
//                                     a logout message, by the query that it came in
//                                     or as HTTP-POST had it -> {"profile", "url"} for
//                                     a request, {} for a response
//
// "options" are those of the SAML class. Anything that goes wrong is {"error"}.
// NODE_PATH names the folder where scripts/deps.sh has installed the package.
"use strict";

const readline = require("node:readline");
const { SAML } = require("@node-saml/node-saml");

const issued = new Map();
const cacheProvider = {
  async saveAsync(key, value) {
    const item = { value, createdAt: Date.now() };
    issued.set(key, item);
    return item;
  },
  async getAsync(key) {
    return issued.get(key)?.value ?? null;
  },
  async removeAsync(key) {
    return key !== null && issued.delete(key) ? key : null;
  },
};

async function run({ op, options, relayState, profile, query, request, response }) {
  // By HTTP-POST it finds the InResponseTo of a Response only, not of a LogoutResponse.
  const validateInResponseTo = op === "logout" ? "ifPresent" : "always";
  const sp = new SAML({ ...options, cacheProvider, validateInResponseTo });
  switch (op) {
    case "metadata":
      return { xml: sp.generateServiceProviderMetadata(options.decryptionCert ?? null, options.publicCert ?? null) };
    case "request":
      return options.authnRequestBinding === "HTTP-POST"
        ? { form: await sp.getAuthorizeFormAsync(relayState) }
        : { url: await sp.getAuthorizeUrlAsync(relayState, undefined, {}) };
    case "validate": {
      const { profile } = await sp.validatePostResponseAsync({ SAMLResponse: response });
      const { nameID, nameIDFormat, nameQualifier, spNameQualifier, sessionIndex, attributes } = profile;
      return { profile: { nameID, nameIDFormat, nameQualifier, spNameQualifier, sessionIndex, attributes } };
    }
    case "leave":
      return { url: await sp.getLogoutUrlAsync(profile, "", {}) };
    case "logout": {
      const { profile: named } = query
        ? await sp.validateRedirectAsync(Object.fromEntries(new URLSearchParams(query)), query)
        : request
          ? await sp.validatePostRequestAsync({ SAMLRequest: request })
          : await sp.validatePostResponseAsync({ SAMLResponse: response });
      return named ? { profile: named, url: await sp.getLogoutResponseUrlAsync(named, "", {}, true) } : {};
    }
  }
  throw new Error(`unknown op ${op}`);
}

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    let answer;
    try {
      answer = await run(JSON.parse(line));
    } catch (e) {
      answer = { error: e.message, status: e.xmlStatus };
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
}

main();
