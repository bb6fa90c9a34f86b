// The keys by which this phone holds sessions that it scanned. A key is made
// before the first call and kept by sid, so that the same code opened twice, a
// reload and a lost answer lead to the same sign-in.

import { randomKey } from "./api.js";

const prefix = "latchkey.claim.";
const life = 60 * 60 * 1000; // ms; longer than any session
const memory = new Map(); // where storage is switched off

export function claimKey(sid) {
  const kept = keptKey(sid);
  if (kept) return kept;
  const key = newKey();
  keepKey(sid, key);
  return key;
}

export function newKey() {
  return randomKey(32);
}

export function keptKey(sid) {
  try {
    return JSON.parse(localStorage.getItem(prefix + sid))?.key ?? memory.get(sid);
  } catch {
    return memory.get(sid);
  }
}

export function keepKey(sid, key) {
  memory.set(sid, key);
  try {
    sweep();
    localStorage.setItem(prefix + sid, JSON.stringify({ key, at: Date.now() }));
  } catch {
    // memory has it
  }
}

// sweep removes what is left of sessions long over.
function sweep() {
  for (const name of Object.keys(localStorage).filter((name) => name.startsWith(prefix))) {
    const { at } = JSON.parse(localStorage.getItem(name)) ?? {};
    if (!(Date.now() - at < life)) localStorage.removeItem(name);
  }
}
