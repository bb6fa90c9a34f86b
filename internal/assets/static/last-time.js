// When this phone last approved a sign-in to an application. Only the phone
// keeps that: the server knows who asks when it is signed, and not before. It is
// there for people to compare; nothing depends on it.

const name = "latchkey.last";
const most = 50; // applications

// lastTime is that time in ms, 0 where there is none.
export function lastTime(entityID) {
  return Number(kept().find(([id]) => id === entityID)?.[1]) || 0;
}

export function approvedAt(entityID, ms) {
  try {
    const others = kept().filter(([id]) => id !== entityID);
    localStorage.setItem(name, JSON.stringify([[entityID, ms], ...others].slice(0, most)));
  } catch {
    // storage is switched off
  }
}

// kept is [[entityID, ms], ...], newest first.
function kept() {
  try {
    const list = JSON.parse(localStorage.getItem(name));
    return Array.isArray(list) ? list.filter(Array.isArray) : [];
  } catch {
    return [];
  }
}
