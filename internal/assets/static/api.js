// Calls of our API (same origin, JSON, errors as problem+json).

import { base64url } from "./bytes.js";

const patience = 10_000; // ms until a call counts as failed

// Problem is an answer that is not a success. `code` is one of the protocol's
// error codes, or "unreachable" where there was no usable answer at all;
// `wait` is Retry-After in ms; `state` is the session's, where the server tells.
export class Problem extends Error {
  constructor(code, { detail = "", wait = 0, state = "" } = {}) {
    super(code);
    this.code = code;
    this.detail = detail;
    this.wait = wait;
    this.state = state;
  }

  // passing is true for what time heals.
  get passing() {
    return ["unreachable", "slow_down", "busy"].includes(this.code);
  }
}

// call sends a request and returns the decoded answer, null where there is none.
// Without a body it is a GET; a body (which may be {}) makes it a POST, unless
// method says otherwise. key is an Idempotency-Key, claim the key that a phone
// holds a session by.
export async function call(path, { body, key, claim, method = "POST" } = {}) {
  const init = { headers: { Accept: "application/json" }, cache: "no-store", credentials: "same-origin", redirect: "error" };
  if (body) {
    init.method = method;
    init.headers["Content-Type"] = "application/json";
    init.headers["X-Requested-By"] = "latchkey";
    init.body = JSON.stringify(body);
  }
  if (key) init.headers["Idempotency-Key"] = key;
  if (claim) init.headers.Authorization = "Claim " + claim;

  const stop = new AbortController();
  const alarm = setTimeout(() => stop.abort(), patience);
  try {
    const response = await fetch(path, { ...init, signal: stop.signal });
    const answer = response.status === 204 ? null : await response.json();
    if (!response.ok) throw problemOf(response, answer);
    return answer;
  } catch (e) {
    throw e instanceof Problem ? e : new Problem("unreachable");
  } finally {
    clearTimeout(alarm);
  }
}

function problemOf(response, answer) {
  const wait = 1000 * (Number(response.headers.get("Retry-After")) || 0);
  const fallback = response.status >= 500 ? "busy" : "other";
  return new Problem(answer.code ?? fallback, { detail: answer.detail, state: answer.state, wait });
}

// insist repeats a call that may be repeated, while what fails may pass soon.
export async function insist(path, options) {
  for (const pause of [500, 1500]) {
    try {
      return await call(path, options);
    } catch (problem) {
      if (!["unreachable", "busy"].includes(problem.code)) throw problem;
      await new Promise((done) => setTimeout(done, pause));
    }
  }
  return call(path, options);
}

// randomKey returns n random bytes in base64url.
export function randomKey(n) {
  return base64url(crypto.getRandomValues(new Uint8Array(n)));
}

// remembered returns this tab's value for a name, made by make the first
// time, so that a reload repeats a call instead of starting another.
export function remembered(name, make) {
  try {
    const old = sessionStorage.getItem(name);
    if (old) return old;
    const value = make();
    sessionStorage.setItem(name, value);
    return value;
  } catch {
    return (memory[name] ??= make());
  }
}

export function forget(name) {
  delete memory[name];
  try {
    sessionStorage.removeItem(name);
  } catch {
    // storage is switched off: memory was all there was
  }
}

const memory = {};
