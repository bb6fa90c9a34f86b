// The text that a phone signs (approval-protocol.md 6.1). The server builds it
// from its own data; one byte of difference and the approval is refused.

import { Problem } from "./api.js";
import { base64url } from "./bytes.js";

const none = "-";

// challengeOf is the WebAuthn challenge for a claim's answer: base64url
// SHA-256 of the signed text.
export async function challengeOf(claim, match) {
  return base64url(await sha256(await signedText(claim, match)));
}

// addChallengeOf is the challenge by which this device vouches for a new one
// (11.4): the answer about an adding in progress, with its id.
export async function addChallengeOf(adding) {
  return base64url(await sha256(await textOf({ sid: adding.id, decision: "add-device", match: none, ...adding })));
}

// signedText returns the 13 lines. match is the number as typed, if one was
// asked for.
export async function signedText({ sid, context, text }, match = none) {
  if (text.sp !== context.app.entity_id) throw new Problem("bad_challenge"); // one app shown, another one signed
  return textOf({ sid, decision: "approve", match, context, text });
}

async function textOf({ sid, decision, match, context, text }) {
  const lines = {
    sid,
    idp: text.idp,
    sp: text.sp,
    req: text.req,
    decision,
    acr: text.acr,
    match,
    live: none,
    browser: text.browser,
    ctx: base64url(await sha256(canonical(context))),
    nonce: text.nonce,
    exp: String(text.exp),
  };
  const bad = Object.values(lines).some((value) => !value || /\p{Cc}/u.test(value));
  if (bad) throw new Problem("bad_challenge"); // a value could pass for another line
  return "latchkey-approval/1\n" + Object.entries(lines).map(([name, value]) => `${name}:${value}\n`).join("");
}

// canonical is RFC 8785 JSON: ECMAScript's own form of strings and numbers,
// members in the order of their names.
export function canonical(value) {
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  const members = Object.keys(value).sort().map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`);
  return `{${members.join(",")}}`;
}

export function sha256(text) {
  return crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
}
