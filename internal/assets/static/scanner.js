// The pane in which a person scans the code of another screen. It takes our own
// codes only, and never opens an address, whatever a code says.

import { Camera } from "./camera.js";
import { scanned } from "./frames.js";
import { t } from "./i18n.js";
import { $, put, say, show, shown, wire } from "./panes.js";

const wordsStay = 5000; // ms that the words about a foreign code stay

let camera;
let hit;
let paused = false; // the page is hidden, and the camera goes on afterwards
let clearing;

// wireScanner is to be called once. found gets the {frame, sid} of a code, and
// type is what "Type the code instead" does. The answer is the pane: show(true)
// starts the camera at once, for a person who asked for it already; off() may be
// called at any time.
export function wireScanner(found, type) {
  hit = found;
  camera = new Camera($("camera"), { seen, stopped });
  wire("scan-start", start);
  wire("scan-stop", () => {
    off();
    say(t("scanner.off"));
    $("scan-start").focus();
  });
  wire("scan-light", light);
  wire("scan-type", () => {
    off();
    type();
  });
  document.addEventListener("visibilitychange", () => (document.hidden ? pause() : resume()));
  addEventListener("pagehide", off);
  return { show: open, off };
}

function open(atOnce) {
  off();
  put("scan-problem", "");
  show("scan", t("scanner.title"));
  if (atOnce) start();
}

function off() {
  paused = false;
  camera.stop();
  draw();
}

async function start() {
  put("scan-problem", "");
  say(t("scanner.asking"));
  await camera.start();
  if (!shown("scan")) return off();
  if (!camera.on) return;
  const moves = document.activeElement === $("scan-start");
  draw();
  if (moves) $("scan-stop").focus();
  say(t("scanner.looking"));
}

// draw shows what belongs to a camera that is on, or off.
function draw() {
  const { on } = camera;
  $("finder").hidden = !on;
  $("scan-start").hidden = on;
  $("scan-stop").hidden = !on;
  $("scan-light").hidden = !camera.hasLight;
  $("scan-light").setAttribute("aria-pressed", "false");
}

function seen(texts) {
  const ours = texts.map(scanned).find(Boolean);
  if (!ours) return foreign();
  off();
  if (navigator.userActivation?.hasBeenActive) navigator.vibrate?.(60);
  say(t("scanner.found"));
  hit(ours);
}

function foreign() {
  if ($("scan-problem").hidden) put("scan-problem", t("scanner.foreign"));
  clearTimeout(clearing);
  clearing = setTimeout(() => camera.on && put("scan-problem", ""), wordsStay);
}

function stopped(why) {
  clearTimeout(clearing);
  const focused = $("scan-stop") === document.activeElement;
  draw();
  put("scan-problem", t("scanner." + why));
  if (focused) $("scan-start").focus();
}

async function light(button) {
  const on = button.getAttribute("aria-pressed") !== "true";
  try {
    await camera.light(on);
    button.setAttribute("aria-pressed", String(on));
  } catch {
    button.hidden = true;
  }
}

function pause() {
  const { on } = camera;
  off();
  paused = on;
}

function resume() {
  if (paused && shown("scan")) start();
  paused = false;
}
