// The codes that the sign-in page shows (approval-protocol.md 3.3).

const frame = /^#(1\.([A-Z2-7]{26})\.(?:0|[1-9]\d{0,3})\.[A-Z2-7]{16})$/;

// frameOf reads the fragment of an address: {frame, sid}, or null.
export function frameOf(fragment) {
  const [, text, sid] = fragment.match(frame) ?? [];
  return text ? { frame: text, sid } : null;
}

// scanned reads what a code says. Ours is the address of this very page with a
// frame, letter by letter; it is not parsed as an address, so nothing that only
// looks like ours can pass. Anything else is null.
export function scanned(text) {
  const page = location.origin + "/m";
  return text.startsWith(page + "#") ? frameOf(text.slice(page.length)) : null;
}
