// What the phone is told of a sign-in, in words.

import { labels, warnings } from "./approve-strings.js";
import { fill } from "./fill.js";

const unknown = "unknown";

// screen names the browser and system that show the code.
export function screen({ browser, os }) {
  if (browser === unknown) return os === unknown ? labels.screenUnknown : fill(labels.unknownBrowser, { os });
  return fill(os === unknown ? labels.unknownSystem : labels.screen, { browser, os });
}

// place says where that screen is, as far as its address tells.
export function place({ place, ip }) {
  const address = ip === unknown ? "" : ip;
  if (place === unknown) return { place: labels.placeUnknown, address: address && fill(labels.justAddress, { ip }) };
  return { place: fill(labels.near, { place }), address: address && fill(labels.fromAddress, { ip }) };
}

// age is how long ago, in seconds, somebody asked.
export function age(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return s === 1 ? labels.agoOne : fill(labels.ago, { n: String(s) });
  const m = Math.floor(s / 60);
  return m === 1 ? labels.agoMinute : fill(labels.agoMinutes, { n: String(m) });
}

export function warningsOf(display) {
  return (display.warnings ?? []).map((code) => warnings[code]).filter(Boolean).join(" ");
}
