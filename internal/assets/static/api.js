// Calls of the login API (same origin, JSON, errors as problem+json).

const patience = 10_000; // ms until a call counts as failed

// Problem is an answer that is not a success. `code` is one of the protocol's
// error codes, or "unreachable" where there was no usable answer at all;
// `wait` is Retry-After in ms.
export class Problem extends Error {
  constructor(code, { detail = "", wait = 0 } = {}) {
    super(code);
    this.code = code;
    this.detail = detail;
    this.wait = wait;
  }

  // passing is true for what time heals.
  get passing() {
    return ["unreachable", "slow_down", "busy"].includes(this.code);
  }
}

// call sends a request and returns the decoded answer. Without a body it is a
// GET; a body (which may be {}) makes it a POST.
export async function call(path, { body, key } = {}) {
  const init = { headers: { Accept: "application/json" }, cache: "no-store", credentials: "same-origin", redirect: "error" };
  if (body) {
    init.method = "POST";
    init.headers["Content-Type"] = "application/json";
    init.headers["X-Requested-By"] = "latchkey";
    init.body = JSON.stringify(body);
  }
  if (key) init.headers["Idempotency-Key"] = key;

  const stop = new AbortController();
  const alarm = setTimeout(() => stop.abort(), patience);
  try {
    const response = await fetch(path, { ...init, signal: stop.signal });
    const answer = await response.json();
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
  return new Problem(answer.code ?? fallback, { detail: answer.detail, wait });
}

// randomKey returns n random bytes in base64url.
export function randomKey(n) {
  const bytes = crypto.getRandomValues(new Uint8Array(n));
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
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
