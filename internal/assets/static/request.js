// What the phone is told of a sign-in, in words.

import { has, t } from "./i18n.js";

const unknown = "unknown";

// screen names the browser and system that show the code.
export function screen({ browser, os }) {
  if (browser === unknown) return os === unknown ? t("approve.screen_unknown") : t("approve.unknown_browser", { os });
  return t(os === unknown ? "approve.unknown_system" : "approve.screen", { browser, os });
}

// place says where that screen is, as far as its address tells.
export function place({ place, ip }) {
  const address = ip === unknown ? "" : ip;
  if (place === unknown) return { place: t("approve.place_unknown"), address: address && t("approve.just_address", { ip }) };
  return { place: t("approve.near", { place }), address: address && t("approve.from_address", { ip }) };
}

// age is how long ago, in seconds, somebody asked.
export function age(seconds) {
  const s = Math.max(0, Math.round(seconds));
  return s < 60 ? t("approve.ago_seconds", { n: s }) : t("approve.ago_minutes", { n: Math.floor(s / 60) });
}

export function warningsOf(display) {
  const codes = [...(display.warnings ?? []), ...(display.browser_known === "new" ? ["new_browser"] : [])];
  return codes.map((code) => "approve.warnings." + code).filter(has).map((key) => t(key)).join(" ");
}
